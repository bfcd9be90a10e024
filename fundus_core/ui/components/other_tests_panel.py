"""Other tests between models than DeLong's: resampled, permuted, and of parts of the curve."""

import pandas as pd
import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.stats.paired_bootstrap import ResampledTest
from fundus_core.ui import curve_caches, messages, outside, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.comparison_panel import sizes_text
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.evaluation.curves import HIGH_END, PartialRange
from fundus_core.workflows.evaluation.other_tests import TESTS, OtherPair, OtherSettings, OtherTests

_MANY, _MOST = 2000, 10_000


@outside.fragment()
def other_tests_panel(picked: PickedRuns, *, common: bool = False) -> None:
    """Draws, folded away, the menu of tests and, once asked for, what the chosen one found.

    Args:
        picked: What the page looks at.
        common: Compare on the photographs that all models scored.
    """
    with st.expander(
        "Other tests: bootstrap, permutation, a part of the curve", icon=":material/science:"
    ):
        st.caption(
            "Choose the test before looking at the results of several: the smallest of many "
            "p-values is not a p-value."
        )
        test, settings = _pick_test()
        if settings is None or not st.button(
            "Run the test", icon=":material/play_arrow:", key="other.run"
        ):
            return
        run_ids = [run.id for run in picked.runs]
        try:
            found = curve_caches.compared(run_ids, test, settings, picked.class_name, common=common)
        except FundusError as error:
            messages.show_error(error)
            return
        _draw(found, picked)


def result_sentence(found: OtherTests, pair: OtherPair, names: dict[str, str]) -> str:
    """Says in markdown what a test of two models found."""
    test = pair.result
    ends = ""
    if test.low is not None and test.high is not None:
        ends = f", {100 * test.confidence:g} % CI {test.low:+z.3f} to {test.high:+z.3f}"
    elif test.reason:
        ends = f"; no interval: {text.escaped(test.reason)}"
    z = "" if test.z is None else f"z = {test.z:.2f}, "
    return (
        f"**{text.escaped(names[pair.run_a])}** {test.value_a:.3f}, "
        f"**{text.escaped(names[pair.run_b])}** {test.value_b:.3f}: difference of "
        f"{text.escaped(found.number)} {test.difference:+z.3f}{ends}; {z}"
        f"{_p_value(test.p_value, test)}."
    )


def method_sentence(found: OtherTests) -> str:
    """Says by which test, on what, and what it assumes."""
    first = found.pairs[0].result
    drawn = f"{first.n_resamples:,} {'permutations' if first.z is None else 'resamples'}"
    said = f"{_capital(first.method)}, {drawn}, on {sizes_text(found.sizes)}. {first.assumptions}"
    if first.z is None:
        said += f" With {drawn} no p is below {1 / (first.n_resamples + 1):.2g}."
    return said


def tested_frame(found: OtherTests, names: dict[str, str]) -> pd.DataFrame:
    """Returns a row per pair as plain values, for a file."""
    tests = [pair.result for pair in found.pairs]
    return pd.DataFrame(
        {
            "Model A": [names[pair.run_a] for pair in found.pairs],
            "Model B": [names[pair.run_b] for pair in found.pairs],
            "A": [test.value_a for test in tests],
            "B": [test.value_b for test in tests],
            "Difference": [test.difference for test in tests],
            "95 % CI, lower end": [test.low for test in tests],
            "95 % CI, upper end": [test.high for test in tests],
            "z": [test.z for test in tests],
            "p": [test.p_value for test in tests],
            "p (Holm)": [pair.p_holm for pair in found.pairs],
        }
    )


def _draw(found: OtherTests, picked: PickedRuns) -> None:
    several = len(found.pairs) > 1
    for pair in found.pairs:
        holm = f" Corrected over {len(found.pairs)} pairs (Holm): {text.p_value(pair.p_holm)}."
        st.markdown(result_sentence(found, pair, picked.names) + (holm if several else ""))
    methods = method_sentence(found)
    st.caption(text.escaped(methods))
    downloads.table(
        tested_frame(found, picked.names),
        name=f"test-{found.test}",
        caption=f"Differences of {found.number} between models for {picked.class_label}.",
        methods=methods,
        cautions=picked.cautions_with(found.cautions),
    )


def _pick_test() -> tuple[str, OtherSettings | None]:
    """Draws the menus; no settings where they do not make a test."""
    left, right = st.columns(2, vertical_alignment="bottom")
    test: str = left.selectbox(
        "Test", list(TESTS), format_func=lambda key: TESTS[key].label, key="other.test"
    )
    part: PartialRange | None = HIGH_END
    if TESTS[test].has_range:
        start, end = right.slider(
            "Range, from and to", 0.0, 1.0, (0.9, 1.0), step=0.01, key="other.range"
        )
        part = PartialRange(start, end) if start < end else None
    elif TESTS[test].has_rate:
        fixed = right.slider("Fixed at", 0.5, 0.99, 0.9, step=0.01, key="other.at")
        part = PartialRange(fixed, 1.0)
    if part is None:
        st.info("Choose a range with width: move one end of the slider.")
        return test, None
    return test, OtherSettings(part, _MOST if test == "permutation" else _MANY)


def _p_value(p: float, test: ResampledTest) -> str:
    """Returns p; one counted among permutations with all its digits, for it is exact."""
    return f"p = {p:.4f}" if test.z is None else text.p_value(p)


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
