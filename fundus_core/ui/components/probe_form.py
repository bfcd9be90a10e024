"""What to fit: which embeddings, for which target, validated how."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.probes import PROBES
from fundus_core.ui import state, text, wiring
from fundus_core.ui.components.target_menus import (
    PickedValidation,
    pick_target,
    pick_validation,
)
from fundus_core.workflows.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.embed import EmbeddingSummary
from fundus_core.workflows.labels import distinct_labels


@dataclass(frozen=True, slots=True)
class ProbeForm:
    """What the reader asked for."""

    embeddings: tuple[EmbeddingSummary, ...]
    target: str
    """As `FundusDataset.target` takes it; empty while it is not complete."""

    probe: str
    """Key of `PROBES`."""

    validation: PickedValidation

    def arguments(self, summary: DatasetSummary, chosen: EmbeddingSummary) -> list[str]:
        """Returns the command line that fits the probe on one of the embeddings.

        Raises:
            WeightsError: If the weights they were made with are not at hand any more.
        """
        return [
            "probe",
            *source_arguments(summary.source),
            *wiring.embedding_arguments(chosen.recipe),
            "--target",
            self.target,
            "--probe",
            self.probe,
            *self.validation.arguments,
        ]

    def submit(self, summary: DatasetSummary) -> None:
        """Starts a job for each of the embeddings.

        Raises:
            FundusError: If weights are not at hand any more, or a job cannot be started.
        """
        for chosen in self.embeddings:
            title = f"{PROBES[self.probe].label} on {chosen.label}, {self.target}"
            wiring.submit(self.arguments(summary, chosen), title)


def probe_form(dataset: FundusDataset, stored: Sequence[EmbeddingSummary]) -> ProbeForm:
    """Draws the form and returns what is entered.

    Args:
        dataset: With at least one target.
        stored: Its embeddings; at least one.
    """
    embeddings = _pick_embeddings(stored)
    left, right = st.columns(2, gap="large")
    with left:
        target = pick_target(dataset, key="probe")
        probe = st.selectbox(
            "Probe", list(PROBES), format_func=lambda key: PROBES[key].label, key="probe.kind"
        )
    with right:
        validation = pick_validation(dataset, key="probe")
    return ProbeForm(embeddings, target, probe, validation)


def _pick_embeddings(stored: Sequence[EmbeddingSummary]) -> tuple[EmbeddingSummary, ...]:
    by_key = {summary.fingerprint: summary for summary in stored}
    looked_at = [key for key in state.current().backbones if key in by_key]
    state.preset("probe.embeddings", looked_at or list(by_key)[:1])
    labels = distinct_labels([summary.recipe for summary in stored])
    chosen = st.multiselect(
        "Embeddings",
        list(by_key),
        format_func=lambda key: labels[key] + _coverage(by_key[key]),
        key="probe.embeddings",
        help="One probe is fitted on each; folds are the same for all of them.",
    )
    return tuple(by_key[key] for key in chosen)


def _coverage(summary: EmbeddingSummary) -> str:
    """Says how many photographs have no vector yet; empty where all have one."""
    if summary.complete:
        return ""
    missing = summary.n_images - summary.n_stored
    return f": {text.count(missing, 'photograph')} still to be extracted"
