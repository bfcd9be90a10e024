"""What a trust light rests on: a map against its displaced copies, and what shuffling leaves."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from fundus_core.explain.removal import Removal
from fundus_core.explain.sanity import CascadeStep
from fundus_core.plots.error_bars import error_bars
from fundus_core.plots.labels import in_lines
from fundus_core.plots.palette import CATEGORICAL, NEUTRAL, SYMBOLS, colour, symbol, themed
from fundus_core.stats.bootstrap import Interval

_HEIGHT = 260
_MODEL_STEP = 0.18
"""Between two models in the row of a light, where rows are 1 apart."""

_NAME_LETTERS = 60


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


def lights_figure(models: Sequence[tuple[str, Mapping[str, Interval]]]) -> go.Figure:
    """Draws the share of each light among the maps of models, with its interval.

    Args:
        models: Names with light -> share; all with the same lights, the first on top.
    """
    lights = list(models[0][1])
    figure = go.Figure()
    for number, (name, shares) in enumerate(models):
        off = (number - (len(models) - 1) / 2) * _MODEL_STEP
        known = [(row, one) for row, one in enumerate(shares.values()) if one.value is not None]
        values = [one.value or 0.0 for _, one in known]
        low = [
            value if one.low is None else one.low
            for value, (_, one) in zip(values, known, strict=True)
        ]
        high = [
            value if one.high is None else one.high
            for value, (_, one) in zip(values, known, strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                x=values,
                y=[row + off for row, _ in known],
                error_x=error_bars(values, low, high),
                mode="markers",
                marker={"color": colour(number), "symbol": symbol(number), "size": 10},
                name=in_lines(name, _NAME_LETTERS),
                customdata=[[lights[row]] for row, _ in known],
                hovertemplate="%{customdata[0]}: %{x:.0%}<extra></extra>",
            )
        )
    figure.update_xaxes(title="Share of the photographs", range=[-0.03, 1.03], tickformat=".0%")
    figure.update_yaxes(
        tickvals=list(range(len(lights))), ticktext=lights, range=[len(lights) - 0.5, -0.5]
    )
    figure.update_layout(
        height=_HEIGHT + 22 * len(models) * len(lights) // 2, legend={"orientation": "h", "y": 1.2}
    )
    return _with_margins(figure, left=80)
