"""Photographs in the order of how wrong a model is about them."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.ui import text
from fundus_core.ui.components.gallery import gallery

PER_PAGE = 12

ORDERS = {
    "errors": "Errors first",
    "positive": "With the class",
    "negative": "Without the class",
    "selection": "Selected on the map",
}
"""What a picker of photographs offers: key -> label."""


def errors(
    dataset: FundusDataset, predictions: Predictions, threshold: float, class_label: str
) -> None:
    """Draws the false positives and the false negatives at a threshold, the surest ones first."""
    name = text.escaped(class_label)
    for title, wrong in (
        (f"Called {name}, labelled without", false_positives(predictions, threshold)),
        (f"Labelled {name}, missed", false_negatives(predictions, threshold)),
    ):
        st.markdown(f"**{title}: {text.count(len(wrong), 'photograph')}**")
        listed = still_listed(wrong, dataset)
        if len(listed) < len(wrong):
            st.caption(f"{len(wrong) - len(listed)} of them are no longer in the data set.")
        gallery(dataset, listed, key=f"errors.{title}", notes=notes(predictions), per_page=PER_PAGE)


def false_positives(predictions: Predictions, threshold: float) -> list[str]:
    """Returns the ids of negative photographs called positive, the highest score first.

    Args:
        predictions: Of one class.
        threshold: Scores from here on are called positive.
    """
    score, positive = predictions.y_score[:, 0], predictions.y_true[:, 0]
    return _ids(predictions, np.flatnonzero(~positive & (score >= threshold)), -score)


def false_negatives(predictions: Predictions, threshold: float) -> list[str]:
    """Returns the ids of positive photographs called negative, the lowest score first."""
    score, positive = predictions.y_score[:, 0], predictions.y_true[:, 0]
    return _ids(predictions, np.flatnonzero(positive & (score < threshold)), score)


def ordered(predictions: Predictions, order: str, selection: Sequence[str] = ()) -> list[str]:
    """Returns ids in one of `ORDERS`: those whose score is furthest from their label come first."""
    score, positive = predictions.y_score[:, 0], predictions.y_true[:, 0]
    wrong_by = np.abs(positive - score)
    rows = {
        "positive": np.flatnonzero(positive),
        "negative": np.flatnonzero(~positive),
        "selection": np.flatnonzero(np.isin(predictions.image_ids, list(selection))),
    }.get(order, np.arange(len(score)))
    return _ids(predictions, rows, -wrong_by)


def notes(predictions: Predictions) -> dict[str, str]:
    """Returns what stands under each thumbnail: the score and the label."""
    return {
        image_id: f"{score:.2f} · {'with' if positive else 'without'}"
        for image_id, score, positive in zip(
            predictions.image_ids, predictions.y_score[:, 0], predictions.y_true[:, 0], strict=True
        )
    }


def still_listed(image_ids: Sequence[str], dataset: FundusDataset) -> list[str]:
    """Returns the ids that the data set still holds; a run may be older than its table."""
    known = set(dataset.image_ids)
    return [image_id for image_id in image_ids if image_id in known]


def _ids(predictions: Predictions, rows: NDArray[np.intp], key: NDArray[np.float64]) -> list[str]:
    """Returns the ids of rows in ascending order of a key of all rows."""
    order = rows[np.argsort(key[rows], kind="stable")]
    return [predictions.image_ids[row] for row in order]
