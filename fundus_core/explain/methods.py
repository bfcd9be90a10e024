"""From activations and gradients to a map. To add a method, add one entry to `METHODS`.

B is the batch size, C the number of features, h and w the sides of the grid of places. A is the
activation, g the gradient of the target. Maps are signed: above zero speaks for the class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class CamMethod:
    """One row of the menu of methods."""

    label: str
    """What the page offers."""

    combine: "Callable[[Tensor, Tensor], Tensor]"
    """Maps A and g, each (B, C, h, w), to signed maps (B, h, w)."""

    class_specific: bool
    """False if the map is the same whichever class is asked for."""

    reference: str
    """The paper."""


def _grad_cam(activations: "Tensor", gradients: "Tensor") -> "Tensor":
    """Weighs each feature by its mean gradient: sum over c of mean(g_c) A_c."""
    weights = gradients.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    return (weights * activations).sum(dim=1)


def _grad_cam_plus_plus(activations: "Tensor", gradients: "Tensor") -> "Tensor":
    """Weighs each feature by its positive gradients, shared out so that small areas count too.

    The paper's g^2 / (2 g^2 + S g^3), S being the sum of A over the places, is 1 / (2 + S g). It
    was derived for A >= 0; a negative S, as after a layer norm, would give a pole and counts as 0.
    """
    positive = gradients.clamp(min=0)
    total = activations.sum(dim=(2, 3), keepdim=True).clamp(min=0)  # (B, C, 1, 1)
    weights = (positive / (2 + total * positive)).sum(dim=(2, 3), keepdim=True)
    return (weights * activations).sum(dim=1)


def _hires_cam(activations: "Tensor", gradients: "Tensor") -> "Tensor":
    """Multiplies place by place: sum over c of g_c A_c."""
    return (gradients * activations).sum(dim=1)


def _layer_cam(activations: "Tensor", gradients: "Tensor") -> "Tensor":
    """Like HiResCAM, negative gradients left out: sum over c of max(g_c, 0) A_c."""
    return (gradients.clamp(min=0) * activations).sum(dim=1)


def _eigen_cam(activations: "Tensor", gradients: "Tensor") -> "Tensor":
    """Projects each place's features on their first principal component; gradients are not used.

    The paper leaves the sign open; here it is positive where activations are strong.
    """
    import torch

    places = activations.flatten(2).transpose(1, 2)  # (B, h * w, C)
    centred = places - places.mean(dim=1, keepdim=True)
    left, strength, _ = torch.linalg.svd(centred, full_matrices=False)
    projected = left[:, :, 0] * strength[:, :1]  # (B, h * w)
    norms = places.norm(dim=2)
    agreement = (projected * (norms - norms.mean(dim=1, keepdim=True))).sum(dim=1, keepdim=True)
    signed = torch.where(agreement < 0, -projected, projected)
    return signed.view(-1, *activations.shape[2:])


METHODS: dict[str, CamMethod] = {
    "grad_cam": CamMethod(
        label="Grad-CAM",
        combine=_grad_cam,
        class_specific=True,
        reference="Selvaraju et al. (2017), ICCV, arXiv:1610.02391",
    ),
    "hires_cam": CamMethod(
        label="HiResCAM",
        combine=_hires_cam,
        class_specific=True,
        reference="Draelos & Carin (2020), arXiv:2011.08891",
    ),
    "layer_cam": CamMethod(
        label="LayerCAM",
        combine=_layer_cam,
        class_specific=True,
        reference="Jiang et al. (2021), IEEE Transactions on Image Processing 30, 5875-5888",
    ),
    "grad_cam_plus_plus": CamMethod(
        label="Grad-CAM++",
        combine=_grad_cam_plus_plus,
        class_specific=True,
        reference="Chattopadhay et al. (2018), WACV, arXiv:1710.11063",
    ),
    "eigen_cam": CamMethod(
        label="EigenCAM (the same for every class)",
        combine=_eigen_cam,
        class_specific=False,
        reference="Muhammad & Yeasin (2020), IJCNN, arXiv:2008.00299",
    ),
}
"""The methods by the name that recipes and the command line use."""
