"""Several models on the same photographs: forest plot, matrix of differences, table of pairs."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.checks import Caution
from fundus_core.plots import comparison as drawn
from fundus_core.plots.roc import interval_text
from fundus_core.stats.delong import AucComparison
from fundus_core.ui import auc_caches, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.level_menu import level_sentence
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.components.run_table import below_chance_sentence
from fundus_core.workflows.evaluation.compare import (
    ComparedPair,
    Comparison,
    degrees_text,
    statistic_name,
)

METHODS = {"obuchowski": "Obuchowski, by patient", "delong": "DeLong, by photograph"}
"""First word of `AucComparison.method` -> what tables say."""

CORRECTIONS = {"holm": "Holm", "bh": "Benjamini-Hochberg"}
"""Ways to correct for several pairs -> what the menu and tables say."""

_PROMISES = {
    "holm": "Holm's correction keeps the chance of even one false finding at the level, however "
    "the tests depend on each other",
    "bh": "Benjamini and Hochberg's correction keeps the expected share of false ones among the "
    "findings at the level; for screening, not for a claim about a single pair",
}


def comparison_panel(found: Comparison, picked: PickedRuns) -> None:
    """Draws a comparison of the models that were picked."""
    methods = text.plain(method_sentence(found))
    cautions = picked.cautions_with(found.cautions)
    st.markdown(method_sentence(found))
    _draw_aucs(found, picked, methods, cautions)
    st.subheader("Differences")
    if found.untested:
        st.markdown(untested_sentence(found))
        return
    if joint := joint_sentence(found):
        st.markdown(joint)
    adjust = _pick_correction(found)
    _draw_differences(found, picked, adjust, methods, cautions)
    st.caption(reading_sentence(found, adjust))
    st.caption(below_chance_sentence(picked.runs, [run.auc for run in found.runs]))


def _draw_aucs(
    found: Comparison, picked: PickedRuns, methods: str, cautions: Sequence[Caution]
) -> None:
    names = picked.names
    forest = drawn.forest_figure([(names[run.run_id], run.auc) for run in found.runs])
    st.plotly_chart(
        forest,
        key="compare.forest",
        alt="AUCs with intervals: " + "; ".join(_auc_sentences(found, names)),
    )
    where = f"{len(found.runs)} models, {picked.class_label}, {_n_text(found)}"
    downloads.figure(
        forest,
        name="compare-forest",
        caption=f"AUC with 95 % intervals of {where}.",
        methods=methods,
        cautions=cautions,
    )
    table = auc_frame(found, picked)
    st.table(table, hide_index=True, alt="AUC of each model.")
    downloads.table(
        table.map(text.plain),
        name="compare-aucs",
        caption=f"AUC with 95 % intervals of {where}.",
        methods=methods,
        cautions=cautions,
    )


def _draw_differences(
    found: Comparison,
    picked: PickedRuns,
    adjust: str,
    methods: str,
    cautions: Sequence[Caution],
) -> None:
    names = picked.names
    corrected = f"{methods} {text.plain(reading_sentence(found, adjust))}"
    if len(found.runs) > 2:
        matrix = drawn.difference_matrix(
            [names[run.run_id] for run in found.runs],
            [_drawn_pair(pair, names, adjust) for pair in found.pairs],
        )
        st.plotly_chart(
            matrix,
            key="compare.matrix",
            alt="Differences of AUC, row less column; the table below holds the same numbers.",
        )
        downloads.figure(
            matrix,
            name="compare-matrix",
            caption=f"Differences of AUC, row less column, with p-values corrected over "
            f"{len(found.pairs)} pairs; {picked.class_label}, {_n_text(found)}.",
            methods=corrected,
            cautions=cautions,
        )
    st.table(pair_frame(found, names, adjust), hide_index=True, alt="Tests of each pair of models.")
    st.caption(assumption_sentence(found))
    downloads.table(
        file_frame(found, names),
        name="compare-differences",
        caption=f"Differences of AUC with 95 % intervals; {picked.class_label}, {_n_text(found)}.",
        methods=f"{corrected} {text.plain(assumption_sentence(found))}",
        cautions=cautions,
    )


def _pick_correction(found: Comparison) -> str:
    """Draws the menu of corrections where there are several pairs."""
    if len(found.pairs) < 2:
        return "holm"
    chosen: str = st.radio(
        "Correction for several pairs",
        list(CORRECTIONS),
        format_func=CORRECTIONS.__getitem__,
        horizontal=True,
        key="compare.correction",
        help=". ".join(_PROMISES.values()) + ".",
    )
    return chosen


def method_sentence(found: Comparison) -> str:
    """Says on what the models are compared, and by which test."""
    if found.aggregate is not None:
        return (
            f"{level_sentence(found.n_images, found.aggregate)}DeLong's test, one row per patient; "
            "intervals and p from the t distribution, which allows for few patients."
        )
    where = sizes_text([(number, None) for number, _ in found.sizes])
    paired = "the same " if found.paired else "different photographs, "
    if found.n_patients is None:
        return (
            f"On {paired}{where}: DeLong's test, which takes photographs as independent; intervals "
            "take their length from the t distribution. "
            "**Patients are unknown**, and two eyes of one patient are not independent: intervals "
            "are too narrow and p-values too small."
        )
    return (
        f"On {paired}{sizes_text(found.sizes)}: Obuchowski's form of "
        "DeLong's test, in which patients, not photographs, are independent; intervals and p from "
        "the t distribution, which allows for few patients. Plain DeLong stands beside it for "
        "comparison with papers that use it."
    )


def joint_sentence(found: Comparison) -> str:
    """Says what the one test of all models found; empty for two models."""
    joint = found.all_equal.result
    if len(found.runs) <= 2:
        return ""
    if joint is None:
        return f"No test of all models at once: {text.escaped(found.all_equal.reason)}"
    if joint.rank == 0:
        return "All models order every pair of photographs alike: their AUCs are equal (p = 1)."
    return (
        f"**Are all {len(found.runs)} AUCs equal?** Chi-square = {joint.statistic:.2f} with "
        f"{joint.rank} degrees of freedom, {text.p_value(joint.p_value)} "
        f"({METHODS[joint.method]}; DeLong et al. 1988, p from Hotelling's F with {joint.rank} and "
        f"{max(joint.residual, 0):.0f} degrees of freedom; as published, for many patients, "
        f"{text.p_value(joint.chi_square_p)}). One question, one test: nothing to correct for."
    )


def untested_sentence(found: Comparison) -> str:
    """Says why the models are not tested on a class."""
    return f"No test: {text.escaped(found.untested)}."


def assumption_sentence(found: Comparison) -> str:
    """Says what the p-values rest on, beside the table that holds them."""
    unit = "photographs" if found.n_patients is None else "patients"
    said = f"Each p is two-sided and takes {unit} as independent of each other"
    said += (
        ", both models having scored the same photographs."
        if found.paired
        else ", the two models having seen different ones."
    )
    if found.n_patients is None and found.paired:
        said += (
            " It is DeLong's published p, from the normal distribution; with few diseased "
            "photographs it is somewhat too small, and the interval, from the t distribution, is "
            "the one to trust."
        )
    else:
        said += " The ratio t is held against the t distribution with the degrees of freedom shown."
    return said


def auc_frame(found: Comparison, picked: PickedRuns) -> pd.DataFrame:
    """Returns a row per model, the highest AUC first, with the mean colour's on the same rows."""
    runs = sorted(found.runs, key=lambda run: -run.auc.auc)
    table = pd.DataFrame(
        {
            "Model": [text.escaped(picked.names[run.run_id]) for run in runs],
            "AUC (95 % CI)": [interval_text(run.auc) for run in runs],
            "Positive": [f"{run.auc.n_positive:,}" for run in runs],
            "Negative": [f"{run.auc.n_negative:,}" for run in runs],
        }
    )
    colours = auc_caches.mean_colours(
        [run.id for run in picked.runs], picked.class_name, aggregate=found.aggregate
    )
    known = [colours.get(run.run_id) for run in runs]
    if any(known):
        texts = ["" if colour is None else interval_text(colour.auc) for colour in known]
        table.insert(2, "Mean colour, own folds", texts)
    return table


