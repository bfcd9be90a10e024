"""How a network is trained: the widgets that fine-tuning and pre-training share."""

from dataclasses import dataclass

import streamlit as st

from fundus_core.finetune.augment import AUGMENTATIONS
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.rates import OPTIMISERS, RATE_SCHEDULES

_AUGMENTATION_TITLES = {
    "retina": "position, light, colour, sharpness",
    "paper": "flip, grey, blur, CLAHE (as published)",
    "none": "none",
}
_SCHEDULE_TITLES = {"cosine": "falls to zero (cosine)", "constant": "stays"}
_RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)


@dataclass(frozen=True, slots=True)
class TrainingForm:
    """What the reader asked for."""

    epochs: int
    batch_size: int
    learning_rate: float
    augmentation: str
    """Key of `AUGMENTATIONS`."""

    patience: int
    optimiser: str
    """Key of `OPTIMISERS`."""

    rate_schedule: str
    """Key of `RATE_SCHEDULES`."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Returns it as options of the command line."""
        options = {
            "--epochs": self.epochs,
            "--batch-size": self.batch_size,
            "--learning-rate": f"{self.learning_rate:g}",
            "--augmentation": self.augmentation,
            "--patience": self.patience,
            "--optimiser": self.optimiser,
            "--rate-schedule": self.rate_schedule,
        }
        return tuple(word for name, value in options.items() for word in (name, str(value)))


def training_form(usual: TrainingRecipe, *, key: str) -> TrainingForm:
    """Draws the widgets and returns what is entered.

    Args:
        usual: What is proposed.
        key: Beginning of the widgets' keys.
    """
    left, right = st.columns(2)
    epochs = left.number_input("Epochs", 1, 1000, usual.epochs, key=f"{key}.epochs")
    rate = right.select_slider(
        "Learning rate",
        _RATES,
        usual.learning_rate,
        format_func=lambda value: f"{value:g}",
        key=f"{key}.rate",
        help="The highest: it rises during the first tenth of all steps.",
    )
    augmentation = st.selectbox(
        "Augmentation",
        list(AUGMENTATIONS),
        list(AUGMENTATIONS).index(usual.augmentation),
        format_func=lambda name: _AUGMENTATION_TITLES.get(name, name),
        key=f"{key}.augmentation",
        help="How photographs are changed at random each time they are learned from.",
    )
    batch, patience = st.columns(2)
    batch_size = batch.number_input("Batch size", 2, 512, usual.batch_size, key=f"{key}.batch")
    waited = patience.number_input(
        "Patience, epochs",
        0,
        1000,
        usual.patience,
        key=f"{key}.patience",
        help="Training ends after so many epochs without a lower held-out loss; 0: never.",
    )
    by, along = st.columns(2)
    optimiser = by.selectbox(
        "Optimiser",
        list(OPTIMISERS),
        list(OPTIMISERS).index(usual.optimiser),
        format_func=lambda name: OPTIMISERS[name].label.partition(":")[0],
        key=f"{key}.optimiser",
    )
    schedule = along.selectbox(
        "After the warm-up, the rate",
        list(RATE_SCHEDULES),
        list(RATE_SCHEDULES).index(usual.rate_schedule),
        format_func=lambda name: _SCHEDULE_TITLES.get(name, name),
        key=f"{key}.schedule",
    )
    return TrainingForm(
        int(epochs), int(batch_size), float(rate), augmentation, int(waited), optimiser, schedule
    )
