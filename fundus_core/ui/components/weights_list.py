"""Weights that this program has made: a table, and the card of one of them."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.plots.roc import interval_text
from fundus_core.pretraining import UPSTREAM_TASKS
from fundus_core.ui import text
from fundus_core.ui.components import downloads, training_progress
from fundus_core.workflows.weights.weights_cards import WeightsCard


def weights_table(cards: Sequence[WeightsCard]) -> None:
    """Draws a row per weights file."""
    st.dataframe(
        pd.DataFrame(
            {
                "Weights": [card.path.name for card in cards],
                "AUC (of who chose the epoch)": [_first_auc(card) for card in cards],
                "Upstream task": [_task(card) for card in cards],
                "Photographs": [card.n_images for card in cards],
                "Made": ["shipped" if card.shipped else "here" for card in cards],
                "Started from": [card.initial for card in cards],
                "Architecture": [card.architecture for card in cards],
            }
        ),
        hide_index=True,
        alt="Weights files with their architecture, task and AUC",
    )


def weights_card(card: WeightsCard) -> None:
    """Draws what is known of one weights file: what it reached, how it was made, how to use it."""
    st.warning(f"**{card.caution}**", icon=":material/info:")
    st.markdown(training_sentence(card))
    left, right = st.columns(2, gap="large")
    with left:
        st.table(_validation(card), hide_index=True)
        st.caption(validation_sentence(card))
    with right:
        training_progress.curves_chart(
            card.curves,
            key=f"weights.curves.{card.path.stem}",
            cautions=downloads.of_synthetic(card.synthetic),
        )
    st.markdown("Made by")
    st.code(card.command, language="bash", wrap_lines=True)
    if card.description:
        st.caption(
            f"DATA: see {text.code(card.description.name)} beside the weights, which also says how "
            "the photographs were drawn."
        )
    st.markdown("Used by")
    st.code(
        f"fundus embed DATA --backbone {card.backbone} --weights {card.path.name} "
        f"--image-size {card.image_size}",
        language="bash",
        wrap_lines=True,
    )


def training_sentence(card: WeightsCard) -> str:
    """Says what the weights learned, from what, and for how long."""
    photographs = text.count(card.n_images, "photograph")
    whose = f" of {text.escaped(card.dataset)}"
    if card.synthetic:  # the folder they were drawn into says nothing to anyone else
        photographs, whose = photographs.replace(" ", " synthetic "), ""
    patients = "" if card.n_patients is None else f" of {text.count(card.n_patients, 'patient')}"
    return (
        f"Epoch {card.best} of {len(card.curves.folds[0])}, {_task(card)}, learned from "
        f"{photographs}{patients}{whose} at {card.image_size} px in {text.duration(card.seconds)} "
        f"on {text.code(card.device)}."
    )


def validation_sentence(card: WeightsCard) -> str:
    """Says on whom the weights were validated, and what the intervals rest on."""
    said = "On patients that were not learned from, but that chose the epoch."
    if any(auc.n_patients is None for auc in card.validation.values()):
        said += " Intervals take photographs as independent: too narrow for several of one patient."
    return said


def _validation(card: WeightsCard) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Label": [text.escaped(name) for name in card.validation],
            "AUC (95 % CI)": [interval_text(auc) for auc in card.validation.values()],
            "With": [str(auc.n_positive) for auc in card.validation.values()],
            "Without": [str(auc.n_negative) for auc in card.validation.values()],
        }
    )


def _task(card: WeightsCard) -> str:
    return UPSTREAM_TASKS[card.task].title if card.task in UPSTREAM_TASKS else card.task


def _first_auc(card: WeightsCard) -> str:
    first = next(iter(card.validation.items()), None)
    return "none" if first is None else f"{first[0]}: {first[1].auc:.3f}"
