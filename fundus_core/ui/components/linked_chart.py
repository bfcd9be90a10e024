"""A map on which the selection of all pages is seen and made."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from fundus_core.plots.agreement import neighbours_figure
from fundus_core.plots.lasso import selected_rows
from fundus_core.plots.map import MOST_POINTS, Colouring
from fundus_core.ui import outside, selection_caches, state
from fundus_core.ui.components import map_view


def linked_chart(
    points: NDArray[np.float32],
    image_ids: Sequence[str],
    colours: Colouring,
    *,
    key: str,
    height: int,
    alt: str,
    view: str,
    groups: Mapping[str, Collection[str]] | None = None,
) -> go.Figure:
    """Draws a map on which the selection of all pages is seen and made; returns the whole of it.

    A click on a point opens its photograph; a box or a lasso selects those within it, also where
    only a sample of them is drawn.

    Args:
        points: Shape (N, 2).
        image_ids: N ids.
        colours: Of the N points.
        key: Tells charts on one page apart.
        height: In pixels.
        alt: What it shows, for screen readers.
        view: Name under which the part that is zoomed to is kept; letters, digits and `-`.
        groups: Name for the legend -> ids of photographs that stand out by shape.
    """
    session, chosen = state.current(), selection_caches.chosen()
    rows = {name: _rows(image_ids, ids) for name, ids in (groups or {}).items()}
    opened = _rows(image_ids, {session.image_id})
    drawn = neighbours_figure(
        points,
        colours,
        marked=int(opened[0]) if len(opened) else None,
        groups={name: found for name, found in rows.items() if len(found)},
        chosen=_among(image_ids, chosen.members) if chosen else None,
        height=height,
    )
    chart_key = f"{key}.{session.selection_count}.{session.view_count}.{session.image_id}"
    place = f"view-{view}"
    with st.container(key=place, gap=None):
        st.plotly_chart(
            map_view.zoomed(drawn, view),
            key=chart_key,
            on_select=outside.callback(lambda: _take(chart_key, points, image_ids)),
            selection_mode=("points", "box", "lasso"),
            config={"displaylogo": False, "scrollZoom": True},
            alt=alt,
        )
        map_view.listen(place, view)
    return drawn


def _among(image_ids: Sequence[str], wanted: Collection[str]) -> NDArray[np.bool_]:
    """Returns which ids are wanted; a set of Python is several times faster here than pandas."""
    return np.fromiter((one in wanted for one in image_ids), bool, len(image_ids))


def _rows(image_ids: Sequence[str], wanted: Collection[str]) -> NDArray[np.intp]:
    return np.flatnonzero(_among(image_ids, wanted))


def _take(key: str, points: NDArray[np.float32], image_ids: Sequence[str]) -> None:
    """Makes what was drawn around on a map the selection; one point alone is opened."""
    rows = selected_rows(state.selected_points(key), points, most=MOST_POINTS)
    if len(rows) == 1:
        state.choose(image_id=image_ids[rows[0]])
    elif len(rows):
        state.select([image_ids[row] for row in rows], "drawn around on a map")
