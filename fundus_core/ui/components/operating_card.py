"""What a model does at one threshold: the confusion matrix and the two shares it leads to."""

import math

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from fundus_core.stats.operating import OperatingPoint, youden_threshold
from fundus_core.ui import state, text
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.runs import Run

FIXED_BEFOREHAND = 0.5
"""The threshold a page starts with: the natural one of a probability, not sought on any data."""

_AS_IN_THE_ADDRESS = 1e-5
"""The address keeps six digits of a threshold."""


def pick_model(picked: PickedRuns, label: str = "Threshold, errors and baseline of") -> Run:
    """Returns the one model looked at closely: the only one, or the one chosen in a menu.

    Args:
        picked: To choose from.
        label: Of the menu.
    """
    if len(picked.runs) == 1:
        return picked.runs[0]
    by_id = {run.id: run for run in picked.runs}
    chosen = st.selectbox(
        label,
        list(by_id),
        format_func=picked.names.__getitem__,
        key="roc.model",
    )
    return by_id[chosen]


def pick_threshold(y_true: NDArray[np.bool_], y_score: NDArray[np.float64]) -> tuple[float, bool]:
    """Draws the slider, and the button that seeks the threshold by Youden's index.

    Args:
        y_true: Shape (N,).
        y_score: Shape (N,), in [0, 1].

    Returns:
        The threshold, and whether it is the one sought on these photographs.
    """
    held = state.current().threshold
    if held is None or not 0 <= held <= 1:
        state.choose(threshold=FIXED_BEFOREHAND)
    sought = youden_threshold(y_true, y_score)
    threshold: float = st.slider(
        "Threshold: called positive from this score on",
        0.0,
        1.0,
        step=0.001,
        format="%.3f",
        **state.bound("threshold"),
    )
    st.button(
        f"Seek it here: {sought:.3f}",
        icon=":material/my_location:",
        on_click=state.choose,
        kwargs={"threshold": sought},
        help="The highest sensitivity + specificity on these very photographs (Youden's index).",
    )
    return threshold, math.isclose(threshold, sought, rel_tol=_AS_IN_THE_ADDRESS)


def operating_card(point: OperatingPoint, class_label: str, *, chosen_here: bool) -> None:
    """Draws the confusion matrix with sensitivity and specificity.

    Args:
        point: What to draw.
        class_label: The class whose presence counts as positive.
        chosen_here: True if the threshold was sought on these very photographs.
    """
    name = text.escaped(class_label)
    left, right = st.columns(2)
    left.metric(
        "Sensitivity",
        f"{point.sensitivity:.3f}",
        help=f"Share of the photographs with {name} that are called positive.",
    )
    left.caption(_interval(point.sensitivity_low, point.sensitivity_high, point.confidence))
    right.metric(
        "Specificity",
        f"{point.specificity:.3f}",
        help=f"Share of the photographs without {name} that are called negative.",
    )
    right.caption(_interval(point.specificity_low, point.specificity_high, point.confidence))
    st.table(confusion_frame(point, class_label), alt=_confusion_sentence(point))
    st.caption(interval_sentence(point, chosen_here=chosen_here))


def confusion_frame(point: OperatingPoint, class_label: str) -> pd.DataFrame:
    """Returns the counts of photographs: a row per true label, a column per call."""
    name = text.escaped(class_label)
    return pd.DataFrame(
        {
            "Called positive": [str(point.n_true_positive), str(point.n_false_positive)],
            "Called negative": [str(point.n_false_negative), str(point.n_true_negative)],
        },
        index=[name, f"not {name}"],
    )


def interval_sentence(point: OperatingPoint, *, chosen_here: bool) -> str:
    """Says how the intervals were made, and that a threshold sought here flatters them."""
    unit = (
        "patients, not photographs, count as independent (design effect)"
        if "clustered" in point.method
        else "photographs count as independent; two eyes of one patient are not"
    )
    said = f"Wilson's intervals; {unit}."
    if chosen_here:
        return (
            f"{said} This threshold was sought on these very photographs, which flatters both "
            "shares: confirm it on others."
        )
    return (
        f"{said} They hold for a threshold fixed before looking at these photographs; one found by "
        "moving the slider flatters both shares."
    )


def _interval(low: float, high: float, confidence: float) -> str:
    return f"{100 * confidence:g} % CI {low:.3f} to {high:.3f}"


def _confusion_sentence(point: OperatingPoint) -> str:
    return (
        f"{point.n_true_positive} true positives, {point.n_false_negative} false negatives, "
        f"{point.n_false_positive} false positives, {point.n_true_negative} true negatives."
    )
