"""The command that shows every metric of a run."""

from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line
from fundus_core.io.workspace import find_workspace
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.decisions import Rule
from fundus_core.workflows.evaluation.metrics import MetricResult, RunMetrics, run_metrics
from fundus_core.workflows.evaluation.operating import MODEL_GONE
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import load_run

_RULES: dict[Rule, str] = {
    "highest score": "The class with the highest score is decided for.",
    "other folds": "Each fold's thresholds are those of Youden's J on the other folds.",
    "inside": "Thresholds are those of Youden's J on the data set that was learned from.",
    "one half": "Thresholds are one half where there is nothing to choose them on.",
}


def metrics(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, or its beginning.")],
    resamples: options.Resamples = 2000,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Prints every metric of a run: pooled with its interval, and the value of each fold."""
    place = find_workspace(workspace)
    chosen = load_run(place, run)
    found = run_metrics(place, chosen, n_resamples=resamples, seed=seed)
    if as_json:
        print_json(describe_metrics(chosen, found))
        return
    patients = "unknown" if found.n_patients is None else str(found.n_patients)
    print_line(f"{chosen.label}: {found.n_images} photographs, patients: {patients}")
    for result in found.results:
        print_line(f"  {result.label}: {_text(result)}")
    if len(found.averaged) < len(found.class_names):
        over = f"{len(found.averaged)} of {len(found.class_names)} classes"
        print_line(f"  Averages are over {over}: {', '.join(found.averaged)}.")
    for rule in found.rules:
        print_line(f"  {_RULES[rule]}")
    if chosen.kind == "external" and "one half" in found.rules:
        print_line(f"  {MODEL_GONE}")
    if not found.rules:
        print_line(f"  `fundus operating {chosen.id}` looks for a threshold on these photographs.")
    print_line(f"  Intervals: {_method(found)}.")
    print_cautions(chosen.cautions)


def describe_metrics(run: Run, found: RunMetrics) -> dict[str, Any]:
    """Returns what `metrics --json` prints."""
    return {
        "run_id": run.id,
        "label": run.label,
        "task": found.task,
        "n_images": found.n_images,
        "n_patients": found.n_patients,
        "classes": found.class_names,
        "averaged": found.averaged,
        "folds": [fold + 1 for fold in found.folds],
        "metrics": [
            {
                "metric": result.name,
                "label": result.label,
                "value": result.pooled.value,
                "low": result.pooled.low,
                "high": result.pooled.high,
                "reason": result.pooled.reason,
                "folds": result.folds,
            }
            for result in found.results
        ],
        "rules": found.rules,
        "thresholds": [
            {
                "fold": None if one.fold is None else one.fold + 1,
                "class": found.class_names[one.column],
                "threshold": one.value,
                "rule": one.rule,
            }
            for one in found.thresholds
        ],
        "method": _method(found),
        "cautions": run.cautions,
    }


def _text(result: MetricResult) -> str:
    """Returns a metric as papers print it, with the values of the folds behind it."""
    shown = _interval(result.pooled)
    if not result.folds:
        return shown
    folds = ", ".join("none" if value is None else f"{value:.3f}" for value in result.folds)
    return f"{shown}; folds {folds}"


def _interval(pooled: Interval) -> str:
    if pooled.value is None:
        return f"none, {pooled.reason}"
    if pooled.low is None or pooled.high is None:
        return f"{pooled.value:.3f} (no interval: {pooled.reason})"
    percent = round(100 * pooled.confidence)
    return f"{pooled.value:.3f} ({percent} % CI {pooled.low:.3f} to {pooled.high:.3f})"


def _method(found: RunMetrics) -> str:
    first = found.results[0].pooled
    return f"{first.method}, {first.n_resamples} resamples"
