"""What a score stands for: the calibrated probability beside it, with what its interval says."""

import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.ui import explain_caches, text
from fundus_core.workflows.evaluation.calibrated import MEANING, CalibratedProbability


def shown(run_id: str, image_id: str, class_name: str, *, class_label: str) -> None:
    """Draws the calibrated probability of a held-out photograph, or says why it is not known.

    Args:
        run_id: The model.
        image_id: The photograph.
        class_name: The class.
        class_label: How it reads alone.
    """
    try:
        found = explain_caches.calibrated(run_id, image_id, class_name)
    except FundusError as reason:
        st.caption(
            f"Calibrated probability: not known. {text.escaped(reason.message)}",
            help=text.escaped(reason.hint),
        )
        return
    st.markdown(sentence(found, class_label), help=MEANING)


def sentence(found: CalibratedProbability, class_label: str) -> str:
    """Says a calibrated probability with its interval, and who taught it."""
    probability = found.probability
    if probability.value is None:
        return f"Calibrated probability: not known; {text.escaped(probability.reason)}."
    value = f"Calibrated probability of {text.escaped(class_label)}: **{probability.value:.0%}**"
    taught = (
        text.count(found.n_images, "photograph")
        if found.n_patients is None
        else f"{text.count(found.n_patients, 'patient')} of the other folds"
    )
    if probability.low is None or probability.high is None:
        return f"{value} (no interval: {text.escaped(probability.reason)}), taught by {taught}."
    percent = round(100 * probability.confidence)
    return (
        f"{value} ({percent} % interval of the calibration curve {probability.low:.0%}–"
        f"{probability.high:.0%}), taught by {taught}."
    )
