"""Reliability curves over the histogram of scores, as a plotly figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.plots.error_bars import error_bars
from fundus_core.plots.labels import in_lines
from fundus_core.plots.roc import with_room
from fundus_core.stats.calibration_line import SmoothCurve
from fundus_core.stats.reliability import ReliabilityCurve, ScoreHistogram, ShiftedShares

_LINE = 60
"""Longest line of the legend in characters."""

_CURVE, _HISTOGRAM = (0.3, 1.0), (0.0, 0.2)
"""Shares of the figure's height."""

_MORE_HEIGHT = 130
"""Pixels that the histogram takes."""


@dataclass(frozen=True, slots=True)
class ReliabilityTrace:
    """All that is drawn of one model."""

    name: str
    """Shown in the legend."""

    curve: ReliabilityCurve
    smooth: SmoothCurve | None = None
    """Drawn as a line through the bins."""

    histogram: ScoreHistogram | None = None
    shifted: ShiftedShares | None = None
    """Drawn as hollow markers: the bins at another prevalence."""

    band: bool = False
    """Whether the band of the line is drawn."""


def reliability_figure(
    traces: Sequence[ReliabilityTrace], *, class_label: str, prevalence: float | None = None
) -> go.Figure:
    """Draws observed over predicted shares with their intervals, and how often which is predicted.

    Of one model the histogram shows the photographs with the class upwards and those without it
    downwards; of several, a line each.

    Args:
        traces: One per model.
        class_label: The class, for titles.
        prevalence: That the hollow markers are for.
    """
    figure = go.Figure()
    figure.add_trace(_diagonal())
    for index, trace in enumerate(traces):
        if trace.smooth is not None and trace.band:
            figure.add_trace(_band(trace, trace.smooth, index))
        if trace.smooth is not None:
            figure.add_trace(_line(trace, trace.smooth, index))
        figure.add_trace(_bins(trace, index))
        if trace.shifted is not None and prevalence is not None:
            figure.add_trace(_shifted(trace, trace.shifted, prevalence, index))
    shown = [one for one in traces if one.histogram is not None]
    mirrored = shown[0].histogram if len(traces) == 1 and shown else None
    if mirrored is not None:
        figure.add_traces(_mirrored(mirrored, class_label))
    else:
        for index, trace in enumerate(traces):
            if trace.histogram is not None:
                figure.add_trace(_steps(trace, trace.histogram, index))
    figure = _framed(figure, class_label, has_histogram=bool(shown))
    if mirrored is not None:
        most = int(mirrored.n_negative.max()), int(mirrored.n_positive.max())
        ends = {"tickvals": [-most[0], 0, most[1]], "ticktext": [f"{most[0]}", "0", f"{most[1]}"]}
        figure.update_layout(yaxis2=ends)
    return figure


def _framed(figure: go.Figure, class_label: str, *, has_histogram: bool) -> go.Figure:
    percent = {"tickformat": ".0%", "range": [-0.02, 1.02]}
    figure.update_xaxes(title="Predicted probability", **percent)
    figure.update_layout(
        yaxis={
            "title": f"Observed share with<br>{escape(class_label)}",
            **percent,
            "domain": _CURVE if has_histogram else (0, 1),
        }
    )
    if has_histogram:
        figure.update_layout(
            yaxis2={
                "title": "Photographs",
                "domain": _HISTOGRAM,
                "anchor": "x",
                "rangemode": "tozero",
            },
            barmode="overlay",
            bargap=0,
        )
    figure = with_room(palette.themed(figure))
    figure.update_layout(hovermode="closest", legend={"y": -0.14 if has_histogram else -0.2})
    return figure.update_layout(height=figure.layout.height + has_histogram * _MORE_HEIGHT)


def _diagonal() -> go.Scatter:
    return go.Scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": palette.NEUTRAL, "dash": "dot", "width": 1.5},
        name="predictions that are right",
        hoverinfo="skip",
    )


