"""How far backbones agree: a matrix of pairs, and one photograph's neighbours on a map."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.plots import palette
from fundus_core.plots.labels import in_lines
from fundus_core.plots.map import Colouring, map_figure
from fundus_core.stats.bootstrap import Interval

_ROW_HEIGHT, _LINE = 52, 26

NOT_SELECTED = "not selected"
"""What `map_figure` calls the faded points."""

_MARKS = (
    ("diamond-open", palette.CATEGORICAL[3]),
    ("square-open", palette.CATEGORICAL[5]),
    ("triangle-up-open", palette.CATEGORICAL[0]),
)
"""Of the groups of neighbours, in their order."""


def agreement_matrix(
    labels: Sequence[str], pairs: Mapping[tuple[int, int], Interval], title: str
) -> go.Figure:
    """Draws a measure of agreement for each pair, from 0 (dark) to 1 (light).

    The matrix is symmetric; the diagonal stays empty. The pointer tells the interval. Columns bear
    the numbers of the rows, for which long names leave room.

    Args:
        labels: Of the backbones, in the order of rows and columns.
        pairs: (row, column) -> the measure, each pair once.
        title: Of the measure, for the scale.
    """
    size = len(labels)
    values: list[list[float | None]] = [[None] * size for _ in range(size)]
    texts = [[""] * size for _ in range(size)]
    told = [[""] * size for _ in range(size)]
    for (i, j), found in pairs.items():
        for row, column in ((i, j), (j, i)):
            values[row][column] = found.value
            texts[row][column] = "none" if found.value is None else f"{found.value:.2f}"
            said = f"{escape(labels[row])}<br>and {escape(labels[column])}"
            told[row][column] = f"{said}<br>{interval_text(found)}"
    figure = go.Figure(
        go.Heatmap(
            x=[str(number) for number in range(1, size + 1)],
            y=[in_lines(f"{number}: {name}", _LINE) for number, name in enumerate(labels, 1)],
            z=values,
            text=texts,
            texttemplate="%{text}",
            textfont={"size": 14},
            hovertext=told,
            hovertemplate="%{hovertext}<extra></extra>",
            colorscale=[list(stop) for stop in palette.SEQUENTIAL],
            zmin=0.0,
            zmax=1.0,
            hoverongaps=False,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": escape(title)}, "thickness": 12},
        )
    )
    figure.update_xaxes(side="top", automargin=True, type="category", showgrid=False)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category", showgrid=False)
    figure.update_layout(height=120 + _ROW_HEIGHT * size)
    return palette.themed(figure)


def interval_text(found: Interval) -> str:
    """Returns a measure with its interval where there is one.

    Examples:
        >>> interval_text(Interval(0.4212, 0.3871, 0.4554, 0.95, "", 240))
        '0.421 (0.387 to 0.455)'
    """
    if found.value is None:
        return "none"
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def neighbours_figure(
    points: NDArray[np.float32],
    colours: Colouring,
    *,
    marked: int | None = None,
    groups: Mapping[str, NDArray[np.intp]] | None = None,
    chosen: NDArray[np.bool_] | None = None,
    height: int = 520,
) -> go.Figure:
    """Draws a map on which the neighbours of one photograph stand out by shape.

    Args:
        points: Shape (N, 2).
        colours: Of the N points.
        marked: Row of the photograph; it gets a ring, and all but its neighbours fade unless
            something is selected.
        groups: Name for the legend -> rows; up to three groups.
        chosen: Shape (N,). Where given, what is not selected fades, neighbours or not.
        height: In pixels.
    """
    groups = groups or {}
    near = np.zeros(len(points), dtype=bool)
    for rows in groups.values():
        near[rows] = True
    selected = near if chosen is None and marked is not None and near.any() else chosen
    figure = map_figure(points, colours, selected=selected, marked=marked, height=height)
    if chosen is None:
        others = {"name": "other photographs"}
        figure.for_each_trace(lambda one: one.update(others), {"name": NOT_SELECTED})
    for (name, rows), (symbol, colour) in zip(groups.items(), _MARKS, strict=False):
        figure.add_trace(
            go.Scattergl(
                x=points[rows, 0],
                y=points[rows, 1],
                customdata=rows,
                mode="markers",
                marker={
                    "symbol": symbol,
                    "size": 15,
                    "color": colour,
                    "line": {"width": 2.5, "color": colour},
                },
                name=escape(name),
                hovertemplate="%{fullData.name}<extra></extra>",
                legendrank=900,
            )
        )
    return figure
