"""Which blocks of a network move when, as a plotly figure."""

import numpy as np
import plotly.graph_objects as go

from fundus_core.finetune.plan import StrategyPlan
from fundus_core.plots import palette


def strategy_figure(plan: StrategyPlan) -> go.Figure:
    """Draws a cell per block and epoch: the darker, the faster it moves; empty where it rests.

    The head is the uppermost row and the input the lowest. Cells whose rate is measured while
    training are hatched by a question mark.
    """
    rates = [[rate if rate > 0 else None for rate in row] for row in plan.rates.tolist()]
    texts = [["?" if np.isnan(rate) else "" for rate in row] for row in plan.rates]
    spoken = [
        [
            "measured while training"
            if np.isnan(rate)
            else ("does not move" if rate == 0 else f"rate {rate:.2g} of the highest")
            for rate in row
        ]
        for row in plan.rates
    ]
    figure = go.Figure(
        go.Heatmap(
            z=rates,
            x=list(range(1, plan.rates.shape[1] + 1)),
            y=list(plan.blocks),
            zmin=0,
            zmax=1,
            colorscale=[[0, _faint(0.15)], [1, palette.colour(0)]],
            showscale=False,
            text=texts,
            texttemplate="%{text}",
            customdata=spoken,
            hovertemplate="%{y}, epoch %{x}: %{customdata}<extra></extra>",
            xgap=2,
            ygap=2,
            hoverongaps=True,
        )
    )
    figure.update_xaxes(title="Epoch", dtick=1, showgrid=False)
    figure.update_yaxes(showgrid=False, type="category")
    figure.update_layout(height=120 + 20 * len(plan.blocks))
    palette.themed(figure)
    figure.update_layout(margin={"t": 10, "l": 110})
    return figure


def _faint(opacity: float) -> str:
    red, green, blue = (int(palette.colour(0)[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"
