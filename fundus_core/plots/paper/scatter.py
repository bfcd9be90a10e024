"""Lines, markers, areas and texts of plotly's scatter traces, drawn by matplotlib."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.plots.paper.look import (
    LINE_STYLES,
    MARKERS,
    POINTS_PER_PIXEL,
    STEPS,
    colour_of,
    plain,
    unmarked,
)
from fundus_core.plots.paper.panel import (
    LINE_PIXELS,
    SMALL_TEXT,
    Panel,
    draw_colour_bar,
    draw_error_bars,
    enter,
    marker_colours,
    values_of,
)

_MARKER_PIXELS = 6.0
"""Plotly's own where a trace says nothing."""


def scatter(panel: Panel, trace: Any) -> None:
    """Draws what the trace has of areas, lines, markers, error bars and texts."""
    x, y = panel.x.places(values_of(trace.x)), panel.y.places(values_of(trace.y))
    mode = trace.mode or "lines+markers"
    drawn: Any = _area(panel, trace, x, y)
    if "lines" in mode and trace.line.width != 0:
        drawn = _line(panel, trace, x, y)
    if "markers" in mode:
        drawn = _markers(panel, trace, x, y)
    own = trace.marker.color
    draw_error_bars(panel, trace, x, y, own if isinstance(own, str) else _line_colour(panel, trace))
    if "text" in mode:
        _texts(panel, trace, x, y)
    panel.last_line = (x, y)
    enter(panel, trace, drawn)


def _area(panel: Panel, trace: Any, x: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
    """Fills what the trace encloses, or what lies between it and the one before or zero."""
    fill = trace.fill or "none"
    if fill == "none":
        return None
    look: dict[str, Any] = {"linewidth": 0, "zorder": 1}
    look["facecolor"] = colour_of(
        trace.fillcolor or _line_colour(panel, trace), opacity=trace.opacity
    )
    if fill == "toself":
        return panel.axes.fill(x, y, **look)[0]
    if fill == "tonexty" and panel.last_line is not None:
        other_x, other_y = panel.last_line
        return panel.axes.fill(
            np.concatenate([x, other_x[::-1]]), np.concatenate([y, other_y[::-1]]), **look
        )[0]
    return panel.axes.fill_between(x, y, 0, **look)


def _line(panel: Panel, trace: Any, x: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
    return panel.axes.plot(
        x,
        y,
        color=colour_of(_line_colour(panel, trace), opacity=trace.opacity),
        linestyle=LINE_STYLES.get(trace.line.dash or "solid", "-"),
        linewidth=POINTS_PER_PIXEL * (trace.line.width or LINE_PIXELS),
        drawstyle=STEPS.get(trace.line.shape, "default"),
        zorder=2,
    )[0]


def _markers(panel: Panel, trace: Any, x: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
    """Draws markers, a group for each shape, as matplotlib has one shape for each call."""
    marker = trace.marker
    sizes = np.broadcast_to(_MARKER_PIXELS if marker.size is None else marker.size, len(x))
    shapes = np.broadcast_to(np.asarray(marker.symbol or "circle", dtype=object), len(x))
    opacity = trace.opacity if marker.opacity is None else marker.opacity
    colours, scale = marker_colours(marker, len(x), opacity, _line_colour(panel, trace))
    drawn = None
    for shape in dict.fromkeys(shapes):
        rows = shapes == shape
        look: dict[str, Any] = {
            "s": (2 * POINTS_PER_PIXEL * sizes[rows] * 0.75) ** 2 / 2,
            "zorder": 3,
        }
        look["marker"] = MARKERS.get(shape, "o")
        hollow = "open" in str(shape)
        edge = colour_of(marker.line.color) if marker.line.width else None
        if scale is not None:
            look |= {"c": scale[0][rows], **scale[1]}
        elif hollow:
            look |= {"facecolors": "none", "edgecolors": colours[rows], "linewidths": 0.8}
        else:
            look |= {"facecolors": colours[rows], "edgecolors": edge or "none", "linewidths": 0.8}
        drawn = panel.axes.scatter(x[rows], y[rows], **look)
    if scale is not None and drawn is not None and marker.showscale is not False:
        draw_colour_bar(panel, drawn, marker.colorbar.title.text)
    return drawn


def _texts(panel: Panel, trace: Any, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    texts = [trace.text] * len(x) if isinstance(trace.text, str) else values_of(trace.text)
    for text, across, up in zip(texts, x, y, strict=True):
        panel.axes.annotate(
            unmarked(plain(text)), (across, up), ha="center", va="bottom", fontsize=SMALL_TEXT
        )


def _line_colour(panel: Panel, trace: Any) -> str:
    return trace.line.color or panel.own_colour
