"""Photographs in the order of how wrong a model is about them."""

from collections.abc import Collection, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.ui import text
from fundus_core.ui.components.gallery import gallery
from fundus_core.workflows.evaluation.operating import OperatingResult

PER_PAGE = 12

ORDERS = {
    "errors": "Errors first",
    "positive": "With the class",
    "negative": "Without the class",
    "selection": "Selected",
}
"""What a picker of photographs offers: key -> label."""

KINDS = {
    "false_positives": "False positives",
    "false_negatives": "False negatives",
    "confident": "Most confident errors",
}
"""Ways to be wrong at a threshold: key -> label."""


def errors(
    dataset: FundusDataset, result: OperatingResult, photographs: Predictions, class_label: str
) -> None:
    """Draws what a model got wrong at a threshold, one kind at a time, the surest errors first.

    Args:
        dataset: Where the photographs are listed.
        result: The model at the threshold, by photograph or by patient.
        photographs: Of the same class, a row per photograph.
        class_label: The class whose presence counts as positive.
    """
    counts = {kind: int(_wrong(result, kind).sum()) for kind in KINDS}
    kind = st.segmented_control(
        "Errors",
        list(KINDS),
        format_func=lambda one: f"{KINDS[one]} ({counts[one]:,})",
        default="false_positives",
        required=True,
        wrap=True,
        key="errors.kind",
        persist_state="session",
    )
    name, ids = text.escaped(class_label), wrong_rows(result, kind)
    said = {
        "false_positives": f"Called {name}, labelled without",
        "false_negatives": f"Labelled {name}, missed",
        "confident": "Wrong either way, the score furthest from the label first",
    }[kind]
    st.markdown(f"**{said}: {text.count(len(ids), result.unit)}**")
    shown = ids if result.aggregate is None else photographs_of(ids, photographs)
    listed = still_listed(shown, dataset)
    if len(listed) < len(shown):
        st.caption(f"{len(shown) - len(listed)} of them are no longer in the data set.")
    if result.aggregate is not None and ids:
        st.caption(
            f"All {text.count(len(listed), 'photograph')} of these patients, patient by patient, "
            "the highest score first."
        )
    said_below = notes(photographs, set(listed))
    gallery(dataset, listed, key=f"errors.{kind}", notes=said_below, per_page=PER_PAGE)


def wrong_rows(result: OperatingResult, kind: str) -> list[str]:
    """Returns the ids of the photographs, or patients, that were called wrongly.

    Args:
        result: A model at a threshold.
        kind: Key of `KINDS`: false positives come with the highest score first, false negatives
            with the lowest, the most confident errors with the score furthest from the label.
    """
    said = result.predictions
    distance = np.abs(said.y_true[:, 0] - said.y_score[:, 0])
    return _ids(said, np.flatnonzero(_wrong(result, kind)), -distance)


def _wrong(result: OperatingResult, kind: str) -> NDArray[np.bool_]:
    """Returns which rows (N,) were called wrongly in one of `KINDS`."""
    positive = result.predictions.y_true[:, 0]
    wrong: dict[str, NDArray[np.bool_]] = {
        "false_positives": ~positive & result.called,
        "false_negatives": positive & ~result.called,
        "confident": positive != result.called,
    }
    return wrong[kind]


def photographs_of(patients: Sequence[str], photographs: Predictions) -> list[str]:
    """Returns the ids of patients' photographs, patient by patient, the highest score first.

    Args:
        patients: In the order in which they are wanted.
        photographs: Of one class, with patients.
    """
    if photographs.patient_ids is None:
        return []
    place = {patient: number for number, patient in enumerate(patients)}
    owner = [place.get(str(name), -1) for name in photographs.patient_ids]
    score = photographs.y_score[:, 0]
    rows = [row for row, number in enumerate(owner) if number >= 0]
    rows.sort(key=lambda row: (owner[row], -score[row]))
    return [photographs.image_ids[row] for row in rows]


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


def notes(predictions: Predictions, image_ids: Collection[str]) -> dict[str, str]:
    """Returns what stands under the thumbnail of each of some photographs: score and label."""
    return {
        image_id: f"{score:.2f} · {'with' if positive else 'without'}"
        for image_id, score, positive in zip(
            predictions.image_ids, predictions.y_score[:, 0], predictions.y_true[:, 0], strict=True
        )
        if image_id in image_ids
    }


def still_listed(image_ids: Sequence[str], dataset: FundusDataset) -> list[str]:
    """Returns the ids that the data set still holds; a run may be older than its table."""
    known = set(dataset.image_ids)
    return [image_id for image_id in image_ids if image_id in known]


def _ids(predictions: Predictions, rows: NDArray[np.intp], key: NDArray[np.float64]) -> list[str]:
    """Returns the ids of rows in ascending order of a key of all rows."""
    order = rows[np.argsort(key[rows], kind="stable")]
    return [predictions.image_ids[row] for row in order]
