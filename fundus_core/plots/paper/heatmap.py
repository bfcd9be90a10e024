"""Plotly's heat maps, drawn by matplotlib."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.plots.paper.look import colour_map, plain, unmarked
from fundus_core.plots.paper.panel import SMALL_TEXT, Panel, draw_colour_bar, values_of

_MOST_BORDERED = 2500
"""Cells up to which borders tell them apart; of more they would be all that is seen."""


def heatmap(panel: Panel, trace: go.Heatmap) -> None:
    """Draws cells with their texts, and the scale of their colours."""
    values = np.array(
        [[np.nan if one is None else float(one) for one in row] for row in trace.z], dtype=float
    )
    rows, columns = values.shape
    x = panel.x.places(values_of(trace.x)) if trace.x is not None else np.arange(float(columns))
    y = panel.y.places(values_of(trace.y)) if trace.y is not None else np.arange(float(rows))
    mesh = panel.axes.pcolormesh(
        _edges(x),
        _edges(y),
        np.ma.masked_invalid(values),
        cmap=colour_map(trace.colorscale),
        vmin=trace.zmin,
        vmax=trace.zmax,
        edgecolors="white" if values.size <= _MOST_BORDERED else "none",
        linewidth=0.6,
    )
    panel.axes.grid(visible=False)
    if trace.text is not None and trace.texttemplate:
        _cell_texts(panel, trace, mesh, values, x, y)
    if trace.showscale is not False:
        draw_colour_bar(panel, mesh, trace.colorbar.title.text)


def _cell_texts(
    panel: Panel,
    trace: go.Heatmap,
    mesh: Any,
    values: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> None:
    """Writes into every cell what the page writes there, dark on light and light on dark."""
    for row, column in _cells(values):
        red, green, blue, _ = mesh.cmap(mesh.norm(values[row, column]))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        panel.axes.text(
            x[column],
            y[row],
            unmarked(plain(str(trace.text[row][column]))),
            ha="center",
            va="center",
            fontsize=SMALL_TEXT,
            color="white" if dark and np.isfinite(values[row, column]) else "black",
        )


def _cells(values: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    rows, columns = values.shape
    return ((row, column) for row in range(rows) for column in range(columns))


def _edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the borders of cells around their centres, one more than these."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    between = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - between[0], 2 * centres[-1] - between[-1]
    return np.array([first, *between, last])
