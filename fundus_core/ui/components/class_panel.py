"""All classes of one model: a ROC curve each, and a table with the averages below."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from fundus_core.plots.classes import class_roc_figure
from fundus_core.plots.roc import RocTrace, interval_text
from fundus_core.stats.classes import ClassAucs, over_text
from fundus_core.stats.delong import AucInterval
from fundus_core.ui import text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.areas_panel import areas_frame, methods_text
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.components.run_table import below_chance_sentence
from fundus_core.workflows.models.run_record import Run

_NONE = "–"


def class_curves(
    run: Run, traces: Sequence[RocTrace], found: ClassAucs, picked: PickedRuns
) -> None:
    """Draws a curve per class of one model, with its AUC in the legend.

    Args:
        run: The model.
        traces: One per class that has an AUC.
        found: Its AUCs.
        picked: What the page looks at.
    """
    named = [replace(one, name=text.class_label(run.target, one.name)) for one in traces]
    figure = class_roc_figure(named)
    said = "; ".join(f"{trace.name}: AUC {interval_text(trace.interval)}" for trace in named)
    st.plotly_chart(
        figure,
        key="roc.classes",
        alt=f"ROC curves of {picked.names[run.id]}, one per class. {said}.",
    )
    downloads.figure(
        figure,
        name="roc-classes",
        caption=f"ROC curves of {picked.names[run.id]}, each class against the rest: {_rows(run)}.",
        methods=f"Empirical curves. {methods_text(found.macro)}",
        cautions=picked.cautions,
    )


def class_table(run: Run, found: ClassAucs, baseline: ClassAucs | None, picked: PickedRuns) -> None:
    """Draws the table of classes and averages, and says how to read it."""
    st.table(class_auc_frame(run, found, baseline), hide_index=True, alt="AUC of every class.")
    downloads.table(
        areas_frame(
            [
                *[(text.class_label(run.target, r.class_name), r.interval) for r in found.classes],
                *zip(average_names(found), (found.macro, found.micro), strict=True),
            ]
        ),
        name="auc-classes",
        caption=f"AUC of {picked.names[run.id]} for each class against the rest: {_rows(run)}.",
        methods=f"{methods_text(found.macro)} {averages_sentence(found)}",
        cautions=picked.cautions,
    )
    st.markdown(left_out_sentence(run, found))
    st.caption(averages_sentence(found))
    colours = baseline.classes if baseline else ()
    st.caption(below_chance_sentence([run], [row.interval for row in (*found.classes, *colours)]))


def class_auc_frame(run: Run, found: ClassAucs, baseline: ClassAucs | None) -> pd.DataFrame:
    """Returns a row per class and average: what it rests on, its AUC and the mean colour's."""
    averages = average_names(found)
    known = found.macro.n_patients is not None
    of_colour = [row.interval for row in baseline.classes] if baseline else []
    table = pd.DataFrame(
        {
            "Class": [
                *[text.escaped(text.class_label(run.target, r.class_name)) for r in found.classes],
                *[f"**{name}**" for name in averages],
            ],
            "Positive": [*[f"{row.n_positive:,}" for row in found.classes], "", ""],
            "Negative": [*[f"{row.n_negative:,}" for row in found.classes], "", ""],
            "Patients with it": [
                *[f"{row.units.positive:,}" if known else "unknown" for row in found.classes],
                "",
                "",
            ],
            "AUC (95 % CI)": [
                *[_auc(row.interval) for row in found.classes],
                interval_text(found.macro),
                interval_text(found.micro),
            ],
        }
    )
    if baseline:
        colours = [*of_colour, baseline.macro, baseline.micro]
        table["Mean colour, own folds"] = [_auc(interval) for interval in colours]
    return table


def average_names(found: ClassAucs) -> tuple[str, str]:
    """Returns what the averages are called, with the number of classes where some are left out."""
    words = over_text(found.n_averaged, len(found.classes))
    over = f" ({words})" if words else ""
    return f"Macro average{over}", f"Micro average{over}"


def left_out_sentence(run: Run, found: ClassAucs) -> str:
    """Says which classes are not in the averages, and why; empty where all are."""
    reasons = [
        f"{text.escaped(text.class_label(run.target, row.class_name))}, {text.escaped(row.reason)}"
        for row in found.classes
        if row.reason
    ]
    return f"**Not in the averages:** {'; '.join(reasons)}." if reasons else ""


def averages_sentence(found: ClassAucs) -> str:
    """Says what the two averages are, what each must not be taken for, and how they were made."""
    unit = "photographs" if found.macro.n_patients is None else "patients"
    return (
        "Macro: the mean of the classes' AUCs, each class weighing the same. Micro: one AUC over "
        "all pairs of a photograph and a class; frequent classes weigh more, scores of different "
        "classes are compared with each other, and knowing which class is frequent raises it. "
        f"Intervals of both take {unit} as independent, not the pairs."
    )


def _rows(run: Run) -> str:
    """Says how many photographs there are, and of how many patients."""
    rows = text.count(run.n_images, "photograph")
    known = run.n_patients is not None
    return f"{rows} of {text.count(run.n_patients or 0, 'patient')}" if known else rows


def _auc(interval: AucInterval | None) -> str:
    return _NONE if interval is None else interval_text(interval)
