"""How far each part of a network moved while it was trained, as a plotly figure."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.finetune.state import Epoch
from fundus_core.plots import palette

_ROW_HEIGHT = 20


def movement_figure(epochs: Sequence[Epoch]) -> go.Figure:
    """Draws how far every part had moved by each epoch of one fold, the input at the bottom.

    The colour is the distance of the part's weights to where they began, in percent of their length
    there; parts that began at zero have none. Hovering tells the learning rate as well.

    Args:
        epochs: At least one, with the drift of at least one part.
    """
    parts = list(epochs[-1].drift)
    rates = _by_part([epoch.rates for epoch in epochs], parts)
    absolute = rates * np.array([epoch.learning_rate for epoch in epochs])
    figure = go.Figure(
        go.Heatmap(
            x=[epoch.number for epoch in epochs],
            y=parts,
            z=100 * _by_part([epoch.drift for epoch in epochs], parts),
            zmin=0,
            customdata=np.dstack([rates, absolute]),
            colorscale=list(palette.SEQUENTIAL),
            colorbar={"title": {"text": "moved, %", "side": "right"}, "thickness": 12},
            hovertemplate="%{y}, epoch %{x}: moved by %{z:.3g} %; rate %{customdata[0]:.3g} of the "
            "highest, %{customdata[1]:.2g} when the epoch ended<extra></extra>",
            xgap=2,
            ygap=2,
        )
    )
    figure.update_xaxes(title="Epoch", dtick=max(1, len(epochs) // 12), showgrid=False)
    figure.update_yaxes(showgrid=False, type="category")
    figure.update_layout(height=120 + _ROW_HEIGHT * len(parts))
    palette.themed(figure)
    figure.update_layout(margin={"t": 10, "l": 110})
    return figure


def _by_part(
    epochs: Sequence[Mapping[str, float | None]], parts: Sequence[str]
) -> NDArray[np.float64]:
    """Returns shape (parts, epochs); NaN where there is no value."""
    return np.array([[epoch.get(part) for epoch in epochs] for part in parts], np.float64)