def pair_frame(found: Comparison, names: dict[str, str], adjust: str = "holm") -> pd.DataFrame:
    """Returns a row per pair: the difference, its interval, the test, plain DeLong beside it."""
    pairs = found.pairs
    table = pd.DataFrame(
        {
            "Pair": [_pair_text(pair, names) for pair in pairs],
            "Difference (95 % CI)": [_difference(pair.result) for pair in pairs],
            _statistic(found): [f"{pair.result.z:.2f}" for pair in pairs],
            "df": [degrees_text(pair.result) for pair in pairs],
            "p": [text.bare_p(pair.result.p_value) for pair in pairs],
            f"p ({CORRECTIONS[adjust]})": [text.bare_p(_corrected(pair, adjust)) for pair in pairs],
            "Method": [METHODS[_first_word(pair.result)] for pair in pairs],
        }
    )
    if any(pair.plain for pair in pairs):
        plain = statistic_name(pair.plain for pair in pairs)
        table[f"Plain DeLong ({plain}; p)"] = [_plain(pair) for pair in pairs]
    return table


def file_frame(found: Comparison, names: dict[str, str]) -> pd.DataFrame:
    """Returns a row per pair as plain values, for a file: with both corrections."""
    pairs = found.pairs
    tests = [pair.result for pair in pairs]
    columns = {
        "Model A": [names[pair.run_a] for pair in pairs],
        "Model B": [names[pair.run_b] for pair in pairs],
        "Difference": [test.difference for test in tests],
        "95 % CI, lower end": [test.low for test in tests],
        "95 % CI, upper end": [test.high for test in tests],
        _statistic(found): [test.z for test in tests],
        "df": [test.degrees_of_freedom for test in tests],
        "p": [_file_p(test.p_value) for test in tests],
        "p (Holm)": [_file_p(pair.p_holm) for pair in pairs],
        "p (Benjamini-Hochberg)": [_file_p(pair.p_bh) for pair in pairs],
        "Method": [METHODS[_first_word(test)] for test in tests],
    }
    if all(pair.plain for pair in pairs):
        plain = [pair.plain for pair in pairs if pair.plain]
        columns[f"{statistic_name(plain)} (plain DeLong)"] = [test.z for test in plain]
        columns["p (plain DeLong)"] = [_file_p(test.p_value) for test in plain]
    return pd.DataFrame(columns)


