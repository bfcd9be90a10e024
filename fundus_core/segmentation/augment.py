"""Augmentation of photographs with masks: AUGMENTATIONS, each a torchvision pipeline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torchvision.transforms import v2

_ROOM = 2.2
"""A patch is turned inside a window this much larger, so that its corners are filled."""

_SCALES = (0.5, 2.0)
"""Cameras show 30 to 60 degrees, so a vessel may be half or twice as wide as in training."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One row of the menu."""

    label: str
    turns: Callable[[], "Sequence[v2.Transform]"]
    """Makes what moves pixels: photograph and mask alike."""

    colours: Callable[[], "Sequence[v2.Transform]"]
    """Makes what changes colours and sharpness: the photograph alone."""


def _no_steps() -> "Sequence[v2.Transform]":
    return ()


def _turns() -> "Sequence[v2.Transform]":
    """Returns flips, rotations by any angle, sizes: vessels have no direction, cameras no scale."""
    from torchvision.transforms import v2

    bilinear = v2.InterpolationMode.BILINEAR
    return (
        v2.RandomHorizontalFlip(),
        v2.RandomVerticalFlip(),
        v2.RandomAffine(180, scale=_SCALES, interpolation=bilinear),
    )


def _colours() -> "Sequence[v2.Transform]":
    """Returns what cameras and eyes differ in: light, colour, sharpness."""
    from torchvision.transforms import v2

    return (
        v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.03),
        v2.RandomGrayscale(0.1),
        v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.2))], 0.2),
        v2.RandomAdjustSharpness(2.0, 0.2),
    )


AUGMENTATIONS: dict[str, Augmentation] = {
    "all": Augmentation("turns, flips, sizes, light, colour, sharpness", _turns, _colours),
    "turns": Augmentation("turns, flips and sizes only", _turns, _no_steps),
    "none": Augmentation("none", _no_steps, _no_steps),
}
"""By name. To add one, add an entry."""


def pipeline(name: str, side: int, patch: int) -> "v2.Transform":
    """Returns a pipeline from squares to patches.

    Args:
        name: Key of `AUGMENTATIONS`.
        side: Of the squares, in pixels.
        patch: Side of what is cut out of them at random, in pixels; at most `side`.
    """
    from torchvision.transforms import v2

    chosen = AUGMENTATIONS[name]
    turns = chosen.turns()
    window = min(side, round(_ROOM * patch)) if turns else patch
    return v2.Compose(
        [
            *([v2.RandomCrop(window)] if window < side else []),
            *turns,
            *([v2.CenterCrop(patch)] if patch < window else []),
            *chosen.colours(),
            v2.Identity(),  # a pipeline without any step is refused
        ]
    )
