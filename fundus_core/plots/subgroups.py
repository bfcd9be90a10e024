"""Groups of photographs as forest plots: a row per group, beside all photographs together."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.plots.error_bars import error_bars
from fundus_core.plots.labels import in_lines
from fundus_core.plots.roc import interval_text
from fundus_core.stats.proportions import Share
from fundus_core.stats.subgroups import Subgroup, Subgroups

_ROW_HEIGHT, _LINE = 36, 34
_APART = 0.16
"""How far two figures of one group stand from the middle of its row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a forest plot."""

    label: str
    value: float | None
    """None leaves the row empty."""

    low: float
    high: float
    said: str
    """Of the row, where the reader points at it."""

    faded: bool = False
    """Drawn grey and open: given, but not tested."""


def auc_by_group(found: Subgroups) -> go.Figure:
    """Draws the AUC of each group with its interval, and a line through that of all photographs."""
    rows = [_auc_row(one, found.fewest) for one in (found.overall, *found.groups)]
    line = None if found.overall.auc is None else found.overall.auc.auc
    return forest(rows, title=f"AUC, {found.confidence:.0%} interval", line=line)


def shares_by_group(found: Subgroups) -> go.Figure:
    """Draws sensitivity and specificity of each group at the one threshold."""
    groups = (found.overall, *found.groups)
    figure = go.Figure()
    for index, name in enumerate(("sensitivity", "specificity")):
        shares = [(place, getattr(one, name)) for place, one in enumerate(groups)]
        figure.add_trace(
            _share_trace(name, index, [pair for pair in shares if pair[1] is not None], groups)
        )
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    title = f"Share, {found.confidence:.0%} interval, at threshold {found.threshold:g}"
    return _framed(figure, [one.name for one in groups], title)


def forest(rows: Sequence[Row], *, title: str, line: float | None) -> go.Figure:
    """Draws rows from the top, faded ones grey and open.

    Args:
        rows: What to draw.
        title: Of the axis.
        line: Where a dotted line goes, if anywhere.
    """
    figure = go.Figure()
    for faded in (False, True):
        chosen = [
            (place, row, row.value)
            for place, row in enumerate(rows)
            if row.faded == faded and row.value is not None
        ]
        if not chosen:
            continue
        values = [value for _, _, value in chosen]
        colour = palette.NEUTRAL if faded else palette.colour(0)
        figure.add_trace(
            go.Scatter(
                x=values,
                y=[place for place, _, _ in chosen],
                error_x=error_bars(
                    values, [row.low for _, row, _ in chosen], [row.high for _, row, _ in chosen]
                ),
                mode="markers",
                marker={
                    "color": colour,
                    "symbol": "square-open" if faded else "square",
                    "size": 11,
                    "line": {"width": 2, "color": colour},
                },
                customdata=[
                    f"{in_lines(row.label, _LINE)}<br>{in_lines(row.said, 60)}"
                    for _, row, _ in chosen
                ],
                hovertemplate="%{customdata}<extra></extra>",
                showlegend=False,
            )
        )
    if line is not None:
        figure.add_vline(x=line, line={"color": palette.NEUTRAL, "dash": "dot", "width": 1.5})
    return _framed(figure, [row.label for row in rows], title)


def _auc_row(one: Subgroup, fewest: int) -> Row:
    if one.auc is None:
        return Row(_labelled(one), None, 0, 0, one.reason, faded=True)
    said = f"AUC {interval_text(one.auc)}; {one.reason or f'at least {fewest} of each class'}"
    return Row(_labelled(one), one.auc.auc, one.auc.low, one.auc.high, said, not one.tested)


def _labelled(one: Subgroup) -> str:
    return one.name if one.tested else f"{one.name} (too few)"


def _share_trace(
    name: str, index: int, shares: Sequence[tuple[int, Share]], groups: Sequence[Subgroup]
) -> go.Scatter:
    values = [share.value for _, share in shares]
    colour = palette.colour(index)
    return go.Scatter(
        x=values,
        y=[place + _APART * (2 * index - 1) for place, _ in shares],
        error_x=error_bars(
            values, [share.low for _, share in shares], [share.high for _, share in shares]
        ),
        mode="markers",
        name=name.capitalize(),
        marker={"color": colour, "symbol": palette.symbol(index), "size": 10},
        customdata=[
            f"{in_lines(groups[place].name, _LINE)}<br>{name} {share.value:.3f} "
            f"({share.low:.3f} to {share.high:.3f})"
            for place, share in shares
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _framed(figure: go.Figure, labels: Sequence[str], title: str) -> go.Figure:
    figure.update_xaxes(title=title)
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[in_lines(label, _LINE) for label in labels],
        range=[len(labels) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
        zeroline=False,
    )
    figure.update_layout(height=130 + _ROW_HEIGHT * len(labels))
    return palette.themed(figure)
