"""A study's results as a forest plot: a row per cell, beside the cell all are compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.plots.error_bars import error_bars
from fundus_core.plots.labels import in_lines
from fundus_core.plots.study_names import (
    RELATIVE_GAIN,
    SETTINGS,
    bounds,
    finished,
    groups_of,
    metric_title,
    named,
    value_text,
    values_of,
    varied,
)

_ROW_HEIGHT, _LINE = 34, 52


@dataclass(frozen=True, slots=True)
class _Mark:
    """One row of the plot."""

    place: int
    """From the top, from 0."""

    label: str
    model: Any
    value: float
    low: float
    high: float
    """Like `value` and `low`, equal to the value where there is no interval."""

    said: str
    is_reference: bool


def forest(table: pd.DataFrame, metric: str, against: Mapping[str, Any] | None = None) -> go.Figure:
    """Draws a metric of every cell that has one, with its 95 % interval.

    Cells that are compared with the same reference stand together; a dotted line goes through
    that reference, whose marker is open. Relative gains are drawn from zero, without intervals.

    Args:
        table: Rows of results, see `fundus_core.studies.results.study_table`.
        metric: Column of values.
        against: Column -> value that the cells have which all others are compared with.
    """
    done, against = finished(table, metric), against or {}
    shown = varied(done) or ("model",)
    figure, marks = go.Figure(), list[_Mark]()
    for _, rows in groups_of(
        done, [name for name in SETTINGS if name in done and name not in against]
    ):
        first = len(marks)
        group = [
            _marked(first + place, row, metric, shown, against)
            for place, (_, row) in enumerate(rows.iterrows())
        ]
        _reference_line(figure, group)
        marks += group
    for index, model in enumerate(values_of(done, "model")):
        figure.add_trace(_trace([mark for mark in marks if mark.model == model], index))
    return _framed(figure, marks, metric)


def _marked(
    place: int,
    row: "pd.Series[Any]",
    metric: str,
    shown: Sequence[str],
    against: Mapping[str, Any],
) -> _Mark:
    value = float(row[metric])
    low, high = bounds(row, metric) or (value, value)
    return _Mark(
        place,
        named({column: row[column] for column in shown}),
        row["model"],
        value,
        low,
        high,
        value_text(row, metric),
        bool(against) and all(row[column] == wanted for column, wanted in against.items()),
    )


def _trace(marks: Sequence[_Mark], index: int) -> go.Scatter:
    values = [mark.value for mark in marks]
    return go.Scatter(
        x=values,
        y=[mark.place for mark in marks],
        error_x=error_bars(values, [mark.low for mark in marks], [mark.high for mark in marks]),
        customdata=[
            f"{in_lines(mark.label, _LINE)}<br>{mark.said}"
            + ("<br>all others are compared with this one" if mark.is_reference else "")
            for mark in marks
        ],
        mode="markers",
        marker={
            "color": palette.colour(index),
            "symbol": ["square-open" if mark.is_reference else "square" for mark in marks],
            "size": 11,
            "line": {"width": 2, "color": palette.colour(index)},
        },
        hovertemplate="%{customdata}<extra></extra>",
    )


def _reference_line(figure: go.Figure, group: Sequence[_Mark]) -> None:
    """Draws a line through the reference of a group, if it has the one."""
    references = [mark for mark in group if mark.is_reference]
    if len(references) == 1 and len(group) > 1:
        x = references[0].value
        figure.add_shape(
            type="line",
            x0=x,
            x1=x,
            y0=group[0].place - 0.5,
            y1=group[-1].place + 0.5,
            line={"color": palette.NEUTRAL, "dash": "dot", "width": 1.5},
            layer="below",
        )


def _framed(figure: go.Figure, marks: Sequence[_Mark], metric: str) -> go.Figure:
    is_gain = metric == RELATIVE_GAIN
    title = metric_title(metric) + (" (no interval)" if is_gain else ", 95 % interval")
    figure.update_xaxes(title=title)
    if is_gain:
        figure.add_vline(x=0, line={"color": palette.NEUTRAL, "width": 1})
    figure.update_yaxes(
        tickvals=[mark.place for mark in marks],
        ticktext=[in_lines(mark.label, _LINE) for mark in marks],
        range=[len(marks) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
        zeroline=False,
    )
    figure.update_layout(showlegend=False, height=120 + _ROW_HEIGHT * len(marks))
    return palette.themed(figure)
