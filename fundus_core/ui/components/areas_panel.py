"""The table of AUCs below ROC curves, of photographs or patients."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.plots.roc import RocTrace
from fundus_core.stats.delong import AucInterval
from fundus_core.ui import text
from fundus_core.ui.components import downloads, roc_panel
from fundus_core.ui.components.level_menu import level_sentence
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.components.run_table import below_chance_sentence, scores_sentence
from fundus_core.workflows.models.run_record import Run

BY_PATIENT = (
    "Intervals on the logit scale by Obuchowski's (1997) clustered form of DeLong's variance, "
    "patients independent."
)
BY_IMAGE = "Intervals on the logit scale by DeLong's (1988) variance, photographs independent."


def areas_panel(
    drawn: Sequence[RocTrace], model: Run, picked: PickedRuns, aggregate: str | None
) -> None:
    """Draws the AUCs of the curves, and says what they rest on.

    Args:
        drawn: The curves, that of the model looked at first among those of `picked`.
        model: The one looked at closely.
        picked: The models that are drawn.
        aggregate: Key of `AGGREGATES` for patients, None for photographs.
    """
    name = picked.names[model.id]
    interval = next(one.interval for one in drawn if one.name == name)
    n_rows = interval.n_positive + interval.n_negative
    alike = len({(one.interval.n_positive, one.interval.n_negative) for one in drawn}) == 1
    whose = "" if alike else f"Of {text.escaped(name)}: "
    st.markdown(
        f"{whose}{level_sentence(n_rows, aggregate)}{scores_sentence(model)} "
        f"{text.interval_method(interval)}"
    )
    st.table(roc_panel.auc_frame(drawn), hide_index=True, alt="AUC of each curve.")
    unit = "photograph" if aggregate is None else "patient"
    downloads.table(
        areas_frame([(one.name, one.interval) for one in drawn]),
        name="auc",
        caption=f"AUC for {picked.class_label}, with the mean colour's where it is known: "
        + (f"{text.count(n_rows, unit)}." if alike else f"each of its own {unit}s."),
        methods=methods_text(interval),
        cautions=picked.cautions,
    )
    st.caption(below_chance_sentence(picked.runs, [one.interval for one in drawn]))


def areas_frame(rows: Sequence[tuple[str, AucInterval | None]]) -> pd.DataFrame:
    """Returns a row per name and AUC, in numbers, for files; NaN where there is none."""
    frame = pd.DataFrame(
        [
            (name, one.auc, one.low, one.high, one.n_positive, one.n_negative, one.n_patients)
            if one
            else (name, *[None] * 6)
            for name, one in rows
        ],
        columns=["name", "AUC", "low", "high", "positive", "negative", "patients"],
    )
    return frame.astype(dict.fromkeys(frame.columns[1:], float)).astype(
        dict.fromkeys(["positive", "negative", "patients"], "Int64")
    )


def methods_text(interval: AucInterval) -> str:
    """Says how the intervals of AUCs were made."""
    if interval.method.endswith("exact"):
        return "No variance can be estimated: exact bound on independent pairs (Clopper-Pearson)."
    return BY_IMAGE if interval.n_patients is None else BY_PATIENT
