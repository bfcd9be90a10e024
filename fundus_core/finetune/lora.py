"""Low-rank adapters: two thin matrices beside each layer of a network, which move in its place.

Where a layer with weights W, of a matrix or of a convolution, maps x to W x, it now maps it to
(W + alpha / r B A) x: A maps to r numbers, B back. B is zero at first, so that nothing changes.

References:
    Hu et al. (2022), LoRA, arXiv:2106.09685.
"""

import re
from typing import Any

import torch
from torch import Tensor, nn

from fundus_core.errors import TrainingError

ADAPTERS = re.compile(r".*\.lora_[AB]\.default\.weight")
"""Names of the parameters of adapters."""


def add_adapters(network: nn.Module, *, rank: int, alpha: float, image_size: int) -> None:
    """Puts adapters beside the layers of a network that `adaptable_layers` finds, in place.

    A is drawn from torch's random numbers. The network is left in eval mode.

    Args:
        network: Maps pictures (B, 3, S, S) to a tensor.
        rank: r.
        alpha: How much the adapters weigh, times r.
        image_size: S.

    Raises:
        TrainingError: If the rank or alpha is not positive, no layer can have an adapter, or the
            rank is above what any of them can use.
    """
    from peft import LoraConfig, inject_adapter_in_model

    if rank < 1 or alpha <= 0:
        raise TrainingError(
            f"Low-rank adapters need a rank of 1 or more and a positive alpha; {rank} and {alpha} "
            "were asked for.",
            hint="Choose another rank and alpha (--lora-rank, --lora-alpha).",
        )
    layers = adaptable_layers(network, image_size)
    if not layers:
        raise TrainingError(
            "This backbone has no layer that can have a low-rank adapter: none of its plain "
            "matrices and convolutions is run as a layer.",
            hint="Choose another strategy, or another backbone.",
        )
    if rank > (highest := max(_full_rank(network.get_submodule(name)) for name in layers)):
        raise TrainingError(
            f"Adapters of rank {rank} were asked for; no layer of this backbone has a rank above "
            f"{highest}.",
            hint=f"Choose a rank of 1 to {highest} (--lora-rank); 4 to 16 are usual.",
        )
    # A pattern, because peft takes names in a list for the ends of names.
    pattern = "|".join(re.escape(name) for name in layers)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=pattern)  # type: ignore[arg-type]
    inject_adapter_in_model(config, network)
    network.eval()


def _full_rank(layer: nn.Module) -> int:
    """Returns the rank above which an adapter of a layer can say nothing more."""
    weight = layer.get_parameter("weight")
    return min(len(weight), weight[0].numel())


def adaptable_layers(network: nn.Module, image_size: int) -> tuple[str, ...]:
    """Returns the names of the layers that can have an adapter.

    These are plain matrices and convolutions whose output reaches the network's. Some networks
    read a layer's weights and compute with them themselves; an adapter beside such a layer would
    never be run. They are told apart by one picture. Left out as well are convolutions in groups,
    with gaps (peft 0.21 forgets the gaps), or padded otherwise than by zeros.

    Args:
        network: Maps pictures (B, 3, S, S) to a tensor; left in eval mode.
        image_size: S.
    """
    layers = {name: layer for name, layer in network.named_modules() if name and _is_plain(layer)}
    marks: dict[str, Tensor] = {}
    device = next(network.parameters()).device

    def marked(name: str, output: Tensor) -> Tensor:
        mark = torch.zeros((), device=device, requires_grad=True)
        return output + marks.setdefault(name, mark)  # a layer may be run more than once

    handles = [
        layer.register_forward_hook(lambda _, inputs, output, name=name: marked(name, output))
        for name, layer in layers.items()
    ]
    try:
        with torch.enable_grad():
            picture = torch.zeros(1, 3, image_size, image_size, device=device)
            output: Tensor = network.eval()(picture)
    finally:
        for handle in handles:
            handle.remove()
    if not marks:
        return ()
    gradients = torch.autograd.grad(output.sum(), list(marks.values()), allow_unused=True)
    reached = {
        name for name, gradient in zip(marks, gradients, strict=True) if gradient is not None
    }
    return tuple(name for name in layers if name in reached)


def _is_plain(layer: Any) -> bool:
    """Says whether a layer is a matrix or an ungrouped convolution, and no kind of its own."""
    if type(layer) is nn.Conv2d:
        is_dense = layer.groups == 1 and set(layer.dilation) == {1}
        return is_dense and layer.padding_mode == "zeros"
    return type(layer) is nn.Linear
