"""ROC curves with their bands, the mean colour's beside them, and the table of AUCs."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fundus_core.plots import palette
from fundus_core.plots.roc import RocTrace, interval_text, roc_figure, with_room
from fundus_core.stats.delong import AucInterval
from fundus_core.ui import text

_MOST_BANDS = 2


def with_one_band(traces: Sequence[RocTrace], looked_at: str) -> list[RocTrace]:
    """Leaves the band to the model looked at where there are many: more would hide the curves.

    Args:
        traces: One per model.
        looked_at: Name of the model whose threshold is looked at.
    """
    if len(traces) <= _MOST_BANDS:
        return list(traces)
    return [one if one.name == looked_at else replace(one, band=None) for one in traces]


def roc_panel(traces: Sequence[RocTrace], baseline: RocTrace | None) -> None:
    """Draws the curves over that of the mean colour, dashed.

    Args:
        traces: One per model, with different names.
        baseline: What the mean colour alone reaches in the same folds, if that is known.
    """
    st.plotly_chart(
        with_baseline(roc_figure(traces), baseline), key="roc.figure", alt=_sentence(traces)
    )


def with_baseline(figure: go.Figure, baseline: RocTrace | None) -> go.Figure:
    """Adds the mean colour's curve to a figure, grey and dashed, and makes room for the legend."""
    if baseline is not None:
        curve = roc_figure([replace(baseline, band=None, marked=None)]).data[-1]
        curve.update(line={"color": palette.NEUTRAL, "dash": "dash", "width": 2})
        figure.add_trace(curve.update(legendgroup="baseline"))
    return with_room(figure)


def auc_frame(rows: Sequence[RocTrace]) -> pd.DataFrame:
    """Returns a row per curve: its AUC, the interval and what the interval rests on."""
    return pd.DataFrame(
        {
            "Model": [text.escaped(row.name) for row in rows],
            "AUC (95 % CI)": [interval_text(row.interval) for row in rows],
            "Positive": [f"{row.interval.n_positive:,}" for row in rows],
            "Negative": [f"{row.interval.n_negative:,}" for row in rows],
            "Patients": [_patients(row.interval) for row in rows],
        }
    )


def reading_sentence(trace: RocTrace, baseline: RocTrace | None) -> str:
    """Says how the band of a model was made, what it does not cover, and whose folds are dashed."""
    said = ""
    if trace.band is not None:
        said = (
            f"Shaded: {100 * trace.band.confidence:g} % band of each point on its own, by "
            f"{trace.band.method}; a whole curve leaves it more often. "
        )
    if baseline is not None:
        said += f"Dashed: the mean colour alone, in the folds of {text.escaped(trace.name)}."
    return said


def _patients(interval: AucInterval) -> str:
    return "unknown" if interval.n_patients is None else f"{interval.n_patients:,}"


def _sentence(traces: Sequence[RocTrace]) -> str:
    """Describes the figure to those who do not see it."""
    named = "; ".join(f"{trace.name}: AUC {interval_text(trace.interval)}" for trace in traces)
    return f"ROC curves with bands. {named}."