def _bins(trace: ReliabilityTrace, index: int) -> go.Scatter:
    curve = trace.curve
    return go.Scatter(
        x=curve.predicted,
        y=curve.observed,
        error_y=error_bars(curve.observed.tolist(), curve.low.tolist(), curve.high.tolist()),
        customdata=[
            f"{escape(trace.name)}<br>predicted {p:.1%}: observed {o:.1%} ({low:.1%} to {high:.1%})"
            f"<br>{n} photographs, scores {first:.3f} to {last:.3f}"
            for p, o, low, high, n, first, last in zip(
                curve.predicted,
                curve.observed,
                curve.low,
                curve.high,
                curve.n_images,
                curve.lowest,
                curve.highest,
                strict=True,
            )
        ],
        mode="markers",
        marker={"color": palette.colour(index), "symbol": palette.symbol(index), "size": 9},
        name=in_lines(trace.name, _LINE),
        legendgroup=str(index),
        hovertemplate="%{customdata}<extra></extra>",
    )


def _line(trace: ReliabilityTrace, smooth: SmoothCurve, index: int) -> go.Scatter:
    return go.Scatter(
        x=smooth.predicted,
        y=smooth.observed,
        mode="lines",
        line={"color": palette.colour(index), "dash": palette.dash(index), "width": 2},
        name=f"{escape(trace.name)}: logistic curve",
        legendgroup=str(index),
        showlegend=False,
        hovertemplate="predicted %{x:.1%}: logistic curve %{y:.1%}<extra></extra>",
    )


def _band(trace: ReliabilityTrace, smooth: SmoothCurve, index: int) -> go.Scatter:
    return go.Scatter(
        x=[*smooth.predicted, *smooth.predicted[::-1]],
        y=[*smooth.high, *smooth.low[::-1]],
        mode="lines",
        fill="toself",
        fillcolor=palette.translucent(palette.colour(index), 0.15),
        line={"width": 0},
        name=f"{escape(trace.name)}: band",
        legendgroup=str(index),
        showlegend=False,
        hoverinfo="skip",
    )


def _shifted(
    trace: ReliabilityTrace, shifted: ShiftedShares, prevalence: float, index: int
) -> go.Scatter:
    shares = [one.tolist() for one in (shifted.observed, shifted.low, shifted.high)]
    return go.Scatter(
        x=trace.curve.predicted,
        y=shifted.observed,
        error_y=error_bars(*shares),
        mode="markers",
        marker={
            "color": palette.colour(index),
            "symbol": f"{palette.symbol(index)}-open",
            "size": 10,
            "line": {"width": 2},
        },
        name=in_lines(f"{trace.name}, at a prevalence of {100 * prevalence:.3g} %", _LINE),
        legendgroup=str(index),
        hovertemplate="predicted %{x:.1%}: %{y:.1%} at that prevalence<extra></extra>",
    )


def _mirrored(histogram: ScoreHistogram, class_label: str) -> list[go.Bar]:
    """Returns the photographs with the class as bars upwards, those without it downwards."""
    middle = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    width = float(histogram.edges[1] - histogram.edges[0])
    sides = (
        (f"with {class_label}", histogram.n_positive, 1, palette.CATEGORICAL[3]),
        (f"without {class_label}", histogram.n_negative, -1, palette.CATEGORICAL[4]),
    )
    return [
        go.Bar(
            x=middle,
            y=sign * counts,
            width=width,
            customdata=counts,
            marker={"color": colour},
            name=escape(name),
            yaxis="y2",
            hovertemplate="score %{x:.2f}: %{customdata} " + escape(name) + "<extra></extra>",
        )
        for name, counts, sign, colour in sides
    ]


def _steps(trace: ReliabilityTrace, histogram: ScoreHistogram, index: int) -> go.Scatter:
    counts = histogram.n_positive + histogram.n_negative
    return go.Scatter(
        x=histogram.edges,
        y=[*counts, counts[-1]],
        mode="lines",
        line={
            "color": palette.colour(index),
            "dash": palette.DASHES[index % len(palette.DASHES)],
            "shape": "hv",
            "width": 1.5,
        },
        name=f"{escape(trace.name)}: scores",
        legendgroup=str(index),
        showlegend=False,
        yaxis="y2",
        hovertemplate="from score %{x:.2f}: %{y} photographs<extra></extra>",
    )
