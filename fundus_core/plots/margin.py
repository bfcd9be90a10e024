"""Differences between models held against a margin."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.plots.error_bars import error_bars
from fundus_core.plots.labels import in_lines
from fundus_core.stats.non_inferiority import MarginTest, Verdict

_ROW_HEIGHT = 52
"""Pixels per model."""

_LINE = 38
"""Longest line of a row's label in characters."""

_SYMBOLS: dict[Verdict, str] = {"shown": "diamond", "not shown": "diamond-open", "refuted": "x"}


def margin_figure(rows: Sequence[tuple[str, MarginTest]], *, reference: str) -> go.Figure:
    """Draws each model's difference from the reference with its interval, and where it must lie.

    A filled diamond stands for shown, a hollow one for not shown, a cross for refuted.

    Args:
        rows: Names with their tests, one or more, all with one margin; the first is on top.
        reference: Name of the model they are held against.
    """
    margin = rows[0][1].margin
    figure = go.Figure()
    for index, (name, test) in enumerate(rows):
        figure.add_trace(
            go.Scatter(
                x=[test.difference],
                y=[in_lines(name, _LINE)],
                error_x=error_bars([test.difference], [test.low], [test.high]),
                mode="markers",
                marker={
                    "color": palette.colour(index),
                    "symbol": _SYMBOLS[test.verdict],
                    "size": 12,
                },
                name=escape(name),
                hovertemplate=(
                    f"%{{y}}<br>{test.difference:+z.3f}, {test.confidence:.0%} interval "
                    f"{test.low:+z.3f} to {test.high:+z.3f}<br>{test.verdict}<extra></extra>"
                ),
            )
        )
    ends = [end for _, test in rows for end in (test.low, test.high)]
    low, high = min(*ends, -margin), max(*ends, 0.0)
    room = 0.08 * (high - low)
    figure.add_vrect(
        x0=-margin, x1=high + room, fillcolor=palette.NEUTRAL, opacity=0.12, line_width=0
    )
    figure.add_vline(x=0, line={"color": palette.NEUTRAL, "width": 1})
    figure.add_vline(
        x=-margin,
        line={"color": palette.NEUTRAL, "dash": "dash", "width": 1.5},
        annotation={"text": f"margin -{margin:g}", "yanchor": "bottom", "y": 1},
        annotation_position="top",
    )
    figure.update_xaxes(
        title=f"AUC less that of {in_lines(reference, 60)}", range=[low - room, high + room]
    )
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_layout(showlegend=False, height=150 + _ROW_HEIGHT * len(rows))
    return palette.themed(figure)
