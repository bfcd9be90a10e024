"""What is to be learned and from whom: the labelled photographs of a data set, and their folds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import (
    Caution,
    no_split_caution,
    split_caution,
    unreadable_caution,
)
from fundus_core.domain.bounds import FOLDS, SEED, SHARE, require_fields
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import TargetError
from fundus_core.io.columns import split_words
from fundus_core.splits import Fold, grouped_folds, nested_fraction

TRAIN_SPLITS = ("train", "val")
"""Values of the split column that a model may learn from."""

TEST_SPLIT = "test"
"""Value of the split column that a model is tested on."""

_MOST_SAID = 5
"""Unknown words of a split column that a message names."""


@dataclass(frozen=True, slots=True)
class Validation:
    """How a model is to be validated."""

    target: str
    """See `FundusDataset.target`."""

    folds: int = 5
    seed: int = 0
    use_split: bool = False
    """Train and test on the table's own split instead of cross-validating."""

    fraction: float = 1.0
    """Share of each fold's training patients to learn from, in (0, 1]; all are tested."""

    draw: int = 0
    """Which patients a fraction takes; fractions of one draw are nested."""

    def __post_init__(self) -> None:
        """Refuses numbers that no validation is made by.

        Raises:
            ParameterError: With the first of them.
        """
        require_fields(self, folds=FOLDS, seed=SEED, fraction=SHARE, draw=SEED)


@dataclass(frozen=True, slots=True)
class Labelled:
    """The n photographs of a data set that have a label, row by row."""

    dataset: FundusDataset
    target: Target
    image_ids: tuple[str, ...]
    y_true: NDArray[np.bool_]
    """Shape (n, C)."""

    patients: NDArray[np.str_] | None
    """Shape (n,)."""

    folds: tuple[Fold, ...]
    validation: Validation
    cautions: tuple[Caution, ...]
    groups: NDArray[np.str_] | None = None
    """Shape (n,): `patients` by the names as they were given, to divide by; not to be shown."""

    def taught(self, folds: Sequence[Fold] | None) -> pd.DataFrame:
        """Returns the `image_id` and `patient_id` of what a model learns from.

        Args:
            folds: Those on whose training sides it was fitted; None for all photographs.
        """
        is_taught = np.full(len(self.image_ids), folds is None)
        for fold in folds or ():
            is_taught[fold.train] = True
        patients = [None] * len(is_taught) if self.patients is None else list(self.patients)
        table = pd.DataFrame({"image_id": self.image_ids, "patient_id": patients}, dtype=object)
        return table[is_taught].reset_index(drop=True)

    def fingerprint(self) -> str:
        """Returns a key of what is validated on."""
        own_split = self.validation.use_split
        about: dict[str, Any] = {
            "images": list(self.image_ids),
            "y_true": self.y_true.tolist(),
            "patients": None if self.groups is None else self.groups.tolist(),
            "split": [fold.test.tolist() for fold in self.folds] if own_split else None,
        }
        if self.validation.fraction < 1:
            about["train"] = [fold.train.tolist() for fold in self.folds]
        return fingerprint_of(about)

    @property
    def positive(self) -> str:
        """The class taken as positive; empty for several classes."""
        return self.target.classes[1] if self.target.task == "binary" else ""

    def predictions(
        self, y_score: NDArray[np.float64], fold: NDArray[np.int64], model: str
    ) -> Predictions:
        """Returns scores (n, C) of all rows as predictions; rows of fold -1 have none."""
        return Predictions(
            model,
            self.target.task,
            self.target.scored_classes,
            self.image_ids,
            self.y_true,
            y_score,
            self.patients,
            fold,
        )


