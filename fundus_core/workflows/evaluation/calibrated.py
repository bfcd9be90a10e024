"""Use case: what the score of a held-out photograph becomes after recalibration by other folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fundus_core.errors import FoldError, FundusError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.calibrated_scores import calibrated_intervals
from fundus_core.workflows.evaluation.recalibrate import FoldsFrom, RecalibratedModel, recalibrated
from fundus_core.workflows.explanations.explained import column_of
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import load_run, run_predictions

MEANING = (
    "Platt scaling, learned from the other folds' held-out scores only. The interval says how far "
    "the calibration curve at this score is known: it would be another, had other patients taught "
    "it. It is no range for this patient, who has the class or has it not, and it takes the model "
    "as given and the share of the diseased to be that of these photographs."
)
"""What a calibrated probability and its interval mean; shown beside them."""


@dataclass(frozen=True, slots=True)
class CalibratedProbability:
    """What a held-out score stands for, as the other folds teach it."""

    image_id: str
    class_name: str
    probability: Interval
    """In [0, 1]: what the calibrator of the other folds makes of the score, with the interval of
    that calibrator at this score by the bootstrap of patients; or why there is no interval."""

    n_images: int
    """Photographs of the other folds that taught it."""

    n_patients: int | None
    """Their patients; None where unknown."""

    folds_from: FoldsFrom
    renormalised: bool
    """True where classes were mapped one against the rest and divided by their sum."""


def calibrated_probabilities(
    workspace: Workspace, run_id: str, image_ids: Sequence[str], class_name: str, *, seed: int = 0
) -> list[CalibratedProbability | FundusError]:
    """Returns for each photograph its calibrated probability, or why it is not known.

    Args:
        workspace: See `calibrated_fold`, like all other arguments.
        run_id: The run.
        image_ids: Photographs.
        class_name: The class.
        seed: Of the draws.
    """
    folds: dict[int, Mapping[str, CalibratedProbability]] = {}
    found: list[CalibratedProbability | FundusError] = []
    for image_id in image_ids:
        try:
            fold = fold_of(workspace, run_id, image_id, class_name, seed=seed)
            if fold not in folds:
                folds[fold] = calibrated_fold(workspace, run_id, class_name, fold, seed=seed)
        except FundusError as reason:
            found.append(reason)
        else:
            found.append(folds[fold][image_id])
    return found


def fold_of(
    workspace: Workspace, run_id: str, image_id: str, class_name: str, *, seed: int = 0
) -> int:
    """Returns the fold that a photograph is in when a run is recalibrated.

    Raises:
        FoldError: If no fold of the run held it out: nothing tells what its score stands for.
        FundusError: As `recalibrated`.
    """
    run = load_run(workspace, run_id)
    said = run_predictions(workspace, run)
    row = said.image_ids.index(image_id) if image_id in said.image_ids else None
    if run.kind == "external":
        raise FoldError(
            "The model comes from another data set, and what its scores stand for there need not "
            "hold here.",
            hint="Recalibrate it on patients of this data set: page Calibration.",
        )
    if row is None or (said.fold is not None and said.fold[row] < 0):
        raise FoldError(
            "This photograph was held out by no fold of this model; its score may be that of a "
            "photograph learned by heart.",
            hint="Choose a photograph of the evaluation.",
        )
    fold = _recalibrated(workspace, run, class_name, seed).predictions.fold
    return 0 if fold is None else int(fold[row])


def calibrated_fold(
    workspace: Workspace,
    run_id: str,
    class_name: str,
    fold: int,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Mapping[str, CalibratedProbability]:
    """Returns the calibrated probabilities of all photographs of a fold, by image id.

    Args:
        workspace: Where the run is.
        run_id: A run with held-out predictions.
        class_name: A class of its target; of a binary one also the negative class.
        fold: As `fold_of` returns it.
        n_resamples: Of the bootstrap.
        seed: Of the draws, and of folds where the run has none.

    Raises:
        TargetError: If the run has no such class.
        FoldError: If a class has too few patients to be learned from some and judged on others.
        ScoresError: If scores are no probabilities.
        SingleClassError: If the other folds lack a class.
    """
    run = load_run(workspace, run_id)
    column, sign = column_of(run, class_name)
    said = run_predictions(workspace, run)
    by = _recalibrated(workspace, run, class_name, seed)
    folds = by.predictions.fold
    asked = folds == fold if folds is not None else np.ones(len(said.image_ids), bool)
    teach = said.select(~asked)
    found = calibrated_intervals(
        said.task,
        teach.y_true,
        teach.y_score,
        said.y_score[asked],
        column,
        patients=teach.patient_ids,
        n_resamples=n_resamples,
        seed=seed,
    )
    n_patients = teach.n_patients
    ids = [said.image_ids[row] for row in np.flatnonzero(asked)]
    return {
        image_id: CalibratedProbability(
            image_id,
            class_name,
            one if sign > 0 else _of_the_other(one),
            len(teach.image_ids),
            n_patients,
            by.folds_from,
            by.renormalised,
        )
        for image_id, one in zip(ids, found, strict=True)
    }


def _recalibrated(workspace: Workspace, run: Run, class_name: str, seed: int) -> RecalibratedModel:
    """Recalibrates a run as the Calibration page does, which also makes folds where it has none."""
    said = run_predictions(workspace, run)
    column, _ = column_of(run, class_name)
    one = said if said.task == "multiclass" else said.binary(said.class_names[column])
    return recalibrated(one, "platt", seed=seed)


def _of_the_other(found: Interval) -> Interval:
    """Returns the interval of the other class of two."""

    def turned(share: float | None) -> float | None:
        return None if share is None else 1 - share

    return replace(found, value=turned(found.value), low=turned(found.high), high=turned(found.low))
