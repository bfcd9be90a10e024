"""What trainings of segmentation minimise: LOSSES.

B is the number of patches of a batch, C of channels, H and W their sides in pixels. Pixels outside
the field of view have no weight: what a network says there neither costs nor earns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SMOOTH = 1e-6
"""Keeps an empty patch with an empty answer at a Dice of 1, as published."""

SKELETON_STEPS = 8
"""Pixels that a soft skeleton is thinned from each side, so vessels of up to 16 pixels shrink to a
line."""

Loss = Callable[["Tensor", "Tensor", "Tensor"], "Tensor"]
"""Logits (B, C, H, W), truth of the same shape in [0, 1], and weights (B, 1, H, W) of 0 or 1 ->
the mean loss, a scalar."""


@dataclass(frozen=True, slots=True)
class LossKind:
    """One row of the menu of losses."""

    label: str
    of: Loss
    reference: str


def dice_loss(logits: "Tensor", truth: "Tensor", weight: "Tensor") -> "Tensor":
    """Returns 1 - Dice of the probabilities, the mean over patches and channels.

    Dice = (2 sum(p t) + s) / (sum p + sum t + s), where p is the sigmoid of the logits, t the truth
    and s = `SMOOTH`.

    Args:
        logits: Shape (B, C, H, W).
        truth: Shape (B, C, H, W).
        weight: Shape (B, 1, H, W).

    References:
        Milletari, Navab & Ahmadi (2016), V-Net, 3DV, arXiv:1606.04797.
        Jang et al. (2024), arXiv:2408.08790 (as a loss for vessels; per image and channel).
    """
    shares, truth = logits.sigmoid() * weight, truth * weight
    return 1 - _dice(shares, truth).mean()


def dice_bce_loss(logits: "Tensor", truth: "Tensor", weight: "Tensor") -> "Tensor":
    """Returns the Dice loss plus the mean binary cross-entropy of the pixels of the field."""
    from torch.nn.functional import binary_cross_entropy_with_logits

    each = binary_cross_entropy_with_logits(logits, truth, reduction="none")
    n_pixels = (weight.sum() * truth.shape[1]).clamp_min(1)
    return dice_loss(logits, truth, weight) + (each * weight).sum() / n_pixels


def dice_cldice_loss(logits: "Tensor", truth: "Tensor", weight: "Tensor") -> "Tensor":
    """Returns half the Dice loss plus half the soft clDice loss, the mean over patches.

    clDice is the harmonic mean of two shares: of the answer's centre line that lies on the truth,
    and of the truth's centre line that lies on the answer. A thin vessel then counts as much as a
    wide one of the same length.

    References:
        Shit et al. (2021), clDice - a novel topology-preserving loss function for tubular
        structure segmentation, CVPR, arXiv:2003.07311 (equation 4, alpha = 0.5).
    """
    shares, truth = logits.sigmoid() * weight, truth * weight
    precision = _share_on(soft_skeleton(shares), truth)
    sensitivity = _share_on(soft_skeleton(truth), shares)
    cldice = 2 * precision * sensitivity / (precision + sensitivity)
    return 1 - (_dice(shares, truth).mean() + cldice.mean()) / 2


LOSSES: dict[str, LossKind] = {
    "dice": LossKind("Dice", dice_loss, "Milletari et al. (2016); Jang et al. (2024)"),
    "dice_bce": LossKind("Dice + cross-entropy", dice_bce_loss, "Isensee et al. (2021), nnU-Net"),
    "dice_cldice": LossKind("Dice + clDice", dice_cldice_loss, "Shit et al. (2021)"),
}
"""By name. To add one, add an entry."""


def soft_skeleton(shares: "Tensor", steps: int = SKELETON_STEPS) -> "Tensor":
    """Returns the centre lines of what is marked, as far as shares in [0, 1] have any.

    What an opening removes is line; the rest is thinned by a pixel and asked again.

    Args:
        shares: Shape (B, C, H, W), in [0, 1].
        steps: Times it is thinned.

    Returns:
        Shape (B, C, H, W), in [0, 1].

    References:
        Shit et al. (2021), algorithm 1.
    """
    skeleton = (shares - _opened(shares)).relu()
    for _ in range(steps):
        shares = _eroded(shares)
        line = (shares - _opened(shares)).relu()
        skeleton = skeleton + (line - skeleton * line).relu()
    return skeleton


def _dice(shares: "Tensor", truth: "Tensor") -> "Tensor":
    """Returns Dice of each patch and channel, shape (B, C)."""
    both = (shares * truth).sum(dim=(2, 3))
    return (2 * both + SMOOTH) / (shares.sum(dim=(2, 3)) + truth.sum(dim=(2, 3)) + SMOOTH)


def _share_on(skeleton: "Tensor", area: "Tensor") -> "Tensor":
    """Returns the share of each skeleton that lies on an area, shape (B, C)."""
    return ((skeleton * area).sum(dim=(2, 3)) + SMOOTH) / (skeleton.sum(dim=(2, 3)) + SMOOTH)


def _opened(shares: "Tensor") -> "Tensor":
    """Returns the opening: eroded, then dilated by a square of 3 pixels."""
    from torch.nn.functional import max_pool2d

    return max_pool2d(_eroded(shares), 3, stride=1, padding=1)


def _eroded(shares: "Tensor") -> "Tensor":
    """Returns the erosion by a cross of 3 pixels."""
    from torch import minimum
    from torch.nn.functional import max_pool2d

    down = -max_pool2d(-shares, (3, 1), stride=1, padding=(1, 0))
    across = -max_pool2d(-shares, (1, 3), stride=1, padding=(0, 1))
    return minimum(down, across)
