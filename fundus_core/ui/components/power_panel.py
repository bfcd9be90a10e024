"""How many patients would the next study take? A planner that starts from what was found here."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from fundus_core.checks import Caution
from fundus_core.errors import FundusError
from fundus_core.plots.power import power_figure
from fundus_core.stats.planned_variance import (
    VarianceName,
)
from fundus_core.stats.power import (
    PatientImages,
    StudyPlan,
    TwoAucs,
    patients_for,
)
from fundus_core.ui import messages, outside, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.evaluation.compare import ComparedPair, Comparison
from fundus_core.workflows.evaluation.power import ObservedDesign, observed_design, power_curve

_VARIANCES: dict[VarianceName, str] = {
    "obuchowski": "Obuchowski & McClish (usual, on the safe side)",
    "hanley_mcneil": "Hanley & McNeil",
    "normal": "normal scores, exact (smallest)",
}

_METHODS = (
    "Sample size for the two-sided paired comparison of two AUCs by normal approximation "
    "(Obuchowski & McClish 1997), times the design effect of several photographs per patient "
    "(Obuchowski 1997)."
)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the reader plans."""

    question: TwoAucs
    power: float
    healthy_per_diseased: float
    per_patient: PatientImages


@outside.fragment()
def power_panel(found: Comparison, picked: PickedRuns) -> None:
    """Draws, folded away, the planner, with the first pair's design as its first values."""
    with st.expander("How many patients would it take?", icon=":material/groups:"):
        st.markdown(
            "For a study of two models on the same photographs. Give the **smallest difference "
            "that would matter**, not the one found above: power for a difference just found says "
            "no more than its p-value. The other values start from what was found here."
        )
        pair = _pick_pair(found, picked)
        choice = _pick(observed_design(found, pair), key=f"{pair.run_a}.{pair.run_b}")
        try:
            plan = patients_for(
                choice.question,
                power=choice.power,
                healthy_per_diseased=choice.healthy_per_diseased,
                per_patient=choice.per_patient,
            )
        except FundusError as error:
            messages.show_error(error)
            return
        _draw(choice, plan, picked.cautions_with(found.cautions))


def plan_sentence(plan: StudyPlan, question: TwoAucs, per_patient: PatientImages) -> str:
    """Says in markdown what the study takes, and what that rests on."""
    photographs = text.count(plan.n_positive + plan.n_negative, "photograph")
    return (
        f"**{text.count(plan.n_patients, 'patient')}**: {plan.n_diseased:,} with the disease and "
        f"{plan.n_healthy:,} without, {photographs}. Their chance to find AUC "
        f"{question.auc_a:.3f} against {question.auc_b:.3f} at the two-sided level "
        f"{plan.alpha:g} is {plan.power:.0%}, with a standard error of the difference of "
        f"{plan.standard_error:.3f} and a design effect of {per_patient.design_effect:.2f}. "
        "This is a plan, not a finding: it rests on AUCs that nobody knows yet."
    )


def plan_frame(curve: tuple[StudyPlan, ...]) -> pd.DataFrame:
    """Returns a row per size of study, for a file."""
    return pd.DataFrame(
        {
            "Patients": [study.n_patients for study in curve],
            "Diseased": [study.n_diseased for study in curve],
            "Healthy": [study.n_healthy for study in curve],
            "Photographs": [study.n_positive + study.n_negative for study in curve],
            "Power": [study.power for study in curve],
            "Expected standard error": [study.standard_error for study in curve],
        }
    )


def _pick_pair(found: Comparison, picked: PickedRuns) -> ComparedPair:
    if len(found.pairs) == 1:
        return found.pairs[0]
    names = picked.names
    by_name = {f"{names[pair.run_a]} and {names[pair.run_b]}": pair for pair in found.pairs}
    return by_name[st.selectbox("Like", list(by_name), key="power.pair")]


def _pick(seen: ObservedDesign, *, key: str) -> _Choice:
    """Draws the inputs; another pair brings its own first values."""
    left, middle, right = st.columns(3)
    auc = left.number_input(
        "AUC of the one model",
        0.5,
        0.99,
        _inside(seen.auc_b, 0.5, 0.97),
        0.01,
        key=f"power.auc.{key}",
        help=help_for("AUC"),
    )
    matters = middle.number_input(
        "Smallest difference that matters", 0.005, 0.3, 0.05, 0.005, format="%.3f", key="power.by"
    )
    power = right.number_input(
        "Power", 0.5, 0.99, 0.8, 0.05, key="power.power", help=help_for("power")
    )
    correlation = left.number_input(
        "Correlation of the two AUCs",
        -0.95,
        0.95,
        seen.correlation,
        0.05,
        key=f"power.correlation.{key}",
        help="High where two models err on the same photographs. "
        + ("As found here." if seen.correlation_known else "A usual value: none could be found."),
    )
    healthy = middle.number_input(
        "Healthy per diseased patient",
        0.1,
        1000.0,
        _inside(seen.healthy_per_diseased, 0.1, 1000.0),
        0.5,
        key=f"power.healthy.{key}",
    )
    variance = right.selectbox(
        "Variance of an AUC", list(_VARIANCES), format_func=_VARIANCES.__getitem__, key="power.from"
    )
    images = left.number_input(
        "Photographs per patient",
        1.0,
        50.0,
        _inside(seen.per_patient.images, 1.0, 50.0),
        0.5,
        key=f"power.images.{key}",
    )
    within = middle.number_input(
        "Correlation within a patient",
        0.0,
        1.0,
        seen.per_patient.correlation,
        0.05,
        key=f"power.within.{key}",
        help="Of what two photographs of one patient tell about the difference. 1: a second one "
        "adds nothing.",
    )
    higher = auc + matters if auc + matters < 1 else auc - matters
    return _Choice(
        TwoAucs(higher, auc, correlation, variance), power, healthy, PatientImages(images, within)
    )


def _inside(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _draw(choice: _Choice, plan: StudyPlan, cautions: Sequence[Caution]) -> None:
    said = plan_sentence(plan, choice.question, choice.per_patient)
    st.markdown(said)
    curve = power_curve(choice.question, plan, per_patient=choice.per_patient)
    drawn = power_figure(curve, plan)
    st.plotly_chart(
        drawn,
        key="power.figure",
        alt=f"Power over the number of patients: {plan.power:.2f} with {plan.n_patients}.",
    )
    st.caption(
        f"{_METHODS} Dotted: what chance alone gives. Variance: "
        f"{_VARIANCES[choice.question.variance]}."
    )
    methods = f"{_METHODS} {text.plain(said)}"
    downloads.figure(
        drawn,
        name="power",
        caption="Power of the comparison of two AUCs over the number of patients.",
        methods=methods,
        cautions=cautions,
    )
    downloads.table(
        plan_frame(curve),
        name="power-table",
        caption="Power by size of study.",
        methods=methods,
        cautions=cautions,
    )
