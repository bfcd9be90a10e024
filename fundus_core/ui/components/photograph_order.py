"""In which order photographs are gone through, and the steps from one to the next."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.ui import outside, state
from fundus_core.ui.components import error_gallery

DISAGREE = "disagree"
"""The order that begins where two models differ most."""


def pick_order(n_models: int, *, key: str) -> str:
    """Draws the choice of the order of photographs; returns its key."""
    orders = dict(error_gallery.ORDERS)
    if n_models > 1:
        orders[DISAGREE] = "Where the first two disagree"
    chosen: str = st.segmented_control(
        "Order",
        list(orders),
        format_func=orders.__getitem__,
        default="errors",
        required=True,
        wrap=True,
        label_visibility="collapsed",
        key=f"{key}.{n_models > 1}",
    )
    return chosen


def in_order(order: str, predictions: Sequence[Predictions], dataset: FundusDataset) -> list[str]:
    """Returns the ids of a data set's photographs in an order.

    Args:
        order: What `pick_order` returned.
        predictions: Of one class, one per model; errors are those of the first.
        dataset: What is still there to be shown.
    """
    if order == DISAGREE:
        return error_gallery.still_listed(disagreements(*predictions[:2]), dataset)
    first = error_gallery.ordered(predictions[0], order, state.current().selection)
    return error_gallery.still_listed(first, dataset)


def disagreements(one: Predictions, other: Predictions) -> list[str]:
    """Returns the ids of photographs that both scored, the largest difference of scores first."""
    row_of = {image_id: row for row, image_id in enumerate(other.image_ids)}
    common = [(row, row_of[i]) for row, i in enumerate(one.image_ids) if i in row_of]
    apart = np.array([abs(one.y_score[a, 0] - other.y_score[b, 0]) for a, b in common])
    order = np.argsort(-apart, kind="stable")
    return [one.image_ids[common[row][0]] for row in order]


def stepper(image_ids: Sequence[str], image_id: str) -> None:
    """Draws the buttons to the photograph before and after, which the keys P and N press too."""
    at = image_ids.index(image_id) if image_id in image_ids else -1
    with st.container(horizontal=True, vertical_alignment="center"):
        _step("Previous", ":material/arrow_back:", "P", image_ids, at - 1, enabled=at > 0)
        _step(
            "Next",
            ":material/arrow_forward:",
            "N",
            image_ids,
            at + 1,
            enabled=at + 1 < len(image_ids),
        )
        if at >= 0:
            st.caption(f"Photograph {at + 1:,} of {len(image_ids):,} in this order")


def _step(
    label: str, icon: str, shortcut: str, image_ids: Sequence[str], to: int, *, enabled: bool
) -> None:
    st.button(
        label,
        icon=icon,
        shortcut=shortcut,
        key=f"step.{label}",
        disabled=not enabled,
        on_click=outside.callback(_go),
        args=(image_ids[to] if enabled else "",),
    )


def _go(image_id: str) -> None:
    state.choose(image_id=image_id)
