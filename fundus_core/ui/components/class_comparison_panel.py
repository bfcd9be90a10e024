"""Several models on all classes: a forest of AUCs and differences, and the corrected tests."""

import pandas as pd
import streamlit as st

from fundus_core.plots.classes import ForestRow, class_forest
from fundus_core.plots.roc import interval_text
from fundus_core.stats.classes import over_text
from fundus_core.stats.delong import AucInterval
from fundus_core.ui import text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.class_panel import average_names, averages_sentence
from fundus_core.ui.components.comparison_panel import sizes_text
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.components.run_table import below_chance_sentence
from fundus_core.workflows.evaluation.classes import (
    AdjustedTest,
    ClassComparison,
    ClassPair,
    ModelClasses,
)
from fundus_core.workflows.evaluation.compare import degrees_text, statistic_name

_NONE = "–"


def class_comparison_panel(found: ClassComparison, picked: PickedRuns) -> None:
    """Draws a comparison of the models that were picked on all of their classes."""
    st.markdown(method_sentence(found))
    pair = _pick_pair(found, picked.names)
    title = _pair_text(pair, picked.names)
    drawn = class_forest(
        [picked.names[model.run_id] for model in found.models],
        forest_rows(found, pair, picked),
        difference_of=(picked.names[pair.run_a], picked.names[pair.run_b]),
    )
    st.plotly_chart(
        drawn,
        key="compare.classes",
        alt="AUCs of each class with intervals, and differences; the tables hold the same numbers.",
    )
    st.caption(
        "A full diamond: p below 0.05 after Holm's correction; hollow: not. Intervals of two AUCs "
        "may overlap where their difference is clear, for both models saw the same photographs: "
        "read the difference."
        if found.paired
        else "A full diamond: p below 0.05 after Holm's correction; hollow: not."
    )
    downloads.figure(
        drawn,
        name="compare-classes",
        caption="AUC of each class, and the difference of two models, with 95 % intervals.",
        methods=text.plain(method_sentence(found)),
        cautions=picked.cautions_with(found.cautions),
    )
    st.subheader(f"Differences: {text.escaped(title)}")
    st.table(test_frame(pair, found, picked), hide_index=True, alt="Tests of each class.")
    st.markdown(untested_sentence(pair, picked))
    st.caption(reading_sentence(found))
    st.subheader("AUC of each model")
    st.table(model_frame(found, picked), hide_index=True, alt="AUC of each model and class.")
    st.caption(averages_sentence(found.models[0].aucs))
    aucs = [row.interval for model in found.models for row in model.aucs.classes]
    st.caption(below_chance_sentence(picked.runs, aucs))


def method_sentence(found: ClassComparison) -> str:
    """Says on what the models are compared, and by which test."""
    where = sizes_text([(number, None) for number, _ in found.sizes])
    on = "the same " if found.paired else "different photographs, "
    if found.n_patients is None:
        return (
            f"On {on}{where}: DeLong's test for each class, which takes photographs as "
            "independent. **Patients are unknown**, and two eyes of one patient are not "
            "independent: intervals are too narrow and p-values too small."
        )
    return (
        f"On {on}{sizes_text(found.sizes)}: Obuchowski's form of "
        "DeLong's test for each class, in which patients, not photographs, are independent."
    )


def forest_rows(found: ClassComparison, pair: ClassPair, picked: PickedRuns) -> list[ForestRow]:
    """Returns a row per class, then the averages, of models that average the classes tested."""
    rows = []
    for index, test in enumerate(pair.classes):
        intervals = tuple(model.aucs.classes[index].interval for model in found.models)
        label = text.class_label(picked.runs[0].target, test.name)
        rows.append(ForestRow(label, intervals, test.result, test.p_holm))
    of_pair = [one.aucs if one.aucs.averaged == pair.averaged else None for one in found.models]
    macro = tuple(None if one is None else one.macro for one in of_pair)
    micro = tuple(None if one is None else one.micro for one in of_pair)
    for intervals, test in ((macro, pair.macro), (micro, pair.micro)):
        rows.append(
            ForestRow(f"M{test.name[1:]}", intervals, test.result, test.p_holm, is_average=True)
        )
    return rows


