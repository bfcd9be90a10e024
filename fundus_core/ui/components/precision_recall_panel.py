"""Precision-recall curves of several models, and the table of their average precisions."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.plots.precision_recall import (
    PrecisionTrace,
    average_text,
    precision_recall_figure,
)
from fundus_core.stats.bootstrap import Interval
from fundus_core.ui import curve_caches, messages, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.evaluation.curves import PrecisionRecall
from fundus_core.workflows.models.run_record import Run

_MOST_BANDS = 2


def precision_recall_panel(picked: PickedRuns, model: Run, aggregate: str | None = None) -> None:
    """Draws the curves, a band around one or two of them, and the average precisions.

    Args:
        picked: What the page looks at.
        model: The one looked at closely, which keeps its band where there are many.
        aggregate: Key of `AGGREGATES` for patients, None for photographs.
    """
    try:
        found = {
            run.id: curve_caches.precision_recall(run.id, picked.class_name, aggregate)
            for run in picked.runs
        }
    except FundusError as error:
        messages.show_error(error)
        return
    figure = precision_recall_figure(_traces(found, picked.names, model.id))
    averages = {run_id: one.average for run_id, one in found.items()}
    named = "; ".join(f"{picked.names[key]}: {average_text(one)}" for key, one in averages.items())
    st.plotly_chart(figure, key="roc.precision", alt=f"Precision-recall curves. {named}.")
    of, methods = _of(picked, aggregate), methods_text(found[model.id])
    downloads.figure(
        figure,
        name="precision-recall",
        caption=f"Precision-recall curves {of}.",
        methods=methods,
        cautions=picked.cautions,
    )
    st.caption(reading_sentence(found[model.id]))
    st.table(average_frame(averages, picked.names), hide_index=True, alt="Average precisions.")
    downloads.table(
        plain_frame(averages, picked.names),
        name="average-precision",
        caption=f"Average precision {of}.",
        methods=methods,
        cautions=picked.cautions,
    )


def average_frame(averages: Mapping[str, Interval], names: Mapping[str, str]) -> pd.DataFrame:
    """Returns a row per model: its average precision with the interval, or why there is none."""
    table = pd.DataFrame(
        {
            "Model": [text.escaped(names[run_id]) for run_id in averages],
            "Average precision (95 % CI)": [average_text(one) for one in averages.values()],
        }
    )
    if any(one.reason for one in averages.values()):
        table["No interval because"] = [text.escaped(one.reason) for one in averages.values()]
    return table


def plain_frame(averages: Mapping[str, Interval], names: Mapping[str, str]) -> pd.DataFrame:
    """Returns the same as numbers, for a file."""
    values = list(averages.values())
    return pd.DataFrame(
        {
            "Model": [names[run_id] for run_id in averages],
            "Average precision": [one.value for one in values],
            "95 % CI, lower end": [one.low for one in values],
            "95 % CI, upper end": [one.high for one in values],
        }
    )


def reading_sentence(found: PrecisionRecall) -> str:
    """Says what the steps, the band and the dotted line are, and what precision depends on."""
    return (
        f"Steps: from one threshold to the next. Shaded: {100 * found.band.confidence:g} % band of "
        f"each point on its own, by {found.band.method}. Dotted: the prevalence here, "
        f"{found.curve.prevalence:.3f}, which calling at random reaches. **Precision depends on "
        "it**: where the disease is rarer, the same model has a lower one."
    )


def methods_text(found: PrecisionRecall) -> str:
    """Returns how curve, band and average were made, for the methods section of a paper."""
    return (
        "Empirical precision-recall curves in steps, not interpolated (Davis & Goadrich 2006). "
        f"Band: pointwise, {found.band.method}, at least as wide as Wilson's interval. Average "
        f"precision: area in steps (Boyd et al. 2013), {found.average.method}, "
        f"{found.average.n_resamples} resamples."
    )


def _traces(
    found: Mapping[str, PrecisionRecall], names: Mapping[str, str], looked_at: str
) -> list[PrecisionTrace]:
    few = len(found) <= _MOST_BANDS
    return [
        PrecisionTrace(
            names[run_id], one.curve, one.average, one.band if few or run_id == looked_at else None
        )
        for run_id, one in found.items()
    ]


def _of(picked: PickedRuns, aggregate: str | None) -> str:
    where = ", one row per patient" if aggregate else ""
    return (
        f"of {text.count(len(picked.runs), 'model')} for {picked.class_label}, on "
        f"{text.count(picked.runs[0].n_images, 'photograph')}{where}"
    )
