"""Use case: which weights this program has made, and how."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundus_core.backbones.catalogue import BACKBONES, TIMM_PREFIX
from fundus_core.finetune.curves import LearningCurves
from fundus_core.finetune.state import Epoch
from fundus_core.io.files import read_json
from fundus_core.io.weights import SCRATCH, SHIPPED, weights_folders
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import AucInterval

SYNTHETIC_ONLY = "Trained on synthetic photographs only; not for clinical use."
NOT_CLINICAL = "Not for clinical use."


@dataclass(frozen=True, slots=True)
class WeightsCard:
    """Weights made by `pretrain`, as the card beside their file describes them."""

    path: Path
    """The weights file."""

    shipped: bool
    """Part of this program; else made in this workspace or put into a weights folder."""

    backbone: str
    """Catalogue id or `timm:NAME` whose architecture was trained."""

    architecture: str
    image_size: int
    initial: str
    """Weights the training started from; `scratch` for random ones."""

    task: str
    """Key of `UPSTREAM_TASKS`."""

    dataset: str
    """Name of the photographs."""

    synthetic: bool
    n_images: int
    n_patients: int | None
    curves: LearningCurves
    best: int
    """Number of the epoch that was kept."""

    validation: dict[str, AucInterval]
    """Per label, on the patients by whom the epoch was chosen: it flatters."""

    command: str
    """The command line that makes the same weights again from the same photographs."""

    seconds: int
    device: str

    @property
    def description(self) -> Path | None:
        """Returns the model card in words, which also says how photographs were drawn."""
        path = self.path.with_suffix(".md")
        return path if path.is_file() else None

    @property
    def caution(self) -> str:
        """Returns what a reader of any figure of these weights must know."""
        return SYNTHETIC_ONLY if self.synthetic and self.initial == SCRATCH else NOT_CLINICAL


def list_weights_cards(workspace: Workspace) -> tuple[WeightsCard, ...]:
    """Returns the weights with a card in all weights folders, those of the workspace first.

    Cards without weights, and files that are no such cards, are passed over.
    """
    folders = weights_folders(workspace)
    paths = dict.fromkeys(path for folder in folders for path in sorted(folder.glob("*.json")))
    cards = (_card(path, read_json(path)) for path in paths)
    return tuple(card for card in cards if card is not None)


def _card(path: Path, about: Any) -> WeightsCard | None:
    weights = path.with_suffix(".safetensors")
    if not weights.is_file():
        return None
    try:
        recipe = about["recipe"]
        backbone = about.get("backbone") or _backbone_of(weights.name, recipe["architecture"])
        epochs = tuple(Epoch(**epoch) for epoch in about["epochs"])
        return WeightsCard(
            path=weights,
            shipped=weights.parent == SHIPPED,
            backbone=backbone,
            architecture=recipe["architecture"],
            image_size=recipe["image_size"],
            initial=about["initial"],
            task=recipe["task"],
            dataset=about["dataset"],
            synthetic=about["synthetic"],
            n_images=about["n_images"],
            n_patients=about["n_patients"],
            curves=LearningCurves(about["name"], recipe["training"]["epochs"], (epochs,)),
            best=about["best"],
            validation={name: AucInterval(**auc) for name, auc in about["validation"].items()},
            command=_command(backbone, about),
            seconds=about["seconds"],
            device=about["device"],
        )
    except (TypeError, KeyError, AttributeError):
        return None


def _backbone_of(file: str, architecture: str) -> str:
    """Returns the backbone a card of an older version does not name."""
    found = [spec for spec in BACKBONES.values() if spec.architecture == architecture]
    exact = [spec.id for spec in found if file in spec.weights_files]
    return (exact or [spec.id for spec in found] or [f"{TIMM_PREFIX}{architecture}"])[0]


def _command(backbone: str, about: dict[str, Any]) -> str:
    """Returns the command line that makes the weights, DATA standing for the photographs."""
    recipe, training = about["recipe"], about["recipe"]["training"]
    options = {
        "--backbone": backbone,
        "--name": about["name"],
        "--from": about.get("initial_file") or about["initial"],
        "--task": recipe["task"],
        "--labels": ",".join(recipe["labels"]),
        "--image-size": recipe["image_size"],
        "--epochs": training["epochs"],
        "--batch-size": training["batch_size"],
        "--learning-rate": training["learning_rate"],
        "--weight-decay": training["weight_decay"],
        "--augmentation": training["augmentation"],
        "--patience": training["patience"],
        "--optimiser": training.get("optimiser", "adamw"),
        "--rate-schedule": training.get("rate_schedule", "cosine"),
        "--precision": about["precision"],
        "--seed": training["seed"],
    }
    words = [word for name, value in options.items() for word in (name, str(value))]
    return shlex.join(["fundus", "pretrain", "DATA", *words])
