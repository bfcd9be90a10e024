"""What to ask in words: which backbone, of which target, and what is said of each class."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import streamlit as st

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.backbones.text_reading import READINGS
from fundus_core.backbones.text_towers import TEXT_TOWERS, require_text_tower
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import FundusError
from fundus_core.io.findings import Finding, Findings, read_findings
from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components.backbone_table import STATES
from fundus_core.ui.components.target_menus import pick_target
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.models.questions import Question, question_of
from fundus_core.workflows.models.zero_shot import save_findings
from fundus_core.zero_shot import PROTOTYPES


@dataclass(frozen=True, slots=True)
class ZeroShotForm:
    """What the reader asked for."""

    backbones: tuple[BackboneSpec, ...]
    target: str
    """As `FundusDataset.target` takes it; empty while it is not complete."""

    prototypes: str
    """Key of `zero_shot.PROTOTYPES`."""

    tokens: str
    """Key of `text_reading.READINGS`."""

    findings: Findings | None
    """As they were edited; None for those of the program, or where they cannot be used."""

    complete: bool
    """True when something is said of every class."""

    @property
    def ready(self) -> bool:
        """Says whether a job can be started."""
        return bool(self.backbones and self.target and self.complete)

    def submit(self, summary: DatasetSummary) -> None:
        """Starts a job for each backbone.

        Raises:
            FundusError: If the words cannot be stored, or a job cannot be started.
        """
        words: list[str] = []
        if self.findings is not None:
            words = ["--findings", str(save_findings(wiring.workspace(), self.findings))]
        for spec in self.backbones:
            reads = TEXT_TOWERS[require_text_tower(spec)].readings
            tokens = ["--tokens", self.tokens] if self.tokens in reads else []
            argv = ["zero-shot", *source_arguments(summary.source), "--backbone", spec.id]
            argv += ["--target", self.target, "--prototypes", self.prototypes, *tokens, *words]
            wiring.submit(argv, f"Zero-shot: {spec.title}, {self.target}")


def zero_shot_form(dataset: FundusDataset) -> ZeroShotForm:
    """Draws the form and returns what is entered.

    Args:
        dataset: With at least one target.
    """
    left, right = st.columns(2, gap="large")
    with left:
        backbones = _pick_backbones()
        target = pick_target(dataset, key="zero_shot")
    with right:
        kind = st.segmented_control(
            "Prototype of a class",
            list(PROTOTYPES),
            default="mean",
            required=True,
            wrap=True,
            format_func=lambda key: PROTOTYPES[key].label,
            key="zero_shot.prototypes",
        )
        tokens = _pick_tokens(backbones)
        place = st.text_input(
            "File of findings",
            key="zero_shot.findings",
            placeholder="the program's own",
            help="A JSON file of your own descriptions on this machine; docs/zero_shot.md shows "
            "its form.",
        ).strip()
    findings, complete = _words(dataset, target, place)
    return ZeroShotForm(backbones, target, kind, tokens, findings, complete)


def speaking() -> list[BackboneSpec]:
    """Returns the backbones of the catalogue that understand words."""
    return [spec for spec in BACKBONES.values() if spec.text_tower]


def _pick_backbones() -> tuple[BackboneSpec, ...]:
    """Draws the menu of backbones, the first whose weights are here chosen."""
    by_id = {spec.id: spec for spec in speaking()}
    places = {name: wiring.weights_place(name) for name in by_id}
    here = [name for name in by_id if places[name].usable]
    chosen = st.multiselect(
        "Backbones that understand words",
        list(by_id),
        default=here[:1],
        format_func=lambda name: f"{by_id[name].title} ({STATES[places[name].state]})",
        key="zero_shot.backbones",
    )
    if not here and not chosen:
        st.caption(
            ":material/info: None of their weights is on this machine: fetch those of FLAIR or "
            "OpenCLIP on the Extract page, or by `fundus backbones fetch flair`."
        )
    for name in chosen:
        if not places[name].usable:
            advice = text.escaped(places[name].advice)
            st.caption(f":material/info: **{text.escaped(by_id[name].title)}**: {advice}")
    return tuple(by_id[name] for name in chosen)


def _pick_tokens(backbones: Sequence[BackboneSpec]) -> str:
    """Draws the choice of how tokens are averaged, where a tower leaves one."""
    if not any(len(TEXT_TOWERS[require_text_tower(spec)].readings) > 1 for spec in backbones):
        return "published"
    chosen: str = st.segmented_control(
        "Average over FLAIR's tokens",
        list(READINGS),
        default="published",
        required=True,
        wrap=True,
        format_func=READINGS.__getitem__,
        key="zero_shot.tokens",
        help="As published, the padding of shorter prompts counts too.",
    )
    return chosen


def _words(dataset: FundusDataset, target: str, place: str) -> tuple[Findings | None, bool]:
    """Draws what is said of each class; returns the findings if they are not the program's own.

    Returns:
        The findings, and whether something is said of every class.
    """
    if not target:
        return None, False
    try:
        given = read_findings(Path(place) if place else None)
        question = question_of(dataset, dataset.target(target), given)
    except FundusError as error:
        messages.show_error(error)
        return None, False
    st.subheader("What is said of each class")
    st.caption(
        f"One description per line; each is put into {text.code(given.template)}, and so is the "
        "name. What you change here holds for this run."
    )
    asked = [state.current().dataset_id, target, asdict(given)]
    edited = _edit(question, fingerprint_of(asked))
    complete = all(one.descriptions for one in edited.values())
    if not complete:
        st.caption(":material/info: Say something of every class.")
    findings = tuple(edited.get(one.name, one) for one in given.findings)
    changed = bool(place) or findings != given.findings
    return (replace(given, findings=findings) if changed and complete else None), complete


def _edit(question: Question, words: str) -> Mapping[str, Finding]:
    """Draws a field per finding, and returns the findings as they are edited.

    Args:
        question: What is asked.
        words: Another one where the fields are to begin anew.
    """
    titles: dict[str, str] = {}
    for one in question.classes:
        label = text.class_label(question.target, one.class_name)
        name = one.column if question.target.task == "multilabel" else label
        is_same = name.replace("_", " ") == one.finding.name
        titles[one.finding.name] = one.finding.name if is_same else f"{name}: {one.finding.name}"
    opposites = {one.name: f"against: {one.name}" for one in question.findings}
    findings = {one.name: one for one in question.findings}
    edited = {}
    with st.grid("auto", min_column_width=330, gap="small"):
        for name, title in {**opposites, **titles}.items():
            lines = st.text_area(
                text.field_label(title),
                "\n".join(findings[name].descriptions),
                key=f"zero_shot.words.{words}.{name}",
                height="content",
            ).splitlines()
            kept = tuple(" ".join(line.split()) for line in lines if line.strip())
            edited[name] = replace(findings[name], descriptions=kept)
    return edited
