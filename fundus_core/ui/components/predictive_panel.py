"""What a call is worth at a prevalence: in natural frequencies first, then as ratios."""

import pandas as pd
import streamlit as st

from fundus_core.stats.predictive_values import PredictiveValues
from fundus_core.ui import text
from fundus_core.ui.components import downloads
from fundus_core.workflows.evaluation.operating import OperatingResult
from fundus_core.workflows.evaluation.operating_words import (
    estimate_text,
    found_sentence,
    screened_sentence,
)

METHODS = (
    "Predictive values follow from sensitivity, specificity and the stated prevalence by Bayes' "
    "theorem; the prevalence is taken as known. Intervals of likelihood ratios and predictive "
    "values recover the variances from Wilson's intervals of the two shares (Newcombe 2016; Zou & "
    "Donner 2008), {unit} independent."
)


def predictive_panel(result: OperatingResult, prevalence: float, class_label: str) -> None:
    """Draws what calls are worth where the disease is as frequent as the reader says.

    Args:
        result: A model at a threshold.
        prevalence: In (0, 1).
        class_label: The class whose presence counts as positive.
    """
    values = result.values_at(prevalence)
    st.markdown(f"**{text.escaped(found_sentence(values, result.unit))}**")
    st.markdown(text.escaped(screened_sentence(values, result.unit)))
    frame = values_frame(values)
    shown = frame.map(text.escaped)
    st.table(shown, hide_index=True, alt="Predictive values and likelihood ratios.")
    known = "photographs" if result.predictions.patient_ids is None else "patients"
    methods = METHODS.format(unit=known)
    st.caption(
        f"{methods} Of these {result.unit}s {100 * result.prevalence:.1f} % have it: that share "
        "does not enter."
    )
    downloads.table(
        frame,
        name="predictive-values",
        caption=f"What calls of {result.label} are worth, {class_label}, at a prevalence of "
        f"{100 * prevalence:g} %: {len(result.called):,} {result.unit}s.",
        methods=methods,
        cautions=result.cautions,
    )


def values_frame(values: PredictiveValues) -> pd.DataFrame:
    """Returns a row per number: its name, what it means, and its value with the interval."""
    at = f"at {100 * values.prevalence:g} %"
    level = f"Value ({100 * values.confidence:g} % CI)"
    return pd.DataFrame(
        [
            (
                f"Positive predictive value {at}",
                "of those called positive, the share that has it",
                estimate_text(values.positive),
            ),
            (
                f"Negative predictive value {at}",
                "of those called negative, the share that does not have it",
                estimate_text(values.negative),
            ),
            (
                "Positive likelihood ratio",
                "a positive call multiplies the odds of having it by this",
                estimate_text(values.ratio_positive),
            ),
            (
                "Negative likelihood ratio",
                "a negative call multiplies the odds of having it by this",
                estimate_text(values.ratio_negative),
            ),
        ],
        columns=["Number", "Meaning", level],
    )
