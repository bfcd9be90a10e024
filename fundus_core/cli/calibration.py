"""The command that tells whether predicted probabilities are right."""

from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line
from fundus_core.domain.bounds import BINS, CHANCE
from fundus_core.errors import TargetError
from fundus_core.io.workspace import find_workspace
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.calibration import BinnedErrors, Calibration
from fundus_core.stats.score_maps import RECALIBRATORS, Recalibration
from fundus_core.workflows.evaluation.calibration import (
    ClassCalibration,
    ModelCalibration,
    TopLabel,
    calibration_of,
)
from fundus_core.workflows.evaluation.recalibrate import RecalibratedModel

Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN [RUN ...]", help="Run ids, or tables of predictions."),
]
ClassName = Annotated[
    str | None, typer.Option("--class", help="Of several classes, one against the rest.")
]
Recalibrate = Annotated[
    str | None,
    typer.Option("--recalibrate", help=f"By the other folds: {', '.join(RECALIBRATORS)}."),
]
Prevalence = Annotated[
    float | None,
    options.number(CHANCE, help="Show figures for this prevalence. [that of the photographs]"),
]


def calibrate(
    runs: Runs,
    class_name: ClassName = None,
    bins: Annotated[int, options.number(BINS, help="Of the reliability curve.")] = 10,
    equal_width: Annotated[
        bool, typer.Option("--equal-width", help="Bins of equal width, not of equal mass.")
    ] = False,
    recalibrate: Recalibrate = None,
    prevalence: Prevalence = None,
    resamples: options.Resamples = 2000,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Tells whether predicted probabilities are what was observed, by patient where known."""
    place = find_workspace(workspace)
    method = recalibration_named(recalibrate)
    found = [
        calibration_of(
            place,
            run,
            class_name,
            n_bins=bins,
            binning="width" if equal_width else "mass",
            recalibration=method,
            prevalence=prevalence,
            n_resamples=resamples,
            seed=seed,
        )
        for run in runs
    ]
    if as_json:
        print_json([describe_calibration(one) for one in found])
        return
    for one in found:
        _print_model(one)


def describe_calibration(found: ModelCalibration) -> dict[str, Any]:
    """Returns what `calibrate --json` prints of one model."""
    return {
        "run_id": found.run_id,
        "label": found.label,
        "task": found.task,
        "n_images": found.n_images,
        "n_patients": found.n_patients,
        "classes": [_describe_class(one) for one in found.classes],
        "left_out": found.left_out,
        "top_label": None if found.top_label is None else _describe_top(found.top_label),
        "recalibration": None if found.recalibration is None else _describe_by(found.recalibration),
        "cautions": found.cautions,
    }


def recalibration_named(name: str | None) -> Recalibration | None:
    """Returns the recalibration of that name.

    Raises:
        TargetError: If there is none.
    """
    if name is None or name in RECALIBRATORS:
        return name
    raise TargetError(
        f"There is no recalibration {name!r}.", hint=f"Choose one of {', '.join(RECALIBRATORS)}."
    )


def _describe_class(one: ClassCalibration) -> dict[str, Any]:
    bins = one.before.curve.frame()
    if one.shifted is not None:
        bins["observed_at_prevalence"] = one.shifted.observed
        bins["low_at_prevalence"], bins["high_at_prevalence"] = one.shifted.low, one.shifted.high
    return {
        "class": one.class_name,
        "prevalence": one.prevalence,
        "bins": bins.to_dict("records"),
        **_describe_figures(one.before),
        "after": None if one.after is None else _describe_figures(one.after),
        "no_after": one.no_after,
    }


def _describe_figures(found: Calibration) -> dict[str, Any]:
    return {
        "n_positive": found.n_positive,
        "mean_predicted": found.mean_predicted,
        "mean_observed": found.mean_observed,
        "in_the_large": found.line.in_the_large,
        "intercept": found.line.intercept,
        "slope": found.line.slope,
        "n_at_edge": found.line.n_at_edge,
        **_describe_errors(found.errors),
        "brier": found.brier,
        "scaled_brier": found.scaled_brier,
        "brier_parts": found.parts,
        "bins_method": found.curve.method,
    }


def _describe_errors(errors: BinnedErrors) -> dict[str, Any]:
    return {
        "ece": errors.ece,
        "ece_by_chance": errors.ece_by_chance,
        "root_mean_square_error": errors.root_mean_square,
    }


def _describe_top(found: TopLabel) -> dict[str, Any]:
    return {
        "accuracy": found.accuracy,
        "mean_score": found.mean_score,
        "bins": found.curve.frame().to_dict("records"),
        **_describe_errors(found.errors),
    }


def _describe_by(found: RecalibratedModel) -> dict[str, Any]:
    return {
        "method": found.method,
        "folds": found.n_folds,
        "folds_from": found.folds_from,
        "renormalised": found.renormalised,
        "auc_before": found.auc_before,
        "auc_after": found.auc_after,
        "maps": found.maps,
    }


def _print_model(found: ModelCalibration) -> None:
    patients = "unknown" if found.n_patients is None else str(found.n_patients)
    print_line(f"{found.label}: {found.n_images} photographs, patients: {patients}")
    for one in found.classes:
        _print_class(one)
    if found.top_label is not None:
        top = found.top_label
        print_line(
            f"  Class decided for: right {top.accuracy:.3f}, mean score {top.mean_score:.3f}, "
            f"{_errors(top.errors)}"
        )
    if found.left_out:
        print_line(f"  Without calibration, for lack of images: {', '.join(found.left_out)}.")
    if found.recalibration is not None:
        by = found.recalibration
        print_line(
            f"  After: {by.method_label}, each of {by.n_folds} folds ({by.folds_from}) mapped by "
            f"the others; pooled AUC {by.auc_before:.3f} before, {by.auc_after:.3f} after."
        )
    first = found.classes[0].before
    print_line(
        f"  Intervals: slope, intercept {first.line.in_the_large.method}; others "
        f"{first.brier.method}, bins {first.curve.method}."
    )
    print_cautions(found.cautions)


def _print_class(one: ClassCalibration) -> None:
    print_line(
        f"  {one.class_name}: predicted {one.before.mean_predicted:.3f} on average, observed "
        f"{one.before.mean_observed:.3f}"
    )
    for name, found in (("before", one.before), ("after", one.after)):
        if found is not None:
            print_line(f"   {name}: slope {_text(found.line.slope)}")
            print_line(f"    intercept {_text(found.line.intercept)}")
            print_line(f"    {_errors(found.errors)}")
            print_line(
                f"    Brier score {_text(found.brier)}, scaled {_text(found.scaled_brier)}; "
                f"reliability {found.parts.reliability:.4f}, resolution "
                f"{found.parts.generalised_resolution:.4f}, uncertainty "
                f"{found.parts.uncertainty:.4f}"
            )
            if found.line.n_at_edge:
                print_line(
                    f"    {found.line.n_at_edge} predictions of 0 or 1: slope and intercept hang "
                    "on what stands in for their infinite logits."
                )
    if one.no_after:
        print_line(f"   not recalibrated: {one.no_after}")
    for line in _bins(one):
        print_line(line)


def _bins(one: ClassCalibration) -> list[str]:
    """Returns a line per bin: what was predicted, and of how many it was true."""
    curve, lines = one.before.curve, []
    for row in range(len(curve.predicted)):
        line = (
            f"    predicted {100 * curve.predicted[row]:5.1f} %: observed "
            f"{100 * curve.observed[row]:5.1f} % ({100 * curve.low[row]:.1f} to "
            f"{100 * curve.high[row]:.1f}) of {curve.n_images[row]}"
        )
        if one.shifted is not None and one.prevalence is not None:
            line += f"; {100 * one.shifted.observed[row]:.1f} % at prevalence {one.prevalence:g}"
        lines.append(line)
    return lines


def _errors(errors: BinnedErrors) -> str:
    return (
        f"ECE {errors.ece:.3f} (by chance alone {errors.ece_by_chance:.3f}), root mean squared "
        f"error without chance {_text(errors.root_mean_square)}"
    )


def _text(interval: Interval) -> str:
    if interval.value is None:
        return f"none, {interval.reason}"
    if interval.low is None or interval.high is None:
        return f"{interval.value:.3f} (no interval: {interval.reason})"
    percent = round(100 * interval.confidence)
    return f"{interval.value:.3f} ({percent} % CI {interval.low:.3f} to {interval.high:.3f})"
