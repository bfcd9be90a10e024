"""What weights to make: which photographs, architecture, start, upstream task, and how."""

from collections import Counter
from dataclasses import dataclass

import streamlit as st

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.domain.dataset import FundusDataset
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.io.weights import SCRATCH
from fundus_core.phantom.shots import LABEL_COLUMNS
from fundus_core.pretraining import UPSTREAM_TASKS
from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import backbone_picker
from fundus_core.ui.components.augmentation_preview import augmentation_preview
from fundus_core.ui.components.training_form import TrainingForm, training_form
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments

_KEY = "pretrain"
_FIRST = "mobilenetv2_phantom"
_RANDOM, _FILE = "Random weights", "A weights file"


@dataclass(frozen=True, slots=True)
class PretrainForm:
    """What the reader asked for."""

    summary: DatasetSummary
    backbone: str
    initial: str
    """As `--from` takes it; empty while no file is named."""

    task: str
    """Key of `UPSTREAM_TASKS`."""

    labels: tuple[str, ...]
    """Columns of 0 and 1; none where they are the phantoms'."""

    has_labels: bool
    name: str
    """Of the weights file to make, without suffix."""

    image_size: int
    training: TrainingForm

    @property
    def ready(self) -> bool:
        """Says whether the choices make a job."""
        return bool(self.initial and self.has_labels and self.name)

    def submit(self) -> None:
        """Starts the job.

        Raises:
            FundusError: If it cannot be started.
        """
        labels = ["--labels", ",".join(self.labels)] if self.labels else []
        arguments = [
            "pretrain",
            *source_arguments(self.summary.source),
            *("--backbone", self.backbone, "--name", self.name, "--from", self.initial),
            *("--task", self.task, *labels, "--image-size", str(self.image_size)),
            *self.training.arguments,
        ]
        wiring.submit(arguments, f"Make the weights {self.name}")

    def work(self) -> str:
        """Says how much is to be computed."""
        n_images = self.training.epochs * self.summary.n_images
        return (
            f"Up to {n_images:,} photographs of {self.image_size} px forward and back; a tenth of "
            "the patients choose the epoch. On a CPU that is minutes to hours; the job goes on "
            "when the browser is closed, and after an interruption from its last whole epoch."
        )


def pretrain_form(summary: DatasetSummary) -> PretrainForm:
    """Draws the form for one data set and returns what is entered."""
    with messages.shown_to_user():
        dataset = wiring.dataset(summary.id)
    left, right = st.columns(2, gap="large")
    with left:
        backbone = _pick_architecture()
        initial = _pick_start()
        task = st.selectbox(
            "Upstream task",
            list(UPSTREAM_TASKS)[::-1],
            format_func=lambda name: UPSTREAM_TASKS[name].title,
            key=f"{_KEY}.task",
            help="What the network is to tell about each photograph. Lesion counts and places need "
            "the truth that phantoms come with; without it, the diseases alone are learned.",
        )
        labels, has_labels = _pick_labels(dataset)
    with right:
        training = training_form(TrainingRecipe(), key=_KEY)
        size = st.number_input(
            "Input size, px",
            32,
            1024,
            BACKBONES[backbone].image_size,
            32,
            key=f"{_KEY}.size.{backbone}",
        )
        name = st.text_input(
            "Name of the weights file",
            f"{BACKBONES[backbone].architecture}.mine",
            key=f"{_KEY}.name.{backbone}",
            help="It appears in the workspace's weights folder. Nothing of this name is "
            "written over: equal settings go on with it, others need another name.",
        )
    augmentation_preview(dataset, training.augmentation, key=_KEY)
    return PretrainForm(
        summary, backbone, initial, task, labels, has_labels, name.strip(), int(size), training
    )


def _pick_architecture() -> str:
    """Draws the menu of architectures; returns the first backbone of the catalogue that has it."""
    by_shape = {
        (spec.architecture, spec.architecture_args): spec.id
        for spec in reversed(BACKBONES.values())
        if spec.loader == "timm"
    }
    offered = sorted(by_shape.values(), key=lambda name: BACKBONES[name].architecture)
    named = {name: BACKBONES[name].architecture for name in offered}
    shared = Counter(named.values())
    labels = {key: f"{name} ({key})" if shared[name] > 1 else name for key, name in named.items()}
    proposed = [n for n in offered if _shape(n) == _shape(_FIRST)]
    state.preset(f"{_KEY}.architecture", (proposed or offered)[0])
    chosen: str = st.selectbox(
        "Architecture",
        offered,
        format_func=labels.__getitem__,
        key=f"{_KEY}.architecture",
        help=help_for("backbone"),
    )
    return chosen


def _shape(backbone: str) -> tuple[object, ...]:
    spec = BACKBONES[backbone]
    return (spec.architecture, spec.architecture_args)


def _pick_start() -> str:
    start = st.segmented_control(
        "Start from",
        [_RANDOM, _FILE],
        default=_RANDOM,
        required=True,
        wrap=True,
        key=f"{_KEY}.start",
        help=help_for("weights"),
    )
    if start == _RANDOM:
        return SCRATCH
    entered = st.text_input(
        "Weights file",
        key=f"{_KEY}.initial",
        placeholder="mobilenetv2_100.imagenet_ptq.pth",
        help="Full path, or the name of a file in a weights folder; of the same architecture.",
    )
    return backbone_picker.allowed_weights(entered)


def _pick_labels(dataset: FundusDataset) -> tuple[tuple[str, ...], bool]:
    """Returns the columns to learn, none for the phantoms' own, and whether there are any."""
    binary = [target.name for target in dataset.targets if set(target.classes) == {"0", "1"}]
    if {"abnormal", *LABEL_COLUMNS.values()} <= set(binary):
        return (), True
    if not binary:
        st.warning(f"{text.escaped(dataset.name)} has no column of 0 and 1 to learn.")
        return (), False
    labels = st.multiselect(
        "Columns to learn", binary, default=binary, key=f"{_KEY}.labels.{','.join(binary)}"
    )
    return tuple(labels), bool(labels)
