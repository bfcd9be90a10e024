"""A confusion matrix as a heat map."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.plots.labels import in_lines
from fundus_core.stats.confusion import ConfusionMatrix

_ROW_HEIGHT = 76
"""Pixels per class: three lines of text."""

_MOST_INTERVALS = 6
"""Classes up to which a cell has room for its interval; of more it shows when pointed at."""

_LINE = 24
"""Longest line of a class's name in characters."""


def confusion_figure(matrix: ConfusionMatrix, names: Sequence[str]) -> go.Figure:
    """Draws what was said of the images of each class: a row per truth, its shares as colours.

    Args:
        matrix: What to draw.
        names: Of the classes, as they are shown; in the order of the matrix.
    """
    shown = [in_lines(name, _LINE) for name in names]
    figure = go.Figure(
        go.Heatmap(
            x=shown,
            y=shown,
            z=[
                [None if row_sum == 0 else share for share in shares]
                for shares, row_sum in _rows(matrix)
            ],
            text=_texts(matrix, intervals=len(names) <= _MOST_INTERVALS),
            texttemplate="%{text}",
            hovertext=_texts(matrix, intervals=True, said=[escape(name) for name in names]),
            hovertemplate="%{hovertext}<extra></extra>",
            colorscale=palette.SEQUENTIAL,
            zmin=0,
            zmax=1,
            hoverongaps=False,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": "share<br>of row"}},
        )
    )
    figure.update_xaxes(
        title="decided", side="top", automargin=True, type="category", showgrid=False
    )
    figure.update_yaxes(
        title="truth", autorange="reversed", automargin=True, type="category", showgrid=False
    )
    figure.update_layout(height=130 + _ROW_HEIGHT * len(names))
    return palette.themed(figure)


def _rows(matrix: ConfusionMatrix) -> list[tuple[list[float], int]]:
    """Returns the shares of each row, and its images."""
    counts = matrix.counts.sum(axis=1).tolist()
    return list(zip(matrix.shares.tolist(), counts, strict=True))


def _texts(
    matrix: ConfusionMatrix, *, intervals: bool, said: Sequence[str] = ()
) -> list[list[str]]:
    """Returns what a cell says: its share, the interval, the count; and of what where asked."""
    size = len(matrix.class_names)
    texts = [[""] * size for _ in range(size)]
    for row, (shares, n_images) in enumerate(_rows(matrix)):
        for column, share in enumerate(shares):
            if n_images == 0:
                continue
            lines = [f"{share:.2f}", f"{matrix.counts[row, column]:,} of {n_images:,}"]
            if intervals:
                ends = f"{matrix.low[row, column]:.2f} to {matrix.high[row, column]:.2f}"
                lines.insert(1, f"({ends})")
            if said:
                lines.insert(0, f"{said[row]}, decided {said[column]}")
            texts[row][column] = "<br>".join(lines)
    return texts
