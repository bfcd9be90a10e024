"""Weights that are not on this machine: a button to fetch them, or where they go by hand."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.ui import outside, text, wiring
from fundus_core.workflows.weights.fetch import licence_to_accept, page


def missing_weights(backbones: Sequence[str], weights: str | None, *, key: str) -> None:
    """Says how to get the weights of chosen backbones that are not at hand.

    Args:
        backbones: Ids of the chosen ones.
        weights: As `--weights` takes it; nothing is missing unless it is None, the own ones.
        key: Begins the keys of the widgets.
    """
    if weights is not None:
        return
    for backbone in backbones:
        place = wiring.weights_place(backbone) if backbone in BACKBONES else None
        if place is None or place.usable:
            continue
        if place.state == "fetchable":
            _offer(BACKBONES[backbone], key)
        else:
            said = f"**{text.escaped(backbone)}**: {text.escaped(place.advice)}"
            st.caption(f":material/info: {said}")


def _offer(spec: BackboneSpec, key: str) -> None:
    """Draws one backbone's licence, and the button that fetches its weights."""
    terms = licence_to_accept(spec)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{text.escaped(spec.title)}**: its weights are not on this machine. "
            f"Licence: {text.escaped(terms or spec.licence)} · [page]({page(spec)})",
            width="stretch",
        )
        accepted = not terms or st.checkbox(
            "I have read and accept it",
            key=f"{key}.accept.{spec.id}",
            help="The terms of the weights, on the page behind the link.",
        )
        st.button(
            "Fetch weights",
            key=f"{key}.fetch.{spec.id}",
            icon=":material/download:",
            disabled=not accepted or wiring.read_only(),
            on_click=outside.callback(_fetch),
            args=(spec.id,),
            help="Downloads them into this workspace, as a job. Nothing else uses the network.",
        )


def _fetch(backbone: str) -> None:
    """Queues the download."""
    spec = BACKBONES[backbone]
    accepted = ["--accept-licence"] if licence_to_accept(spec) else []
    wiring.submit(["backbones", "fetch", backbone, *accepted], f"Fetch weights: {spec.title}")