def labelled_photographs(
    dataset: FundusDataset, available: Collection[str], validation: Validation
) -> Labelled:
    """Returns the rows that have a label and are available, and the folds over them.

    Args:
        dataset: The photographs.
        available: Image ids of those that could be read.
        validation: What is predicted, and how it is validated.

    Raises:
        TargetError: If the target is unknown, or the table's split cannot serve.
        FoldError: If there are too few patients of a class.
    """
    target = dataset.target(validation.target)
    y_true, known = dataset.labels(target)
    unplaced = None
    if validation.use_split:
        require_split(dataset)
        in_split = dataset.table["split"].notna().to_numpy(bool)
        unplaced = no_split_caution(int((known & ~in_split).sum()), int(known.sum()))
        known = known & in_split
    n_labelled = int(known.sum())
    readable = set(available)
    known = known & np.array([image_id in readable for image_id in dataset.image_ids])
    rows = np.flatnonzero(known)
    patients = None if dataset.patient_ids is None else dataset.patient_ids[rows]
    groups = None if dataset.groups is None else dataset.groups[rows]
    folds = (
        (_own_split(dataset, rows, y_true[rows], target),)
        if validation.use_split
        else grouped_folds(
            y_true[rows],
            groups,
            n_folds=validation.folds,
            seed=validation.seed,
            class_names=target.scored_classes,
            other_class=target.other_class,
        )
    )
    if validation.fraction != 1:
        folds = tuple(_fewer(fold, y_true[rows], groups, validation, target) for fold in folds)
    leak = split_caution(dataset) if validation.use_split else None
    unread = unreadable_caution(n_labelled - len(rows), n_labelled)
    return Labelled(
        dataset,
        target,
        tuple(dataset.image_ids[row] for row in rows),
        y_true[rows],
        patients,
        folds,
        validation,
        tuple(caution for caution in (leak, unplaced, unread) if caution),
        groups,
    )


def _fewer(
    fold: Fold,
    y_true: NDArray[np.bool_],
    groups: NDArray[np.str_] | None,
    validation: Validation,
    target: Target,
) -> Fold:
    """Returns a fold that learns from fewer patients and tests the same."""
    kept = nested_fraction(
        y_true[fold.train],
        None if groups is None else groups[fold.train],
        fraction=validation.fraction,
        seed=validation.draw,
        class_names=target.scored_classes,
        other_class=target.other_class,
    )
    return Fold(fold.train[kept], fold.test)


def require_split(dataset: FundusDataset) -> None:
    """Refuses a data set without splits, or with words for them that are not known.

    Raises:
        TargetError: If no photograph has a split, or one has another than train, val and test.
    """
    if dataset.table["split"].isna().all():
        raise TargetError(
            f"{dataset.name} has no split column to test on.",
            hint="Name the column (--split-column; split among columns in Python), or "
            "cross-validate (without --use-split).",
        )
    counts = dataset.table["split"].value_counts()
    unknown = counts[~counts.index.isin([*TRAIN_SPLITS, TEST_SPLIT])]
    if not len(unknown):
        return
    said = [f"{word!r} ({count})" for word, count in unknown.iloc[:_MOST_SAID].items()]
    more = f" and {len(unknown) - len(said)} more" if len(unknown) > len(said) else ""
    raise TargetError(
        f"{int(unknown.sum())} of {len(dataset)} photographs have a split that is neither train, "
        f"val nor test: {', '.join(said)}{more}.",
        hint=f"Known words are {', '.join(split_words())}. Empty the cell of a photograph that is "
        "to take no part.",
    )


def _own_split(
    dataset: FundusDataset, rows: NDArray[np.intp], y_true: NDArray[np.bool_], target: Target
) -> Fold:
    splits = dataset.table["split"].to_numpy(dtype=object)[rows].astype(str)
    is_train, is_test = np.isin(splits, TRAIN_SPLITS), splits == TEST_SPLIT
    fold = Fold(np.flatnonzero(is_train), np.flatnonzero(is_test))
    for side, members in (("train", fold.train), ("test", fold.test)):
        labels = y_true[members]
        if not len(labels) or not (labels.any(axis=0) & (~labels).any(axis=0)).all():
            raise TargetError(
                f"The {side} side of the table's split has {len(labels)} photographs and not both "
                f"a case and a control of every class of {target.name}.",
                hint="Correct the split column, or cross-validate (without --use-split).",
            )
    return fold
