"""The figures of a study: which one a study file asks for, drawn from its table of results."""

from collections.abc import Mapping
from typing import Any, Protocol

import pandas as pd
import plotly.graph_objects as go

from fundus_core.plots.study_forest import forest
from fundus_core.plots.study_grid import heat_map
from fundus_core.plots.study_lines import convergence, curve
from fundus_core.plots.study_names import finished, metric_title

__all__ = [
    "AskedFigure",
    "convergence",
    "curve",
    "figure",
    "forest",
    "heat_map",
    "nothing_to_draw",
]

_NO_HELD_OUT_LOSS = (
    "Nothing to draw: its cells have results, but no held-out loss. Probes learn without epochs, "
    "and a fine-tuned network has none where its folds have too few patients to set some aside. "
    "Show fine-tuned strategies in this figure, take more patients or more folds, or leave the "
    "figure out of the study file."
)


class AskedFigure(Protocol):
    """What a study file says of one figure; see `fundus_core.studies.document.FigurePart`."""

    @property
    def kind(self) -> str:
        """`heat map`, `curve`, `forest` or `convergence`."""

    @property
    def metric(self) -> str:
        """Column of values."""

    @property
    def rows(self) -> str:
        """Setting down a heat map."""

    @property
    def columns(self) -> str:
        """Setting across a heat map."""

    @property
    def x(self) -> str:
        """Setting that a curve goes over."""

    @property
    def series(self) -> str:
        """What has a colour for each of its values in curves."""


def figure(
    asked: AskedFigure,
    rows: pd.DataFrame,
    curves: pd.DataFrame,
    *,
    against: Mapping[str, Any] | None = None,
) -> go.Figure:
    """Draws a figure that a study asks for.

    Args:
        asked: What the study says of it.
        rows: The rows of the table of results that it shows.
        curves: Learning curves, of which those of `rows` are drawn.
        against: Column -> value that the cells have which all others are compared with.
    """
    if asked.kind == "heat map":
        return heat_map(rows, asked.rows, asked.columns, asked.metric)
    if asked.kind == "curve":
        return curve(rows, asked.x, asked.series, asked.metric)
    if asked.kind == "forest":
        return forest(rows, asked.metric, against)
    return convergence(curves_of(rows, curves), asked.series)


def nothing_to_draw(asked: AskedFigure, rows: pd.DataFrame, curves: pd.DataFrame) -> str:
    """Says why a figure would be empty, and what to do; empty where it would not be.

    Args:
        asked: What the study says of it.
        rows: The rows of the table of results that it would show.
        curves: Learning curves, as `figure` takes them.
    """
    if not (rows["status"] == "done").any():
        return "Nothing to draw yet: none of its cells has a result."
    if asked.kind != "convergence":
        without = finished(rows, asked.metric).empty
        title = metric_title(asked.metric)
        return f"Nothing to draw yet: none of its cells has a value of {title}." if without else ""
    shown = curves_of(rows, curves)
    if len(shown) and shown["validation_loss"].notna().any():
        return ""
    return _NO_HELD_OUT_LOSS


def curves_of(rows: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Returns the learning curves of the runs of some rows."""
    return curves[curves["run_id"].isin(rows["run_id"])] if len(curves) else curves
