"""A study's results as lines: over the share of patients or the input's side, and over epochs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.plots.error_bars import error_bars
from fundus_core.plots.labels import in_lines
from fundus_core.plots.study_names import (
    REPEATS,
    bounds,
    finished,
    groups_of,
    metric_title,
    named,
    number_text,
    setting_text,
    setting_title,
    value_text,
    varied,
)

_LEGEND_LINE = 60
_BAND_OPACITY = 0.14
_ASIDE = 0.012
"""Distance of neighbouring bars, as a share of where they belong."""

_HEIGHT, _LEGEND_ENTRY = 430, 22


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a figure, and the rows it is drawn from."""

    name: str
    rows: pd.DataFrame
    colour: str
    dash: str
    symbol: str


@dataclass(frozen=True, slots=True)
class _Point:
    """What a line shows at one place."""

    x: float
    y: float
    low: float | None
    high: float | None
    repeated: bool
    """The bounds are the range of several draws or seeds, not an interval."""

    said: str


def curve(table: pd.DataFrame, x: str, series: str, metric: str) -> go.Figure:
    """Draws a metric over a setting, a line for each value of another one.

    Where a point has several draws or seeds, the line goes through their median and the band is
    their range; where no point has, the band is the 95 % interval. A single draw among repeated
    ones, such as the whole of the patients, has its interval as a bar. The legend says which.
    Settings that vary besides have lines of their own, so that no line mixes two of them.

    Args:
        table: Rows of results, see `fundus_core.studies.results.study_table`.
        x: `fraction`, drawn on a logarithmic axis, or `image_size`.
        series: Column that has a colour for each of its values.
        metric: Column of values.
    """
    done = finished(table, metric).dropna(subset=[x])
    drawn = [(line, _points(line.rows, x, metric)) for line in lines_of(done, series, but=(x,))]
    repeated = any(point.repeated for _, points in drawn for point in points)
    figure = go.Figure()
    for number, (line, points) in enumerate(drawn):
        banded = [point for point in points if point.repeated == repeated]
        figure.add_trace(_band(line, banded))
        figure.add_trace(_points_trace(line, points))
        single = [point for point in points if not point.repeated and point.low is not None]
        if repeated and single:
            figure.add_trace(_bars(line, single, number - (len(drawn) - 1) / 2))
    _name_x_axis(figure, x, sorted({point.x for _, points in drawn for point in points}))
    figure.update_yaxes(title=metric_title(metric))
    return _finished(figure, _band_text(drawn, metric, repeated=repeated), len(drawn))


def convergence(curves: pd.DataFrame, series: str) -> go.Figure:
    """Draws the held-out loss over epochs: the mean of the folds, and their range as a band.

    A line ends where the first of its folds stopped. A ring marks its lowest point. A fold with too
    few patients to set some aside has no held-out loss; the legend then says how many folds have.
    Losses of different data sets or numbers of classes are not on one scale.

    Args:
        curves: From `fundus_core.studies.results.convergence`.
        series: Column that has a colour for each of its values.
    """
    figure = go.Figure()
    lines = lines_of(curves, series) if len(curves) else []
    drawn = [_shared_epochs(line.rows.dropna(subset=["validation_loss"])) for line in lines]
    for line, points in zip(map(_with_folds, lines), drawn, strict=True):
        figure.add_trace(_band(line, points))
        figure.add_trace(_points_trace(line, points, markers=False))
        figure.add_trace(_ring(line, points))
    last = max((point.x for points in drawn for point in points), default=1.0)
    figure.update_xaxes(title="Epoch", tick0=1, dtick=max(1, round(last / 12)))
    figure.update_yaxes(title="Held-out loss")
    return _finished(figure, "line: mean of the folds; band: their range; ring: lowest", len(lines))


def lines_of(table: pd.DataFrame, series: str, *, but: Sequence[str] = ()) -> list[Line]:
    """Returns the lines of a figure: one for each value of `series` and of what varies besides.

    The colour tells the series; dash and marker tell what varies besides, or else the series too.

    Args:
        table: Rows to draw.
        series: Column that has a colour for each of its values.
        but: Columns that are on an axis. Draws and seeds never have lines of their own.
    """
    besides = [name for name in varied(table, but=(*but, *REPEATS)) if name != series]
    groups = groups_of(table, [series, *besides])
    colours = list(dict.fromkeys(key[series] for key, _ in groups))
    styles = list(dict.fromkeys(tuple(key[name] for name in besides) for key, _ in groups))
    lines = []
    for key, rows in groups:
        colour = colours.index(key[series])
        style = styles.index(tuple(key[name] for name in besides)) if besides else colour
        dash = palette.DASHES[style % len(palette.DASHES)]
        name = named(key)
        lines.append(Line(name, rows, palette.colour(colour), dash, palette.symbol(style)))
    return lines


def _points(rows: pd.DataFrame, x: str, metric: str) -> list[_Point]:
    groups = groups_of(rows, [x])
    return sorted((_point(key[x], rows, metric) for key, rows in groups), key=lambda one: one.x)


def _point(x: float, rows: pd.DataFrame, metric: str) -> _Point:
    values = rows[metric].to_numpy(float)
    if len(values) == 1:
        row = rows.iloc[0]
        low, high = bounds(row, metric) or (None, None)
        return _Point(float(x), float(values[0]), low, high, False, value_text(row, metric))
    low, middle, high = float(values.min()), float(np.median(values)), float(values.max())
    ends = f"{number_text(metric, low)} to {number_text(metric, high)}"
    said = f"{number_text(metric, middle)}, median of {len(values)}; range {ends}"
    return _Point(float(x), middle, low, high, True, said)


