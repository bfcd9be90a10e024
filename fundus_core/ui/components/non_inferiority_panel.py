"""Is a model at least as good as a reference? A margin, and the differences held against it."""

import pandas as pd
import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.plots.margin import margin_figure
from fundus_core.stats.non_inferiority import VERDICTS, MarginTest
from fundus_core.ui import messages, outside, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.evaluation.compare import Comparison
from fundus_core.workflows.evaluation.margins import USUAL_MARGIN, HeldAgainstMargin, against_margin

_METHODS = (
    "Non-inferiority: one-sided test at 2.5 % that the AUC is less than the margin below the "
    "reference's, from the difference, its standard error and its degrees of freedom; shown where "
    "the lower end of the 95 % interval is above minus the margin (Piaggio et al. 2012; "
    "Ahn et al. 2012). Equivalence: two one-sided tests at 5 % (Schuirmann 1987). Not corrected "
    "for the number of models."
)


@outside.fragment()
def non_inferiority_panel(found: Comparison, picked: PickedRuns) -> None:
    """Draws, folded away, the models against a reference and a margin that the reader states."""
    with st.expander("Is it at least as good?", icon=":material/balance:"):
        st.markdown(
            "A large p-value does not show that two models are alike. Here the burden of proof is "
            "turned round: state the loss of AUC that you would put up with, **before** you look "
            "at the difference and for a reason, and see whether the data rule out a larger one."
        )
        reference, margin = _pick(found, picked)
        try:
            rows = against_margin(found, margin, reference=reference)
        except FundusError as error:
            messages.show_error(error)
            return
        _draw(rows, found, picked, reference)


def verdict_sentence(row: HeldAgainstMargin, name: str) -> str:
    """Says in markdown what was found about one model."""
    shown = text.escaped(name)
    one, both = row.non_inferiority, row.equivalence
    if one is None or both is None:
        return f"**{shown}**: no test. {text.escaped(row.reason)}"
    return (
        f"**{shown}**, at least as good up to {one.margin:g}: **{one.verdict}** "
        f"({VERDICTS[one.verdict]}; difference {one.difference:+z.3f}, one-sided 97.5 % bound "
        f"{one.low:+z.3f}, {text.p_value(one.p_value)}). Equivalent within {both.margin:g}: "
        f"{both.verdict} (90 % CI {both.low:+z.3f} to {both.high:+z.3f}, "
        f"{text.p_value(both.p_value)})."
    )


def margin_frame(rows: list[tuple[str, MarginTest, MarginTest]]) -> pd.DataFrame:
    """Returns a row per model as plain values, for a file."""
    return pd.DataFrame(
        {
            "Model": [name for name, _, _ in rows],
            "Difference": [one.difference for _, one, _ in rows],
            "95 % CI, lower end": [one.low for _, one, _ in rows],
            "95 % CI, upper end": [one.high for _, one, _ in rows],
            "Margin": [one.margin for _, one, _ in rows],
            "p (non-inferior, one-sided)": [_file_p(one) for _, one, _ in rows],
            "Non-inferior": [one.verdict for _, one, _ in rows],
            "90 % CI, lower end": [both.low for _, _, both in rows],
            "90 % CI, upper end": [both.high for _, _, both in rows],
            "p (equivalent)": [_file_p(both) for _, _, both in rows],
            "Equivalent": [both.verdict for _, _, both in rows],
        }
    )


def _file_p(test: MarginTest) -> str:
    return text.bare_p(test.p_value).replace("\u00a0", " ")


def _pick(found: Comparison, picked: PickedRuns) -> tuple[str, float]:
    """Draws the two inputs; the model with the highest AUC is offered first."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    best_first = sorted(found.runs, key=lambda run: -run.auc.auc)
    reference: str = left.selectbox(
        "Reference",
        [run.run_id for run in best_first],
        format_func=picked.names.__getitem__,
        key="margin.reference",
    )
    margin = right.number_input(
        "Margin (loss of AUC)",
        0.005,
        0.5,
        USUAL_MARGIN,
        step=0.005,
        format="%.3f",
        key="margin.of",
        help=help_for("margin"),
    )
    return reference, float(margin)


def _draw(
    rows: tuple[HeldAgainstMargin, ...], found: Comparison, picked: PickedRuns, reference: str
) -> None:
    names = picked.names
    tested = [
        (names[row.run_id], row.non_inferiority, row.equivalence)
        for row in rows
        if row.non_inferiority is not None and row.equivalence is not None
    ]
    for row in rows:
        st.markdown(verdict_sentence(row, names[row.run_id]))
    if not tested:
        return
    drawn = margin_figure([(name, one) for name, one, _ in tested], reference=names[reference])
    st.plotly_chart(
        drawn,
        key="margin.figure",
        alt="Differences from the reference with 95 % intervals, and the margin; the sentences "
        "above hold the same numbers.",
    )
    st.caption(
        "Shaded: where the whole 95 % interval must lie for non-inferiority. Full diamond: shown; "
        f"hollow: not shown; cross: refuted. {_METHODS}"
    )
    where = f"against {names[reference]}, {picked.class_label}, {found.n_images:,} photographs"
    cautions = picked.cautions_with(found.cautions)
    downloads.figure(
        drawn,
        name="compare-margin",
        caption=f"Differences of AUC with 95 % intervals {where}; dashed: the margin.",
        methods=_METHODS,
        cautions=cautions,
    )
    downloads.table(
        margin_frame(tested),
        name="compare-margins",
        caption=f"Non-inferiority and equivalence {where}.",
        methods=_METHODS,
        cautions=cautions,
    )
