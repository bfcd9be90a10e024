"""A study's results as a heat map: two settings against each other."""

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fundus_core.plots import palette
from fundus_core.plots.comparison import p_text
from fundus_core.plots.labels import in_lines
from fundus_core.plots.study_names import (
    RELATIVE_GAIN,
    finished,
    metric_title,
    named,
    number_text,
    rows_with,
    setting_text,
    setting_title,
    value_text,
    values_of,
    varied,
    with_scenario,
)

MARK = "*"
"""Stands behind an AUC that differs from that of the reference."""

SIGNIFICANT = 0.05
"""Adjusted p-values below this are marked."""

_ROW_HEIGHT, _LINE, _LISTED = 44, 30, 6
_LEAST_REACH = 0.05
"""Colours span at least so much, so that what means nothing does not look like a difference."""


def heat_map(table: pd.DataFrame, rows: str, columns: str, metric: str) -> go.Figure:
    """Draws a metric for each pair of settings, in the order of the study.

    A cell of several rows (data sets, draws, seeds) shows their mean, and the bar of colours says
    of how many. Cells without a result are empty; the pointer tells why. An AUC of one row is
    marked by `MARK` where it differs from the reference at `SIGNIFICANT`, adjusted by Holm; other
    metrics are not marked, for the test is of the AUC.

    Args:
        table: Rows of results, see `fundus_core.studies.results.study_table`.
        rows: Column of the table, or `scenario` for strategy and head together.
        columns: Like `rows`.
        metric: Column of values.
    """
    table = with_scenario(table)
    down, across = values_of(table, rows), values_of(table, columns)
    cells = [[rows_with(table, {rows: one, columns: other}) for other in across] for one in down]
    means = [[_mean(cell, metric) for cell in line] for line in cells]
    most = max((len(finished(cell, metric)) for line in cells for cell in line), default=0)
    low, high = _reach(means)
    figure = go.Figure(
        go.Heatmap(
            x=[in_lines(setting_text(columns, one), _LINE) for one in across],
            y=[in_lines(setting_text(rows, one), _LINE) for one in down],
            z=means,
            text=[[_text(cell, metric) for cell in line] for line in cells],
            texttemplate="%{text}",
            textfont={"size": 13},
            hovertext=[[_said(cell, metric) for cell in line] for line in cells],
            hovertemplate="%{y}, %{x}<br>%{hovertext}<extra></extra>",
            colorscale=palette.DIVERGING if metric == RELATIVE_GAIN else palette.SEQUENTIAL,
            zmin=low if metric != RELATIVE_GAIN else -max(abs(low), abs(high)),
            zmax=high if metric != RELATIVE_GAIN else max(abs(low), abs(high)),
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": _bar_title(metric, most)}},
        )
    )
    figure.update_xaxes(
        title=setting_title(columns), side="top", type="category", automargin=True, showgrid=False
    )
    figure.update_yaxes(
        title={"text": setting_title(rows), "standoff": 12},
        autorange="reversed",
        type="category",
        automargin=True,
        showgrid=False,
    )
    figure.update_layout(height=170 + _ROW_HEIGHT * len(down))
    palette.themed(figure)
    return figure.update_layout(margin={"t": 90, "b": 20})


def _mean(cell: pd.DataFrame, metric: str) -> float | None:
    done = finished(cell, metric)
    return float(done[metric].mean()) if len(done) else None


def _reach(means: list[list[float | None]]) -> tuple[float, float]:
    """Returns the values that have the first and the last colour."""
    known = [value for line in means for value in line if value is not None]
    if not known:
        return 0.0, 1.0
    middle = (min(known) + max(known)) / 2
    half = max(max(known) - middle, _LEAST_REACH / 2)
    return middle - half, middle + half


def _bar_title(metric: str, most: int) -> str:
    several = f"<br>mean of<br>up to {most}" if most > 1 else ""
    return f"{metric_title(metric)}{several}"


def _text(cell: pd.DataFrame, metric: str) -> str:
    mean = _mean(cell, metric)
    return "" if mean is None else number_text(metric, mean) + _mark(cell, metric)


def _mark(cell: pd.DataFrame, metric: str) -> str:
    done = finished(cell, metric)
    if metric != "auc" or len(done) != 1 or "p_holm" not in done:
        return ""
    return MARK if done["p_holm"].iloc[0] < SIGNIFICANT else ""


def _said(cell: pd.DataFrame, metric: str) -> str:
    """Returns what the pointer tells of a cell, as markup."""
    done = finished(cell, metric)
    if done.empty:
        return _why_empty(cell, metric)
    lines = _several(cell, done, metric) if len(cell) > 1 else _single(done.iloc[0], metric)
    return "<br>".join(lines)


def _single(row: "pd.Series[Any]", metric: str) -> list[str]:
    lines = [f"{metric_title(metric)} {value_text(row, metric)}"]
    if metric != RELATIVE_GAIN:
        lines[0] += ", 95 % interval"
    counted = [(row.get("n_images"), "photographs"), (row.get("n_patients"), "patients")]
    known = [f"{n:,.0f} {noun}" for n, noun in counted if n is not None and not pd.isna(n)]
    lines += [" of ".join(known)] if known else []
    p_holm = row.get("p_holm", np.nan)
    if not pd.isna(p_holm):
        lines.append(
            f"AUC less the reference's {row['difference']:+z.3f} ({row['difference_low']:+z.3f} to "
            f"{row['difference_high']:+z.3f}), {p_text(p_holm)} (Holm)"
        )
    return lines


def _several(cell: pd.DataFrame, done: pd.DataFrame, metric: str) -> list[str]:
    differs = varied(cell)
    lines = [f"mean of n = {len(done)}, not an interval:"]
    lines += [
        f"{escape(named({column: row[column] for column in differs}))}: {value_text(row, metric)}"
        for _, row in done.head(_LISTED).iterrows()
    ]
    lines += [f"and {len(done) - _LISTED} more"] if len(done) > _LISTED else []
    missing = len(cell) - len(done)
    return [*lines, *([f"{missing} of {len(cell)} without result"] if missing else [])]


def _why_empty(cell: pd.DataFrame, metric: str) -> str:
    if cell.empty:
        return "not in the study"
    failed = cell[cell["status"] == "failed"]
    if len(failed):
        return f"failed: {in_lines(str(failed['problem'].iloc[0]), 60)}"
    was_run = bool((cell["status"] == "done").any())
    return f"has no {metric_title(metric)}" if was_run else "not run"