def test_frame(pair: ClassPair, found: ClassComparison, picked: PickedRuns) -> pd.DataFrame:
    """Returns a row per class and average: the difference, its interval, p as it is and adjusted.

    A class that was not tested keeps its row; `untested_sentence` has the reason.
    """
    target = picked.runs[0].target
    tests = (*pair.classes, pair.macro, pair.micro)
    table = pd.DataFrame(
        {
            "Class": [
                *[text.escaped(text.class_label(target, test.name)) for test in pair.classes],
                *[f"**M{text.escaped(test.name[1:])}**" for test in (pair.macro, pair.micro)],
            ],
            "Difference (95 % CI)": [_difference(test) for test in tests],
            statistic_name(test.result for test in tests): [
                f"{test.result.z:.2f}" if test.result else _NONE for test in tests
            ],
            "df": [degrees_text(test.result) if test.result else _NONE for test in tests],
            "p": [text.bare_p(test.result.p_value) if test.result else _NONE for test in tests],
            "p (Holm)": [
                _NONE if test.p_holm is None else text.bare_p(test.p_holm) for test in tests
            ],
        }
    )
    if len(found.pairs) == 1:  # an average of one pair is a family of its own
        table.loc[len(pair.classes) :, "p (Holm)"] = _NONE
    return table


def untested_sentence(pair: ClassPair, picked: PickedRuns) -> str:
    """Says which classes and averages have no test, and why; empty where all have one."""
    target = picked.runs[0].target
    reasons = [
        f"{text.escaped(text.class_label(target, test.name))}, {text.escaped(test.reason)}"
        for test in (*pair.classes, pair.macro, pair.micro)
        if test.reason
    ]
    return f"**Not tested:** {'; '.join(reasons)}." if reasons else ""


def model_frame(found: ClassComparison, picked: PickedRuns) -> pd.DataFrame:
    """Returns a row per class and average, with a column of AUCs for each model."""
    first = found.models[0].aucs
    target = picked.runs[0].target
    names = average_names(first) if found.paired else ("Macro average", "Micro average")
    columns: dict[str, list[str]] = {
        "Class": [
            *[text.escaped(text.class_label(target, row.class_name)) for row in first.classes],
            *[f"**{name}**" for name in names],
        ],
    }
    if found.paired:  # else every model has counts of its own
        columns["Positive"] = [*[f"{row.n_positive:,}" for row in first.classes], "", ""]
    if found.paired and found.n_patients is not None:
        columns["Patients with it"] = [
            *[f"{row.units.positive:,}" for row in first.classes],
            "",
            "",
        ]
    for model in found.models:
        columns[text.escaped(picked.names[model.run_id])] = [
            *[_auc(row.interval) for row in model.aucs.classes],
            *[
                _average(interval, model, paired=found.paired)
                for interval in (model.aucs.macro, model.aucs.micro)
            ],
        ]
    return pd.DataFrame(columns)


def reading_sentence(found: ClassComparison) -> str:
    """Says over what the p-values are corrected, and how to read them."""
    over = text.count(found.n_tests, "test")
    said = f"All p are two-sided. Holm's correction is over {over} of single classes"
    if len(found.pairs) > 1:
        said += (
            f", of all {len(found.pairs)} pairs of models; the averages are corrected over the "
            "pairs"
        )
    return (
        f"{said}. Classes with too few patients are in no family; the choice looks at labels only. "
        "A large p-value does not show that two models are equal: read the interval."
    )


def _pick_pair(found: ClassComparison, names: dict[str, str]) -> ClassPair:
    """Returns the pair whose differences are drawn: the only one, or the one chosen in a menu."""
    if len(found.pairs) == 1:
        return found.pairs[0]
    by_key = {(pair.run_a, pair.run_b): pair for pair in found.pairs}
    chosen: tuple[str, str] = st.selectbox(
        "Differences of",
        list(by_key),
        format_func=lambda key: _pair_text(by_key[key], names),
        key="compare.pair",
    )
    return by_key[chosen]


def _pair_text(pair: ClassPair, names: dict[str, str]) -> str:
    return f"{names[pair.run_a]} minus {names[pair.run_b]}"


def _difference(test: AdjustedTest) -> str:
    found = test.result
    if found is None:
        return "no test"
    return f"{found.difference:+z.3f} ({found.low:+z.3f} to {found.high:+z.3f})"


def _average(interval: AucInterval, model: ModelClasses, *, paired: bool) -> str:
    """Returns an average of a model; where models have classes of their own, with their number."""
    over = over_text(model.aucs.n_averaged, len(model.aucs.classes))
    return interval_text(interval) + (f" ({over})" if over and not paired else "")


def _auc(interval: AucInterval | None) -> str:
    return _NONE if interval is None else interval_text(interval)
