"""What to fit: which embeddings, for which target, validated how."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import FundusError
from fundus_core.io.findings import read_findings
from fundus_core.probes import PROBES, needs_text
from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components.target_menus import (
    PickedValidation,
    pick_target,
    pick_validation,
)
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.models.prototypes import understands_words
from fundus_core.workflows.models.questions import question_of
from fundus_core.workflows.weights.labels import distinct_labels


@dataclass(frozen=True, slots=True)
class ProbeForm:
    """What the reader asked for."""

    embeddings: tuple[EmbeddingSummary, ...]
    target: str
    """As `FundusDataset.target` takes it; empty while it is not complete."""

    probe: str
    """Key of `PROBES`."""

    validation: PickedValidation
    findings: str
    """File of descriptions; empty for those of the program, and where no words are read."""

    answerable: bool
    """False if the probe starts from words and nothing is said of one of the classes."""

    @property
    def ready(self) -> bool:
        """Says whether a job can be started."""
        return bool(self.embeddings and self.target and self.answerable)

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
            *(["--findings", self.findings] if self.findings else []),
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
        probe = _pick_probe(embeddings)
    with right:
        validation = pick_validation(dataset, key="probe")
    findings, answerable = _words(dataset, target) if needs_text(probe) else ("", True)
    return ProbeForm(embeddings, target, probe, validation, findings, answerable)


def _pick_embeddings(stored: Sequence[EmbeddingSummary]) -> tuple[EmbeddingSummary, ...]:
    by_key = {summary.fingerprint: summary for summary in stored}
    looked_at = [key for key in state.current().backbones if key in by_key]
    key = f"probe.embeddings.{state.current().dataset_id}"
    state.preset(key, looked_at or list(by_key)[:1])
    labels = distinct_labels([summary.recipe for summary in stored])
    chosen = st.multiselect(
        "Embeddings",
        list(by_key),
        format_func=lambda name: labels[name] + _coverage(by_key[name]),
        key=key,
        help="One probe is fitted on each; folds are the same for all of them.",
    )
    return tuple(by_key[name] for name in chosen)


def _pick_probe(embeddings: Sequence[EmbeddingSummary]) -> str:
    """Draws the menu of probes; those that start from words only where words can be read."""
    mute = [one.label for one in embeddings if not understands_words(one.recipe)]
    speaks = bool(embeddings) and not mute
    offered = [name for name in PROBES if speaks or not needs_text(name)]
    probe: str = st.selectbox(
        "Probe",
        offered,
        format_func=lambda key: PROBES[key].label,
        key="probe.kind",
    )
    if mute:
        left_out = ", ".join(kind.label for kind in PROBES.values() if kind.needs_text)
        st.caption(
            f":material/info: {left_out} start from words. They are offered when only embeddings "
            "in the space of a text tower are chosen, such as FLAIR's; these are not: "
            f"{text.escaped(', '.join(mute))}."
        )
    return probe


def _words(dataset: FundusDataset, target: str) -> tuple[str, bool]:
    """Draws where words come from, and what is missing among them.

    Returns:
        The file of findings, empty for the program's own, and whether all classes are described.
    """
    place = st.text_input(
        "File of findings",
        key="probe.findings",
        placeholder="the program's own",
        help="A JSON file of your own descriptions on this machine; docs/zero_shot.md shows its "
        "form. The zero-shot page shows what the program says of each class.",
    ).strip()
    if not target:
        return place, False
    try:
        given = read_findings(Path(place) if place else None)
        question_of(dataset, dataset.target(target), given)
    except FundusError as error:
        messages.show_error(error)
        return place, False
    return place, True


def _coverage(summary: EmbeddingSummary) -> str:
    """Says how many photographs have no vector yet; empty where all have one."""
    if summary.complete:
        return ""
    missing = summary.n_images - summary.n_stored
    return f": {text.count(missing, 'photograph')} still to be extracted"
