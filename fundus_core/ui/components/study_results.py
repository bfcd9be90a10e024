"""What a study found so far: its table, the models to take along, and its figures."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from fundus_core.checks import Caution
from fundus_core.domain.axes import INSIDE
from fundus_core.plots.study_names import (
    RELATIVE_GAIN,
    bounds,
    metric_title,
    number_text,
    setting_title,
    varied,
)
from fundus_core.studies.cautions import TAUGHT, has_code
from fundus_core.studies.document import StudyDocument
from fundus_core.tables import About, as_csv
from fundus_core.ui import messages, outside, state, study_caches, text, wiring
from fundus_core.ui.components import downloads, job_progress
from fundus_core.ui.glossary import column_help, meaning_of
from fundus_core.ui.study_wiring import StudyChoice, is_synthetic, rule_text

SECONDS_BETWEEN_LOOKS = 2.0
_SHOWN_FIRST = 2
"""Metrics that the table shows until the reader chooses."""


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
    st.caption(reading_sentence(document, table))
    with messages.shown_to_user():
        cautions = study_caches.study_cautions(choice)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download all columns (CSV)",
            as_csv(table, _about(choice, document, table, cautions)).encode(),
            file_name=f"{choice.path.stem}-{choice.size}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        _take_along(choice, table.iloc[event["selection"]["rows"]])
    messages.cautions(cautions)
    return table


def _about(
    choice: StudyChoice, document: StudyDocument, table: pd.DataFrame, cautions: Sequence[Caution]
) -> About:
    """Returns what stands above the columns in their file."""
    return About(
        f"{document.title} ({choice.size}): a row per cell and data set it is tested on.",
        text.plain(reading_sentence(document, table)),
        with_synthetic(choice, document, cautions),
    )


def with_synthetic(
    choice: StudyChoice, document: StudyDocument, found: Sequence[Caution]
) -> tuple[Caution, ...]:
    """Returns cautions with the one of photographs that a program drew, if it is not among them."""
    synthetic = downloads.of_synthetic(is_synthetic(wiring.workspace(), choice, document))
    known = {one.code for one in found}
    return (*(one for one in synthetic if one.code not in known), *found)


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
    if (table["cautions"] != "").any():
        shown |= {"Cautions": table["cautions"]}
    if (table["averaged"] != "").any():
        shown |= {"Averaged": table["averaged"]}
    for name in metrics:
        shown |= {
            metric_title(name): table[name],
            _interval_title(name): [_interval(row, name) for _, row in table.iterrows()],
        }
    if table["p_holm"].notna().any():
        shown |= {"AUC less reference": table["difference"], "p (Holm)": table["p_holm"]}
    if (table["untested"] != "").any():
        shown |= {"Not tested": table["untested"]}
    if table[RELATIVE_GAIN].notna().any():
        shown |= {metric_title(RELATIVE_GAIN): table[RELATIVE_GAIN]}
    shown |= {"Seconds": table["seconds"]}
    if (table["problem"] != "").any():
        shown |= {"Problem": table["problem"]}
    return pd.DataFrame(shown)


def reading_sentence(document: StudyDocument, table: pd.DataFrame) -> str:
    """Says what the columns are, and which rows are no external test.

    Args:
        document: What the study file says.
        table: Results so far.
    """
    split, names = document.validation.use_split, _external(table)
    scores = "scores of the table's own test split" if split else "pooled held-out predictions"
    if names:
        scores += f" (for {text.escaped(', '.join(names))}, scores of a model fitted before)"
    said = (
        f"Of the {scores}, with 95 % intervals. The AUC's is DeLong's"
        f"{clustering(table)}, of the macro average for several classes; others are by the "
        f"bootstrap of {resampled(table)}. {_decisions(document, names)}"
    )
    if document.against:
        reference = text.escaped(rule_text(document, document.against))
        said += (
            f" The reference is the cell of {reference}, everything else equal; the test "
            f"is paired by photograph{clustering(table)}, two-sided, and its p-values are "
            "corrected by Holm over all rows of the study that are there."
        )
    return said + averaged_sentence(table) + taught_sentence(table)


def averaged_sentence(table: pd.DataFrame) -> str:
    """Says that some averages are over fewer classes than others, if any are."""
    n_fewer = int((table["averaged"] != "").sum())
    if not n_fewer:
        return ""
    rows = "row is" if n_fewer == 1 else "rows are"
    return (
        f" {n_fewer:,} {rows} **averaged over fewer classes**, as the others have too few patients "
        "there: compare averages only over the same classes."
    )


def judged_sentence(document: StudyDocument, table: pd.DataFrame) -> str:
    """Says which photographs rows are judged on, in plain text.

    Args:
        document: What the study file says.
        table: Rows of its results.
    """
    said = []
    if (table["tested_on"] == INSIDE).any():
        said.append(
            "The test side of the table's own split."
            if document.validation.use_split
            else "Held-out photographs of cross-validation in folds that keep a patient together "
            "where patients are known."
        )
    if names := _external(table):
        said.append(
            f"Photographs of {', '.join(names)}, named as external, scored by a model that was "
            "fitted before; those that taught it are not held out."
        )
    return " ".join(said)


def _external(table: pd.DataFrame) -> tuple[str, ...]:
    """Returns the external data sets that rows are tested on."""
    return tuple(name for name in dict.fromkeys(table["tested_on"]) if name != INSIDE)


def _decisions(document: StudyDocument, external: Sequence[str]) -> str:
    """Says how decisions are taken, see `run_metrics`."""
    threshold = "of one half" if document.validation.use_split else "chosen on the other folds"
    outside = "; for external data, one chosen on all held-out predictions" if external else ""
    return (
        "Decisions take the highest score of several classes, else a threshold "
        f"{threshold}{outside}."
    )


def taught_sentence(table: pd.DataFrame) -> str:
    """Says how many rows are judged on photographs that taught the model, if any are."""
    n_taught = sum(has_code(codes, TAUGHT) for codes in table["cautions"])
    if not n_taught:
        return ""
    rows = "row is" if n_taught == 1 else "rows are"
    return (
        f" {n_taught:,} {rows} **no external test**: some of the photographs taught the model "
        f"({TAUGHT})."
    )


def clustering(table: pd.DataFrame) -> str:
    """Says whether intervals and tests count patients, after what they are of."""
    known = _patients_known(table)
    where = "" if known.all() else " where patients are known"
    return f", clustered by patient{where}" if known.any() else ""


def resampled(table: pd.DataFrame) -> str:
    """Says what the bootstrap draws."""
    known = _patients_known(table)
    if known.all():
        return "patients"
    return "patients where they are known, else of photographs" if known.any() else "photographs"


def _patients_known(table: pd.DataFrame) -> "pd.Series[bool]":
    """Returns for each row with a result whether its patients are known."""
    return table.loc[table["status"] == "done", "n_patients"].notna()


def _interval_title(metric: str) -> str:
    return f"95 % CI, {metric_title(metric)}"


def _interval(row: "pd.Series[Any]", metric: str) -> str:
    found, reason = bounds(row, metric), row[f"{metric}_reason"]
    if found is not None:
        return f"{number_text(metric, found[0])} to {number_text(metric, found[1])}"
    if reason:
        return f"none: {reason}"
    return "" if pd.isna(row[metric]) else "none"


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
