"""In which order the photographs are shown, and how a search becomes the selection."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from fundus_core.ui import outside, state, text
from fundus_core.ui.components import example_search, text_search
from fundus_core.workflows.data.datasets import DatasetSummary


@dataclass(frozen=True, slots=True)
class Ranking:
    """Photographs in an order, with a note on each."""

    notes: dict[str, str]
    """Image id -> what stands under it, the first first."""

    origin: str
    """What was asked, in a few words."""


def ranking(summary: DatasetSummary, image_ids: Sequence[str]) -> Ranking | None:
    """Draws the searches by words and by a photograph; returns the order that one of them gives.

    Args:
        summary: The data set.
        image_ids: Photographs that match the filters; others have no place in the order.

    Returns:
        None where nothing is searched for: the order of the table.
    """
    words = text_search.search_box(summary)
    likeness = example_search.example_search(summary)
    if likeness is not None:
        if words is not None:
            st.caption(":material/info: Ranked by the photograph; the words are not used.")
        st.caption(example_search.HOW_TO_READ)
        return Ranking(text_search.ranked(image_ids, likeness.cosines), likeness.origin)
    if words is None:
        return None
    notes = text_search.ranked(image_ids, words.cosines)
    text_search.caption(image_ids, notes)
    return Ranking(notes, f"nearest to the words {words.words}")


def selecting(n_images: int, image_ids: Sequence[str], found: Ranking | None, asked: str) -> None:
    """Draws what makes the photographs that were found the selection.

    Args:
        n_images: Photographs of the data set.
        image_ids: What was found, in its order.
        found: The order, if it is one of a search.
        asked: What the filters asked for, see `Filtered`.
    """
    if found is None:
        if len(image_ids) < n_images:
            _button(image_ids, f"Select these {text.count(len(image_ids), 'photograph')}", asked)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = int(
            st.number_input(
                "How many to select",
                1,
                max(1, len(image_ids)),
                min(20, max(1, len(image_ids))),
                key="images.select_count",
                width=160,
            )
        )
        origin = ", ".join(filter(None, [f"{count} {found.origin}", asked]))
        _button(image_ids[:count], f"Select the first {min(count, len(image_ids)):,}", origin)


def _button(image_ids: Sequence[str], label: str, origin: str) -> None:
    st.button(
        label,
        key="images_select",
        icon=":material/select_all:",
        on_click=outside.callback(state.select),
        args=(tuple(image_ids), origin),
        disabled=not image_ids,
    )
