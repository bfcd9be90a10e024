"""The table of evaluated models, each beside what the mean colour alone reaches."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd
import streamlit as st

from fundus_core.caution_codes import CAUTIONS
from fundus_core.checks import Caution
from fundus_core.plots.roc import interval_text
from fundus_core.stats.delong import AucInterval
from fundus_core.ui import messages, text, wiring
from fundus_core.ui.components import damage_notice
from fundus_core.ui.components.run_tray import tray
from fundus_core.ui.glossary import column_help
from fundus_core.workflows.models.run_names import (
    averaged_text,
    names_by_target,
    no_auc_text,
    validated,
)
from fundus_core.workflows.models.run_record import FoldResult, Run


def models_or_stop(dataset_id: str, title: str, none_yet: str, *, kind: str = "") -> list[Run]:
    """Draws the table of a data set's models with their cautions; ends the page if there is none.

    Args:
        dataset_id: Id of the data set.
        title: Heading of the table.
        none_yet: What to say if there is none.
        kind: Kind of the runs; all of them if empty.
    """
    st.subheader(title)
    runs = [run for run in wiring.runs(dataset_id) if kind in {"", run.kind}]
    damage_notice.notice("runs")
    if not runs:
        st.info(none_yet)
        st.stop()
    tray(wiring.runs(dataset_id))
    run_table(runs)
    messages.cautions(counted(runs))
    return runs


def counted(runs: Sequence[Run]) -> list[Caution]:
    """Returns each kind of caution once, with the number of runs it is of."""
    codes = Counter(code for run in runs for code in {caution.code for caution in run.cautions})
    return [
        Caution(code, f"{CAUTIONS.get(code, '')} ({number} of {text.count(len(runs), 'model')})")
        for code, number in codes.items()
    ]


def run_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Returns a row per run: its AUC beside the mean colour's, and what it rests on."""
    names = names_by_target(runs)
    return pd.DataFrame(
        {
            "Model": [names[run.id] for run in runs],
            "Target": [run.target.name for run in runs],
            "AUC (95 % CI)": [averaged_auc_text(run) for run in runs],
            "Mean colour (95 % CI)": [_baseline_text(run) for run in runs],
            "Against mean colour": [
                "" if run.baseline_p is None else text.p_value(run.baseline_p) for run in runs
            ],
            "AUC of each fold": [_fold_text(run) for run in runs],
            "Photographs": [run.n_images for run in runs],
            "Patients": [_patients_text(run) for run in runs],
            "Cautions": [" ".join(caution.code for caution in run.cautions) for run in runs],
            "Made": [text.when(run.created_at) for run in runs],
            "Run": [run.id for run in runs],
        }
    )


def run_table(runs: Sequence[Run]) -> None:
    """Draws the runs, newest first, and says what the columns mean."""
    frame = run_frame(runs)
    st.dataframe(
        frame,
        hide_index=True,
        column_config=column_help(frame),
        alt="Evaluated models with their AUC, interval, folds, baseline and cautions.",
    )
    st.caption(
        "AUC of the pooled held-out predictions, macro average for several classes - where some "
        "have too few patients, with the number of classes averaged: compare such averages only "
        "over the same classes. The mean "
        "colour is a probe on three numbers per photograph in the same folds; the p-value is of "
        "the paired test of the two AUCs, two-sided. A fold is averaged over the same classes as "
        "the whole; one whose test side lacks any of them has no AUC (–)."
    )


def scores_sentence(run: Run) -> str:
    """Says which scores the figures of a run are of."""
    if run.kind == "external":
        return (
            "Scores are of a probe that was fitted on another data set; photographs that both hold "
            "are not held out."
        )
    if run.kind == "zero_shot":
        return "Words alone gave the scores: nothing was learned from any of the photographs."
    if len(run.folds) == 1:
        return "Scores are of the test side of the table's own split."
    return (
        "Scores of all folds are pooled: no photograph is scored by a model that was fitted on it, "
        "and folds keep a patient's photographs together where patients are known."
    )


def below_chance_sentence(runs: Sequence[Run], aucs: Iterable[AucInterval | None]) -> str:
    """Says what an AUC below one half comes from; empty where none is, or nothing was pooled.

    References:
        Parker et al. (2007), BMC Bioinformatics 8, 326.
    """
    pooled = any(len(run.folds) > 1 for run in runs)
    if not pooled or all(interval is None or interval.auc >= 0.5 for interval in aucs):
        return ""
    return (
        "**AUCs below 0.5** do not belong to models that could be turned round. A fold with many "
        "of a class leaves few of it to learn from, so its scores are low; where next to nothing "
        "is learned, pooling such folds pulls the AUC below chance (Parker et al. 2007), and "
        "differences from it are too large. Most often, nothing was learned."
    )


def fold_frame(run: Run) -> pd.DataFrame:
    """Returns a row per outer fold of a run."""
    over = averaged_text(run)
    name = f"AUC of {over}" if over else "AUC"
    table = pd.DataFrame(
        {
            "Fold": [str(fold.fold + 1) for fold in run.folds],
            name: ["–" if fold.auc is None else f"{fold.auc:.3f}" for fold in run.folds],
            "Trained on": [text.count(fold.n_train, "photograph") for fold in run.folds],
            "Tested on": [text.count(fold.n_test, "photograph") for fold in run.folds],
        }
    )
    if run.target.task != "multiclass":
        positive = "Positive" if run.target.task == "binary" else "Labels"
        table[positive] = [str(fold.n_positive) for fold in run.folds]
    table["Patients"] = [
        "unknown" if fold.n_patients is None else str(fold.n_patients) for fold in run.folds
    ]
    if any(fold.lacking for fold in run.folds):
        table["No AUC for want of"] = [
            ", ".join(text.escaped(text.class_label(run.target, one)) for one in fold.lacking)
            for fold in run.folds
        ]
    if any(fold.strength is not None for fold in run.folds):
        table["Strength chosen inside"] = [_strength(fold) for fold in run.folds]
    return table


def _strength(fold: FoldResult) -> str:
    if fold.strength is None:
        return "none"
    said = " (not chosen: too few patients)" if fold.inner_folds == 0 else ""
    return f"{fold.strength:.3g}{said}"


def class_frame(run: Run) -> pd.DataFrame:
    """Returns a row per scored class of a run, each against all others."""
    return pd.DataFrame(
        {
            "Class": [text.escaped(text.class_label(run.target, name)) for name in run.class_aucs],
            "AUC (95 % CI)": [interval_text(interval) for interval in run.class_aucs.values()],
            "Positive": [f"{interval.n_positive:,}" for interval in run.class_aucs.values()],
        }
    )


def averaged_auc_text(run: Run) -> str:
    """Returns the AUC of a run, with the number of classes where it averages fewer than all."""
    if run.auc is None:
        return no_auc_text(run)
    over = averaged_text(run)
    return f"{interval_text(run.auc)} ({over})" if over else interval_text(run.auc)


def _baseline_text(run: Run) -> str:
    """Returns the mean colour's AUC; it is fitted in the folds of a model, so only beside those."""
    if run.baseline_auc is None:
        return "–" if run.auc else no_auc_text(run)
    return interval_text(run.baseline_auc)


def _fold_text(run: Run) -> str:
    if not run.folds:
        return validated(run)
    return "  ".join("–" if fold.auc is None else f"{fold.auc:.2f}" for fold in run.folds)


def _patients_text(run: Run) -> str:
    return "unknown" if run.n_patients is None else f"{run.n_patients:,}"
