"""Several classes at once: ROC curves of one model, and a forest of models and differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fundus_core.plots import palette
from fundus_core.plots.error_bars import error_bars
from fundus_core.plots.labels import in_lines
from fundus_core.plots.roc import RocTrace, interval_text, roc_figure, with_room
from fundus_core.stats.delong import AucComparison, AucInterval

_ROW_HEIGHT = 44
"""Pixels per class of the forest."""

_LINE = 48
"""Longest line of an axis title in characters."""

_SPREAD = 0.5
"""Height over which the models of a class are spread, in rows."""

_OF_ONE_DASH = 4
"""Curves that share a line style; the fifth is dashed: colour is not all that tells them apart."""


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One class, or an average, under several models."""

    name: str

    intervals: tuple[AucInterval | None, ...]
    """One per model; None where there is no AUC."""

    difference: AucComparison | None = None
    """Of the two models whose difference is drawn; None where there is no test."""

    p_holm: float | None = None
    """Its adjusted p-value, in [0, 1]."""

    is_average: bool = False
    """Averages stand apart, below the classes."""


def class_roc_figure(curves: Sequence[RocTrace]) -> go.Figure:
    """Draws a ROC curve per class of one model, with AUC and interval in the legend."""
    figure = roc_figure(curves)
    for index, drawn in enumerate(figure.data[1:]):
        drawn.line.dash = palette.DASHES[index // _OF_ONE_DASH % len(palette.DASHES)]
    return with_room(figure, columns=2)


def class_forest(
    models: Sequence[str], rows: Sequence[ForestRow], *, difference_of: tuple[str, str]
) -> go.Figure:
    """Draws the AUCs of all models for each class, and beside them the difference of two models.

    A difference whose adjusted p-value is below 0.05 is drawn full, any other hollow. Rows without
    an AUC, or without a test, say so in their place.

    Args:
        models: Names, in the order of each row's intervals.
        rows: From the top down; averages last.
        difference_of: The two models of the rows' differences: the first less the second.
    """
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.04)
    places = _places(rows)
    for index, name in enumerate(models):
        shift = _SPREAD * (index - (len(models) - 1) / 2) / max(len(models), 2)
        figure.add_trace(_aucs(rows, [y + shift for y in places], index, name), row=1, col=1)
    figure.add_trace(_differences(rows, places), row=1, col=2)
    for row, y in zip(rows, places, strict=True):
        if not any(row.intervals):
            _say(figure, "no AUC", y, axis="x domain")
        if row.difference is None:
            _say(figure, "no test", y, axis="x2 domain")
    figure.add_vline(x=0.5, line=_THIN, row=1, col=1)
    figure.add_vline(x=0, line=_THIN, row=1, col=2)
    figure.update_xaxes(title="AUC", row=1, col=1)
    first, second = difference_of
    title = (
        f"Difference of AUC:<br>{in_lines(first, _LINE)}<br>{in_lines(f'minus {second}', _LINE)}"
    )
    figure.update_xaxes(title=title, tickformat=".2~f", row=1, col=2)
    figure.update_yaxes(
        tickvals=places,
        ticktext=[escape(row.name) for row in rows],
        range=[max(places, default=0) + 0.6, -0.6],
        automargin=True,
        zeroline=False,
    )
    figure.update_layout(
        height=190 + _ROW_HEIGHT * len(rows),
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    below = 30 + 20 * (title.count("<br>") + 1)
    return palette.themed(figure).update_layout(
        margin={"t": 40 + 22 * len(models) // 2, "b": below}
    )


_THIN = {"color": palette.NEUTRAL, "dash": "dot", "width": 1}


def _places(rows: Sequence[ForestRow]) -> list[float]:
    """Returns the height of each row; a gap lies between classes and averages."""
    return [index + 0.4 * row.is_average for index, row in enumerate(rows)]


def _aucs(rows: Sequence[ForestRow], heights: list[float], index: int, name: str) -> go.Scatter:
    drawn = [
        (row, interval, y)
        for row, y in zip(rows, heights, strict=True)
        if (interval := row.intervals[index]) is not None
    ]
    found = [interval for _, interval, _ in drawn]
    look = {"color": palette.colour(index), "symbol": palette.symbol(index), "size": 9}
    return _intervals(
        [one.auc for one in found],
        [y for _, _, y in drawn],
        found,
        marker=look,
        name=escape(name),
        text=[
            f"{escape(row.name)}<br>AUC {interval_text(interval)}<br>"
            f"{interval.n_positive:,} positive, {interval.n_negative:,} negative"
            for row, interval, _ in drawn
        ],
        hovertemplate="%{text}<extra>%{fullData.name}</extra>",
    )


def _differences(rows: Sequence[ForestRow], heights: list[float]) -> go.Scatter:
    drawn = [
        (row, row.difference, y)
        for row, y in zip(rows, heights, strict=True)
        if row.difference is not None
    ]
    found = [difference for _, difference, _ in drawn]
    shown = [row.p_holm is not None and row.p_holm < 0.05 for row, _, _ in drawn]
    return _intervals(
        [one.difference for one in found],
        [y for _, _, y in drawn],
        found,
        marker={
            "color": palette.NEUTRAL,
            "symbol": ["diamond" if one else "diamond-open" for one in shown],
            "size": 11,
            "line": {"width": 2, "color": palette.NEUTRAL},
        },
        showlegend=False,
        name="difference",
        text=[
            f"{escape(row.name)}<br>{one.difference:+z.3f} ({one.low:+z.3f} to {one.high:+z.3f})"
            for row, one, _ in drawn
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _intervals(
    values: list[float],
    heights: list[float],
    found: Sequence[AucInterval | AucComparison],
    **look: object,
) -> go.Scatter:
    """Returns markers with horizontal bars from `low` to `high` of what was found."""
    bars = error_bars(values, [one.low for one in found], [one.high for one in found])
    return go.Scatter(x=values, y=heights, error_x=bars | {"width": 0}, mode="markers", **look)


def _say(figure: go.Figure, words: str, height: float, *, axis: str) -> None:
    """Writes into the middle of a row that has nothing to draw."""
    figure.add_annotation(
        text=words,
        x=0.5,
        y=height,
        xref=axis,
        yref="y",
        yshift=9,
        showarrow=False,
        font={"color": palette.NEUTRAL},
    )
