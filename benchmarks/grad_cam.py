"""Time of Grad-CAM: the tail of the network only, against pytorch-grad-cam and a plain forward.

Measures all of them interleaved in one run, so that a busy machine slows all alike. Weights are
random, which changes neither the time nor whether the maps agree:

    python -m benchmarks.grad_cam [--backbones resnet50 vit_small] [--repeats 15] [--threads 1]
"""

import argparse
import copy
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fundus_core.backbones.base import Backbone
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.loaders import load_backbone
from fundus_core.backbones.token_grid import declared_grid, to_channels_first
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.explain.cam import grad_cam
from fundus_core.explain.layers import cam_layer

Route = Callable[[], NDArray[np.float32]]
"""Computes maps, or whatever else is timed."""


class PixelNetwork(nn.Module):
    """A backbone as a module from pixels to embeddings, its parameters trainable."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = copy.copy(backbone)
        self.inner = self.backbone.module = copy.deepcopy(backbone.module).requires_grad_(True)

    def forward(self, batch: Tensor) -> Tensor:
        """Maps uint8 inputs (B, 3, S, S) to embeddings (B, D)."""
        return self.backbone.forward(batch)


def routes(backbone: Backbone, batch: Tensor, weight: NDArray[np.float32]) -> dict[str, Route]:
    """Returns the plain forward pass, ours, and pytorch-grad-cam on the same layer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pytorch_grad_cam import GradCAM

    layer, size = cam_layer(backbone), backbone.image_size
    grid = declared_grid(backbone.module, (size, size)) if layer.layout == "NLC" else None
    network, coefficients = PixelNetwork(backbone), torch.from_numpy(weight)
    engine = GradCAM(
        network,
        [network.inner.get_submodule(layer.name)],
        reshape_transform=lambda values: to_channels_first(values, layer.layout, grid),
    )
    targets = [lambda embedding: embedding @ coefficients] * len(batch)

    def plain() -> NDArray[np.float32]:
        with torch.inference_mode():
            return backbone.forward(batch).numpy()

    return {
        "forward": plain,
        "ours": lambda: grad_cam(backbone, batch, weight),
        "pytorch-grad-cam": lambda: engine(batch, targets=targets),
    }


def measure(timed: dict[str, Route], repeats: int) -> tuple[dict[str, float], dict[str, NDArray]]:
    """Returns median seconds and the last result of each route; the routes take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    results: dict[str, NDArray] = {}
    for _ in range(repeats + 1):
        for name, route in timed.items():
            started = time.perf_counter()
            results[name] = route()
            seconds[name].append(time.perf_counter() - started)
    # The first turn warms up.
    return {name: float(np.median(values[1:])) for name, values in seconds.items()}, results


def largest_difference(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Returns how far two batches of maps are apart, after that library's scaling of both."""
    from pytorch_grad_cam.utils.image import scale_cam_image

    enlarged = scale_cam_image(np.maximum(ours, 0), theirs.shape[1:])
    return float(np.abs(scale_cam_image(enlarged) - theirs).max())


def main() -> None:
    """Prints one row per backbone and route."""
    parser = argparse.ArgumentParser(description="Time of Grad-CAM.")
    parser.add_argument("--backbones", nargs="+", default=["resnet50", "vit_small"])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print("| backbone | layer | route | ms per image | times forward | map difference |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in arguments.backbones:
        spec = backbone_spec(name)
        backbone = load_backbone(
            spec, None, preprocessing=PreprocessRecipe(), device=torch.device("cpu")
        )
        side = backbone.image_size
        pixels = torch.randint(0, 256, (arguments.batch, 3, side // 16, side // 16)).byte()
        batch = pixels.repeat_interleave(16, dim=2).repeat_interleave(16, dim=3)
        weight = np.random.default_rng(0).standard_normal(spec.embed_dim).astype(np.float32)
        medians, results = measure(routes(backbone, batch, weight), arguments.repeats)
        apart = largest_difference(results["ours"], results["pytorch-grad-cam"])
        for route, median in medians.items():
            print(
                f"| {name} | {cam_layer(backbone).name} | {route} "
                f"| {1000 * median / arguments.batch:.1f} | {median / medians['forward']:.2f} "
                f"| {f'{apart:.0e}' if route == 'ours' else ''} |"
            )


if __name__ == "__main__":
    main()
