"""Decision curves as a plotly figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.plots import palette
from fundus_core.plots.labels import in_lines
from fundus_core.plots.roc import with_room
from fundus_core.stats.net_benefit import DecisionCurve

_LINE = 60
"""Longest line of the legend in characters."""

_EVERY = 10
"""Percent of threshold from one marker to the next."""

PER = 100
"""Photographs that net benefit is counted for."""


@dataclass(frozen=True, slots=True)
class DecisionTrace:
    """All that is drawn of one model."""

    name: str
    """Shown in the legend."""

    curve: DecisionCurve
    band: bool = False
    """Whether its interval at each threshold is drawn."""


def decision_figure(
    traces: Sequence[DecisionTrace], *, between: tuple[float, float], at: float
) -> go.Figure:
    """Draws net benefit per 100 photographs over threshold probabilities, beside all and none.

    Args:
        traces: One per model, one or more; treating all is drawn of the first.
        between: Lowest and highest threshold drawn, in (0, 1).
        at: Threshold that is marked.
    """
    first = traces[0].curve
    shown = (first.thresholds >= between[0] - 1e-9) & (first.thresholds <= between[1] + 1e-9)
    x = first.thresholds[shown]
    figure = go.Figure()
    figure.add_trace(_treating("treat all", x, PER * first.treat_all.value[shown], "dash"))
    figure.add_trace(_treating("treat none", x, np.zeros(len(x)), "solid"))
    for index, trace in enumerate(traces):
        if trace.band and not trace.curve.reason:
            figure.add_trace(_band(trace, shown, index))
        figure.add_traces([_curve(trace, shown, index), _marks(trace, shown, index)])
    figure.add_vline(x=at, line={"color": palette.NEUTRAL, "dash": "dot", "width": 1.5})
    figure.update_xaxes(title="Threshold probability: treat from here on", tickformat=".0%")
    figure.update_yaxes(
        title=f"Net benefit: true positives<br>per {PER} photographs", range=_reach(traces, shown)
    )
    figure.update_layout(hovermode="closest")
    return with_room(palette.themed(figure))


def _reach(traces: Sequence[DecisionTrace], shown: NDArray[np.bool_]) -> list[float]:
    """Returns the ends of the axis: from a little below zero to a little above the best.

    Far below zero all is equally useless, so curves may leave there.
    """
    values = [trace.curve.model.value[shown] for trace in traces]
    values.append(traces[0].curve.treat_all.value[shown])
    bands = [trace.curve.model.high[shown] for trace in traces if trace.band]
    highest = PER * float(np.nanmax(np.concatenate([*values, *bands]), initial=0.0))
    highest = max(highest, 1.0)
    return [-0.15 * highest, 1.08 * highest]


def _treating(name: str, x: NDArray[np.float64], y: NDArray[np.float64], dash: str) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": palette.NEUTRAL, "dash": dash, "width": 1.5},
        name=name,
        hovertemplate=f"{name}: %{{y:.2f}} at a threshold of %{{x:.0%}}<extra></extra>",
    )


def _curve(trace: DecisionTrace, shown: NDArray[np.bool_], index: int) -> go.Scatter:
    return go.Scatter(
        x=trace.curve.thresholds[shown],
        y=PER * trace.curve.model.value[shown],
        mode="lines",
        line={"color": palette.colour(index), "dash": palette.dash(index), "width": 2},
        name=f"{escape(trace.name)}: curve",
        legendgroup=str(index),
        showlegend=False,
        hovertemplate=(
            f"{escape(trace.name)}<br>net benefit %{{y:.2f}} at a threshold of %{{x:.0%}}"
            "<extra></extra>"
        ),
    )


def _marks(trace: DecisionTrace, shown: NDArray[np.bool_], index: int) -> go.Scatter:
    """Returns the symbol by which a curve is told apart without its colour, at every tenth."""
    tenth = shown & (np.rint(100 * trace.curve.thresholds) % _EVERY == 0)
    return go.Scatter(
        x=trace.curve.thresholds[tenth],
        y=PER * trace.curve.model.value[tenth],
        mode="markers",
        marker={"color": palette.colour(index), "symbol": palette.symbol(index), "size": 8},
        name=in_lines(trace.name, _LINE),
        legendgroup=str(index),
        hoverinfo="skip",
    )


def _band(trace: DecisionTrace, shown: NDArray[np.bool_], index: int) -> go.Scatter:
    band = trace.curve.model
    known = shown & ~np.isnan(band.low)
    x = trace.curve.thresholds[known]
    return go.Scatter(
        x=[*x, *x[::-1]],
        y=PER * np.concatenate([band.high[known], band.low[known][::-1]]),
        mode="lines",
        fill="toself",
        fillcolor=palette.translucent(palette.colour(index), 0.15),
        line={"width": 0},
        name=f"{escape(trace.name)}: {trace.curve.confidence:.0%} band",
        legendgroup=str(index),
        showlegend=False,
        hoverinfo="skip",
    )
