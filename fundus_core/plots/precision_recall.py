"""Precision-recall curves with their bands as a plotly figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.plots.labels import NO_BREAK, in_lines
from fundus_core.plots.roc import with_room
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.precision_recall import PrecisionBand, PrecisionRecallCurve

_LINE = 44
"""Longest line of the legend in characters."""


@dataclass(frozen=True, slots=True)
class PrecisionTrace:
    """All that is drawn of one model."""

    name: str
    """Shown in the legend."""

    curve: PrecisionRecallCurve

    average: Interval
    """Average precision, shown in the legend."""

    band: PrecisionBand | None = None
    """Drawn as an area in the colour of the curve."""


def precision_recall_figure(curves: Sequence[PrecisionTrace]) -> go.Figure:
    """Draws precision-recall curves in steps over the line of the prevalence.

    Args:
        curves: One per model, all on photographs of one prevalence; the first one's is drawn.
    """
    figure = go.Figure()
    for index, trace in enumerate(curves):
        if trace.band is not None:
            figure.add_trace(_band(trace, trace.band, index))
        figure.add_trace(_curve(trace, index))
    if curves:
        figure.add_trace(_prevalence(curves[0].curve.prevalence))
    figure.update_xaxes(title="Recall (sensitivity)", range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(
        title="Precision (positive predictive value)",
        range=[-0.01, 1.02],
        scaleanchor="x",
        constrain="domain",
    )
    figure.update_layout(hovermode="closest")
    return with_room(palette.themed(figure))


def average_text(average: Interval) -> str:
    """Returns an average precision with its interval, or why there is none, in three decimals.

    Examples:
        >>> average_text(Interval(0.8, 0.7, 0.9, 0.95, "BCa bootstrap of patients", 2000))
        '0.800 (0.700 to 0.900)'
    """
    if average.value is None:
        return f"none, {average.reason}"
    if average.low is None or average.high is None:
        return f"{average.value:.3f} (no interval)"
    return f"{average.value:.3f} ({average.low:.3f} to {average.high:.3f})"


def _curve(trace: PrecisionTrace, index: int) -> go.Scatter:
    """Returns the steps: from one recall to the next, precision is that of the next."""
    curve = trace.curve
    legend = average_text(trace.average).replace(" ", NO_BREAK)
    return go.Scatter(
        x=[0.0, *curve.recall],
        y=[curve.precision[0], *curve.precision],
        customdata=[curve.thresholds[0], *curve.thresholds],
        mode="lines",
        line={
            "color": palette.colour(index),
            "dash": palette.dash(index),
            "width": 2,
            "shape": "vh",
        },
        name=in_lines(f"{trace.name}: {legend}", _LINE),
        legendgroup=str(index),
        hovertemplate=(
            "score at least %{customdata:.4g}<br>precision %{y:.3f}, recall %{x:.3f}<extra></extra>"
        ),
    )


def _band(trace: PrecisionTrace, band: PrecisionBand, index: int) -> go.Scatter:
    return go.Scatter(
        x=[*band.recall, *band.recall[::-1]],
        y=[*band.high, *band.low[::-1]],
        mode="lines",
        fill="toself",
        fillcolor=palette.translucent(palette.colour(index), 0.15),
        line={"width": 0},
        name=f"{escape(trace.name)}: {band.confidence:.0%} band",
        legendgroup=str(index),
        showlegend=False,
        hoverinfo="skip",
    )


def _prevalence(prevalence: float) -> go.Scatter:
    return go.Scatter(
        x=[0, 1],
        y=[prevalence, prevalence],
        mode="lines",
        line={"color": palette.NEUTRAL, "dash": "dot", "width": 1},
        name=f"prevalence: {prevalence:.3f}",
        hoverinfo="skip",
    )
