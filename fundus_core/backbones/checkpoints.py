"""Reading a checkpoint and putting it into a network, with every tensor accounted for."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_core.backbones.broken_files import UNREADABLE, require_no_bomb
from fundus_core.backbones.layouts import LAYOUTS, Arranged, Layout, arrange
from fundus_core.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

TRUNK = "trunk."
"""What the names of a network begin with inside one that reads its features otherwise."""

UNEXPECTED_SHARE = 0.05
"""Share of a checkpoint's tensors that may have no place and no rule; they are reported."""

_WRAPPERS = ("state_dict", "model", "model_state_dict", "teacher", "params")
_PREFIXES = ("module.", "_orig_mod.")
_POSITIONS = "pos_embed"
_NAMED_AT_MOST = 3
_SEEING = ("visual.", "vision_model.", "visual_encoder.", "image_encoder.")
"""What the names of the vision tower of a model of pictures and words begin with."""

_HEAD_MATRICES = 3
"""A file with no more matrices than this holds no backbone."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a checkpoint that does not fill a network one to one."""

    backbone: str = ""
    """What messages call the network; its class by default."""

    head: str = ""
    """Name of the classifier, whose tensors may be left over."""

    drops: tuple[str, ...] = ()
    """Patterns of whole names that may be left over."""

    fresh: tuple[str, ...] = ()
    """Patterns of whole names of the network that keep their initial values."""


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

    left_out: tuple[str, ...] = ()
    """Tensors of the checkpoint that belong to other parts, as the layout or the pooling says."""


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
    module: "nn.Module",
    tensors: Mapping[str, "Tensor"],
    *,
    source: str,
    layouts: Sequence[str] = ("timm",),
    expected: Expected = Expected(),
) -> KeyReport:
    """Fills a network without its classifier from a checkpoint, every tensor accounted for.

    Position embeddings of another grid are interpolated (bicubic); tokens that are no places keep
    theirs. The layout that fits most tensors, and leaves fewest over, is taken.

    Args:
        module: The network; changed in place only if everything fits.
        tensors: The checkpoint; see `read_state_dict`.
        source: The checkpoint's name, for the message.
        layouts: Keys of `LAYOUTS` that it may be in.
        expected: What else is known of it.

    Returns:
        What became of each tensor.

    Raises:
        WeightsError: If a tensor of the network is missing or of another shape, or more than one
            in twenty of the encoder's tensors has no place, or one holds what is no real number.
            Half-loaded weights would give embeddings that look right.
    """
    own = {name.removeprefix(TRUNK): value for name, value in module.state_dict().items()}
    arranged = [_arrange(module, own, tensors, LAYOUTS[layout]) for layout in layouts]
    reports = [_compare_keys(own, each, expected) for each in arranged]
    best = max(
        range(len(layouts)),
        key=lambda index: (len(reports[index].matched), -len(reports[index].unexpected)),
    )
    report, fitting = reports[best], arranged[best].tensors
    too_many = len(report.unexpected) > UNEXPECTED_SHARE * len(fitting)
    if report.missing or report.misshapen or too_many:
        raise WeightsError(
            f"{source} holds {describe(tensors)}; {expected.backbone or type(module).__name__} is "
            f"{describe(own)}. It fills {len(report.matched)} of the {len(own)} tensors: "
            f"{_what_does_not_fit(report, own, fitting)}.",
            hint="Choose the backbone this checkpoint was saved from, or another checkpoint.",
        )
    _require_numbers(source, own, fitting)
    full_names = {name.removeprefix(TRUNK): name for name in module.state_dict()}
    module.load_state_dict(
        {
            full_names[name]: fitting.get(name, value).reshape(value.shape).to(value.dtype)
            for name, value in own.items()
        },
        strict=True,
    )
    return report


def _require_numbers(
    source: str, own: Mapping[str, "Tensor"], fitting: Mapping[str, "Tensor"]
) -> None:
    """Raises if a weight is not a finite real number, as after a training that diverged."""
    import torch

    for name, place in own.items():
        value = fitting.get(name)
        if value is None or value.is_meta or not place.is_floating_point():
            continue
        if not value.is_floating_point() or value.layout != torch.strided:
            kind = str(value.dtype).removeprefix("torch.")
            raise WeightsError(
                f"{source} holds {name} as {kind} ({value.layout}), where real numbers belong.",
                hint="Save the network's state_dict() as plain float tensors.",
            )
        # Masks of attention hold minus infinity on purpose.
        bad = torch.isnan(value.float()) if "mask" in name else ~torch.isfinite(value.float())
        if n_bad := int(bad.sum()):
            raise WeightsError(
                f"{source} holds {n_bad:,} of {value.numel():,} values of {name} that are not "
                "finite.",
                hint="The training seems to have diverged: choose an earlier checkpoint.",
            )


