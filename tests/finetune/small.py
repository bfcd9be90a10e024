"""Small networks with heads, and photographs that are bright or dark, to train on."""

import numpy as np
import timm
import torch
from torch import nn

from fundus_core.finetune.classifier import Classifier, Normalisation
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.squares import Squares
from fundus_core.finetune.trainee import norm_layers

CPU = torch.device("cpu")
ARCHITECTURES = ("test_resnet", "test_vit")
SIDE = 32
RECIPE = TrainingRecipe(
    epochs=2, batch_size=8, learning_rate=0.01, augmentation="none", precision="fp32"
)


def small_network(architecture: str, side: int = SIDE) -> nn.Module:
    size = {"img_size": side} if "vit" in architecture else {}
    torch.manual_seed(0)
    network = timm.create_model(architecture, num_classes=0, **size)
    for _, norm in norm_layers(network):  # timm starts some at zero, which stops all gradients
        nn.init.ones_(norm.weight)
    return network


def small_classifier(
    architecture: str, head: str = "linear", *, n_outputs: int = 1, side: int = SIDE, seed: int = 0
) -> Classifier:
    half = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return Classifier(
        small_network(architecture, side), half, n_outputs=n_outputs, image_size=side,
        device=CPU, seed=seed, head=head,
    )  # fmt: skip


def bright_and_dark(n: int = 24, side: int = SIDE) -> tuple[Squares, np.ndarray]:
    """Returns photographs of which every other one is bright, and which (n, 1)."""
    rng = np.random.default_rng(0)
    bright = np.arange(n) % 2 == 1
    level = np.where(bright, 150, 100)[:, None, None, None]
    pixels = (level + rng.integers(-30, 30, (n, 3, side, side))).astype(np.uint8)
    return Squares(tuple(map(str, range(n))), pixels, None, ()), bright[:, None]


def noise(n: int, side: int = SIDE) -> Squares:
    """Returns photographs that have nothing in common."""
    pixels = np.random.default_rng(0).integers(0, 256, (n, 3, side, side)).astype(np.uint8)
    return Squares(tuple(map(str, range(n))), pixels, None, ())
