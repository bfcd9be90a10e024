"""Weights that `pretrain` made: what they were made by, and whose file may be written."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fundus_core.domain.recipe import PreprocessRecipe, Recipe
from fundus_core.errors import WeightsError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.state import Epoch
from fundus_core.io.files import read_json
from fundus_core.io.weights import file_sha256
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import AucInterval
from fundus_core.workflows.models.runs import list_runs


@dataclass(frozen=True, slots=True)
class PretrainRecipe(Recipe):
    """Everything that determines the weights."""

    dataset: str
    architecture: str
    architecture_args: tuple[tuple[str, str | int | float | bool], ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    initial_sha256: str
    task: str
    labels: tuple[str, ...]
    image_size: int
    preprocessing: PreprocessRecipe
    training: TrainingRecipe

    def on_card(self) -> Any:
        """Returns the recipe as a card holds it."""
        return json.loads(json.dumps(self.to_dict()))


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The weights that were made."""

    weights: Path
    """The file, float16, as `.safetensors`."""

    card: Path
    """What they are, beside them, as `.json`."""

    epochs: tuple[Epoch, ...]
    best: int
    """The epoch that was kept."""

    validation: dict[str, AucInterval]
    """Per label, on the patients by whom the epoch was chosen: it flatters."""


def weights_file(workspace: Workspace, name: str) -> Path:
    """Returns the file that weights of a name are in.

    Raises:
        WeightsError: If the name is no file name.
    """
    if not re.fullmatch(r"\w[\w.-]{0,59}", name):
        raise WeightsError(
            f"{name!r} cannot be the name of a weights file.",
            hint="Use up to 60 letters, digits, dots, hyphens and underscores; the folder is "
            "fixed.",
        )
    return workspace.weights / f"{name}.safetensors"


def already_made(weights: Path, recipe: PretrainRecipe) -> Pretrained | None:
    """Returns the weights if an equal recipe has made them and they are whole."""
    card: Any = read_json(weights.with_suffix(".json"))
    try:
        equal = card["recipe"] == recipe.on_card()
        if not equal or not weights.is_file() or card["sha256"] != file_sha256(weights):
            return None
        epochs = tuple(Epoch(**epoch) for epoch in card["epochs"])
        validation = {name: AucInterval(**auc) for name, auc in card["validation"].items()}
        return Pretrained(weights, weights.with_suffix(".json"), epochs, card["best"], validation)
    except (TypeError, KeyError):
        return None


def require_free(workspace: Workspace, weights: Path, recipe: PretrainRecipe) -> None:
    """Refuses a name under which there is something else than what is to be made.

    Raises:
        WeightsError: With what is there, and how many runs rest on it.
    """
    about: Any = read_json(weights.with_suffix(".json"))
    card = about if isinstance(about, dict) else {}
    if not weights.exists() and (
        card.get("recipe") == recipe.on_card() or not weights.with_suffix(".json").exists()
    ):
        return
    found = f"{_what_it_is(card, weights)}{_who_rests_on(workspace, weights)}"
    raise WeightsError(
        f"{weights} is there already: {found}.",
        hint="Choose another name (--name), or write over it (--replace).",
    )


def _what_it_is(card: dict[str, Any], weights: Path) -> str:
    """Returns what a file is, by its card."""
    if card.get("sha256") and weights.is_file() and card["sha256"] != file_sha256(weights):
        return "it is not the file its card was written for"
    kind = card.get("kind")
    if kind:
        return f"{kind} of {card.get('backbone') or 'a backbone'}"
    recipe = card.get("recipe")
    if isinstance(recipe, dict) and "task" in recipe:
        return (
            f"weights that another recipe made here (task {recipe['task']}, on "
            f"{card.get('dataset') or 'photographs'})"
        )
    return "it was not made by this program"


def _who_rests_on(workspace: Workspace, weights: Path) -> str:
    """Returns how many runs start from a file, as the end of a sentence."""
    if not weights.is_file():
        return ""
    sha256 = file_sha256(weights)
    n_runs = sum(run.embeddings.weights_sha256 == sha256 for run in list_runs(workspace))
    if n_runs == 0:
        return ""
    return f"; {n_runs} {'run needs' if n_runs == 1 else 'runs need'} it to predict and explain"
