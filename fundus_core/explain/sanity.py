"""Does a map change when the network forgets, and stay when the photograph hardly changes?"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import Backbone
from fundus_core.explain.tail import Target

if TYPE_CHECKING:
    from torch import Tensor, nn

MapMaker = Callable[[Backbone, Target], NDArray[np.floating]]
"""Returns the signed map (h, w) of one photograph by a network and a target."""

HEAD = "head"
"""What the first stage of a cascade is called: the weights that read the embedding."""

_STAGES = 4
"""Stages that the network itself is randomised in, from its end to its beginning."""

_DRAWS = 3
_NOISE = 0.02 * 255
"""Standard deviation of the noise on a photograph, in grey values."""

_COPIES = 5


@dataclass(frozen=True, slots=True)
class CascadeStep:
    """What was randomised so far, and how much of the map was left."""

    stage: str
    """`HEAD`, or the name of the earliest block whose weights were shuffled."""

    similarity: float
    """Mean rank correlation with the map of the whole network, in [-1, 1]. It should fall."""


def randomisation_cascade(
    backbone: Backbone,
    target: Target,
    raw: NDArray[np.floating],
    make_map: MapMaker,
    field: NDArray[np.bool_],
    *,
    seed: int = 0,
) -> tuple[CascadeStep, ...]:
    """Shuffles the weights from the head down to the first block, and compares the maps.

    A map that survives this does not show what the network has learned: an edge detector would do
    as well. Within each tensor weights are shuffled, so that their size stays as it was; what batch
    norms have counted is left alone.

    Args:
        backbone: Is left as it is; a copy is shuffled.
        target: What is explained, of embeddings.
        raw: Shape (h, w), the map.
        make_map: Makes the map of another network.
        field: Shape (h, w): the cells that are compared.
        seed: Of the shuffles; each step is the mean of three.

    References:
        Adebayo et al. (2018), NeurIPS, arXiv:1810.03292 (cascading randomisation).
    """
    groups = _groups(backbone)
    found = np.empty((_DRAWS, len(groups) + 1))
    for draw in range(_DRAWS):
        generator = np.random.default_rng([seed, draw])
        shuffled = _shuffled_target(target, generator)
        found[draw, 0] = rank_correlation(raw, make_map(backbone, shuffled), field)
        twin = copy.copy(backbone)
        twin.module = copy.deepcopy(backbone.module)
        for number, (_, names) in enumerate(groups, start=1):
            _shuffle(twin.module, names, generator)
            found[draw, number] = rank_correlation(raw, make_map(twin, shuffled), field)
    stages = [HEAD, *(stage for stage, _ in groups)]
    return tuple(
        CascadeStep(stage, float(similarity))
        for stage, similarity in zip(stages, found.mean(axis=0), strict=True)
    )


def stability(
    picture: NDArray[np.uint8],
    raw: NDArray[np.floating],
    make_map: Callable[[NDArray[np.uint8]], NDArray[np.floating]],
    field: NDArray[np.bool_],
    *,
    seed: int = 0,
) -> float:
    """Returns how alike the maps are of the photograph with a little noise.

    Args:
        picture: Shape (3, S, S).
        raw: Shape (h, w), its map.
        make_map: Makes the map of another picture.
        field: Shape (h, w): the cells that are compared.
        seed: Of the noise: five times Gaussian, with a standard deviation of 5 of 255 grey values.

    Returns:
        Median rank correlation, in [-1, 1]; higher is better.

    References:
        Alvarez-Melis & Jaakkola (2018), arXiv:1806.08049 (the question; the figure is ours).
    """
    generator = np.random.default_rng(seed)
    noisy = [
        np.clip(np.rint(picture + generator.normal(0, _NOISE, picture.shape)), 0, 255)
        for _ in range(_COPIES)
    ]
    alike = [rank_correlation(raw, make_map(one.astype(np.uint8)), field) for one in noisy]
    return float(np.median(alike))


def rank_correlation(
    one: NDArray[np.floating], other: NDArray[np.floating], field: NDArray[np.bool_]
) -> float:
    """Returns Spearman's correlation of two maps (h, w) over the cells of a field.

    It is 0 where one of them is the same everywhere, or not finite.

    Examples:
        >>> import numpy as np
        >>> rising, faster = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 4.0, 9.0]])
        >>> round(rank_correlation(rising, faster, np.ones((1, 3), bool)), 6)
        1.0
    """
    from scipy.stats import rankdata

    if not np.isfinite([one[field], other[field]]).all():
        return 0.0
    ranks = np.stack([rankdata(one[field]), rankdata(other[field])])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).sum(axis=1))
    if not spread.all():
        return 0.0
    return float(np.clip(centred[0] @ centred[1] / spread.prod(), -1, 1))


def _groups(backbone: Backbone) -> list[tuple[str, tuple[str, ...]]]:
    """Returns stages from the end of the network to its beginning: name, parameters."""
    blocks = list(backbone.blocks())[::-1]
    parts = np.array_split(np.arange(len(blocks)), min(_STAGES, len(blocks)))
    return [
        (blocks[part[-1]].name, tuple(n for row in part for n in blocks[row].parameters))
        for part in parts
    ]


def _shuffled_target(target: Target, generator: np.random.Generator) -> Target:
    """Returns the target of embeddings whose features change places: as if its weights did."""

    def shuffled(embeddings: "Tensor") -> "Tensor":
        import torch

        order = np.random.default_rng(seed).permutation(embeddings.shape[1])
        return target(embeddings[:, torch.from_numpy(order).to(embeddings.device)])

    seed = int(generator.integers(2**32))
    return shuffled


def _shuffle(module: "nn.Module", names: tuple[str, ...], generator: np.random.Generator) -> None:
    """Shuffles the entries of each of some parameters, in place."""
    import torch

    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for name in names:
            flat = parameters[name].detach().flatten()
            order = torch.from_numpy(generator.permutation(len(flat))).to(flat.device)
            parameters[name].copy_(flat[order].view_as(parameters[name]))
