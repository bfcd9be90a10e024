"""ROC curves with their bands and intervals as a plotly figure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.plots import palette
from fundus_core.plots.labels import NO_BREAK, in_lines
from fundus_core.stats.delong import AucInterval
from fundus_core.stats.operating import OperatingPoint
from fundus_core.stats.roc import Kind, RocBand, RocCurve

_LINE = 44
"""Longest line of the legend in characters: what a narrow column of a page has room for."""

_CHARACTER, _TEXT_LINE = 6.6, 15
"""Pixels of a character's width, and of a line's height, in the legend."""

_SQUARE = 455
"""Pixels of the figure's height without its legend."""

_CELLS = 500
"""Steps per axis finer than which a curve is not drawn: less than a pixel of the figure. A browser
that draws 9,000 corners of 20,000 photographs anew lags behind a moving threshold."""

_BAND_NAMES: dict[Kind, str] = {"pointwise": "band", "simultaneous": "simultaneous band"}


@dataclass(frozen=True, slots=True)
class RocTrace:
    """All that is drawn of one model."""

    name: str
    """Shown in the legend."""

    curve: RocCurve

    interval: AucInterval
    """Shown in the legend, beside the name."""

    band: RocBand | None = None
    """Drawn as an area in the colour of the curve."""

    marked: OperatingPoint | None = None
    """Drawn as a marker on the curve, with its two intervals as a cross."""


def roc_figure(curves: Sequence[RocTrace], baseline: RocTrace | None = None) -> go.Figure:
    """Draws ROC curves over the chance line, on equal axes from 0 to 1.

    Each model has one entry in the legend, which also hides and shows its band and its marker.

    Args:
        curves: One per model.
        baseline: What models must beat, drawn grey and dashed, without band.
    """
    figure = go.Figure()
    figure.add_trace(_chance_line())
    for index, trace in enumerate(curves):
        if trace.band is not None:
            figure.add_trace(_band(trace, trace.band, index))
        figure.add_trace(_curve(trace, index))
        if trace.marked is not None:
            figure.add_trace(_marker(trace, trace.marked, index))
    if baseline is not None:
        figure.add_trace(_line(baseline, palette.NEUTRAL, "dash", "baseline"))
    figure.update_xaxes(
        title="1 - specificity (false positive rate)", range=[-0.01, 1.01], constrain="domain"
    )
    figure.update_yaxes(
        title="Sensitivity (true positive rate)",
        range=[-0.01, 1.01],
        scaleanchor="x",
        constrain="domain",
    )
    figure.update_layout(hovermode="closest")
    return with_room(palette.themed(figure))


def with_room(figure: go.Figure, *, columns: int = 1) -> go.Figure:
    """Makes a figure of ROC curves tall enough for its legend, which stands below the curves.

    Changes the figure in place and returns it.

    Args:
        figure: With all of its curves.
        columns: Entries that stand side by side where the page is wide enough.
    """
    entries = [one.name.split("<br>") for one in figure.data if one.showlegend is not False]
    widest = max((len(line) for entry in entries for line in entry), default=0)
    lines = sum(len(entry) + 1 for entry in entries) / columns  # a gap of a line between entries
    legend = {"orientation": "h", "y": -0.2}
    legend |= {"entrywidth": _CHARACTER * widest, "entrywidthmode": "pixels"}
    return figure.update_layout(legend=legend, height=_SQUARE + _TEXT_LINE * math.ceil(lines))


def interval_text(interval: AucInterval) -> str:
    """Returns an AUC with its interval in three decimals.

    Examples:
        >>> interval_text(AucInterval(0.9, 0.8, 0.95, 0.04, 0.95, "delong", 20, 30, None))
        '0.900 (0.800 to 0.950)'
    """
    return f"{interval.auc:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _chance_line() -> go.Scatter:
    return go.Scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": palette.NEUTRAL, "dash": "dot", "width": 1},
        name="chance",
        showlegend=False,
        hoverinfo="skip",
    )


def _curve(trace: RocTrace, index: int) -> go.Scatter:
    return _line(trace, palette.colour(index), palette.dash(index), str(index))


def _line(trace: RocTrace, colour: str, dash: str, group: str) -> go.Scatter:
    rows = _drawn_rows(trace.curve)
    return go.Scatter(
        x=trace.curve.false_positive_rate[rows],
        y=trace.curve.true_positive_rate[rows],
        customdata=trace.curve.thresholds[rows],
        mode="lines",
        line={"color": colour, "dash": dash, "width": 2},
        name=_legend(trace),
        legendgroup=group,
        hovertemplate=(
            "score at least %{customdata:.4g}<br>"
            "sensitivity %{y:.3f}, 1 - specificity %{x:.3f}<extra></extra>"
        ),
    )


def _drawn_rows(curve: RocCurve) -> NDArray[np.intp]:
    """Returns the points that can be told apart on a screen; all of a curve of few."""
    n_points = len(curve.thresholds)
    if n_points <= _CELLS:
        return np.arange(n_points)
    rates = np.stack([curve.false_positive_rate, curve.true_positive_rate])
    enters = np.flatnonzero((np.diff(np.floor(rates * _CELLS), axis=1) != 0).any(axis=0)) + 1
    return np.unique(np.concatenate([[0], enters - 1, enters, [n_points - 1]]))


def _legend(trace: RocTrace) -> str:
    """Returns the name, and on its last line, or below it, the AUC in one piece."""
    interval = interval_text(trace.interval).replace(" ", NO_BREAK)
    return in_lines(f"{trace.name}: {interval}", _LINE)


def _band(trace: RocTrace, band: RocBand, index: int) -> go.Scatter:
    return go.Scatter(
        x=[*band.false_positive_rate, *band.false_positive_rate[::-1]],
        y=[*band.high, *band.low[::-1]],
        mode="lines",
        fill="toself",
        fillcolor=palette.translucent(palette.colour(index), 0.15),
        line={"width": 0},
        name=f"{escape(trace.name)}: {band.confidence:.0%} {_BAND_NAMES[band.kind]}",
        legendgroup=str(index),
        showlegend=False,
        hoverinfo="skip",
    )


def _marker(trace: RocTrace, point: OperatingPoint, index: int) -> go.Scatter:
    return go.Scatter(
        x=[1 - point.specificity],
        y=[point.sensitivity],
        error_x={
            "array": [point.specificity - point.specificity_low],
            "arrayminus": [point.specificity_high - point.specificity],
        },
        error_y={
            "array": [point.sensitivity_high - point.sensitivity],
            "arrayminus": [point.sensitivity - point.sensitivity_low],
        },
        mode="markers",
        marker={"color": palette.colour(index), "symbol": palette.symbol(index), "size": 11},
        name=f"{escape(trace.name)}: threshold",
        legendgroup=str(index),
        showlegend=False,
        hovertemplate=(
            f"threshold {point.threshold:.15g}<br>"
            f"sensitivity {point.sensitivity:.3f} "
            f"({point.sensitivity_low:.3f} to {point.sensitivity_high:.3f})<br>"
            f"specificity {point.specificity:.3f} "
            f"({point.specificity_low:.3f} to {point.specificity_high:.3f})<extra></extra>"
        ),
    )
