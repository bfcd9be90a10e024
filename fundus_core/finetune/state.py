"""What a training keeps from epoch to epoch, in memory and in one file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.recipe import Recipe
from fundus_core.io.files import write_atomically
from fundus_core.io.tensor_sums import is_whole, with_sum

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_STATE_VERSION = 4


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave."""

    number: int
    """From 1."""

    train_loss: float
    validation_loss: float | None
    """None without validation photographs."""

    learning_rate: float
    """At the end of the epoch."""

    seconds: float
    rates: dict[str, float] = field(default_factory=dict)
    """Part of the network -> its mean learning rate relative to the highest."""

    drift: dict[str, float | None] = field(default_factory=dict)
    """Part of the network -> distance of its weights to where they began, relative to their length
    there; None where that was zero."""


@dataclass(slots=True)
class TrainingState:
    """What goes on from epoch to epoch."""

    epochs: list[Epoch] = field(default_factory=list)
    best: int = 0
    best_weights: dict[str, "Tensor"] = field(default_factory=dict)

    def improves(self, epoch: Epoch) -> bool:
        """Says whether an epoch is better than the best so far; without validation each one is."""
        if epoch.validation_loss is None or not self.best:
            return True
        best = self.epochs[self.best - 1].validation_loss
        return best is None or epoch.validation_loss < best

    def is_out_of_patience(self, patience: int) -> bool:
        """Says whether so many epochs went by without improvement; never for a patience of 0."""
        return 0 < patience <= len(self.epochs) - self.best


def state_key(recipe: Recipe, *rows: NDArray[np.intp], about: str | None = None) -> str:
    """Returns what a state must have been written for to be gone on from.

    Args:
        recipe: How the training goes.
        rows: Rows to learn from and to validate by.
        about: What else tells this training from others.
    """
    return json.dumps([_STATE_VERSION, recipe.fingerprint(), about, *(r.tolist() for r in rows)])


def commit(
    path: Path | None,
    key: str,
    state: TrainingState,
    module: "nn.Module",
    optimiser: "torch.optim.Optimizer",
) -> None:
    """Writes everything that the next epoch needs, in one file."""
    if path is None:
        return
    from safetensors.torch import save

    tensors = {f"now/{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in state.best_weights.items()}
    for name, value in module.named_parameters():
        moments = optimiser.state.get(value, {})
        tensors |= {
            f"optimiser/{name}/{moment}": each
            for moment, each in moments.items()
            if each is not None  # gradient descent has no momentum before its first step
        }
    about = {
        "key": key,
        "epochs": json.dumps([asdict(epoch) for epoch in state.epochs]),
        "best": str(state.best),
    }
    whole = {name: value.cpu().contiguous() for name, value in tensors.items()}
    data = save(whole, metadata=with_sum(about, _arrays(whole)))
    write_atomically(path, lambda file: file.write(data))


def restore(
    path: Path | None, key: str, module: "nn.Module", optimiser: "torch.optim.Optimizer"
) -> TrainingState:
    """Returns the state of the last finished epoch, or that of a fresh start.

    A file that is cut short, or of which a bit has flipped, is not gone on from.
    """
    if path is None or not path.is_file():
        return TrainingState()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            if about.get("key") != key:
                return TrainingState()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return TrainingState()
    if not is_whole(about, _arrays(tensors)):
        return TrainingState()
    module.load_state_dict(_under("now/", tensors))
    by_name = dict(module.named_parameters())
    for place, value in _under("optimiser/", tensors).items():
        name, _, moment = place.rpartition("/")
        on_device = value if moment == "step" else value.to(by_name[name].device)
        optimiser.state[by_name[name]][moment] = on_device
    epochs = [Epoch(**epoch) for epoch in json.loads(about["epochs"])]
    return TrainingState(epochs, int(about["best"]), _under("best/", tensors))


def _arrays(tensors: Mapping[str, "Tensor"]) -> dict[str, NDArray[Any]]:
    """Returns the bytes of tensors of any type, also of those that NumPy has none for."""
    import torch

    return {
        f"{name} {value.dtype} {tuple(value.shape)}": value.reshape(-1).view(torch.uint8).numpy()
        for name, value in tensors.items()
    }


def _under(prefix: str, tensors: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
