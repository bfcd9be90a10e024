"""What to fit: which embeddings, for which target, validated how."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.probes import PROBES
from fundus_core.ui import state, text, wiring
from fundus_core.workflows.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.embed import EmbeddingSummary

FEWEST_FOLDS, USUAL_FOLDS, MOST_FOLDS = 2, 5, 10
_BINARY_LABELS = {"0", "1"}
_ALL_CLASSES = "all, each against the rest"
_TOGETHER = "several 0/1 columns together"


@dataclass(frozen=True, slots=True)
class ProbeForm:
    """What the reader asked for."""

    embeddings: tuple[EmbeddingSummary, ...]
    target: str
    """As `FundusDataset.target` takes it; empty while it is not complete."""

    probe: str
    """Key of `PROBES`."""

    folds: int
    use_split: bool
    seed: int

    def arguments(self, summary: DatasetSummary, chosen: EmbeddingSummary) -> list[str]:
        """Returns the command line that fits the probe on one of the embeddings.

        Raises:
            WeightsError: If the weights they were made with are not at hand any more.
        """
        validated = ["--use-split"] if self.use_split else ["--folds", str(self.folds)]
        return [
            "probe",
            *source_arguments(summary.source),
            *wiring.embedding_arguments(chosen.recipe),
            "--seed",
            str(self.seed),
            "--target",
            self.target,
            "--probe",
            self.probe,
            *validated,
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
        target = _pick_target(dataset)
        probe = st.selectbox(
            "Probe", list(PROBES), format_func=lambda key: PROBES[key].label, key="probe.kind"
        )
    with right:
        use_split = _pick_validation(dataset)
        folds, seed = st.columns(2)
        n_folds = folds.number_input(
            "Folds", FEWEST_FOLDS, MOST_FOLDS, USUAL_FOLDS, disabled=use_split, key="probe.folds"
        )
        chosen_seed = seed.number_input(
            "Seed of the folds",
            0,
            10_000,
            0,
            disabled=use_split,
            key="probe.seed",
        )
    return ProbeForm(embeddings, target, probe, int(n_folds), use_split, int(chosen_seed))


def _pick_embeddings(stored: Sequence[EmbeddingSummary]) -> tuple[EmbeddingSummary, ...]:
    by_key = {summary.fingerprint: summary for summary in stored}
    looked_at = [key for key in state.current().backbones if key in by_key]
    state.preset("probe.embeddings", looked_at or list(by_key)[:1])
    chosen = st.multiselect(
        "Embeddings",
        list(by_key),
        format_func=lambda key: _embeddings_label(by_key[key]),
        key="probe.embeddings",
        help="One probe is fitted on each; folds are the same for all of them.",
    )
    return tuple(by_key[key] for key in chosen)


def _embeddings_label(summary: EmbeddingSummary) -> str:
    if summary.complete:
        return summary.label
    missing = summary.n_images - summary.n_stored
    return f"{summary.label}: {text.count(missing, 'photograph')} still to be extracted"


def _pick_target(dataset: FundusDataset) -> str:
    """Draws the menus of target and class; returns the name that stands for both."""
    by_name = {target.name: target for target in dataset.targets}
    columns = [name for name, target in by_name.items() if set(target.classes) == _BINARY_LABELS]
    offered = [*by_name, *([_TOGETHER] if len(columns) > 1 else [])]
    chosen = st.selectbox("Target", offered, key="probe.target")
    if chosen == _TOGETHER:
        together = st.multiselect("Columns", columns, default=columns, key="probe.columns")
        return ",".join(together)
    return _pick_class(by_name[chosen])


def _pick_class(target: Target) -> str:
    if target.task == "binary":
        st.caption(
            f"Positive: {text.escaped(text.class_label(target, target.classes[1]))}; negative: "
            f"{text.escaped(text.class_label(target, target.classes[0]))}."
        )
        return target.name
    chosen = st.selectbox("Classes", [_ALL_CLASSES, *target.classes], key="probe.class")
    return target.name if chosen == _ALL_CLASSES else f"{target.name}={chosen}"


def _pick_validation(dataset: FundusDataset) -> bool:
    """Returns whether the table's own split is used."""
    has_split = bool(dataset.table["split"].notna().any())
    options = ["cross-validation", "the table's own split"]
    chosen = st.radio(
        "Validated by",
        options if has_split else options[:1],
        horizontal=True,
        key="probe.validation",
        help="Folds are grouped by patient and stratified by class. The own split trains on "
        "`train` and `val` and tests on all else.",
    )
    return bool(chosen == options[1])