def describe(tensors: Mapping[str, "Tensor"]) -> str:
    """Returns in a few words what kind of network a checkpoint is of, by its shapes alone."""
    seeing = {name: value for name, value in tensors.items() if name.startswith(_SEEING)}
    tensors = seeing or tensors
    blocks = {m.group() for name in tensors if (m := re.search(r"blocks(\.\d+)+(?=\.)", name))}
    widths = [
        value.shape[0] // (1 if "q_proj" in name else 3)
        for name, value in tensors.items()
        if re.search(r"(qkv\.|in_proj_|q_proj\.)weight$", name)
    ]
    filters = [value for value in tensors.values() if value.ndim == 4]
    matrices = [value for value in tensors.values() if value.ndim >= 2]
    if blocks and widths:
        return f"a transformer with {len(blocks)} blocks of {max(widths):,} features"
    if len(filters) > 2:
        widest = max(value.shape[0] for value in filters)
        return f"a convolutional network with {len(filters)} layers, the widest of {widest:,}"
    if len(matrices) <= _HEAD_MATRICES:
        return "a classifier's head without a network"
    return f"{len(tensors)} tensors"


def _arrange(
    module: "nn.Module",
    own: Mapping[str, "Tensor"],
    tensors: Mapping[str, "Tensor"],
    layout: Layout,
) -> Arranged:
    """Renames a checkpoint, its position embeddings interpolated to the network's grid."""
    arranged = arrange(tensors, layout)
    place, given = own.get(_POSITIONS), arranged.tensors.get(_POSITIONS)
    if place is None or given is None or place.ndim != 3:
        return arranged
    fitted = _on_grid(module, given.reshape(1, *given.shape[-2:]), place)
    return replace(arranged, tensors={**arranged.tensors, _POSITIONS: fitted})


def _on_grid(module: "nn.Module", positions: "Tensor", place: "Tensor") -> "Tensor":
    """Interpolates position embeddings (1, N, D) to those of another square grid, if they are."""
    from timm.layers.pos_embed import resample_abs_pos_embed

    has_prefix = not getattr(module, "no_embed_class", False)
    n_prefix = int(getattr(module, "num_prefix_tokens", 0)) if has_prefix else 0
    sides = [math.isqrt(max(n - n_prefix, 0)) for n in (positions.shape[1], place.shape[1])]
    counts = [side * side + n_prefix for side in sides]
    if counts != [positions.shape[1], place.shape[1]] or sides[0] == sides[1]:
        return positions
    resampled: Tensor = resample_abs_pos_embed(
        positions.float(), [sides[1], sides[1]], num_prefix_tokens=n_prefix
    )
    return resampled


def _compare_keys(own: Mapping[str, "Tensor"], arranged: Arranged, expected: Expected) -> KeyReport:
    tensors = arranged.tensors
    # A counter of training batches is no weight, and converted checkpoints often lack it.
    fresh = re.compile("|".join((*expected.fresh, r".*num_batches_tracked")))
    drops = re.compile("|".join((*expected.drops, rf"{re.escape(expected.head or ' ')}\..*")))
    needed = {name for name in own if not fresh.fullmatch(name)}
    same = {name for name in own if name in tensors and _fits(own[name], tensors[name])}
    return KeyReport(
        matched=tuple(sorted(same)),
        missing=tuple(sorted(needed - tensors.keys())),
        unexpected=tuple(sorted(n for n in tensors if n not in own and not drops.fullmatch(n))),
        misshapen=tuple(sorted((own.keys() & tensors.keys()) - same)),
        left_out=(*arranged.others, *sorted(n for n in tensors if drops.fullmatch(n))),
    )


def _fits(place: "Tensor", value: "Tensor") -> bool:
    """Says whether a tensor fills a place, axes of length one and flattened filters aside."""
    if [n for n in place.shape if n != 1] == [n for n in value.shape if n != 1]:
        return True
    flattened = place.ndim == 4 and value.ndim == 2
    return flattened and place.shape[0] == value.shape[0] and place.numel() == value.numel()


def _what_does_not_fit(
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


def _reason(error: Exception) -> str:
    """Returns the first line of what an error says; its kind as well where that is one word."""
    said = next(iter(str(error).splitlines()), "")
    return said if " " in said else f"{type(error).__name__} {said}".strip()


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

    require_no_bomb(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # Checkpoints of masked autoencoders keep their command line beside the weights.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path.name} is a pickle of Python objects, which could run code; it was not opened.",
            hint="If you trust it: `fundus backbones convert FILE --as ID --trust-pickle` writes "
            "its tensors as .safetensors, in a process of its own.",
        ) from error
    except (SafetensorError, *UNREADABLE) as error:
        raise WeightsError(
            f"{path.name} cannot be read as a checkpoint: {_reason(error)}.",
            hint="Copy or download the file again, and check its size.",
        ) from error
