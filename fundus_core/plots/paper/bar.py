"""Plotly's bars, drawn by matplotlib."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.plots.paper.panel import Panel, draw_error_bars, enter, marker_colours, values_of


def bar(panel: Panel, trace: go.Bar) -> None:
    """Draws bars; those of several traces stand beside each other, or on each other if stacked."""
    across = trace.orientation != "h"
    scale, counted = (panel.x, panel.y) if across else (panel.y, panel.x)
    places = scale.places(values_of(trace.x if across else trace.y))
    lengths = counted.places(values_of(trace.y if across else trace.x))
    index = next(i for i, one in enumerate(panel.bars) if one is trace)
    width = _bar_width(places, trace.width)
    start = np.zeros(len(places)) if trace.base is None else counted.places(values_of(trace.base))
    if panel.bar_mode == "group" and len(panel.bars) > 1:
        width = width / len(panel.bars)
        places = places + width * (index - (len(panel.bars) - 1) / 2)
    elif panel.bar_mode in ("stack", "relative"):
        start = start + _below(panel, trace, index, across=across)
    colours, _ = marker_colours(trace.marker, len(places), trace.opacity, panel.own_colour)
    method = panel.axes.bar if across else panel.axes.barh
    drawn = method(places, lengths, width, start, color=colours, zorder=2)
    ends = (places, start + lengths) if across else (start + lengths, places)
    draw_error_bars(panel, trace, *ends, "black")
    enter(panel, trace, drawn)


def _below(panel: Panel, trace: go.Bar, index: int, *, across: bool) -> NDArray[np.float64]:
    """Returns how high the bars before this one reach, at each of its places."""
    heights: dict[str, float] = {}
    for one in panel.bars[:index]:
        at, long = (one.x, one.y) if across else (one.y, one.x)
        for place, length in zip(values_of(at), values_of(long), strict=True):
            heights[str(place)] = heights.get(str(place), 0.0) + float(length)
    places = values_of(trace.x if across else trace.y)
    return np.array([heights.get(str(place), 0.0) for place in places])


def _bar_width(places: NDArray[np.float64], given: Any) -> Any:
    if given is not None:
        return np.asarray(given, dtype=float)
    gaps = np.diff(np.unique(places))
    return 0.8 * (gaps.min() if len(gaps) else 1.0)
