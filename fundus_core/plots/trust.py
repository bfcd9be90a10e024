"""What a trust light rests on: a map against its displaced copies, and what shuffling leaves."""

from collections.abc import Sequence

import plotly.graph_objects as go

from fundus_core.explain.removal import Removal
from fundus_core.explain.sanity import CascadeStep
from fundus_core.plots.palette import CATEGORICAL, NEUTRAL, SYMBOLS, themed

_HEIGHT = 260


def areas_figure(deletion: Removal, insertion: Removal) -> go.Figure:
    """Draws the area of each curve of a map beside those of its displaced copies.

    Args:
        deletion: A smaller area is better.
        insertion: A larger area is better.
    """
    figure = go.Figure()
    rows = {"Deletion (left is better)": deletion, "Insertion (right is better)": insertion}
    for number, (row, removal) in enumerate(rows.items()):
        figure.add_trace(
            go.Scatter(
                x=list(removal.copies),
                y=[row] * len(removal.copies),
                mode="markers",
                marker={"color": NEUTRAL, "symbol": f"{SYMBOLS[0]}-open", "size": 9},
                name="displaced copies",
                showlegend=not number,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[removal.area],
                y=[row],
                mode="markers",
                marker={"color": CATEGORICAL[0], "symbol": SYMBOLS[2], "size": 13},
                name="this map",
                showlegend=not number,
            )
        )
    figure.update_xaxes(title="Mean logit over the shares taken away or put in")
    figure.update_layout(height=_HEIGHT, legend={"orientation": "h", "y": 1.25})
    return _with_margins(figure, left=170)


def cascade_figure(steps: Sequence[CascadeStep], most: float) -> go.Figure:
    """Draws how much of a map is left the more of the network is shuffled.

    Args:
        steps: From the head alone to the whole network.
        most: The largest correlation at which the last step counts as changed.
    """
    names = [f"… to {step.stage}" if number else step.stage for number, step in enumerate(steps)]
    figure = go.Figure(
        go.Scatter(
            x=names,
            y=[step.similarity for step in steps],
            mode="lines+markers",
            line={"color": CATEGORICAL[0]},
            marker={"symbol": SYMBOLS[2], "size": 10},
            name="rank correlation",
            showlegend=False,
        )
    )
    figure.add_hline(y=most, line={"color": NEUTRAL, "dash": "dash"})
    figure.update_xaxes(title="Weights shuffled, from the head down")
    figure.update_yaxes(title="Rank correlation", range=[-1.05, 1.05])
    figure.update_layout(height=_HEIGHT)
    return _with_margins(figure, left=60)


def _with_margins(figure: go.Figure, *, left: int) -> go.Figure:
    themed(figure)
    return figure.update_layout(margin={"l": left, "r": 20, "t": 30, "b": 60})