def reading_sentence(found: Comparison, adjust: str = "holm") -> str:
    """Says how to read the p-values."""
    said = f"{_statistic(found)} and p are two-sided; equal AUCs give p = 1. "
    if len(found.pairs) > 1:
        said += (
            f"{_PROMISES[adjust]}. It is over {len(found.pairs)} pairs, also in the matrix; tests "
            "tried before, with other models, are not counted. "
        )
    return said + "A large p-value does not show that two models are equal: read the interval."


def _auc_sentences(found: Comparison, names: dict[str, str]) -> list[str]:
    return [f"{names[run.run_id]} {interval_text(run.auc)}" for run in found.runs]


def _n_text(found: Comparison) -> str:
    unknown = ", patients unknown" if found.n_patients is None else ""
    return f"{sizes_text(found.sizes)}{unknown}"


def sizes_text(sizes: Sequence[tuple[int, int | None]]) -> str:
    """Returns photographs and their patients in words; of several models one after the other."""
    return " and ".join(
        text.count(images, "photograph")
        + ("" if known is None else f" of {text.count(known, 'patient')}")
        for images, known in sizes
    )


def _drawn_pair(pair: ComparedPair, names: dict[str, str], adjust: str) -> drawn.ComparedPair:
    return drawn.ComparedPair(
        names[pair.run_a], names[pair.run_b], pair.result, _corrected(pair, adjust)
    )


def _corrected(pair: ComparedPair, adjust: str) -> float:
    return pair.p_holm if adjust == "holm" else pair.p_bh


def _statistic(found: Comparison) -> str:
    return statistic_name(pair.result for pair in found.pairs)


def _file_p(p: float) -> str:
    return text.bare_p(p).replace("\u00a0", " ")


def _pair_text(pair: ComparedPair, names: dict[str, str]) -> str:
    return f"{text.escaped(names[pair.run_a])} **minus** {text.escaped(names[pair.run_b])}"


def _difference(test: AucComparison) -> str:
    return f"{test.difference:+z.3f} ({test.low:+z.3f} to {test.high:+z.3f})"


def _plain(pair: ComparedPair) -> str:
    if pair.plain is None:
        return ""
    return f"{pair.plain.z:.2f}; {text.bare_p(pair.plain.p_value)}"


def _first_word(test: AucComparison) -> str:
    return test.method.partition(",")[0].partition(" ")[0]
