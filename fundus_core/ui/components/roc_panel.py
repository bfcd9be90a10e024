"""ROC curves with their bands, the mean colour's beside them, and the table of AUCs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from fundus_core.plots.roc import RocTrace, interval_text
from fundus_core.stats.delong import AucInterval
from fundus_core.stats.roc import RocBand
from fundus_core.ui import curve_caches, operating_caches, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.run_picker import PickedRuns

BANDS = {"pointwise": "each point", "simultaneous": "the whole curve", "none": "none"}
"""What a band is to hold: key -> label."""

_MOST_BANDS = 2


def pick_bands(
    traces: Mapping[str, RocTrace], looked_at: str, class_name: str, aggregate: str | None = None
) -> dict[str, RocTrace]:
    """Draws the menu of bands, and returns the curves with the bands chosen, by run id.

    Where there are many curves, only the model looked at has a band.

    Args:
        traces: Run id -> its curve, with its pointwise band.
        looked_at: Run id of the model looked at.
        class_name: The class looked at.
        aggregate: Key of `AGGREGATES` for patients, None for photographs.

    Raises:
        FundusError: If a band cannot be made.
    """
    kind = st.segmented_control(
        "95 % band for",
        list(BANDS),
        format_func=BANDS.__getitem__,
        default="pointwise",
        required=True,
        wrap=True,
        key="roc.band",
        persist_state="session",
        help="A band for each point holds the true sensitivity at one specificity, chosen "
        "beforehand, 95 times in 100. To say something of the whole curve, such as where two "
        "models cross, take the wider band that holds all of it.",
    )
    few = len(traces) <= _MOST_BANDS
    banded = {run_id for run_id in traces if few or run_id == looked_at} if kind != "none" else ()
    drawn = {}
    for run_id, trace in traces.items():
        band = trace.band if run_id in banded else None
        if band is not None and kind == "simultaneous":
            band = curve_caches.simultaneous_band(run_id, class_name, aggregate)
        drawn[run_id] = replace(trace, band=band)
    return drawn


def roc_panel(
    traces: Sequence[RocTrace], baseline: RocTrace | None, picked: PickedRuns | None = None
) -> None:
    """Draws the curves over that of the mean colour, dashed.

    Args:
        traces: One per model, with different names.
        baseline: What the mean colour alone reaches in the same folds, if that is known.
        picked: What the page looks at; with it, figure and points can be downloaded.
    """
    figure = curve_caches.roc_figure(tuple(traces), baseline)
    st.plotly_chart(figure, key="roc.figure", alt=_sentence(traces))
    if picked is None:
        return
    caption = (
        f"ROC curves of {text.count(len(traces), 'model')} for {picked.class_label}: "
        f"{counts_text(traces)}."
    )
    downloads.figure(
        figure,
        name="roc",
        caption=caption,
        methods=methods_text(traces),
        cautions=picked.cautions,
    )


def counts_text(traces: Sequence[RocTrace]) -> str:
    """Returns how many positive and negative there are; of each curve, where they differ."""
    said = {
        trace.name: f"{trace.interval.n_positive:,} positive and "
        f"{trace.interval.n_negative:,} negative"
        for trace in traces
    }
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{name}, {counts}" for name, counts in said.items())


def other_photographs_warning(picked: PickedRuns) -> None:
    """Warns where the models were not judged on the same photographs: curves invite to compare."""
    judged = {run.id: operating_caches.photographs(run.id) for run in picked.runs}
    if len(set(judged.values())) == 1:
        return
    common = frozenset.intersection(*judged.values())
    named = "; ".join(
        f"{text.escaped(picked.names[run_id])}, {len(ids):,}" for run_id, ids in judged.items()
    )
    st.warning(
        f"These models were not judged on the same photographs ({named}; {len(common):,} in "
        "common), so their curves and AUCs do not compare them. **Compare** can test them on the "
        "photographs in common.",
        icon=":material/rule:",
    )


def methods_text(traces: Sequence[RocTrace]) -> str:
    """Returns how curves and bands were made, for the methods section of a paper."""
    bands = [trace.band for trace in traces if trace.band is not None]
    return f"Empirical ROC curves. {_band_method(bands[0])}" if bands else "Empirical ROC curves."


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
    if trace.band is not None and trace.band.kind == "pointwise":
        said = (
            f"Shaded: {100 * trace.band.confidence:g} % band of each point on its own, by "
            f"{trace.band.method}; a whole curve leaves it more often. "
        )
    elif trace.band is not None:
        said = (
            f"Shaded: {100 * trace.band.confidence:g} % simultaneous band, which holds the whole "
            f"true curve so often, by {trace.band.method}. "
        )
    if baseline is not None:
        said += f"Dashed: the mean colour alone, in the folds of {text.escaped(trace.name)}."
    return said


def _band_method(band: RocBand) -> str:
    level = f"{100 * band.confidence:g} %"
    if band.kind == "pointwise":
        return (
            f"Pointwise {level} bands by {band.method}, percentiles, at least as wide as Wilson's "
            "interval."
        )
    return (
        f"Simultaneous {level} bands by {band.method}: percentiles so far out that whole curves "
        "lie between them (sup-t; Montiel Olea & Plagborg-Møller 2019), at least as wide as "
        "Wilson's interval."
    )


def _patients(interval: AucInterval) -> str:
    return "unknown" if interval.n_patients is None else f"{interval.n_patients:,}"


def _sentence(traces: Sequence[RocTrace]) -> str:
    """Describes the figure to those who do not see it."""
    named = "; ".join(f"{trace.name}: AUC {interval_text(trace.interval)}" for trace in traces)
    return f"ROC curves with bands. {named}."
