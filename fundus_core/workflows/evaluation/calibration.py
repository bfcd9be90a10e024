"""Use case: are a model's probabilities what they claim to be, and would recalibration help?"""

from dataclasses import dataclass

import numpy as np

from fundus_core.checks import Caution
from fundus_core.domain.dataset import Task
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import FundusError, SingleClassError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.calibration import BinnedErrors, Calibration, binned_errors, calibration
from fundus_core.stats.reliability import (
    Binning,
    ReliabilityCurve,
    ScoreHistogram,
    ShiftedShares,
    reliability_curve,
    score_histogram,
    shifted_shares,
)
from fundus_core.stats.score_maps import Recalibration
from fundus_core.workflows.evaluation.aligned import ScoredModel, cautions_of, read_model
from fundus_core.workflows.evaluation.recalibrate import (
    RecalibratedModel,
    recalibrated,
)

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ClassCalibration:
    """One class against the rest."""

    class_name: str
    before: Calibration
    histogram: ScoreHistogram
    shifted: ShiftedShares | None
    """Of `before`; None where no other prevalence was asked for."""

    after: Calibration | None
    """Of the recalibrated scores; None where no recalibration was asked for, or none was
    possible."""

    no_after: str
    """Why recalibration was not possible; empty otherwise."""

    prevalence: float | None
    """Of `shifted`."""


@dataclass(frozen=True, slots=True)
class TopLabel:
    """How sure a multi-class model is of the class it decides for, and how often it is right."""

    accuracy: float
    """Share of images whose highest score is that of their class."""

    mean_score: float
    """Mean of the highest scores."""

    curve: ReliabilityCurve
    errors: BinnedErrors


@dataclass(frozen=True, slots=True)
class ModelCalibration:
    """A model's calibration."""

    run_id: str
    """Run id, or the path of a table."""

    label: str
    task: Task
    classes: tuple[ClassCalibration, ...]
    """Of the class asked for, or of all that have images with and without them."""

    left_out: tuple[str, ...]
    """Classes that no image has, or every one."""

    top_label: TopLabel | None
    """Of a multi-class model of which no single class was asked for."""

    recalibration: RecalibratedModel | None
    """What was done to the scores; None where nothing was asked for, or possible."""

    n_images: int
    n_patients: int | None
    cautions: tuple[Caution, ...]


