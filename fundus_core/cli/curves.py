"""The command that shows a model's curves with their bands, and the parts that a clinic uses."""

from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import auc_fields, auc_text, print_cautions, print_json, print_line
from fundus_core.domain.bounds import PRINTED_RESAMPLES, ZERO_TO_ONE
from fundus_core.io.workspace import find_workspace
from fundus_core.stats.bootstrap import Interval
from fundus_core.workflows.evaluation import curves as workflow
from fundus_core.workflows.evaluation.curves import PartialRange, RunCurves, RunHandTill


def curves(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id, or its beginning; or a table.")
    ],
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="Of several classes, the one against the rest."),
    ] = None,
    start: Annotated[
        float, options.number(ZERO_TO_ONE, "--from", help="Lower end of the range of partial AUCs.")
    ] = 0.9,
    end: Annotated[float, options.number(ZERO_TO_ONE, "--to", help="Upper end of it.")] = 1.0,
    resamples: Annotated[
        int,
        options.number(PRINTED_RESAMPLES, help="Of partial AUCs, rates and average precision."),
    ] = workflow.RESAMPLES,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Prints ROC and precision-recall curves with bands, partial AUCs and rates at a fixed one.

    Of a model of several classes that exclude one another, without --class, prints Hand and Till's
    AUC over all pairs of them.
    """
    place = find_workspace(workspace)
    if class_name is None and workflow.is_of_several_classes(place, run):
        pairs = workflow.hand_till(place, run, n_resamples=resamples, seed=seed)
        if as_json:
            print_json(_describe_pairs(pairs))
        else:
            _print_pairs(pairs)
        return
    found = workflow.curves(
        place,
        run,
        class_name=class_name,
        part=PartialRange(start, end),
        n_resamples=resamples,
        seed=seed,
    )
    if as_json:
        print_json(describe_curves(found))
    else:
        _print_curves(found)


def describe_curves(found: RunCurves) -> dict[str, Any]:
    """Returns what `curves --json` prints of one class."""
    pr = found.precision_recall
    return {
        "run_id": found.run_id,
        "label": found.label,
        "class": found.class_name,
        "n_images": found.n_images,
        "n_positive": found.n_positive,
        "n_patients": found.n_patients,
        **auc_fields(found.auc),
        "roc": found.roc.frame().to_dict("list"),
        "roc_bands": {
            band.kind: {
                **band.frame().to_dict("list"),
                "confidence": band.confidence,
                "method": band.method,
            }
            for band in found.bands
        },
        "precision_recall": {
            **pr.curve.frame().to_dict("list"),
            "prevalence": pr.curve.prevalence,
        },
        "precision_band": {
            **pr.band.frame().to_dict("list"),
            "confidence": pr.band.confidence,
            "method": pr.band.method,
        },
        "average_precision": pr.average,
        "partial_aucs": list(found.partial),
        "rates": [
            {"measured": one.measured, "fixed": one.fixed, "at": one.at, **_fields(one.rate)}
            for one in found.rates
        ],
        "cautions": found.cautions,
    }


def interval_text(interval: Interval) -> str:
    """Returns a number with its interval, or why there is none."""
    if interval.value is None:
        return f"none, {interval.reason}"
    if interval.low is None or interval.high is None:
        return f"{interval.value:.3f} (no interval: {interval.reason})"
    percent = round(100 * interval.confidence)
    return f"{interval.value:.3f} ({percent} % CI {interval.low:.3f} to {interval.high:.3f})"


def _print_curves(found: RunCurves) -> None:
    patients = "unknown" if found.n_patients is None else str(found.n_patients)
    pr = found.precision_recall
    print_line(
        f"{found.label}, {found.class_name}: {found.n_positive} of {found.n_images} photographs, "
        f"patients: {patients}"
    )
    print_line(f"  AUC {auc_text(found.auc)}")
    print_line(
        f"  average precision {interval_text(pr.average)}; prevalence {pr.curve.prevalence:.3f}"
    )
    for part in found.partial:
        print_line(
            f"  partial AUC, {part.axis} {part.start:g} to {part.end:g}: "
            f"{interval_text(part.area)}; corrected {interval_text(part.corrected)}"
        )
    for one in found.rates:
        print_line(f"  {one.measured} at {one.fixed} {one.at:g}: {interval_text(one.rate)}")
    first = found.partial[0].area
    print_line(
        f"  Partial AUCs and average precision: {first.method}, {first.n_resamples} resamples; "
        f"rates: {found.rates[0].rate.method}. Corrected after McClish (1989): chance is 0.5."
    )
    print_line("  The points of the curves and of their bands are in --json.")
    print_cautions(found.cautions)


def _print_pairs(found: RunHandTill) -> None:
    patients = "unknown" if found.n_patients is None else str(found.n_patients)
    print_line(f"{found.label}: {found.n_images} photographs, patients: {patients}")
    print_line(
        f"  Hand and Till's AUC over pairs of classes: {interval_text(found.found.interval)}"
    )
    for pair in found.found.pairs:
        print_line(f"  {pair.class_a} against {pair.class_b}: {pair.auc:.3f}")
    if found.found.left_out:
        print_line(f"  No photographs of: {', '.join(found.found.left_out)}")
    interval = found.found.interval
    print_line(f"  Interval: {interval.method}, {interval.n_resamples} resamples.")
    print_line("  The curves of one class: --class.")
    print_cautions(found.cautions)


def _describe_pairs(found: RunHandTill) -> dict[str, Any]:
    return {
        "run_id": found.run_id,
        "label": found.label,
        "n_images": found.n_images,
        "n_patients": found.n_patients,
        "hand_till": found.found.interval,
        "pairs": list(found.found.pairs),
        "left_out": found.found.left_out,
        "cautions": found.cautions,
    }


def _fields(interval: Interval) -> dict[str, Any]:
    return {
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "confidence": interval.confidence,
        "method": interval.method,
        "n_resamples": interval.n_resamples,
        "reason": interval.reason,
    }
