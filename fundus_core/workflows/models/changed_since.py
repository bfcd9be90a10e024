"""How far a data set is another one today than when a model was judged on it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import Caution
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.label_source import LabelSource
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DifferentImagesError

CODE = "FD026"
"""Of the caution about it."""


def still_there(predictions: Predictions, dataset: FundusDataset) -> NDArray[np.bool_]:
    """Returns which of N scored photographs a data set holds today, shape (N,).

    Raises:
        DifferentImagesError: If it holds none of them.
    """
    found = np.isin(predictions.image_ids, dataset.image_ids)
    if not found.any():
        raise DifferentImagesError(
            f"None of the {len(found)} photographs that were scored is in {dataset.name} any more.",
            hint="Fit a model on the photographs that are there now.",
        )
    return found


@dataclass(frozen=True, slots=True)
class Changes:
    """What is not as it was when a model was judged."""

    n_judged: int
    """Photographs it was judged on."""

    n_gone: int
    """Those that are no longer in the data set."""

    n_relabelled: int
    """Those whose label is another, or none, now."""

    n_regrouped: int
    """Those that share their patient with others than then; how patients are called counts not."""

    def caution(self) -> Caution | None:
        """Returns what to know of figures, if anything."""
        found = [
            (self.n_gone, "no longer in the data set"),
            (self.n_relabelled, "labelled otherwise now"),
            (self.n_regrouped, "of other patients now"),
        ]
        said = [f"{number:,} are {what}" for number, what in found if number]
        if not said:
            return None
        text = (
            f"Of {self.n_judged:,} photographs that the model was judged on, {', '.join(said)}; "
            "its figures are of what was there then. Fit it again."
        )
        return Caution(CODE, text)


def changes_since(
    said: Predictions, target: Target, today: FundusDataset, source: LabelSource | None = None
) -> Changes:
    """Compares what a model was judged on with its data set as it is now.

    Args:
        said: Its stored predictions, with the labels and patients of then.
        target: What it predicts.
        today: The data set, under the names as they were given.
        source: How the labels came of its table then. None where that is not known: a column that
            is missing now may never have been there, and nothing is said of its labels.
    """
    row_of = {name: row for row, name in enumerate(today.image_ids)}
    then = np.array([row for row, name in enumerate(said.image_ids) if name in row_of], np.intp)
    now = np.array([row_of[said.image_ids[row]] for row in then], np.intp)
    return Changes(
        len(said.image_ids),
        len(said.image_ids) - len(then),
        _n_relabelled(said, target, labelled(today, target, source), source, then, now),
        _n_regrouped(_codes(said.patient_ids, then), _codes(today.groups, now)),
    )


def labelled(
    today: FundusDataset, target: Target, source: LabelSource | None
) -> FundusDataset | None:
    """Returns a data set with the labels of a target made as they were then.

    Args:
        today: The data set, as its table has it now.
        target: Of a run on it.
        source: How its labels came of the table then; None where that is not known.

    Returns:
        None if the table lacks a column that it takes.
    """
    if source is not None and source.column:
        known = source.column in today.table.columns
        return today.with_made(target.columns[0], source) if known else None
    return today if set(target.columns) <= set(today.table.columns) else None


def _n_relabelled(
    said: Predictions,
    target: Target,
    today: FundusDataset | None,
    source: LabelSource | None,
    then: NDArray[np.intp],
    now: NDArray[np.intp],
) -> int:
    """Returns how many rows of both have other labels; none where there were none then."""
    if not said.y_true.any():
        return 0
    if today is None:
        return 0 if source is None else len(then)
    y_true, known = today.labels(target)
    return int((~known[now] | (y_true[now] != said.y_true[then]).any(axis=1)).sum())


def _codes(patients: NDArray[np.str_] | None, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Returns a number per patient; each photograph its own where patients are unknown."""
    if patients is None:
        return np.arange(len(rows))
    return np.unique(patients[rows], return_inverse=True)[1]


def _n_regrouped(then: NDArray[np.intp], now: NDArray[np.intp]) -> int:
    """Returns how many rows share their group with others than before."""
    both = pd.DataFrame({"then": then, "now": now})
    together = both.groupby(["then", "now"])["then"].transform("size")
    sizes = (both.groupby(one)[one].transform("size") for one in ("then", "now"))
    return int(np.any([size != together for size in sizes], axis=0).sum())
