"""Use case: does a model do better than what can be measured without looking at the retina?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import Caution, unreadable_caution
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import NoVarianceError, SingleClassError, StoreError
from fundus_core.io.workspace import Workspace
from fundus_core.probe_fits import TrainingSide, fitting, logistic_path
from fundus_core.splits import Fold, grouped_folds
from fundus_core.stats.delong import AucComparison, AucInterval, auc_interval, compare_paired
from fundus_core.stats.inputs import as_patients
from fundus_core.stats.multiplicity import holm
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.data.labelled import TRAIN_SPLITS
from fundus_core.workflows.data.measured import measure_dataset
from fundus_core.workflows.evaluation.aligned import ScoredModel, cautions_of
from fundus_core.workflows.evaluation.shortcut_families import (
    CAMERA,
    LABELS,
    Features,
    camera_column,
    features_of,
)
from fundus_core.workflows.evaluation.viewed import viewed
from fundus_core.workflows.models.changed_since import CODE, labelled, still_there
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import photographs_that_taught, run_predictions

FoldsFrom = Literal["the model's folds", "the table's split", "folds drawn anew"]

_FOLDS, _SEED = 5, 0
_STRENGTH = (1.0,)
"""C of the logistic regression: with a handful of standardised numbers it hardly matters."""

_SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class ShortcutProbe:
    """A logistic regression on one family of measurements, beside the model."""

    key: str
    """Key of `LABELS`."""

    label: str
    auc: AucInterval | None
    """Of its held-out scores; None where there is nothing to learn from."""

    result: AucComparison | None
    """Paired test of the model (A) against the shortcut (B), by patient where patients are known;
    None where no test can be made."""

    p_holm: float | None
    """p of `result` corrected over all shortcuts (Holm 1979)."""

    reason: str
    """Why there is no AUC, or no test; empty where there are both."""

    @property
    def beaten(self) -> bool:
        """Says whether the model is shown to be better than this shortcut."""
        if self.result is None or self.p_holm is None:
            return self.auc is None
        return self.result.difference > 0 and self.p_holm < _SIGNIFICANT


@dataclass(frozen=True)
class ShortcutComparison:
    """A model beside every shortcut, on the photographs that could be measured."""

    run_id: str
    label: str
    class_name: str
    auc: AucInterval
    """Of the model, on these photographs."""

    probes: tuple[ShortcutProbe, ...]
    """In the order of `LABELS`."""

    predictions: Predictions
    """The model's scores of the N photographs, one class."""

    scores: dict[str, NDArray[np.float64]]
    """Family -> held-out scores of its probe, shape (N,)."""

    measured: pd.DataFrame
    """N rows of measurements, by image id, with the cameras as `camera` if the table names them."""

    folds_from: FoldsFrom
    """Which photographs the probes learned from."""

    n_unreadable: int
    """Photographs of the model that could not be measured and take no part."""

    cautions: tuple[Caution, ...]


def shortcuts_of(
    workspace: Workspace,
    run: Run,
    class_name: str | None = None,
    *,
    progress: Progress = silent,
) -> ShortcutComparison:
    """Holds a model against baseline probes on what is no sign of disease.

    Each probe is a logistic regression (ridge, C = 1) on standardised measurements that learns in
    the folds of the model, so that no patient is on both sides. Where the model was tested on the
    table's own split the probe learns from the photographs outside of it. Where the model learned
    from none of these photographs (another data set, words alone), folds are drawn anew: the
    shortcut then knows the data set, and the model does not.

    Args:
        workspace: Where runs and measurements are.
        run: Of any kind, with labels, on a data set of this workspace.
        class_name: Of several classes, the one to ask about.
        progress: Told while photographs are measured.

    Raises:
        DataError: If the data set was never opened here, or none of it can be read.
        DifferentImagesError: If the data set holds none of the model's photographs any more.
        StoreError: If the model was tested on the split of a table that was changed since.
        TargetError: If the class is not predicted.
        SingleClassError: If the photographs are all of one class.
        FoldError: If there are too few patients for folds.
    """
    dataset = stored_dataset(workspace, run.dataset_id)
    model = viewed(
        ScoredModel(run.id, run_predictions(workspace, run), run.cautions), class_name, None
    )
    there = still_there(model.predictions, dataset)
    measured = measure_dataset(workspace, dataset, progress=progress).table
    readable = there & np.isin(model.predictions.image_ids, measured.index)
    predictions = model.predictions.select(readable)
    _require_both(predictions)
    learning = _learning(workspace, dataset, run, measured, predictions)
    features = features_of(
        measured.loc[list(learning.image_ids)],
        dataset.table.set_index("image_id").loc[list(learning.image_ids)],
    )
    scores = {one.key: _held_out(learning, one) for one in features if not one.reason}
    probes = _compared(predictions, features, scores)
    n_unreadable = int((there & ~readable).sum())
    unread = unreadable_caution(n_unreadable, len(readable))
    cautions = [*cautions_of([model]), *([unread] if unread else []), *_not_beaten(probes)]
    by_code = {one.code: one for one in cautions}  # of one code, what was found here
    return ShortcutComparison(
        run.id,
        run.label,
        predictions.class_names[0],
        _auc(predictions, predictions.y_score[:, 0]),
        probes,
        predictions,
        scores,
        _with_cameras(measured, dataset, predictions.image_ids),
        learning.folds_from,
        n_unreadable,
        tuple(by_code[code] for code in sorted(by_code)),
    )


