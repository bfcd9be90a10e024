"""What to fine-tune: which backbones, for which target, how, validated how."""

from dataclasses import dataclass

import streamlit as st

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.domain.dataset import FundusDataset
from fundus_core.finetune.losses import AUTO, LOSSES
from fundus_core.ui import state, text, wiring
from fundus_core.ui.components import backbone_picker
from fundus_core.ui.components.augmentation_preview import augmentation_preview
from fundus_core.ui.components.strategy_form import (
    PickedStrategy,
    pick_strategy,
    strategy_picture,
)
from fundus_core.ui.components.target_menus import PickedValidation, pick_target, pick_validation
from fundus_core.ui.components.training_form import TrainingForm, training_form
from fundus_core.ui.components.weights_fetch import missing_weights
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.models.finetune import FINE_TUNING

_KEY = "finetune"
_FALLBACK = "resnet18"
_PERCENTS = (1, 2, 5, 10, 25, 50, 75, 100)


@dataclass(frozen=True, slots=True)
class FinetuneForm:
    """What the reader asked for."""

    backbones: tuple[str, ...]
    weights: str | None
    """As `--weights` takes it; None for each backbone's own."""

    image_size: int | None
    target: str
    """As `FundusDataset.target` takes it; empty while it is not complete."""

    strategy: PickedStrategy

    validation: PickedValidation
    training: TrainingForm
    loss: str
    """Key of `LOSSES`, or `AUTO`."""

    fraction: float
    """Share of each fold's training patients, in (0, 1]."""

    @property
    def ready(self) -> bool:
        """Says whether the choices make jobs."""
        return bool(self.target) and backbone_picker.is_ready(self.backbones, self.weights)

    def arguments(self, summary: DatasetSummary, backbone: str) -> list[str]:
        """Returns the command line that fine-tunes one of the backbones."""
        weights = ["--weights", self.weights] if self.weights else []
        size = ["--image-size", str(self.image_size)] if self.image_size else []
        return [
            "finetune",
            *source_arguments(summary.source),
            *("--backbone", backbone, *weights, *size),
            *("--target", self.target, *self.strategy.arguments),
            *self.validation.arguments,
            *self.training.arguments,
            *(("--loss", self.loss) if self.loss != AUTO else ()),
            *(("--fraction", f"{self.fraction:g}") if self.fraction < 1 else ()),
        ]

    def submit(self, summary: DatasetSummary) -> None:
        """Starts a job for each of the backbones.

        Raises:
            FundusError: If a job cannot be started.
        """
        for backbone in self.backbones:
            title = f"Fine-tune {_title(backbone)}, {self.target}"
            wiring.submit(self.arguments(summary, backbone), title)

    def work(self, n_images: int) -> str:
        """Says how much is to be computed, so that nobody starts a day's work unawares."""
        folds = 1 if self.validation.use_split else self.validation.folds
        trained = "a copy" if folds == 1 else f"{folds} copies, one per fold"
        return (
            f"Each backbone is trained in {trained}, for at most "
            f"{text.count(self.training.epochs, 'epoch')}: up to "
            f"{folds * self.training.epochs * n_images:,} photographs forward and back. On a CPU "
            "that is minutes to hours; jobs go on when the browser is closed."
        )


def finetune_form(dataset: FundusDataset) -> FinetuneForm:
    """Draws the form and returns what is entered.

    Args:
        dataset: With at least one target.
    """
    left, right = st.columns(2, gap="large")
    with left:
        backbones = _pick_backbones()
        weights = backbone_picker.weights_choice(backbones, key=_KEY)
        missing_weights(backbones, weights, key=_KEY)
        image_size = backbone_picker.image_size_choice(key=_KEY)
        target = pick_target(dataset, key=_KEY)
        validation = pick_validation(dataset, key=_KEY)
        fraction = _pick_fraction()
    with right:
        strategy = pick_strategy(backbones, key=_KEY)
        training = training_form(FINE_TUNING, key=_KEY)
        loss = _pick_loss()
    strategy_picture(strategy, backbones, training.epochs, key=_KEY)
    augmentation_preview(dataset, training.augmentation, key=_KEY)
    return FinetuneForm(
        backbones, weights, image_size, target, strategy, validation, training, loss, fraction
    )


def _pick_loss() -> str:
    titles = {AUTO: "the usual one of the target"}
    titles |= {name: kind.label for name, kind in LOSSES.items() if kind.needs_order}
    return str(
        st.selectbox(
            "Loss",
            list(titles),
            format_func=lambda name: titles[name],
            key=f"{_KEY}.loss",
            help="For grades such as 0 to 4, the thresholds between them make a mistake by two "
            "grades cost more than one by one.",
        )
    )


def _pick_fraction() -> float:
    percent = st.select_slider(
        "Training patients",
        _PERCENTS,
        100,
        format_func=lambda value: f"{value} %",
        key=f"{_KEY}.fraction",
        help="Share of each fold's training patients to learn from; all held-out ones are tested. "
        "Smaller shares are part of larger ones.",
    )
    return int(percent) / 100


def _pick_backbones() -> tuple[str, ...]:
    trainable = [spec.id for spec in BACKBONES.values() if spec.loader != "colour"]
    here = [name for name in trainable if wiring.weights_place(name).usable]
    state.preset(f"{_KEY}.backbones", (here or [_FALLBACK])[:1])
    chosen = st.multiselect(
        "Backbones",
        trainable,
        format_func=_title,
        key=f"{_KEY}.backbones",
        help="One model is trained from each; folds are the same for all of them.",
    )
    return (*chosen, *backbone_picker.other_backbones(key=_KEY))


def _title(backbone: str) -> str:
    return BACKBONES[backbone].title if backbone in BACKBONES else backbone
