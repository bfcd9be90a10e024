"""What to train on masks: which network, from which weights, on which masks, how."""

from dataclasses import dataclass

import streamlit as st

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.segmentation.augment import AUGMENTATIONS
from fundus_core.segmentation.kinds import NETWORKS
from fundus_core.segmentation.losses import LOSSES
from fundus_core.ui import state, wiring
from fundus_core.ui.components import backbone_picker
from fundus_core.ui.components.mark_picker import PickedTruth
from fundus_core.ui.components.weights_fetch import missing_weights
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.segmenting.segmentation_choice import SegmentationChoice

_KEY = "segmentation"
_CONVOLUTIONAL = ("resnet", "densenet", "vgg", "convnext", "mobilenet", "efficientnet")
"""What the names of architectures begin with that give features at several scales."""

_SIZES = (256, 384, 512, 640, 768, 1024)
_PATCHES = (0, 128, 192, 256, 384, 512)
_FALLBACK = "resnet18"
_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
_USUAL = SegmentationChoice()


@dataclass(frozen=True, slots=True)
class SegmentationForm:
    """What the reader asked for."""

    arguments: tuple[str, ...]
    """Options of `segment train`, without DATA."""

    title: str
    ready: bool
    """Says whether the choices make a job."""

    def submit(self, summary: DatasetSummary) -> None:
        """Starts the job.

        Raises:
            FundusError: If it cannot be started.
        """
        source, *options = source_arguments(summary.source)
        wiring.submit(["segment", "train", source, *options, *self.arguments], self.title)


def segmentation_form(truth: PickedTruth, *, has_split: bool) -> SegmentationForm:
    """Draws the form and returns what is entered.

    Args:
        truth: The masks to learn.
        has_split: Whether the table has a split.
    """
    left, right = st.columns(2, gap="large")
    with left:
        network = st.selectbox(
            "Network",
            list(NETWORKS),
            format_func=lambda name: NETWORKS[name].label,
            key=f"{_KEY}.network",
        )
        encoder, ready = _pick_encoder(str(network))
        validation = _pick_validation(has_split=has_split)
    with right:
        training = _pick_training()
    arguments = (
        *("--masks", truth.column, "--channels", truth.channels, "--network", str(network)),
        *encoder,
        *validation,
        *training,
    )
    title = f"Train {NETWORKS[str(network)].label.partition(',')[0]} on {truth.column}"
    return SegmentationForm(arguments, title, ready and bool(truth.column))


def _pick_encoder(network: str) -> tuple[tuple[str, ...], bool]:
    """Returns the options of the encoder, and whether its weights are at hand."""
    if not NETWORKS[network].has_encoder:
        return (), True
    offered = [
        spec.id
        for spec in BACKBONES.values()
        if spec.loader == "timm" and spec.architecture.startswith(_CONVOLUTIONAL)
    ]
    here = [name for name in offered if wiring.weights_place(name).usable]
    state.preset(f"{_KEY}.backbone", (here or [_FALLBACK])[0])
    backbone = str(
        st.selectbox(
            "Encoder",
            offered,
            format_func=lambda name: BACKBONES[name].title,
            key=f"{_KEY}.backbone",
            help="Any convolutional network of the catalogue; its weights are where training "
            "starts from.",
        )
    )
    weights = backbone_picker.weights_choice((backbone,), key=_KEY)
    missing_weights((backbone,), weights, key=_KEY)
    chosen = ("--weights", weights) if weights else ()
    return ("--backbone", backbone, *chosen), backbone_picker.is_ready((backbone,), weights)


def _pick_validation(*, has_split: bool) -> tuple[str, ...]:
    ways = {"all": "Learn from all photographs", "folds": "Five folds by patient"}
    ways |= {"split": "The table's own split"} if has_split else {}
    way = st.radio(
        "Validation",
        list(ways),
        format_func=ways.__getitem__,
        key=f"{_KEY}.validation",
        help="Folds score every photograph by a network that did not learn from its patient; a "
        "model of all photographs is for other data sets.",
    )
    return {"all": (), "folds": ("--folds", "5"), "split": ("--use-split",)}[str(way)]


def _pick_training() -> tuple[str, ...]:
    usual = _USUAL.training
    one, other = st.columns(2)
    size = one.select_slider("Side of the photograph, pixels", _SIZES, 512, key=f"{_KEY}.size")
    patch = other.select_slider(
        "Side of patches, pixels",
        _PATCHES,
        256,
        format_func=lambda value: str(value) if value else "whole",
        key=f"{_KEY}.patch",
    )
    patches = one.number_input(
        "Patches per photograph", 1, 64, 4, key=f"{_KEY}.patches", help=help_for("patch")
    )
    batch = other.number_input("Patches per step", 1, 128, usual.batch_size, key=f"{_KEY}.batch")
    epochs = one.number_input("Epochs", 1, 1000, usual.epochs, key=f"{_KEY}.epochs")
    rate = other.select_slider(
        "Learning rate",
        _RATES,
        usual.learning_rate,
        format_func=lambda value: f"{value:g}",
        key=f"{_KEY}.rate",
    )
    loss = one.selectbox(
        "Loss",
        list(LOSSES),
        list(LOSSES).index(usual.loss),
        format_func=lambda name: LOSSES[name].label,
        key=f"{_KEY}.loss",
    )
    augmentation = other.selectbox(
        "Augmentation",
        list(AUGMENTATIONS),
        format_func=lambda name: AUGMENTATIONS[name].label,
        help=help_for("augmentation"),
        key=f"{_KEY}.augmentation",
    )
    return (
        *("--size", str(size), "--patch", str(min(int(patch), int(size)))),
        *("--patches", str(int(patches) if patch else 1), "--batch-size", str(int(batch))),
        *("--epochs", str(int(epochs)), "--learning-rate", f"{rate:g}"),
        *("--loss", str(loss), "--augmentation", str(augmentation)),
    )
