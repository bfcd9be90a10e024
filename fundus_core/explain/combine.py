"""From activations and gradients of one layer to a map, in one pass.

B is the batch size, C the number of features, h and w the sides of the grid of places. A is the
activation, g the gradient of the target, both (B, C, h, w). Maps (B, h, w) are signed: above zero
speaks for the class.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def grad_cam(activations: "Tensor", gradients: "Tensor") -> "Tensor":
    """Weighs each feature by its mean gradient: sum over c of mean(g_c) A_c."""
    weights = gradients.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    return (weights * activations).sum(dim=1)


def grad_cam_plus_plus(activations: "Tensor", gradients: "Tensor") -> "Tensor":
    """Weighs each feature by its positive gradients, shared out so that small areas count too.

    The paper's g^2 / (2 g^2 + S g^3), S being the sum of A over the places, is 1 / (2 + S g). It
    was derived for A >= 0; a negative S, as after a layer norm, would give a pole and counts as 0.
    """
    positive = gradients.clamp(min=0)
    total = activations.sum(dim=(2, 3), keepdim=True).clamp(min=0)  # (B, C, 1, 1)
    weights = (positive / (2 + total * positive)).sum(dim=(2, 3), keepdim=True)
    return (weights * activations).sum(dim=1)


def hires_cam(activations: "Tensor", gradients: "Tensor") -> "Tensor":
    """Multiplies place by place: sum over c of g_c A_c."""
    return (gradients * activations).sum(dim=1)


def layer_cam(activations: "Tensor", gradients: "Tensor") -> "Tensor":
    """Like HiResCAM, negative gradients left out: sum over c of max(g_c, 0) A_c."""
    return (gradients.clamp(min=0) * activations).sum(dim=1)


def eigen_cam(activations: "Tensor", gradients: "Tensor") -> "Tensor":
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
