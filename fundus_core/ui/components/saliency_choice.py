"""The menus of a heat map: method, layer, class to subtract, opacity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.explain.methods import METHODS
from fundus_core.io.images import is_content_id, require_holds
from fundus_core.ui import explain_caches, messages, text
from fundus_core.workflows.explanations.explained import Asked
from fundus_core.workflows.models.run_record import Run

_FIRST_OPACITY = 0.6
_NOTHING = ""

DEPTHS = {
    0.0: "earliest",
    0.25: "early",
    0.5: "middle",
    0.75: "late",
    1.0: "usual (last)",
}
"""Where in each network a layer is looked for, of several networks: share of the layers -> name."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How maps are made and drawn."""

    method: str = "grad_cam"
    """Key of `METHODS`."""

    opacity: float = _FIRST_OPACITY
    """How much of the photograph the hottest place hides, in [0, 1]."""

    minus: str = _NOTHING
    """A class whose logit is subtracted; empty for none."""

    layer_of: Mapping[str, str | None] = field(default_factory=dict)
    """Run id -> name of a layer; None, or absent, for the usual one."""


def asked_of(run: Run, class_name: str, drawing: Drawing) -> Asked:
    """Returns what is asked of one model."""
    return Asked(class_name, drawing.minus, drawing.method, drawing.layer_of.get(run.id))


def image_of(run: Run, row: "pd.Series[Any]") -> str:
    """Returns how a run's workflows find a photograph of the open data set.

    A run on other photographs knows those of its own data set by id only.

    Raises:
        ImageError: If the file is gone, or holds another photograph by now.
    """
    path, image_id = Path(str(row["path"])), str(row.name)
    if is_content_id(image_id):
        require_holds(path, image_id)
    return str(path) if run.kind == "external" else image_id


def pick_drawing(runs: Sequence[Run], class_name: str) -> Drawing:
    """Draws the menus and returns the choices.

    Args:
        runs: The models, all of one target.
        class_name: The class explained.
    """
    others = [name for name in runs[0].target.scored_classes if name != class_name]
    several = len(others) > 1
    places = st.columns(3 if several else 2)
    with places[0]:
        method = _pick_method()
    with places[-1]:
        opacity: float = st.slider(
            "Opacity of the map", 0.0, 1.0, _FIRST_OPACITY, step=0.05, key="grad_cam.opacity"
        )
    minus = _NOTHING
    if several:
        with places[1]:
            minus = _pick_minus(runs[0], others)
    chosen = METHODS[method]
    if not chosen.class_specific:
        st.info("This method draws the same map whichever class, and whichever probe, is asked.")
    if not chosen.quick:
        st.caption(f":material/hourglass_empty: Per photograph and model: {chosen.cost}.")
    layer_of = _pick_layers(runs) if chosen.by_layer else {}
    return Drawing(method, opacity, minus, layer_of)


def _pick_method() -> str:
    method: str = st.selectbox(
        "Method",
        list(METHODS),
        format_func=lambda key: METHODS[key].label,
        key="grad_cam.method",
        help="Each refuses networks that it does not serve, with the reason.",
    )
    return method


def _pick_minus(run: Run, others: Sequence[str]) -> str:
    """Draws the menu of a class to subtract."""
    chosen: str = st.selectbox(
        "Rather than",
        [_NOTHING, *others],
        format_func=lambda name: text.class_label(run.target, name) if name else "nothing",
        key="grad_cam.minus",
        help="Explains the difference of two classes: what speaks for the one and not the other.",
    )
    return chosen


def _pick_layers(runs: Sequence[Run]) -> dict[str, str | None]:
    """Draws the slider of layers once it is asked for: it takes a look at the networks."""
    if not st.toggle("Choose the layer", key="grad_cam.choose_layer"):
        return {}
    try:
        choices = {run.id: explain_caches.layers(run.id) for run in runs}
    except FundusError as error:
        messages.show_error(error)
        return {}
    if len(runs) == 1:
        (offered,) = choices.values()
        titles = {one.layer.name: one.title for one in offered}
        name: str = st.select_slider(
            "Layer, from early to late",
            list(titles),
            value=offered[-1].layer.name,
            format_func=titles.__getitem__,
            key=f"grad_cam.layer.{runs[0].id}",
        )
        return {runs[0].id: None if name == offered[-1].layer.name else name}
    depth: float = st.select_slider(
        "Depth of the layer, from early to late",
        list(DEPTHS),
        value=1.0,
        format_func=DEPTHS.__getitem__,
        key="grad_cam.depth",
        help="Each network's own layer at this share of its layers; below each map it is named.",
    )
    return {
        run_id: None if depth == 1 else offered[round(depth * (len(offered) - 1))].layer.name
        for run_id, offered in choices.items()
    }
