"""Several models side by side: a forest plot of AUCs and a matrix of their differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.plots.error_bars import error_bars
from fundus_core.plots.labels import in_lines
from fundus_core.plots.roc import interval_text
from fundus_core.stats.delong import AucComparison, AucInterval

_ROW_HEIGHT = 42
"""Pixels per model."""

_LINE = 38
"""Longest line of a row's label in characters."""


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """Two models and the test between them."""

    model_a: str
    model_b: str

    comparison: AucComparison
    """Its difference is model A less model B."""

    p_adjusted: float
    """The p-value adjusted for the number of pairs, in [0, 1]."""


def forest_figure(models: Sequence[tuple[str, AucInterval]]) -> go.Figure:
    """Draws each model's AUC with its interval, the first model on top, one half marked.

    Args:
        models: Names with their AUCs, in the order of the rows.
    """
    figure = go.Figure()
    for index, (name, interval) in enumerate(models):
        figure.add_trace(
            go.Scatter(
                x=[interval.auc],
                y=[in_lines(name, _LINE)],
                error_x=error_bars([interval.auc], [interval.low], [interval.high]),
                mode="markers",
                marker={"color": palette.colour(index), "symbol": "square", "size": 11},
                name=escape(name),
                hovertemplate=(
                    f"%{{y}}<br>AUC {interval_text(interval)}, "
                    f"{interval.confidence:.0%} interval<br>{interval.n_positive} positive, "
                    f"{interval.n_negative} negative images<extra></extra>"
                ),
            )
        )
    figure.add_vline(x=0.5, line={"color": palette.NEUTRAL, "dash": "dot", "width": 1})
    figure.update_xaxes(title="AUC")
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_layout(showlegend=False, height=110 + _ROW_HEIGHT * len(models))
    return palette.themed(figure)


def difference_matrix(models: Sequence[str], pairs: Sequence[ComparedPair]) -> go.Figure:
    """Draws the differences between models as a matrix: the row's AUC less the column's.

    Each cell says the difference and the adjusted p-value; the cell across the diagonal says the
    same with the other sign. Pairs that were not compared stay empty. Columns bear the numbers of
    the rows, for which long names leave room.

    Args:
        models: The names, in the order of rows and columns.
        pairs: Each pair once, in either order.
    """
    place = {name: index for index, name in enumerate(models)}
    size = len(models)
    differences: list[list[float | None]] = [[None] * size for _ in range(size)]
    texts = [[""] * size for _ in range(size)]
    for pair in pairs:
        row, column = place[pair.model_a], place[pair.model_b]
        found = pair.comparison
        for i, j, difference in (
            (row, column, found.difference),
            (column, row, -found.difference),
        ):
            differences[i][j] = difference
            texts[i][j] = f"{difference:+z.3f}<br>{p_text(pair.p_adjusted)}"
    reach = max((abs(pair.comparison.difference) for pair in pairs), default=0.0) or 1.0
    figure = go.Figure(
        go.Heatmap(
            x=[str(number) for number in range(1, size + 1)],
            y=[in_lines(f"{number}: {name}", _LINE) for number, name in enumerate(models, 1)],
            z=differences,
            text=texts,
            texttemplate="%{text}",
            hovertext=[
                [f"{escape(row)} less {escape(column)}" for column in models] for row in models
            ],
            hovertemplate="%{hovertext}<br>%{text}<extra></extra>",
            colorscale=palette.DIVERGING,
            zmin=-reach,
            zmax=reach,
            hoverongaps=False,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": "AUC of row<br>less column"}},
        )
    )
    figure.update_xaxes(side="top", automargin=True, type="category", showgrid=False)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category", showgrid=False)
    figure.update_layout(height=180 + 1.5 * _ROW_HEIGHT * size)
    return palette.themed(figure)


def p_text(p_adjusted: float) -> str:
    """Returns an adjusted p-value in words that never read zero.

    Examples:
        >>> p_text(0.0321), p_text(1e-20)
        ('p = 0.032', 'p < 0.001')
    """
    return "p < 0.001" if p_adjusted < 0.001 else f"p = {p_adjusted:.3f}"
