"""Several models on the same photographs: forest plot, matrix of differences, table of pairs."""

import pandas as pd
import streamlit as st

from fundus_core.plots import comparison as drawn
from fundus_core.plots.roc import interval_text
from fundus_core.stats.delong import AucComparison
from fundus_core.ui import text
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.components.run_table import below_chance_sentence
from fundus_core.workflows.compare import ComparedPair, Comparison

METHODS = {"obuchowski": "Obuchowski, by patient", "delong": "DeLong, by photograph"}
"""First word of `AucComparison.method` -> what tables say."""


def comparison_panel(found: Comparison, picked: PickedRuns) -> None:
    """Draws a comparison of the models that were picked."""
    names = picked.names
    st.markdown(method_sentence(found))
    st.plotly_chart(
        drawn.forest_figure([(names[run.run_id], run.auc) for run in found.runs]),
        key="compare.forest",
        alt="AUCs with intervals: " + "; ".join(_auc_sentences(found, names)),
    )
    st.table(auc_frame(found, picked), hide_index=True, alt="AUC of each model.")
    st.subheader("Differences")
    if len(found.runs) > 2:
        st.plotly_chart(
            drawn.difference_matrix(
                [names[run.run_id] for run in found.runs],
                [_drawn_pair(pair, names) for pair in found.pairs],
            ),
            key="compare.matrix",
            alt="Differences of AUC, row less column; the table below holds the same numbers.",
        )
    st.table(pair_frame(found, names), hide_index=True, alt="Tests of each pair of models.")
    st.caption(reading_sentence(found))
    st.caption(below_chance_sentence(picked.runs, [run.auc for run in found.runs]))


def method_sentence(found: Comparison) -> str:
    """Says on what the models are compared, and by which test."""
    where = text.count(found.n_images, "photograph")
    paired = "the same " if found.paired else "different photographs, "
    if found.n_patients is None:
        return (
            f"On {paired}{where}: DeLong's test, which takes photographs as independent. "
            "**Patients are unknown**, and two eyes of one patient are not independent: intervals "
            "are too narrow and p-values too small."
        )
    return (
        f"On {paired}{where} of {text.count(found.n_patients, 'patient')}: Obuchowski's form of "
        "DeLong's test, in which patients, not photographs, are independent. Plain DeLong stands "
        "beside it for comparison with papers that use it."
    )


def auc_frame(found: Comparison, picked: PickedRuns) -> pd.DataFrame:
    """Returns a row per model, the highest AUC first, with the mean colour's where it is binary."""
    runs = sorted(found.runs, key=lambda run: -run.auc.auc)
    table = pd.DataFrame(
        {
            "Model": [text.escaped(picked.names[run.run_id]) for run in runs],
            "AUC (95 % CI)": [interval_text(run.auc) for run in runs],
            "Positive": [f"{run.auc.n_positive:,}" for run in runs],
            "Negative": [f"{run.auc.n_negative:,}" for run in runs],
        }
    )
    colours = {run.id: run.baseline_auc for run in picked.runs if run.target.task == "binary"}
    known = [colours.get(run.run_id) for run in runs]
    if any(known):
        texts = ["" if colour is None else interval_text(colour) for colour in known]
        table.insert(2, "Mean colour, own folds", texts)
    return table


def pair_frame(found: Comparison, names: dict[str, str]) -> pd.DataFrame:
    """Returns a row per pair: the difference, its interval, the test, plain DeLong beside it."""
    pairs = found.pairs
    table = pd.DataFrame(
        {
            "Pair": [_pair_text(pair, names) for pair in pairs],
            "Difference (95 % CI)": [_difference(pair.result) for pair in pairs],
            "z": [f"{pair.result.z:.2f}" for pair in pairs],
            "p": [text.bare_p(pair.result.p_value) for pair in pairs],
            "p (Holm)": [text.bare_p(pair.p_holm) for pair in pairs],
            "Method": [METHODS[_first_word(pair.result)] for pair in pairs],
        }
    )
    if any(pair.plain for pair in pairs):
        table["Plain DeLong (z; p)"] = [_plain(pair) for pair in pairs]
    return table


def reading_sentence(found: Comparison) -> str:
    """Says how to read the p-values."""
    said = "z and p are two-sided; equal AUCs give p = 1. "
    if len(found.pairs) > 1:
        said += (
            f"Holm's correction (also in the matrix) is over {len(found.pairs)} pairs; tests tried "
            "before, with other models, are not counted. "
        )
    return said + "A large p-value does not show that two models are equal: read the interval."


def _auc_sentences(found: Comparison, names: dict[str, str]) -> list[str]:
    return [f"{names[run.run_id]} {interval_text(run.auc)}" for run in found.runs]


def _drawn_pair(pair: ComparedPair, names: dict[str, str]) -> drawn.ComparedPair:
    return drawn.ComparedPair(names[pair.run_a], names[pair.run_b], pair.result, pair.p_holm)


def _pair_text(pair: ComparedPair, names: dict[str, str]) -> str:
    return f"{text.escaped(names[pair.run_a])} **minus** {text.escaped(names[pair.run_b])}"


def _difference(test: AucComparison) -> str:
    return f"{test.difference:+.3f} ({test.low:+.3f} to {test.high:+.3f})"


def _plain(pair: ComparedPair) -> str:
    if pair.plain is None:
        return ""
    return f"{pair.plain.z:.2f}; {text.bare_p(pair.plain.p_value)}"


def _first_word(test: AucComparison) -> str:
    return test.method.partition(",")[0].partition(" ")[0]
