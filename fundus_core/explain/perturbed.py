"""Maps from what happens to the score when something is hidden; gradients are not used.

B is the batch size, C the number of features of a layer, S the side of the input, h and w the sides
of a grid of places. Each photograph costs many forward passes.
"""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fundus_core.backbones.token_grid import declared_grid, to_channels_first
from fundus_core.errors import SaliencyError
from fundus_core.explain.layers import cam_layer
from fundus_core.explain.question import AT_ONCE, Question, chunks, scores_of, without_detail
from fundus_core.explain.tail import CamLayer, record_tail, require_eval, submodule

if TYPE_CHECKING:
    from torch import Tensor

_CELLS = 16
"""Side of the grid of an occlusion map."""

_PATCH = 2
"""Side of the patch that slides, in cells of that grid."""


def occlusion(question: Question) -> "Tensor":
    """Slides a patch over each photograph that takes the details away: maps (B, 16, 16).

    A patch of an eighth of the side moves by half its side. A cell's value is the mean fall of the
    target over the patches that hide it.

    Raises:
        ValueError: If the network is in training mode.

    References:
        Zeiler & Fergus (2014), ECCV, arXiv:1311.2901. There the patch is grey; here it is the
        blurred photograph, since a grey patch is no part of any retina.
    """
    import torch

    require_eval(question.backbone.module)
    return torch.stack([_occluded(question, one) for one in chunks(question.batch, 1)])


def score_cam(question: Question) -> "Tensor":
    """Weighs each feature by how well the photograph seen through it alone still scores.

    The normalised input is multiplied by each feature of the layer, enlarged and scaled to [0, 1];
    the softmax of the targets of all features weighs them.

    Raises:
        SaliencyError: If the layer does not fit the network.

    References:
        Wang et al. (2020), CVPR workshops, arXiv:1910.01279. The score of the black input, which
        the paper subtracts, changes no softmax.
    """
    import torch

    layer = question.layer or cam_layer(question.backbone)
    record = record_tail(question.backbone, question.batch, question.target, layer)
    mean = torch.tensor(question.backbone.spec.mean).view(1, 3, 1, 1).to(record.activations)
    maps = []
    for row, activations in enumerate(record.activations):
        picture = question.batch[row : row + 1].to(mean) - 255 * mean
        scores = [
            scores_of(question.backbone, picture * masks + 255 * mean, question.target)
            for masks in _masks(activations, picture.shape[-1])
        ]
        weights = torch.cat(scores).softmax(dim=0).to(activations)
        maps.append(torch.einsum("c,chw->hw", weights, activations))
    return torch.stack(maps)


def ablation_cam(question: Question) -> "Tensor":
    """Weighs each feature by how far the target falls without it: sum over c of fall_c A_c.

    A feature is set to zero everywhere, on prefix tokens too, and the rest of the network is run
    again from there. Unlike in the paper falls are not divided by the target, whose sign would turn
    the map over where a logit is negative.

    Raises:
        SaliencyError: If the layer does not fit the network.

    References:
        Desai & Ramaswamy (2020), WACV, 983-991.
    """
    import torch

    layer = question.layer or cam_layer(question.backbone)
    height, width = question.batch.shape[-2:]
    tokens = layer.layout == "NLC"
    grid = declared_grid(question.backbone.module, (height, width)) if tokens else None
    maps = []
    for picture in chunks(question.batch, 1):
        tail = _Tail(question, picture, layer)
        falls = tail.plain - torch.cat(list(tail.without_each_feature()))
        activations = to_channels_first(tail.output, layer.layout, grid)[0].float()
        maps.append(torch.einsum("c,chw->hw", falls.to(activations), activations))
    return torch.stack(maps)


