"""How well a model tells several classes apart, two at a time."""

import pandas as pd
import streamlit as st

from fundus_core.plots.precision_recall import average_text
from fundus_core.stats.hand_till import HandTillAuc
from fundus_core.ui import curve_caches, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.models.run_record import Run


def hand_till_panel(model: Run, picked: PickedRuns) -> None:
    """Draws Hand and Till's AUC and the AUC of each pair of classes.

    Args:
        model: Of several classes that exclude one another.
        picked: What the page looks at.
    """
    found = curve_caches.hand_till(model.id)
    st.markdown(sentence(found))
    st.table(pair_frame(found, model), hide_index=True, alt="AUC of each pair of classes.")
    plain = pd.DataFrame(
        [
            (
                *(text.class_label(model.target, one) for one in (pair.class_a, pair.class_b)),
                pair.auc,
            )
            for pair in found.pairs
        ],
        columns=["Class", "Against", "AUC"],
    )
    downloads.table(
        plain,
        name="hand-till",
        caption=f"AUC of each pair of classes, by {picked.names[model.id]}, on "
        f"{text.count(model.n_images, 'photograph')}; their mean is "
        f"{average_text(found.interval)}.",
        methods=methods_text(found),
        cautions=picked.cautions,
    )
    st.caption(text.escaped(methods_text(found)))


def sentence(found: HandTillAuc) -> str:
    """Returns the mean over pairs with its interval, in markdown."""
    shown = average_text(found.interval)
    said = f"Mean AUC over {text.count(len(found.pairs), 'pair')} of classes: **{shown}**."
    if found.interval.reason:
        said += f" No interval: {text.escaped(found.interval.reason)}."
    if found.left_out:
        said += f" Without photographs: {text.escaped(', '.join(found.left_out))}."
    return said


def pair_frame(found: HandTillAuc, model: Run) -> pd.DataFrame:
    """Returns a row per pair of classes, the hardest first."""
    pairs = sorted(found.pairs, key=lambda pair: pair.auc)
    return pd.DataFrame(
        {
            "Class": [text.escaped(text.class_label(model.target, one.class_a)) for one in pairs],
            "Against": [text.escaped(text.class_label(model.target, one.class_b)) for one in pairs],
            "AUC": [f"{one.auc:.3f}" for one in pairs],
        }
    )


def methods_text(found: HandTillAuc) -> str:
    """Returns how the mean was made, for the methods section of a paper."""
    return (
        "Mean over pairs of classes of the AUC on the photographs of the two (Hand & Till 2001), "
        "which does not depend on how common the classes are. Interval: "
        f"{found.interval.method}, {found.interval.n_resamples} resamples."
    )
