"""Reading a checkpoint and putting it into a network, with every tensor accounted for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_core.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

_WRAPPERS = ("state_dict", "model", "model_state_dict", "teacher", "params")
_PREFIXES = ("module.",)
_NAMED_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What became of each tensor of a checkpoint and of the network."""

    matched: tuple[str, ...]
    """Tensors of the network that the checkpoint filled."""

    missing: tuple[str, ...]
    """Tensors of the network that the checkpoint does not have."""

    unexpected: tuple[str, ...]
    """Tensors of the checkpoint that the network has no place for."""

    misshapen: tuple[str, ...]
    """Tensors both have, but of other shapes."""


def read_state_dict(path: Path) -> dict[str, "Tensor"]:
    """Returns the tensors of a checkpoint by name, wrappers and prefixes taken off.

    Raises:
        WeightsError: If the file is no checkpoint, or a pickle that could run code.
    """
    content = _read_file(path)
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    tensors = _tensors_of(content)
    if not tensors:
        raise WeightsError(
            f"{path.name} holds no tensors by name.",
            hint="Save the network's state_dict() as .safetensors or .pth and choose that file.",
        )
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def load_into(
    module: "nn.Module", tensors: Mapping[str, "Tensor"], *, head: str, source: str
) -> KeyReport:
    """Fills a network without its classifier from a checkpoint.

    Args:
        module: The network; changed in place only if everything fits.
        tensors: The checkpoint.
        head: Name of the classifier, whose tensors may be left over.
        source: The checkpoint's name, for the message.

    Returns:
        What became of each tensor.

    Raises:
        WeightsError: If a tensor of the network is missing or of another shape. Half-loaded
            weights would give embeddings that look right.
    """
    own = module.state_dict()
    report = _compare_keys(own, tensors, head)
    if report.missing or report.misshapen or report.unexpected:
        raise WeightsError(
            f"{source} fills {len(report.matched)} of the {len(own)} tensors of "
            f"{type(module).__name__}: {_describe(report, own, tensors)}.",
            hint="Choose the backbone this checkpoint was saved from, or another checkpoint.",
        )
    module.load_state_dict(
        {name: tensors.get(name, own[name]).to(own[name].dtype) for name in own}, strict=True
    )
    return report


def _compare_keys(
    own: Mapping[str, "Tensor"], tensors: Mapping[str, "Tensor"], head: str
) -> KeyReport:
    # A counter of training batches is no weight, and converted checkpoints often lack it.
    needed = {name for name in own if not name.endswith("num_batches_tracked")}
    same = {name for name in own if name in tensors and own[name].shape == tensors[name].shape}
    return KeyReport(
        matched=tuple(sorted(same)),
        missing=tuple(sorted(needed - tensors.keys())),
        unexpected=tuple(sorted(n for n in tensors if n not in own and not _in_head(n, head))),
        misshapen=tuple(sorted((own.keys() & tensors.keys()) - same)),
    )


def _in_head(name: str, head: str) -> bool:
    return bool(head) and name.startswith(f"{head}.")


def _describe(
    report: KeyReport, own: Mapping[str, "Tensor"], tensors: Mapping[str, "Tensor"]
) -> str:
    """Returns what does not fit, the first few by name."""
    parts = []
    if report.missing:
        parts.append(f"missing {_some(report.missing)}")
    if report.misshapen:
        name = report.misshapen[0]
        shapes = f"{tuple(tensors[name].shape)} in the file, {tuple(own[name].shape)} expected"
        parts.append(f"of another shape {_some(report.misshapen)} ({shapes})")
    if report.unexpected:
        parts.append(f"not of this network {_some(report.unexpected)}")
    return "; ".join(parts)


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _tensors_of(content: Any) -> dict[str, "Tensor"]:
    import torch

    if not isinstance(content, Mapping):
        return {}
    return {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}


def _read_file(path: Path) -> Any:
    import argparse
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # Checkpoints of masked autoencoders keep their command line beside the weights.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path.name} is a pickle of Python objects, which could run code; it was not opened.",
            hint="Ask for the weights as .safetensors, or save its state_dict() as one.",
        ) from error
    except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise WeightsError(
            f"{path.name} cannot be read as a checkpoint: {_first_line(error)}.",
            hint="Copy or download the file again, and check its size.",
        ) from error
