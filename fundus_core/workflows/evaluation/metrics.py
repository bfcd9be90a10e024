"""Use case: every metric of an evaluated model, pooled with an interval, and fold by fold."""

import re
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.dataset import Task
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.recipe import Recipe
from fundus_core.errors import SingleClassError
from fundus_core.io.files import checksum, read_json, write_json
from fundus_core.io.read_only import ReadOnlyError
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.decisions import (
    Decisions,
    Rule,
    Threshold,
    decide_across_folds,
    decide_as_inside,
    decide_highest,
)
from fundus_core.stats.scores import METRICS, metric_intervals, metric_values
from fundus_core.stats.tallies import answers_of
from fundus_core.workflows.models.run_record import INTERVALS, Run
from fundus_core.workflows.models.runs import PREDICTIONS, list_runs, run_folder, run_predictions

CONFIDENCE = 0.95

_RESULT = "metrics.json"

_NO_ORDER = Interval(
    None, None, None, CONFIDENCE, "", 0, "its classes are not numbers, so they have no order"
)


_NO_THRESHOLD = Interval(None, None, None, CONFIDENCE, "", 0, "words alone give no threshold")


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric of a run."""

    name: str
    """Key of `METRICS`."""

    label: str

    pooled: Interval
    """Of all held-out predictions together."""

    folds: tuple[float | None, ...]
    """Of each fold's alone, as many as `RunMetrics.folds`; None where a fold lacks a class. Folds
    share their training patients, so their spread is no standard error."""


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """All metrics of a run that its task allows."""

    task: Task
    class_names: tuple[str, ...]
    """The scored classes."""

    averaged: tuple[str, ...]
    """Those that averages are over: two patients (images) or more have them, and two lack them."""

    results: tuple[MetricResult, ...]
    """In the order of `METRICS`."""

    folds: tuple[int, ...]
    """Numbers of the outer folds; none where there is but one, or no cross-validation."""

    thresholds: tuple[Threshold, ...]
    """What scores were held against; none where the highest score decides."""

    rules: tuple[Rule, ...]
    """Where decisions come from; several where one rule did not serve every class and fold, none
    where nothing is decided."""

    n_images: int
    n_patients: int | None
    """None where patients are unknown: images then count as independent."""

    seed: int
    """Of the resamples."""

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row per metric.

        Columns: `metric`, `label`, `value`, `low`, `high` (NaN where there is none), `reason` why
        there is no interval, and the values `fold_1` ... of single folds.
        """
        names = [f"fold_{fold + 1}" for fold in self.folds]
        table = pd.DataFrame(
            [
                {
                    "metric": result.name,
                    "label": result.label,
                    "value": result.pooled.value,
                    "low": result.pooled.low,
                    "high": result.pooled.high,
                    "reason": result.pooled.reason,
                    **dict(zip(names, result.folds, strict=True)),
                }
                for result in self.results
            ]
        )
        return table.astype(dict.fromkeys(["value", "low", "high", *names], float))


@dataclass(frozen=True, slots=True)
class MetricsRecipe(Recipe):
    """Everything that determines the metrics of a run."""

    predictions: str
    """Checksum of the run's predictions."""

    inside: str
    """Checksum of those that thresholds were chosen on; empty if they are the run's own."""

    task: Task
    class_names: tuple[str, ...]
    metrics: tuple[str, ...]
    """Keys of `METRICS`."""

    n_resamples: int
    seed: int
    confidence: float
    intervals: int = INTERVALS
    """See `Run.intervals`."""


def run_metrics(
    workspace: Workspace, run: Run, *, n_resamples: int = 2000, seed: int = 0
) -> RunMetrics:
    """Returns the metrics of a stored run; what was computed before is read.

    In read-only mode they are computed each time.

    Decisions come from the highest score for a multi-class target. Otherwise a class's threshold is
    the one of Youden's J on the other folds, and for another data set that on all held-out
    predictions of the run that scored it, applied as it is. A single test split has neither: it is
    one half. Scores by words alone have no threshold, one half neither: metrics that need one are
    left out, with the reason.

    Args:
        workspace: Where the run is.
        run: Of any kind, with labels.
        n_resamples: Of the bootstrap of patients.
        seed: Of the resamples; equal seeds give equal intervals.

    Raises:
        SingleClassError: If the run has no labels, or of one kind only.
        StoreError: If the files of the run are missing or damaged.
    """
    if run.auc is None:
        raise SingleClassError(
            f"Run {run.id} has no labels of both kinds, so nothing can be measured.",
            hint="Score a data set that has the labels: fundus predict RUN DATA.",
        )
    inside = _run_inside(workspace, run)
    ranks_only = run.kind == "zero_shot" and run.target.task != "multiclass"
    allowed = {"scores"} if ranks_only else {"scores", "decisions"}
    recipe = MetricsRecipe(
        _content(workspace, run),
        "" if inside is None else _content(workspace, inside),
        run.target.task,
        run.target.scored_classes,
        tuple(name for name in METRICS if METRICS[name].needs in allowed),
        n_resamples,
        seed,
        CONFIDENCE,
    )
    store = ArtifactStore(workspace.metrics)
    folder = store.get(recipe.fingerprint())
    if folder is not None and (known := _read(folder)) is not None:
        return known
    predictions = run_predictions(workspace, run)
    trained_on = None if inside is None else run_predictions(workspace, inside)
    decisions = decide(predictions, inside=trained_on)
    found = measure(predictions, decisions, n_resamples=n_resamples, seed=seed)
    found = _without_decisions(found) if ranks_only else found
    with suppress(ReadOnlyError):  # what is only looked at can be told, and is not kept
        store.put(
            recipe.fingerprint(),
            recipe.to_dict() | {"run": run.id},
            lambda folder: write_json(folder / _RESULT, asdict(found)),
        )
    return found