def calibration_of(
    workspace: Workspace,
    reference: str,
    class_name: str | None = None,
    *,
    n_bins: int = 10,
    binning: Binning = "mass",
    recalibration: Recalibration | None = None,
    prevalence: float | None = None,
    n_resamples: int = 2000,
    seed: int = 0,
) -> ModelCalibration:
    """Returns how a model's probabilities agree with what was observed, by patient where known.

    Args:
        workspace: Where runs are.
        reference: A run id, or the path of a table of predictions.
        class_name: One class against the rest; by default all classes, each against the rest.
        n_bins: Of the reliability curve.
        binning: "mass" (as many images in each bin) or "width".
        recalibration: What to do to the scores for a second look, see `recalibrated`.
        prevalence: Observed shares are also given for this prevalence.
        n_resamples: Of the bootstrap of patients.
        seed: Of the resamples, and of folds where the model has none.

    Raises:
        StoreError: If there is no such run.
        TargetError: If the model does not predict that class, or a prevalence is given for several.
        ScoresError: If its scores are no probabilities.
        SingleClassError: If no class has both an image with it and one without it.
        FundusError: If one class was asked for and cannot be recalibrated.
    """
    model = read_model(workspace, reference)
    said = model.predictions
    names = said.class_names if class_name is None else (said.class_of(class_name),)
    usable = tuple(name for name in names if _has_both(said.binary(name)))
    if not usable:
        counts = ", ".join(f"{said.binary(name).y_true.sum()}" for name in names)
        raise SingleClassError(
            f"Of {len(said.y_true)} photographs {counts} have {', '.join(names)}; calibration "
            "needs some with a class and some without it.",
            hint="Choose another class, or a larger set.",
        )
    several = class_name is None and len(said.class_names) > 1
    if several and prevalence is not None:
        raise TargetError(
            f"A prevalence is of one class; {said.model} predicts {', '.join(said.class_names)}.",
            hint="Choose the class (--class NAME).",
        )

    def measured(predictions: Predictions, name: str) -> Calibration:
        one = predictions.binary(name)
        return calibration(
            one.y_true[:, 0],
            one.y_score[:, 0],
            n_bins=n_bins,
            binning=binning,
            patients=one.patient_ids,
            confidence=CONFIDENCE,
            n_resamples=n_resamples,
            seed=seed,
        )

    after, refusals = _after(said, usable, recalibration, seed=seed, several=several)
    classes = tuple(
        ClassCalibration(
            name,
            before := measured(said, name),
            score_histogram(said.binary(name).y_true[:, 0], said.binary(name).y_score[:, 0]),
            None
            if prevalence is None
            else shifted_shares(before.curve, observed=before.mean_observed, prevalence=prevalence),
            measured(after[name].predictions, name) if name in after else None,
            refusals.get(name, ""),
            prevalence,
        )
        for name in usable
    )
    return ModelCalibration(
        model.reference,
        said.model,
        said.task,
        classes,
        tuple(name for name in names if name not in usable),
        _top_label(said, n_bins, binning, n_resamples, seed)
        if several and said.task == "multiclass"
        else None,
        next(iter(after.values()), None),
        len(said.y_true),
        said.n_patients,
        _cautions(model, classes[0].before.mean_observed, prevalence),
    )


def prevalence_shift(observed: float, prevalence: float) -> Caution:
    """Returns the caution about figures for another prevalence than that of the photographs."""
    return Caution(
        "FD015",
        f"Shown for a prevalence of {100 * prevalence:.3g} %; of these photographs "
        f"{100 * observed:.3g} % have the class. This takes the diseased there to look as they do "
        "here, and the healthy too, and leaves predicted probabilities as they are.",
    )


def _cautions(model: ScoredModel, observed: float, prevalence: float | None) -> tuple[Caution, ...]:
    found = cautions_of([model])
    if prevalence is None or np.isclose(prevalence, observed):
        return found
    return (*found, prevalence_shift(observed, prevalence))


def _after(
    said: Predictions,
    names: tuple[str, ...],
    method: Recalibration | None,
    *,
    seed: int,
    several: bool,
) -> tuple[dict[str, RecalibratedModel], dict[str, str]]:
    """Returns class -> recalibrated model, and class -> why it could not be, if several were."""
    if method is None:
        return {}, {}
    if said.task == "multiclass":
        together = recalibrated(said, method, seed=seed)
        return dict.fromkeys(names, together), {}
    done: dict[str, RecalibratedModel] = {}
    refused: dict[str, str] = {}
    for name in names:
        try:
            one = recalibrated(said.binary(name), method, seed=seed)
        except FundusError as error:
            if not several:
                raise
            refused[name] = error.message
        else:
            done[name] = one
    return done, refused


def _top_label(
    said: Predictions, n_bins: int, binning: Binning, n_resamples: int, seed: int
) -> TopLabel:
    decided = said.y_score.argmax(axis=1)
    right = said.y_true[np.arange(len(decided)), decided]
    sure = said.y_score.max(axis=1)
    curve = reliability_curve(
        right, sure, n_bins=n_bins, binning=binning, patients=said.patient_ids
    )
    errors = binned_errors(
        right,
        sure,
        n_bins=n_bins,
        binning=binning,
        patients=said.patient_ids,
        confidence=CONFIDENCE,
        n_resamples=n_resamples,
        seed=seed,
    )
    return TopLabel(float(right.mean()), float(sure.mean()), curve, errors)


def _has_both(one: Predictions) -> bool:
    return bool(one.y_true.any() and not one.y_true.all())