@dataclass(frozen=True, slots=True)
class _Learning:
    """What probes learn from and are tested on; the first rows are those of the predictions."""

    image_ids: tuple[str, ...]
    y_true: NDArray[np.bool_]
    """Shape (n, 1)."""

    patients: NDArray[np.str_] | None
    folds: tuple[Fold, ...]
    folds_from: FoldsFrom
    n_tested: int
    """How many of the rows have a prediction."""


def _learning(
    workspace: Workspace,
    dataset: FundusDataset,
    run: Run,
    measured: pd.DataFrame,
    predictions: Predictions,
) -> _Learning:
    ids, y_true, patients = predictions.image_ids, predictions.y_true, predictions.patient_ids
    n_tested = len(ids)
    fold = predictions.fold
    numbers = np.unique(fold) if fold is not None else np.array([0])
    if fold is not None and len(numbers) > 1:
        folds = tuple(Fold(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in numbers)
        return _Learning(ids, y_true, patients, folds, "the model's folds", n_tested)
    if run.kind in {"probe", "finetune"}:
        then = _as_learned(workspace, dataset, run)
        more, labels = _training_side(then, run, measured, predictions)
        if labels.any() and not labels.all():
            split = Fold(n_tested + np.arange(len(more)), np.arange(n_tested))
            return _Learning(
                (*ids, *more),
                np.concatenate([y_true, labels]),
                _patients_of(dataset, (*ids, *more)),
                (split,),
                "the table's split",
                n_tested,
            )
    groups = as_patients(patients, n_images=n_tested)  # not by name: names may be hidden
    anew = grouped_folds(
        y_true,
        groups,
        n_folds=_FOLDS,
        seed=_SEED,
        class_names=predictions.class_names,
        other_class=run.target.other_class,
    )
    return _Learning(ids, y_true, patients, anew, "folds drawn anew", n_tested)


def _as_learned(workspace: Workspace, dataset: FundusDataset, run: Run) -> FundusDataset:
    """Returns a data set as the model of a run was fitted on it: its labels, its photographs.

    Raises:
        StoreError: If the table is not the one that the model was fitted on.
    """
    today = labelled(dataset, run.target, run.labels)
    if today is not None and not any(caution.code == CODE for caution in run.cautions):
        if run.data in {"", today.fingerprint()}:
            return today
        taught = photographs_that_taught(workspace, run)
        used = set(run_predictions(workspace, run).image_ids)
        used |= set() if taught is None else set(taught["image_id"])
        chosen = today.select([name for name in today.image_ids if name in used])
        if run.data == chosen.fingerprint():
            return chosen
    raise StoreError(
        f"{dataset.name} was changed since {run.id} was fitted on its own split, and shortcuts "
        "would learn from other photographs or labels than the model did.",
        hint="Fit the model again: its embeddings are kept.",
    )


def _training_side(
    dataset: FundusDataset, run: Run, measured: pd.DataFrame, predictions: Predictions
) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """Returns the photographs of the table's own training side, and their labels (n, 1)."""
    y_true, known = dataset.labels(run.target)
    column = run.target.scored_classes.index(predictions.class_names[0])
    tested = set(predictions.image_ids)
    usable = np.array([name in measured.index and name not in tested for name in dataset.image_ids])
    rows = np.flatnonzero(known & usable & dataset.table["split"].isin(TRAIN_SPLITS).to_numpy())
    return tuple(dataset.image_ids[row] for row in rows), y_true[rows][:, [column]]


def _patients_of(dataset: FundusDataset, image_ids: Sequence[str]) -> NDArray[np.str_] | None:
    if dataset.patient_ids is None:
        return None
    of_image = dict(zip(dataset.image_ids, dataset.patient_ids, strict=True))
    return np.array([of_image[name] for name in image_ids])


def _held_out(learning: _Learning, family: Features) -> NDArray[np.float64]:
    """Returns what a probe on one family says of the rows with a prediction."""
    y_score = np.full(len(learning.image_ids), np.nan)
    for fold in learning.folds:
        side = TrainingSide(family.values[fold.train], learning.y_true[fold.train], "binary", _SEED)
        with fitting():
            (probe,) = logistic_path(side, [_STRENGTH])
        y_score[fold.test] = probe.score(family.values[fold.test])[:, 0]
    return y_score[: learning.n_tested]


def _compared(
    predictions: Predictions,
    features: Sequence[Features],
    scores: dict[str, NDArray[np.float64]],
) -> tuple[ShortcutProbe, ...]:
    """Returns each probe with its test, the p-values corrected over all of them."""
    probes = [
        _against(predictions, scores[one.key], one.key)
        if one.key in scores
        else ShortcutProbe(one.key, LABELS[one.key], None, None, None, one.reason)
        for one in features
    ]
    tested = [one.result.p_value for one in probes if one.result]
    adjusted = iter(holm(tested))
    return tuple(replace(one, p_holm=next(adjusted)) if one.result else one for one in probes)


def _against(predictions: Predictions, y_score: NDArray[np.float64], key: str) -> ShortcutProbe:
    result, reason = None, ""
    try:
        result = compare_paired(
            predictions.y_true[:, 0],
            predictions.y_score[:, 0],
            y_score,
            patients=predictions.patient_ids,
        )
    except (NoVarianceError, SingleClassError) as error:
        reason = error.message
    return ShortcutProbe(key, LABELS[key], _auc(predictions, y_score), result, None, reason)


def _not_beaten(probes: Sequence[ShortcutProbe]) -> list[Caution]:
    """Returns one caution that names every shortcut the model is not shown to be better than."""
    found = [
        f"{one.label} (AUC {one.auc.auc:.3f}; "
        + (
            one.reason
            if one.result is None or one.p_holm is None
            else f"model minus shortcut {one.result.difference:+z.3f}, Holm {_p_text(one.p_holm)}"
        )
        + ")"
        for one in probes
        if one.auc is not None and not one.beaten
    ]
    if not found:
        return []
    return [Caution("FD006", f"Not shown to be better than {'; '.join(found)}.")]


def _p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _auc(predictions: Predictions, y_score: NDArray[np.float64]) -> AucInterval:
    return auc_interval(predictions.y_true[:, 0], y_score, patients=predictions.patient_ids)


def _require_both(predictions: Predictions) -> None:
    n_positive = int(predictions.y_true.sum())
    if 0 < n_positive < len(predictions.y_true):
        return
    raise SingleClassError(
        f"Of {len(predictions.y_true)} photographs that could be measured {n_positive} have "
        f"{predictions.class_names[0]}; photographs with and without it are needed.",
        hint="Choose another class, or see `fundus check` for files that cannot be read.",
    )


def _with_cameras(
    measured: pd.DataFrame, dataset: FundusDataset, image_ids: Sequence[str]
) -> pd.DataFrame:
    """Returns the measurements of some photographs, with the camera where the table names it."""
    table = measured.loc[list(image_ids)]
    column = camera_column(dataset.table)
    if column is None:
        return table
    cameras = dataset.table.set_index("image_id")[column].loc[list(image_ids)]
    return table.assign(**{CAMERA: cameras})