def _with_folds(line: Line) -> Line:
    """Returns a line whose name says of how many of its folds it is, if not of all."""
    has_loss = line.rows.groupby(["run_id", "fold"])["validation_loss"].count() > 0
    if has_loss.all():
        return line
    return replace(line, name=f"{line.name} ({has_loss.sum()} of {len(has_loss)} folds)")


def _shared_epochs(rows: pd.DataFrame) -> list[_Point]:
    """Returns the mean and the range of the losses of every epoch that all folds reached."""
    n_folds = len(rows.groupby(["run_id", "fold"]))
    points = []
    for key, of_epoch in groups_of(rows.sort_values("epoch"), ["epoch"]):
        losses, epoch = of_epoch["validation_loss"].to_numpy(float), int(key["epoch"])
        if len(losses) == n_folds:
            mean, low, high = float(losses.mean()), float(losses.min()), float(losses.max())
            said = f"epoch {epoch}: {mean:.4f}, mean of {n_folds} ({low:.4f} to {high:.4f})"
            points.append(_Point(epoch, mean, low, high, True, said))
    return points


def _points_trace(line: Line, points: Sequence[_Point], *, markers: bool = True) -> go.Scatter:
    return go.Scatter(
        x=[point.x for point in points],
        y=[point.y for point in points],
        customdata=[point.said for point in points],
        mode="lines+markers" if markers else "lines",
        line={"color": line.colour, "dash": line.dash, "width": 2},
        marker={"symbol": line.symbol, "size": 8},
        name=in_lines(line.name, _LEGEND_LINE),
        legendgroup=line.name,
        hovertemplate=f"{escape(line.name)}<br>%{{customdata}}<extra></extra>",
    )


def _bars(line: Line, points: Sequence[_Point], place: float) -> go.Scatter:
    """Returns the intervals of single draws, beside one another where several lines have one.

    Args:
        line: Whose they are.
        points: With bounds.
        place: Among the lines, counted from the middle one.
    """
    values = [point.y for point in points]
    return go.Scatter(
        x=[point.x * (1 + _ASIDE * place) for point in points],
        y=values,
        error_y=error_bars(values, [p.low or 0.0 for p in points], [p.high or 0.0 for p in points]),
        mode="markers",
        marker={"color": line.colour, "size": 1},
        name=f"{escape(line.name)}: interval",
        legendgroup=line.name,
        showlegend=False,
        hoverinfo="skip",
    )


def _band(line: Line, points: Sequence[_Point]) -> go.Scatter:
    """Returns the area between the bounds of a line's points; of one point, nothing."""
    bound = [point for point in points if point.low is not None and point.high is not None]
    bound = bound if len(bound) > 1 else []
    places = [point.x for point in bound]
    return go.Scatter(
        x=[*places, *places[::-1]],
        y=[*(point.high for point in bound), *(point.low for point in reversed(bound))],
        mode="lines",
        fill="toself",
        fillcolor=palette.translucent(line.colour, _BAND_OPACITY),
        line={"width": 0},
        name=f"{escape(line.name)}: band",
        legendgroup=line.name,
        showlegend=False,
        hoverinfo="skip",
    )


def _ring(line: Line, points: Sequence[_Point]) -> go.Scatter:
    best = min(points, key=lambda point: point.y, default=None)
    return go.Scatter(
        x=[best.x] if best else [],
        y=[best.y] if best else [],
        mode="markers",
        marker={"symbol": "circle-open", "size": 14, "color": line.colour, "line": {"width": 2}},
        name=f"{escape(line.name)}: lowest",
        legendgroup=line.name,
        showlegend=False,
        hoverinfo="skip",
    )


def _band_text(drawn: Sequence[tuple[Line, list[_Point]]], metric: str, *, repeated: bool) -> str:
    """Says what the bands are."""
    points = [point for _, line_points in drawn for point in line_points]
    if not repeated:
        has_bounds = any(point.low is not None for point in points)
        return "band: 95 % interval" if has_bounds else f"{metric_title(metric)} has no interval"
    said = "line: median of the draws; band: their range"
    return said if all(p.repeated for p in points) else f"{said}; bar: 95 % interval of one draw"


def _name_x_axis(figure: go.Figure, x: str, places: Sequence[float]) -> None:
    """Names the axis, with a tick wherever there are points."""
    is_share = x == "fraction"
    title = setting_title(x) + (", % (logarithmic axis)" if is_share else "")
    texts = [setting_text(x, place).removesuffix(" px") for place in places]
    figure.update_xaxes(title=title, tickvals=list(places), ticktext=texts)
    if is_share and places:
        ends: list[Any] = [math.log10(places[0]) - 0.05, math.log10(places[-1]) + 0.05]
        figure.update_xaxes(type="log", range=ends)


def _finished(figure: go.Figure, legend: str, n_lines: int) -> go.Figure:
    figure.update_layout(
        hovermode="closest",
        legend={
            "orientation": "h",
            "y": -0.2,
            "yanchor": "top",
            "title": {"text": f"{legend}<br>", "side": "top"},
        },
        height=_HEIGHT + _LEGEND_ENTRY * (2 + n_lines),
    )
    return palette.themed(figure)
