"""The command that shows a model at a threshold, and how the threshold came about."""

from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line
from fundus_core.domain.bounds import CHANCE, FINITE
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.stats.predictive_values import PredictiveValues
from fundus_core.stats.threshold_rules import RULES, RuleChoice
from fundus_core.workflows.evaluation import operating_words as words
from fundus_core.workflows.evaluation.aligned import read_model
from fundus_core.workflows.evaluation.confusion import ConfusionResult, confusion
from fundus_core.workflows.evaluation.operating import OperatingResult, Source, operate

_SOURCES: dict[Source, str] = {
    "fixed": "fixed beforehand",
    "other folds": "chosen for each fold on the other folds, by {rule}",
    "inside": "chosen on the held-out photographs of {run}, by {rule}",
    "same photographs": "sought on what it is judged on, by {rule}",
}


def operating(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id, or its beginning; or a table.")
    ],
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="Of several classes, the one against the rest."),
    ] = None,
    rule: Annotated[
        str, typer.Option(help="youden, specificity=0.9, sensitivity=0.95 or cost=10.")
    ] = "youden",
    threshold: Annotated[
        float | None, options.number(FINITE, help="Fixed beforehand, in place of a rule.")
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="Run or table to judge by the threshold chosen in RUN.")
    ] = None,
    prevalence: Annotated[
        float | None,
        options.number(CHANCE, help="Share of the diseased where it will be used, such as 0.05."),
    ] = None,
    level: options.Level = "image",
    aggregate: options.Aggregate = "max",
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Prints sensitivity and specificity at a threshold, and what a call is worth.

    Of a model of several classes that exclude one another, without --class, prints the confusion
    matrix.
    """
    place = find_workspace(workspace)
    one_level = options.aggregate_of(level, aggregate)
    choice = None if threshold is not None and rule == "youden" else _choice(rule, prevalence)
    if class_name is None and on is None and _is_multiclass(place, run):
        _show_confusion(confusion(place, run), as_json=as_json)
        return
    found = operate(
        place,
        run,
        class_name=class_name,
        aggregate=one_level,
        choice=choice,
        threshold=threshold,
        on=on,
    )
    values = None if prevalence is None else found.values_at(prevalence)
    if as_json:
        print_json(describe_operating(found, values))
    else:
        _print_operating(found, values)


def describe_operating(found: OperatingResult, values: PredictiveValues | None) -> dict[str, Any]:
    """Returns what `operating --json` prints."""
    choice = found.choice
    return {
        "run_id": found.run_id,
        "label": found.label,
        "class": found.class_name,
        "level": "image" if found.aggregate is None else "patient",
        "aggregate": found.aggregate,
        "n": len(found.called),
        "n_patients": found.n_patients,
        "prevalence_here": found.prevalence,
        "source": found.source,
        "chosen_on": found.chosen_on or None,
        "rule": None if choice is None else choice.name,
        "rule_number": None if choice is None else choice.number,
        "thresholds": [
            {
                "fold": None if one.fold is None else one.fold + 1,
                "threshold": one.value,
                "rule": one.rule,
            }
            for one in found.thresholds
        ],
        "point": found.point,
        "values": values,
        "cautions": found.cautions,
    }


def _print_operating(found: OperatingResult, values: PredictiveValues | None) -> None:
    point = found.point
    patients = "" if found.n_patients is None else f" of {found.n_patients} patients"
    rows = f"{len(found.called)} photographs{patients}"
    if found.aggregate is not None:
        rows = f"{len(found.called)} {words.level_text(found.aggregate)}"
    print_line(f"{found.label}, {found.class_name}: {rows}")
    rule = "" if found.choice is None else words.rule_text(found.choice)
    source = _SOURCES[found.source].format(rule=rule, run=found.chosen_on)
    print_line(f"  threshold {words.threshold_text(point.threshold, found.thresholds)}, {source}")
    for name, ends in (
        ("sensitivity", (point.sensitivity, point.sensitivity_low, point.sensitivity_high)),
        ("specificity", (point.specificity, point.specificity_low, point.specificity_high)),
    ):
        print_line(f"  {name} {words.share_text(*ends)}")
    print_line(
        f"  called positive: {point.n_true_positive} diseased, {point.n_false_positive} not; "
        f"called negative: {point.n_false_negative} diseased, {point.n_true_negative} not"
    )
    if values is not None:
        _print_values(values, found.unit)
    print_line(f"  {words.interval_text(point, found.unit)}")
    print_cautions(found.cautions)


def _print_values(values: PredictiveValues, unit: str) -> None:
    print_line(f"  at a prevalence of {100 * values.prevalence:g} %:")
    for name, one in (
        ("positive predictive value", values.positive),
        ("negative predictive value", values.negative),
        ("positive likelihood ratio", values.ratio_positive),
        ("negative likelihood ratio", values.ratio_negative),
    ):
        print_line(f"    {name} {words.estimate_text(one)}")
    print_line(f"  {words.found_sentence(values, unit)}")
    print_line(f"  {words.screened_sentence(values, unit)}")


def _show_confusion(found: ConfusionResult, *, as_json: bool) -> None:
    if as_json:
        print_json(describe_confusion(found))
        return
    matrix, names = found.matrix, found.matrix.class_names
    print_line(f"{found.label}: {matrix.counts.sum()} photographs, rows are the truth")
    width = max(len(name) for name in (*names, "truth"))
    print_line(f"  {'truth':<{width}}  {'  '.join(f'said {name}' for name in names)}")
    for row, name in enumerate(names):
        counts = "  ".join(
            f"{count:>{len(said) + 5}}"
            for said, count in zip(names, matrix.counts[row], strict=True)
        )
        ends = matrix.shares[row, row], matrix.low[row, row], matrix.high[row, row]
        known = f"  right {words.share_text(*ends)}" if matrix.counts[row].any() else ""
        print_line(f"  {name:<{width}}  {counts}{known}")
    for one in found.metrics:
        print_line(f"  {one.label}: {words.interval_or_reason(one.pooled)}")
    print_cautions(found.cautions)


def describe_confusion(found: ConfusionResult) -> dict[str, Any]:
    """Returns what `operating --json` prints of several classes together."""
    return {
        "run_id": found.run_id,
        "label": found.label,
        "classes": found.matrix.class_names,
        "n": int(found.matrix.counts.sum()),
        "n_patients": found.n_patients,
        "cells": found.matrix.frame().to_dict("records"),
        "method": found.matrix.method,
        "metrics": [
            {
                "metric": one.name,
                "label": one.label,
                "value": one.pooled.value,
                "low": one.pooled.low,
                "high": one.pooled.high,
                "reason": one.pooled.reason,
                "method": one.pooled.method,
            }
            for one in found.metrics
        ],
        "cautions": found.cautions,
    }


def _choice(rule: str, prevalence: float | None) -> RuleChoice:
    """Returns the rule that an option names.

    Raises:
        typer.BadParameter: If there is none of that name, or its number does not fit.
    """
    name, _, number = rule.partition("=")
    needs = name in RULES and RULES[name].needs_prevalence
    if needs and prevalence is None:
        raise typer.BadParameter(
            f"--rule {rule} asks for --prevalence as well: the share of the diseased among those "
            "the threshold is for, such as 0.05."
        )
    try:
        return RuleChoice(name, float(number) if number else None, prevalence if needs else None)
    except ValueError as error:
        raise typer.BadParameter(f"--rule {rule}: {error}") from error


def _is_multiclass(place: Workspace, run: str) -> bool:
    return read_model(place, run).predictions.task == "multiclass"
