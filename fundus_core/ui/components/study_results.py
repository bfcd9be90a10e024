"""What a study found so far: its table, the models to take along, and its figures."""

from typing import Any

import pandas as pd
import streamlit as st

from fundus_core.plots.study_names import (
    RELATIVE_GAIN,
    metric_title,
    setting_title,
    value_text,
    varied,
)
from fundus_core.studies.document import StudyDocument
from fundus_core.tables import About, as_csv
from fundus_core.ui import messages, outside, state, study_caches, text, wiring
from fundus_core.ui.components import downloads, job_progress
from fundus_core.ui.glossary import column_help, meaning_of
from fundus_core.ui.study_wiring import StudyChoice, is_synthetic, rule_text

SECONDS_BETWEEN_LOOKS = 2.0
_SHOWN_FIRST = 2
"""Metrics that the table shows until the reader chooses."""

_INTERVALS = (
    "The AUC's is DeLong's, clustered by patient, of the macro average for several classes; others "
    "are by the bootstrap of patients. Decisions take the highest score of several classes, else a "
    "threshold that was chosen on the other folds."
)


def results_table(choice: StudyChoice, document: StudyDocument) -> pd.DataFrame | None:
    """Draws the table of results and what can be done with it.

    Returns:
        The whole table, a row per cell and data set it is tested on; None while nothing was run.
    """
    with messages.shown_to_user():
        table = study_caches.study_table(choice)
    _watch(choice)
    done = table[table["status"] == "done"]
    st.subheader("Results so far" if len(done) < len(table) else "Results")
    if done.empty:
        _nothing_yet(table)
        return None
    st.caption(progress_sentence(table))
    metrics = st.multiselect(
        "Metrics",
        document.metrics,
        default=document.metrics[:_SHOWN_FIRST],
        format_func=metric_title,
        key="studies.metrics",
    )
    frame = shown_frame(table, metrics)
    event = st.dataframe(
        frame,
        hide_index=True,
        column_config=column_help(frame) | _columns(metrics),
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="",
        key="studies.rows",
        alt="Cells of the study with their metrics, intervals and the test against the reference.",
    )
    st.caption(reading_sentence(document))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download all columns (CSV)",
            as_csv(table, _about(choice, document)).encode(),
            file_name=f"{choice.path.stem}-{choice.size}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        _take_along(choice, table.iloc[event["selection"]["rows"]])
    return table


def _about(choice: StudyChoice, document: StudyDocument) -> About:
    """Returns what stands above the columns in their file."""
    synthetic = is_synthetic(wiring.workspace(), choice, document)
    return About(
        f"{document.title} ({choice.size}): a row per cell and data set it is tested on.",
        text.plain(reading_sentence(document)),
        downloads.of_synthetic(synthetic),
    )


def progress_sentence(table: pd.DataFrame) -> str:
    """Says how many rows there are, how many failed and why."""
    counts = table["status"].value_counts()
    done, failed = int(counts.get("done", 0)), int(counts.get("failed", 0))
    said = f"{done:,} of {text.count(len(table), 'row')} are there"
    said += f"; {failed:,} failed, the reasons are in the table" if failed else ""
    return f"{said}. A row is a cell, tested on one data set."


def shown_frame(table: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """Returns the table with what tells its rows apart, and numbers that can be sorted.

    Args:
        table: From `study_table`.
        metrics: Those to show.
    """
    apart = varied(table) or ("model",)
    shown: dict[str, Any] = {setting_title(name): table[name] for name in apart}
    shown |= {"State": table["status"]}
    for name in metrics:
        shown |= {
            metric_title(name): table[name],
            _interval_title(name): [_interval(row, name) for _, row in table.iterrows()],
        }
    if table["p_holm"].notna().any():
        shown |= {"AUC less reference": table["difference"], "p (Holm)": table["p_holm"]}
    if table[RELATIVE_GAIN].notna().any():
        shown |= {metric_title(RELATIVE_GAIN): table[RELATIVE_GAIN]}
    shown |= {"Seconds": table["seconds"]}
    if (table["problem"] != "").any():
        shown |= {"Problem": table["problem"]}
    return pd.DataFrame(shown)


def reading_sentence(document: StudyDocument) -> str:
    """Says what the columns are."""
    said = f"Of the pooled held-out predictions, with 95 % intervals. {_INTERVALS}"
    if document.against:
        reference = text.escaped(rule_text(document, document.against))
        said += (
            f" The reference is the cell of {reference}, everything else equal; the test "
            "is paired by photograph, clustered by patient, two-sided, and its p-values are "
            "corrected by Holm over all rows of the study that are there."
        )
    return said


def _interval_title(metric: str) -> str:
    return f"95 % CI, {metric_title(metric)}"


def _interval(row: "pd.Series[Any]", metric: str) -> str:
    if pd.isna(row[metric]):
        return ""
    said = value_text(row, metric)
    return said.partition("(")[2].rstrip(")") or "none"


def _columns(metrics: list[str]) -> dict[str, Any]:
    numbers = {metric_title(name): "%.3f" for name in metrics}
    numbers |= {"AUC less reference": "%+.3f", "p (Holm)": "%.3g", "Seconds": "%.0f"}
    numbers |= {metric_title(RELATIVE_GAIN): "%+.1f", setting_title("fraction"): "percent"}
    return {
        name: st.column_config.NumberColumn(name, format=style, help=meaning_of(name))
        for name, style in numbers.items()
    }


def _nothing_yet(table: pd.DataFrame) -> None:
    failed = table[table["status"] == "failed"]
    if failed.empty:
        st.info("None yet. Results appear here cell by cell while the study runs.")
        return
    st.error(
        f"None: {text.count(len(failed), 'row')} failed, the first because: "
        f"{text.escaped(failed['problem'].iloc[0])}",
        icon=":material/error:",
    )


def _watch(choice: StudyChoice) -> None:
    """Draws the page anew whenever a cell was stored, while a study runs."""
    if job_progress.under_way(("study",)):
        _watching(choice, study_caches.study_results_token(choice))


@outside.fragment(run_every=SECONDS_BETWEEN_LOOKS)
def _watching(choice: StudyChoice, seen: tuple[object, ...]) -> None:
    if study_caches.study_results_token(choice) != seen:
        st.rerun()


def _take_along(choice: StudyChoice, rows: pd.DataFrame) -> None:
    """Offers to look at the chosen rows' models on the pages of evaluated models."""
    run_ids = [name for name in dict.fromkeys(rows["run_id"]) if name]
    if choice.size == "smoke":
        st.caption("Runs of a smoke test are not listed on other pages.")
        return
    if not run_ids:
        st.caption("Choose rows to see their ROC curves or compare their models.")
        return
    with messages.shown_to_user():
        runs = [wiring.run(run_id) for run_id in run_ids]
    if len({(run.dataset_id, run.target.name) for run in runs}) > 1:
        st.caption("Models of one data set and target can be looked at together; choose such rows.")
        return
    changes = {"dataset_id": runs[0].dataset_id, "target": runs[0].target.name}
    for label, icon, page, least in (
        ("ROC curves", ":material/show_chart:", "pages/evaluate/roc.py", 1),
        ("Compare models", ":material/balance:", "pages/evaluate/compare.py", 2),
    ):
        if st.button(label, icon=icon, disabled=len(runs) < least, key=f"studies.to.{page}"):
            state.choose(**changes)
            state.choose(run_ids=tuple(run_ids))
            st.switch_page(page)
