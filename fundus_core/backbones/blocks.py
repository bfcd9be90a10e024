"""The parts of a network from its input to its embedding, for unfreezing and reporting.

ResNets, DenseNets and VGGs are parted as the comparison of fine-tuning strategies does it; all
others as the timm library parts them: transformers by block, convolutional networks by stage.

References:
    Davila et al. (2024), arXiv:2406.10050.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fundus_core.backbones.checkpoints import TRUNK
from fundus_core.backbones.layouts import PROJECTION

if TYPE_CHECKING:
    from torch import nn

CUT_OFF = "block:"
"""`block:NAME` is the pooling of a network that is cut off after the block of this name."""

_PROJECTIONS = re.compile(rf"{re.escape(PROJECTION)}|{re.escape(TRUNK)}head\..*")
"""Names of the parameters that map into the space of the texts, ours and open_clip's."""

_VGG_STAGE = r"features\.({})\..*"
_PARTITIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "DenseNet": (
        ("stem", r"features\.(conv0|norm0)\..*"),
        ("denseblock1", r"features\.denseblock1\..*"),
        ("transition1", r"features\.transition1\..*"),
        ("denseblock2", r"features\.denseblock2\..*"),
        ("transition2", r"features\.transition2\..*"),
        ("denseblock3", r"features\.denseblock3\..*"),
        ("transition3", r"features\.transition3\..*"),
        ("denseblock4", r"features\.denseblock4\..*"),
        ("norm5", r"features\.norm5\..*"),
    ),
}
"""By class of timm's networks: name of the part and pattern of its parameters' names."""


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a network."""

    name: str
    parameters: tuple[str, ...]
    """Names of its parameters, at least one."""


def network_blocks(module: "nn.Module") -> tuple[Block, ...]:
    """Returns the parts of a network from input to embedding; each parameter is in exactly one.

    Args:
        module: A timm network, one of `HEADS` around one, or a vision tower of open_clip's.
    """
    trunk, prefix = _parted_network(module)
    names = [name for name, _ in module.named_parameters()]
    if type(trunk).__name__ == "VGG":
        parts = _vgg_parts(trunk)
    else:
        parts = _PARTITIONS.get(type(trunk).__name__, ()) or _timm_parts(trunk)
    blocks = []
    for title, pattern in parts:
        members = tuple(n for n in names if re.fullmatch(pattern, n.removeprefix(prefix)))
        blocks += [Block(title, members)] if members else []
    left = set(names) - {name for block in blocks for name in block.parameters}
    if left:
        last = tuple(name for name in names if name in left)
        is_projection = all(_PROJECTIONS.fullmatch(name) for name in last)
        blocks.append(Block("projection" if is_projection else "rest", last))
    return tuple(blocks)


def _parted_network(module: Any) -> tuple[Any, str]:
    """Returns the network inside that names its parts, and what its names begin with outside."""
    prefix = ""
    while hasattr(module, "trunk") and not hasattr(type(module), "group_matcher"):
        module, prefix = module.trunk, prefix + TRUNK
    return module, prefix


def _vgg_parts(trunk: Any) -> tuple[tuple[str, str], ...]:
    """Parts a VGG at its poolings: five stages of convolutions, then the linear layers."""
    stages: list[list[str]] = [[]]
    for index, layer in enumerate(trunk.features):
        if "Pool" in type(layer).__name__:
            stages.append([])
        elif any(True for _ in layer.parameters()):
            stages[-1].append(str(index))
    stages = [stage for stage in stages if stage]
    named = [
        (f"stage{n}", _VGG_STAGE.format("|".join(stage))) for n, stage in enumerate(stages, start=1)
    ]
    return (*named, ("linear", r"pre_logits\..*"))


def _timm_parts(trunk: Any) -> tuple[tuple[str, str], ...]:
    """Parts any other network as timm does for layer-wise learning rates."""
    from timm.models import group_parameters

    if not hasattr(trunk, "group_matcher"):
        return (("network", r".*"),)
    groups = group_parameters(trunk, trunk.group_matcher(coarse=True))
    named: list[tuple[str, str]] = []
    for members in groups.values():
        first = str(members[0]).removeprefix(TRUNK)
        is_block = re.match(r"(.*?(?:blocks|layers?|stages?)\.?\d+)\.", first)
        title = is_block.group(1) if is_block else ("stem" if not named else first.split(".")[0])
        named.append((title, "|".join(re.escape(str(member)) for member in members)))
    return tuple(named)
