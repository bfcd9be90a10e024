"""Use case: a model's curves with their bands, and the parts of them that a clinic uses."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.checks import Caution
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.delong import AucInterval, auc_interval
from fundus_core.stats.fixed_rates import FixedRate, Rate, rate_at
from fundus_core.stats.hand_till import HandTillAuc, hand_till_auc
from fundus_core.stats.partial_auc import Axis, PartialAuc, partial_auc
from fundus_core.stats.precision_recall import (
    PrecisionBand,
    PrecisionRecallCurve,
    precision_band,
    precision_recall_curve,
)
from fundus_core.stats.roc import Kind, RocBand, RocCurve, roc_band, roc_curve
from fundus_core.stats.scores import metric_intervals
from fundus_core.stats.tallies import answers_of
from fundus_core.workflows.evaluation.aligned import cautions_of, read_model
from fundus_core.workflows.evaluation.viewed import viewed

AXES: tuple[Axis, ...] = ("specificity", "sensitivity")

RESAMPLES = 2000

RESAMPLES_OF_BANDS: dict[Kind, int] = {"pointwise": 1000, "simultaneous": 2000}
"""A simultaneous band lies at rarer percentiles, which takes more of them."""


@dataclass(frozen=True, slots=True)
class PartialRange:
    """A part of a ROC curve, and the value at its lower end."""

    start: float = 0.9
    """Of the specificity, or of the sensitivity, in [0, 1)."""

    end: float = 1.0
    """In (start, 1]."""


HIGH_END = PartialRange()
"""Where screening and confirming tests are used: one rate at 0.9 or above."""


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """A precision-recall curve and what is known of it."""

    curve: PrecisionRecallCurve
    band: PrecisionBand

    average: Interval
    """Average precision: the area under the curve in steps."""


@dataclass(frozen=True, slots=True)
class RunCurves:
    """The curves of a model for one class against the rest."""

    run_id: str
    """Run id, or the path of a table."""

    label: str
    class_name: str
    n_images: int
    n_positive: int
    n_patients: int | None
    auc: AucInterval
    roc: RocCurve
    bands: tuple[RocBand, ...]
    """One of each kind."""

    precision_recall: PrecisionRecall

    partial: tuple[PartialAuc, ...]
    """Over the range of specificities, and of sensitivities."""

    rates: tuple[FixedRate, ...]
    """Sensitivity where specificity is at the lower end of the range, and the reverse."""

    cautions: tuple[Caution, ...]


@dataclass(frozen=True, slots=True)
class RunHandTill:
    """How well a model tells several classes apart, two at a time."""

    run_id: str
    label: str
    n_images: int
    n_patients: int | None
    found: HandTillAuc
    cautions: tuple[Caution, ...]


def curves(
    workspace: Workspace,
    reference: str,
    *,
    class_name: str | None = None,
    part: PartialRange = HIGH_END,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> RunCurves:
    """Returns the curves of a model, by patient where patients are known.

    Args:
        workspace: Where runs are.
        reference: Run id, or path of a table of predictions.
        class_name: Of several classes, the one against the rest.
        part: Of the ROC curve; from 0.9 to 1 by default.
        n_resamples: Of partial areas, rates and average precision. Bands take their own number.
        seed: Of the resamples.

    Raises:
        TargetError: If a class must be chosen, or the range is no range.
        SingleClassError: If there are no photographs with the class, or none without it.
    """
    require_range(part)
    model = viewed(read_model(workspace, reference), class_name, None)
    said = model.predictions
    y_true, y_score = columns(said)
    about = {"n_resamples": n_resamples, "seed": seed}
    return RunCurves(
        model.reference,
        said.model,
        said.class_names[0],
        len(y_true),
        int(np.count_nonzero(y_true)),
        said.n_patients,
        auc_interval(y_true, y_score, patients=said.patient_ids),
        roc_curve(y_true, y_score),
        tuple(band_of(said, kind, seed=seed) for kind in RESAMPLES_OF_BANDS),
        precision_recall_of(said, **about),
        tuple(partial_of(said, axis, part, **about) for axis in AXES),
        tuple(rate_of(said, axis, part.start, **about) for axis in AXES),
        cautions_of([model]),
    )


def hand_till(
    workspace: Workspace, reference: str, *, n_resamples: int = RESAMPLES, seed: int = 0
) -> RunHandTill:
    """Returns Hand and Till's AUC of a model of several classes that exclude one another.

    Raises:
        TargetError: If the model has not several such classes.
        SingleClassError: If fewer than two classes have photographs.
    """
    model = read_model(workspace, reference)
    said = model.predictions
    if said.task != "multiclass":
        raise TargetError(
            f"{said.model} is of a {said.task} target; pairs of classes need several classes that "
            "exclude one another.",
            hint="Choose a run of such a target, or the curves of one class.",
        )
    return RunHandTill(
        model.reference,
        said.model,
        len(said.y_true),
        said.n_patients,
        hand_till_of(said, n_resamples=n_resamples, seed=seed),
        cautions_of([model]),
    )


def is_of_several_classes(workspace: Workspace, reference: str) -> bool:
    """Says whether each photograph has one of several classes."""
    return read_model(workspace, reference).predictions.task == "multiclass"


def band_of(predictions: Predictions, kind: Kind, *, seed: int = 0) -> RocBand:
    """Returns the band around the ROC curve of binary predictions."""
    return roc_band(
        *columns(predictions),
        patients=predictions.patient_ids,
        kind=kind,
        n_resamples=RESAMPLES_OF_BANDS[kind],
        seed=seed,
    )


def precision_recall_of(
    predictions: Predictions, *, n_resamples: int = RESAMPLES, seed: int = 0
) -> PrecisionRecall:
    """Returns the precision-recall curve of binary predictions and the average precision."""
    y_true, y_score = columns(predictions)
    patients = predictions.patient_ids
    # Decisions do not enter the average precision.
    undecided = np.zeros_like(predictions.y_true)
    answers = answers_of(
        "binary", predictions.y_true, predictions.y_score, undecided, patients=patients
    )
    (average,) = metric_intervals(
        answers,
        ["average_precision"],
        predictions.class_names,
        patients=patients,
        n_resamples=n_resamples,
        seed=seed,
    )
    return PrecisionRecall(
        precision_recall_curve(y_true, y_score),
        precision_band(y_true, y_score, patients=patients, seed=seed),
        average,
    )


def partial_of(
    predictions: Predictions,
    axis: Axis,
    part: PartialRange,
    *,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> PartialAuc:
    """Returns a partial area of binary predictions."""
    return partial_auc(
        *columns(predictions),
        axis=axis,
        start=part.start,
        end=part.end,
        patients=predictions.patient_ids,
        n_resamples=n_resamples,
        seed=seed,
    )


def rate_of(
    predictions: Predictions,
    fixed: Rate,
    at: float,
    *,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> FixedRate:
    """Returns sensitivity at a specificity, or the reverse, of binary predictions."""
    return rate_at(
        *columns(predictions),
        fixed=fixed,
        at=at,
        patients=predictions.patient_ids,
        n_resamples=n_resamples,
        seed=seed,
    )


def hand_till_of(
    predictions: Predictions, *, n_resamples: int = RESAMPLES, seed: int = 0
) -> HandTillAuc:
    """Returns Hand and Till's AUC of multi-class predictions."""
    return hand_till_auc(
        predictions.y_true,
        predictions.y_score,
        predictions.class_names,
        patients=predictions.patient_ids,
        n_resamples=n_resamples,
        seed=seed,
    )


def columns(predictions: Predictions) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Returns labels and scores, shape (N,) each, of binary predictions."""
    return predictions.y_true[:, 0], predictions.y_score[:, 0]


def require_range(part: PartialRange) -> None:
    """Raises a TargetError unless the range lies in [0, 1] and has width."""
    if 0 <= part.start < part.end <= 1:
        return
    lies = 0 <= part.start <= 1 and 0 <= part.end <= 1
    wrong = "it must lie in 0 to 1"
    if lies:
        wrong = "it has no width" if part.start == part.end else "it ends before it begins"
    raise TargetError(
        f"The range is from {part.start:g} to {part.end:g}; {wrong}.",
        hint="Give shares, the smaller first: 0.9 and 1.",
    )
