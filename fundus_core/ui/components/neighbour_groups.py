"""Neighbours here, not there: whom two backbones put next to one photograph."""

from collections.abc import Collection, Sequence

import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.ui import outside, selection_caches, state, text
from fundus_core.ui.components.gallery import gallery
from fundus_core.workflows.data.similar import Neighbourhoods
from fundus_core.workflows.embeddings.stored import EmbeddingSummary

COUNTS = (5, 8, 10, 20)
USUAL = 8

_PAIR = 2


def named(
    both: Collection[str], left: Collection[str], right: Collection[str]
) -> dict[str, set[str]]:
    """Returns groups of photographs by what the legend of a map calls them; empty ones left out."""
    groups = {
        "near for both": set(both),
        "near on the left only": set(left),
        "near on the right only": set(right),
    }
    return {name: ids for name, ids in groups.items() if ids}


def of_open(dataset_id: str, shown: Sequence[EmbeddingSummary]) -> Neighbourhoods | None:
    """Returns the neighbours of the open photograph under two backbones.

    Returns:
        None unless a photograph is open and two backbones that know it are shown.
    """
    image_id = state.current().image_id
    if not image_id or len(shown) != _PAIR:
        return None
    first, second = (one.fingerprint for one in shown)
    wanted = state.remembered("map.neighbours", USUAL)
    return selection_caches.neighbourhoods(dataset_id, first, second, image_id, wanted)


def on_maps(found: Neighbourhoods | None) -> dict[str, set[str]]:
    """Returns the groups that stand out on two maps side by side."""
    if found is None:
        return {}
    return named(found.both, found.only_first, found.only_second)


def lists(
    dataset: FundusDataset,
    found: Neighbourhoods,
    shown: Sequence[EmbeddingSummary],
    labels: Sequence[str],
) -> None:
    """Draws the neighbours under each backbone, those of both named so, and how many are shared."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.markdown(
        f"**{len(found.both)} of {found.k} neighbours are the same** for both backbones. The other "
        f"{text.count(found.k - len(found.both), 'neighbour')} of each are near here, not there."
    )
    right.segmented_control(
        "Neighbours", COUNTS, default=USUAL, required=True, wrap=True, key="map.neighbours"
    )
    sides = zip(st.columns(_PAIR), shown, labels, (found.first, found.second), strict=True)
    for place, one, label, near in sides:
        with place:
            st.markdown(f"**Most alike for {text.escaped(label)}**")
            notes = {
                name: f"cosine {cosine:.2f} · {'both' if name in found.both else 'only here'}"
                for name, cosine in near.items()
            }
            gallery(dataset, list(notes), key=f"near.{one.fingerprint}", notes=notes, width=90)
    everyone = tuple(dict.fromkeys([state.current().image_id, *found.first, *found.second]))
    st.button(
        f"Select the photograph and its {len(everyone) - 1} neighbours",
        key="selection.neighbours",
        icon=":material/hub:",
        on_click=outside.callback(state.select),
        args=(everyone, "a photograph and its neighbours"),
    )
    st.caption(
        f"Looked for among the {text.count(found.n_compared, 'photograph')} that both backbones "
        "have embedded. The cosine compares photographs of one backbone, not backbones."
    )
