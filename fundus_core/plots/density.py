"""How many photographs lie where on a map, for more of them than can be drawn one by one."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.plots import palette

_CELLS = 160
"""Along the longer side of a map."""


def density(points: NDArray[np.float32]) -> go.Heatmap:
    """Returns how many points lie where, in grey: square cells, the logarithm of their number.

    Args:
        points: Shape (N, 2), N at least 1.
    """
    places = points.astype(np.float64)
    low = places.min(axis=0)
    span = places.max(axis=0) - low
    side = max(float(span.max()) / _CELLS, float(np.finfo(np.float32).tiny))
    n_cells = np.maximum(1, np.ceil(span / side)).astype(int)
    ends = low + side * n_cells
    counts, *_ = np.histogram2d(
        places[:, 0], places[:, 1], bins=n_cells, range=[(low[0], ends[0]), (low[1], ends[1])]
    )
    with np.errstate(divide="ignore"):
        logarithms = np.where(counts > 0, np.log10(counts), np.nan).T.astype(np.float32)
    return go.Heatmap(
        x=low[0] + side * (np.arange(n_cells[0]) + 0.5),
        y=low[1] + side * (np.arange(n_cells[1]) + 0.5),
        z=logarithms,
        zmin=0.0,
        zmax=max(1.0, float(np.log10(counts.max()))),
        colorscale=[
            [0.0, palette.translucent(palette.NEUTRAL, 0.12)],
            [1.0, palette.translucent(palette.NEUTRAL, 0.95)],
        ],
        showscale=False,
        hoverinfo="skip",
        name="density",
    )
