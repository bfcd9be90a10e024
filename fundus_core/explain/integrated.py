"""Integrated gradients: the score's rise from a featureless photograph, shared out over pixels."""

from typing import TYPE_CHECKING

from fundus_core.explain.question import Question, chunks, without_detail
from fundus_core.explain.tail import device_type, require_eval

if TYPE_CHECKING:
    from torch import Tensor

_STEPS = 32
"""Points on the way, by Gauss-Legendre."""

_CELL = 8
"""Side in pixels of the squares that pixels are summed over."""


def integrated_gradients(question: Question) -> "Tensor":
    """Integrates gradients along the straight way from the blurred photograph: (B, S / 8, S / 8).

    B is the batch size, S the side of the input. Values are summed over the colours and over
    squares of 8 pixels, since single pixels are noise. All values of a map add up to the target of
    the photograph less that of its blur (completeness), but for the error of 32 points.

    Raises:
        ValueError: If the network is in training mode.

    References:
        Sundararajan, Taly & Yan (2017), ICML, arXiv:1703.01365. There the way starts at black,
        where dark lesions could never count; here it starts where details are gone.
    """
    import numpy as np
    import torch
    from torch.nn import functional

    require_eval(question.backbone.module)
    positions, weights = np.polynomial.legendre.leggauss(_STEPS)
    steps = torch.from_numpy(np.stack([(positions + 1) / 2, weights / 2], axis=1)).float()
    maps = []
    for picture in chunks(question.batch, 1):
        start = without_detail(picture)
        way = picture.float() - start
        mean_gradient = torch.zeros_like(way)
        for some in chunks(steps.to(way)):
            share, weight = some.view(-1, 2, 1, 1, 1).unbind(1)
            gradients = _gradients(question, start + share * way)
            mean_gradient += (weight * gradients).sum(dim=0, keepdim=True)
        by_pixel = (mean_gradient * way).sum(dim=1)  # (1, S, S)
        n_cells = max(2, picture.shape[-1] // _CELL)
        means = functional.adaptive_avg_pool2d(by_pixel, n_cells)
        maps.append(means[0] * (by_pixel[0].numel() / n_cells**2))
    return torch.stack(maps)


def _gradients(question: Question, pixels: "Tensor") -> "Tensor":
    """Returns d target / d pixel, each row for itself."""
    import torch

    with (
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        torch.autocast(device_type(question.backbone.module), enabled=False),
    ):
        leaf = pixels.clone().requires_grad_(True)
        targets = question.target(question.backbone.forward(leaf * 1))  # it works in place
        (gradients,) = torch.autograd.grad(targets.sum(), leaf)
    return gradients