def _occluded(question: Question, picture: "Tensor") -> "Tensor":
    """Returns the occlusion map (16, 16) of one photograph (1, 3, S, S)."""
    import torch

    edges = torch.linspace(0, picture.shape[-1], _CELLS + 1).round().int().tolist()
    steps = range(_CELLS - _PATCH + 1)
    patches = [(top, left) for top in steps for left in steps]
    shown, hidden = picture.float(), without_detail(picture)
    plain = scores_of(question.backbone, shown, question.target)
    falls, covered = torch.zeros(_CELLS, _CELLS), torch.zeros(_CELLS, _CELLS)
    for first in range(0, len(patches), AT_ONCE):
        some = patches[first : first + AT_ONCE]
        pictures = shown.repeat(len(some), 1, 1, 1)
        for one, (top, left) in zip(pictures, some, strict=True):
            rows = slice(edges[top], edges[top + _PATCH])
            columns = slice(edges[left], edges[left + _PATCH])
            one[:, rows, columns] = hidden[0, :, rows, columns]
        scores = scores_of(question.backbone, pictures, question.target)
        for fall, (top, left) in zip(plain - scores, some, strict=True):
            falls[top : top + _PATCH, left : left + _PATCH] += fall
            covered[top : top + _PATCH, left : left + _PATCH] += 1
    return falls / covered


class _Tail:
    """What follows a layer, run on variants of what the layer returned for one photograph."""

    def __init__(self, question: Question, picture: "Tensor", layer: CamLayer) -> None:
        """Runs the network once.

        Raises:
            SaliencyError: If there is no such layer, or it returns no tensor.
            ValueError: If the network is in training mode.
        """
        require_eval(question.backbone.module)
        self._question = question
        self._picture = picture
        self._module = submodule(question.backbone, layer)
        self._axis = layer.layout.index("C")
        self._layer = layer
        self._seen: list[Tensor] = []
        self.plain = float(self._run(None, 1)[0])
        if not self._seen:
            raise SaliencyError(
                f"The embedding does not depend on the layer {layer.name!r}.",
                hint="Choose a layer on the way from the photograph to the embedding.",
            )
        self.output: Tensor = self._seen[0]
        self._shared = self._may_share_the_way()

    def without_each_feature(self) -> "Iterator[Tensor]":
        """Yields the targets with one feature after the other set to zero, in chunks."""
        n_features = self.output.shape[self._axis]
        for first in range(0, n_features, AT_ONCE):
            members = range(first, min(first + AT_ONCE, n_features))
            variants = self.output.repeat(len(members), *[1] * (self.output.ndim - 1))
            for variant, member in zip(variants, members, strict=True):
                variant.select(self._axis - 1, member).zero_()
            yield self._run(variants, 1 if self._shared else len(members))

    def _run(self, variants: "Tensor | None", n_pictures: int) -> "Tensor":
        """Returns the targets of variants of the layer's output; of the output as it is for None.

        One picture may serve all variants: it is sent through the network up to the layer once,
        and the layer hands on as many rows as there are variants.
        """
        owner = threading.get_ident()

        def exchange(layer: Any, inputs: Any, output: "Tensor") -> "Tensor | None":
            if threading.get_ident() != owner:  # another session uses the same network
                return None
            if variants is None:
                self._seen.append(output.clone())
            return variants

        handle = self._module.register_forward_hook(exchange)
        try:
            pictures = self._picture.expand(n_pictures, -1, -1, -1)
            return scores_of(self._question.backbone, pictures, self._question.target)
        finally:
            handle.remove()

    def _may_share_the_way(self) -> bool:
        """Says whether one picture may serve several variants, by trying it with two.

        It may not where a network remembers the size of its batch from before the layer, or joins
        the layer's output to something earlier other than by a sum.
        """
        import torch

        two = torch.cat([self.output, self.output * 0.5])
        alone = torch.cat([self._run(variant, 1) for variant in chunks(two, 1)])
        try:
            together = self._run(two, 1)
        except RuntimeError:  # sizes that do not fit
            return False
        return together.shape == alone.shape and torch.allclose(together, alone, 1e-4, 1e-4)


def _masks(activations: "Tensor", side: int) -> "Iterator[Tensor]":
    """Yields features (C, h, w) enlarged and scaled to [0, 1]: chunks of (c, 1, S, S)."""
    from torch.nn import functional

    for some in chunks(activations):
        large = functional.interpolate(
            some[:, None], size=(side, side), mode="bilinear", align_corners=True
        )
        low, high = large.amin(dim=(2, 3), keepdim=True), large.amax(dim=(2, 3), keepdim=True)
        yield (large - low) / (high - low + 1e-8)
