"""Use case: what a stored model says of one photograph, as a probability with an interval.

A model's score is no probability until it was held against what was observed. Here the held-out
scores of the model's own data set are the measure: a curve from score to observed share is fitted
to all of them, read off at the new score, and its uncertainty shown by drawing patients anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import Caution, taught_caution
from fundus_core.domain.predictions import Predictions
from fundus_core.embedding import Photograph
from fundus_core.errors import FundusError, StoreError
from fundus_core.finetune.squares import read_squares
from fundus_core.io.images import scan_image
from fundus_core.io.scratch_folders import ScratchFolder
from fundus_core.io.workspace import Workspace
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.calibrated_scores import calibrated_intervals
from fundus_core.stats.probabilities import as_probabilities
from fundus_core.workflows.embeddings.backbone_choice import resolve_recipe
from fundus_core.workflows.evaluation.calibrated import calibrated_probabilities
from fundus_core.workflows.models.networks import fine_tuned, kept_folds
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import (
    load_run,
    photographs_that_taught,
    run_predictions,
    run_probe,
)
from fundus_core.workflows.single.one_photograph import vector_of
from fundus_core.workflows.weights.teachers import exposure_of_photographs

METHOD = "Platt scaling"
"""How the curve is fitted; see `stats.calibrated_scores`."""

N_RESAMPLES = 1000

MEANING = (
    "Of photographs of this data set that got this score while they were held out, about this "
    "share has the class. It holds for photographs taken like those, where the class is as "
    "frequent as there; elsewhere both the score and the share may be off. The interval says how "
    "well the curve is known (patients drawn anew), not how sure one can be of this one eye."
)

LEARNED = "the model learned from this photograph; its score flatters"
"""Why a photograph that taught the model has no probability: the curve is of held-out scores."""

_TAUGHT = "FD022"


@dataclass(frozen=True, slots=True)
class ClassProbability:
    """One class against the rest."""

    class_name: str
    score: float
    """As the model gives it."""

    probability: float | None
    """The score on the curve from scores to observed shares; None where there is no curve."""

    low: float | None
    """Lower end of the 95 % interval of the curve at this score; None where there is none."""

    high: float | None
    """Upper end."""

    reason: str
    """Why there is no probability, or no interval; empty where there are both."""

    observed: float
    """Share of the held-out photographs that have the class."""


@dataclass(frozen=True, slots=True)
class PhotographScore:
    """What one model says of a photograph."""

    run_id: str
    classes: tuple[ClassProbability, ...]
    """One per scored class. Exclusive classes are each held against the rest and divided by their
    sum, unless one of them was never seen."""

    held_out: bool
    """True if the photograph is of the model's data set and did not teach it: the score is that of
    the fold that did not see its patient, and the curve is that of the other folds."""

    n_networks: int
    """Networks whose scores were averaged; 1 for a probe or a held-out photograph."""

    n_images: int
    """Held-out photographs that the curve was fitted on; 0 where there is none."""

    n_patients: int | None
    """Their patients; None where unknown."""

    cautions: tuple[Caution, ...]
    """Where this very photograph taught the model that scores it, or the weights it starts from."""

    @property
    def learned_from(self) -> bool:
        """Says whether the model learned from this very photograph."""
        return _has_taught(self.cautions)


def score_photograph(
    workspace: Workspace,
    run_id: str,
    path: Path,
    *,
    vector: NDArray[np.float32] | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> PhotographScore:
    """Scores a photograph with the model of a run.

    A photograph of the model's own data set gets the score that it got while it was held out. Any
    other is scored by the probe fitted on all photographs, or by the mean of the networks of a
    fine-tuned run's folds. One that the model learned from has a score and no probability.

    Args:
        workspace: Where the run is.
        run_id: Any run but one scored by words.
        path: The photograph.
        vector: Its embedding by the run's recipe, if it was computed before; shape (D,).
        n_resamples: Of the bootstrap of patients.
        seed: Of its draws.

    Raises:
        StoreError: If the run is unknown, or keeps neither probe nor networks.
        WeightsError: If the weights of its backbone are not at hand.
        ImageError: If the photograph cannot be read.
    """
    run = load_run(workspace, run_id)
    said = run_predictions(workspace, run)
    image_id = scan_image(path).image_id
    if image_id in said.image_ids:
        return _held_out_summary(workspace, run, said, image_id, seed)
    scores, n_networks = _new_scores(workspace, run, path, vector)
    cautions = _cautions(workspace, run, image_id, held_out=False)
    return _new_summary(run, scores, said, n_networks, cautions, n_resamples, seed)


def _cautions(
    workspace: Workspace, run: Run, image_id: str, *, held_out: bool
) -> tuple[Caution, ...]:
    """Returns whether a photograph taught the model that scores it, or the weights before it.

    Args:
        workspace: Where both are.
        run: The model.
        image_id: The photograph.
        held_out: Whether the score is of a fold that did not see it.
    """
    taught = None if held_out else _that_taught(workspace, run)
    learned = taught is not None and bool((taught["image_id"] == image_id).any())
    met = exposure_of_photographs(workspace, run.embeddings.weights_sha256, [image_id])
    found = (taught_caution(int(learned), 1), met.caution(run.embeddings.weights))
    return tuple(caution for caution in found if caution)


def _that_taught(workspace: Workspace, run: Run) -> pd.DataFrame | None:
    """Returns what taught a model; None where the run it comes from is not in this workspace."""
    if run.kind != "external":
        return photographs_that_taught(workspace, run)
    try:
        return photographs_that_taught(workspace, load_run(workspace, run.trained_as))
    except StoreError:
        return None


def _has_taught(cautions: Sequence[Caution]) -> bool:
    return any(caution.code == _TAUGHT for caution in cautions)


def _new_scores(
    workspace: Workspace, run: Run, path: Path, vector: NDArray[np.float32] | None
) -> tuple[NDArray[np.float64], int]:
    """Returns scores (C,) of a photograph that no fold held out, and by how many networks."""
    source = load_run(workspace, run.trained_as) if run.kind == "external" else run
    if source.kind == "zero_shot":
        raise StoreError(
            f"Run {run.id} was scored by words, which is not done for a single photograph here.",
            hint="Score it by `fundus zero-shot` on a folder that holds it.",
        )
    if source.kind == "finetune":
        return _network_scores(workspace, source, path)
    probe = run_probe(workspace, source)
    if vector is None:
        vector = vector_of(workspace, source.embeddings, path, source.weights_path)
    return probe.score(vector[np.newaxis])[0], 1


def _network_scores(workspace: Workspace, run: Run, path: Path) -> tuple[NDArray[np.float64], int]:
    folds = kept_folds(workspace, run)
    if not folds:
        raise StoreError(
            f"Run {run.id} does not keep its networks, so they cannot score a photograph.",
            hint="Fine-tune again and keep the networks (without --no-checkpoint).",
        )
    resolved = resolve_recipe(workspace, run.embeddings, run.weights_path)
    recipe = resolved.recipe
    with ScratchFolder("photograph") as folder:
        squares = read_squares(
            [Photograph("photograph", path)],
            recipe.image_size,
            recipe.preprocessing,
            folder=folder.path,
        )
        rows = np.array([0])
        scores = [
            fine_tuned(workspace, run, resolved, fold).scores(squares, rows, run.target.task)[0]
            for fold in folds
        ]
    return np.mean(scores, axis=0), len(folds)


def _new_summary(
    run: Run,
    scores: NDArray[np.float64],
    said: Predictions,
    n_networks: int,
    cautions: tuple[Caution, ...],
    n_resamples: int,
    seed: int,
) -> PhotographScore:
    """Holds new scores (C,) against all held-out ones."""
    if _has_taught(cautions):
        learned = _flattering(said, scores)
        return PhotographScore(run.id, learned, False, n_networks, 0, None, cautions)
    columns = range(len(said.class_names))
    classes = tuple(_probability(said, scores, one, n_resamples, seed) for one in columns)
    n_images, n_patients = len(said.image_ids), said.n_patients
    return PhotographScore(run.id, classes, False, n_networks, n_images, n_patients, cautions)


def _flattering(said: Predictions, scores: NDArray[np.float64]) -> tuple[ClassProbability, ...]:
    """Returns the scores (C,) of a photograph that the model learned from, without probabilities.

    The curve is of held-out scores: it says nothing of one that was not held out.
    """
    observed = said.y_true.mean(axis=0)
    return tuple(
        ClassProbability(name, float(score), None, None, None, LEARNED, float(share))
        for name, score, share in zip(said.class_names, scores, observed, strict=True)
    )


def _probability(
    said: Predictions, scores: NDArray[np.float64], column: int, n_resamples: int, seed: int
) -> ClassProbability:
    """Holds the new score of one class against the held-out ones."""
    name, score = said.class_names[column], float(scores[column])
    positive = said.y_true[:, column]
    observed = float(positive.mean())
    complete = bool((said.y_true.any(axis=0) & ~said.y_true.all(axis=0)).all())
    together = said.task == "multiclass" and complete
    if positive.all() or not positive.any():
        reason = f"{int(positive.sum())} of {len(positive)} held-out photographs have the class"
        return ClassProbability(name, score, None, None, None, reason, observed)
    try:
        for one in said.y_score.T:
            as_probabilities(one, n_images=len(positive))
        (found,) = calibrated_intervals(
            "multiclass" if together else "multilabel",
            said.y_true,
            said.y_score,
            scores[np.newaxis],
            column,
            patients=said.patient_ids,
            n_resamples=n_resamples,
            seed=seed,
        )
    except FundusError as error:
        return ClassProbability(name, score, None, None, None, error.message, observed)
    return _of_interval(name, score, found, observed)


def _held_out_summary(
    workspace: Workspace, run: Run, said: Predictions, image_id: str, seed: int
) -> PhotographScore:
    """Returns what the run said of one of its own photographs, calibrated by its other folds."""
    row = said.image_ids.index(image_id)
    cautions = _cautions(workspace, run, image_id, held_out=run.kind != "external")
    if _has_taught(cautions):
        learned = _flattering(said, said.y_score[row])
        return PhotographScore(run.id, learned, False, 1, 0, None, cautions)
    classes, n_images, n_patients = [], 0, None
    for column, name in enumerate(said.class_names):
        score, observed = float(said.y_score[row, column]), float(said.y_true[:, column].mean())
        (found,) = calibrated_probabilities(workspace, run.id, [image_id], name, seed=seed)
        if isinstance(found, FundusError):
            reason = found.message
            classes.append(ClassProbability(name, score, None, None, None, reason, observed))
            continue
        n_images, n_patients = found.n_images, found.n_patients
        classes.append(_of_interval(name, score, found.probability, observed))
    return PhotographScore(run.id, tuple(classes), True, 1, n_images, n_patients, cautions)


def _of_interval(name: str, score: float, found: Interval, observed: float) -> ClassProbability:
    return ClassProbability(name, score, found.value, found.low, found.high, found.reason, observed)
