"""The part of a map that a reader has zoomed to: it stays with the session, and in the address.

Streamlit tells of a chart what was selected and not what was zoomed to, so a few lines of script
listen to the chart itself. They hand over four numbers, and nothing else leaves or enters the page.
"""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from fundus_core.ui import outside, state

Range = tuple[float, float]

_LISTENER = """
export default function ({ data, setStateValue }) {
  let chart = null, waiting = 0;
  const tell = () => {
    const { xaxis, yaxis } = chart.layout;
    const ends = xaxis.autorange ? [] : [...xaxis.range, ...yaxis.range];
    setStateValue("shown", ends.map((end) => Number(end).toPrecision(5)).join(","));
  };
  const moved = (change) => {
    if (!Object.keys(change).some((name) => name.startsWith("xaxis."))) return;
    clearTimeout(waiting);
    waiting = setTimeout(tell, 400);
  };
  const look = () => {
    const found = document.querySelector(`.st-key-${data.place} .js-plotly-plot`);
    if (!found || !found.on || found === chart) return;
    chart = found;
    chart.on("plotly_relayout", moved);
  };
  const looking = setInterval(look, 300);
  look();
  return () => {
    clearInterval(looking);
    clearTimeout(waiting);
    if (chart) chart.removeListener("plotly_relayout", moved);
  };
}
"""
"""Streamlit makes the chart anew when its key changes: the script keeps looking for it."""

_listener = st.components.v2.component("map_view", js=_LISTENER, isolate_styles=False)


def zoomed(figure: go.Figure, name: str) -> go.Figure:
    """Returns a map as far as the reader has zoomed into it: itself where that is not at all.

    Args:
        figure: The whole map.
        name: Tells apart the maps that have a view of their own.
    """
    view = view_of(state.current().views, name)
    if view is None:
        return figure
    x, y = view
    part = go.Figure(figure)
    part.update_xaxes(range=list(x))
    return part.update_yaxes(range=list(y))


@outside.fragment()
def listen(place: str, name: str) -> None:
    """Keeps what the reader zooms to; draws nothing, and nothing else is drawn anew.

    Args:
        place: Key of the container of the chart, of letters, digits and `-` alone.
        name: As given to `zoomed`.
    """
    key = f"{place}.listener"
    _listener(
        key=key,
        data={"place": place},
        default={"shown": ""},
        on_shown_change=outside.callback(lambda: _take(name, key)),
        height="content",
    )


def view_of(views: Sequence[str], name: str) -> tuple[Range, Range] | None:
    """Returns the ends of both axes of a map, or None where the whole of it is shown.

    Args:
        views: Each `NAME:LEFT,RIGHT,BOTTOM,TOP`; an address may hold anything.
        name: Of the map.

    Examples:
        >>> view_of(["a1-pca:-1,2.5,0,3"], "a1-pca")
        ((-1.0, 2.5), (0.0, 3.0))
        >>> view_of(["a1-pca:-1,2.5,0,nonsense"], "a1-pca")
    """
    for view in views:
        named, _, ends = view.partition(":")
        if named != name:
            continue
        try:
            left, right, bottom, top = map(float, ends.split(","))
        except ValueError:
            return None
        whole = all(map(math.isfinite, (left, right, bottom, top)))
        return ((left, right), (bottom, top)) if whole and left < right and bottom < top else None
    return None


def _take(name: str, key: str) -> None:
    """Makes what a map shows now its view."""
    shown = str(state.remembered(key, {}).get("shown", ""))
    others = [view for view in state.current().views if view.partition(":")[0] != name]
    view = f"{name}:{shown}"
    state.choose(views=(*others, *([view] if view_of([view], name) else [])))