def decide(predictions: Predictions, *, inside: Predictions | None = None) -> Decisions:
    """Returns decisions that no label of what they judge went into; see `run_metrics`.

    Args:
        predictions: What to decide.
        inside: Held-out predictions of the same model where it was trained, if `predictions` are
            from another data set.
    """
    if predictions.task == "multiclass":
        return decide_highest(predictions.y_score)
    if inside is not None:
        return decide_as_inside(
            predictions.y_score, inside_true=inside.y_true, inside_score=inside.y_score
        )
    return decide_across_folds(predictions.y_true, predictions.y_score, predictions.fold)


def measure(
    predictions: Predictions, decisions: Decisions, *, n_resamples: int = 2000, seed: int = 0
) -> RunMetrics:
    """Returns the metrics of predictions, by patient where patients are known.

    Quadratic kappa of several classes is given only if they are grades, called by numbers.

    Args:
        predictions: With labels.
        decisions: Of the same images.
        n_resamples: Of the bootstrap.
        seed: Of the resamples.

    Raises:
        SingleClassError: If no class has both an image with it and one without it.
    """
    answers = answers_of(
        predictions.task,
        predictions.y_true,
        predictions.y_score,
        decisions.decided,
        patients=predictions.patient_ids,
    )
    names = [name for name, metric in METRICS.items() if predictions.task in metric.tasks]
    measurable = [name for name in names if _has_order(predictions) or not METRICS[name].ordered]
    intervals = metric_intervals(
        answers,
        measurable,
        predictions.class_names,
        patients=predictions.patient_ids,
        confidence=CONFIDENCE,
        n_resamples=n_resamples,
        seed=seed,
    )
    pooled = dict(zip(measurable, intervals, strict=True))
    folds = _folds(predictions)
    by_fold = [
        dict(zip(measurable, metric_values(answers.select(rows), measurable), strict=True))
        for rows in folds.values()
    ]
    return RunMetrics(
        predictions.task,
        predictions.class_names,
        tuple(predictions.class_names[column] for column in answers.averaged),
        tuple(
            MetricResult(
                name,
                METRICS[name].label,
                pooled.get(name, _NO_ORDER),
                tuple(values.get(name) for values in by_fold),
            )
            for name in names
        ),
        tuple(folds),
        decisions.thresholds,
        decisions.rules,
        len(predictions.y_true),
        predictions.n_patients,
        seed,
    )


def _without_decisions(found: RunMetrics) -> RunMetrics:
    """Returns metrics without those that need a threshold."""
    results = tuple(
        one if METRICS[one.name].needs == "scores" else replace(one, pooled=_NO_THRESHOLD)
        for one in found.results
    )
    return replace(found, results=results, thresholds=(), rules=())


def _run_inside(workspace: Workspace, run: Run) -> Run | None:
    """Returns the run that an external one was trained as, if it is still there."""
    # Not by `load_run`: the beginning of an id would find the external run itself.
    return next((one for one in list_runs(workspace) if one.id == run.trained_as), None)


def _content(workspace: Workspace, run: Run) -> str:
    return checksum(run_folder(workspace, run) / PREDICTIONS)


def _has_order(predictions: Predictions) -> bool:
    """Says whether the classes are grades: one class and its opposite, or numbers."""
    return predictions.task != "multiclass" or all(
        re.fullmatch(r"\d+(\.\d+)?", name) for name in predictions.class_names
    )


def _folds(predictions: Predictions) -> dict[int, NDArray[np.bool_]]:
    """Returns which rows each fold held out; none where there is but one."""
    if predictions.fold is None:
        return {}
    numbers = np.unique(predictions.fold).tolist()
    return {one: predictions.fold == one for one in numbers} if len(numbers) > 1 else {}


def _read(folder: Path) -> RunMetrics | None:
    """Returns stored metrics, or None when another version of the program wrote them."""
    about: dict[str, Any] = read_json(folder / _RESULT) or {}
    try:
        results = tuple(_result(one) for one in about["results"])
        thresholds = tuple(Threshold(**one) for one in about["thresholds"])
        rest: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in about.items()
        }
        return RunMetrics(**rest | {"results": results, "thresholds": thresholds})
    except (KeyError, TypeError):
        return None


def _result(about: dict[str, Any]) -> MetricResult:
    pooled = Interval(**about["pooled"])
    return MetricResult(**about | {"pooled": pooled, "folds": tuple(about["folds"])})
