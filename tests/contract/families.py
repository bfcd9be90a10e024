"""The tensors of published checkpoints, family by family, with random weights.

Names, shapes and wrappers are written down here from the published files, independently of the
rules that read them. Under `torch.device("meta")` the full sizes cost no memory.
"""

import argparse
from typing import Any

import timm
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

Tensors = dict[str, Tensor]


def weights(*shape: int) -> Tensor:
    return torch.randn(shape) * 0.1


def linear(name: str, n_out: int, n_in: int, *, bias: bool = True) -> Tensors:
    matrix = {f"{name}.weight": weights(n_out, n_in)}
    return matrix | {f"{name}.bias": weights(n_out)} if bias else matrix


def norm(name: str, width: int) -> Tensors:
    return {f"{name}.weight": 1 + weights(width), f"{name}.bias": weights(width)}


def prefixed(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: value for name, value in tensors.items()}


# Vision transformers, as MAE, DINO, DeiT, BLIP and the first authors of ViT in PyTorch name them.


def vit_block(width: int, *, layer_scale: bool = False) -> Tensors:
    block = (
        norm("norm1", width)
        | linear("attn.qkv", 3 * width, width)
        | linear("attn.proj", width, width)
        | norm("norm2", width)
        | linear("mlp.fc1", 4 * width, width)
        | linear("mlp.fc2", width, 4 * width)
    )
    scales = {"ls1.gamma": weights(width), "ls2.gamma": weights(width)}
    return block | scales if layer_scale else block


def vit(
    depth: int, width: int, *, patch: int = 16, positions: int = 197, layer_scale: bool = False
) -> Tensors:
    tensors = {
        "cls_token": weights(1, 1, width),
        "pos_embed": weights(1, positions, width),
        "patch_embed.proj.weight": weights(width, 3, patch, patch),
        "patch_embed.proj.bias": weights(width),
    }
    for index in range(depth):
        tensors |= prefixed(f"blocks.{index}.", vit_block(width, layer_scale=layer_scale))
    return tensors | norm("norm", width)


def deit(depth: int, width: int) -> Tensors:
    return vit(depth, width) | linear("head", 1000, width)


def masked_autoencoder(depth: int, width: int) -> Tensors:
    decoder = {
        "mask_token": weights(1, 1, 16),
        "decoder_pos_embed": weights(1, 197, 16),
        **linear("decoder_embed", 16, width),
        **prefixed("decoder_blocks.0.", vit_block(16)),
        **norm("decoder_norm", 16),
        **linear("decoder_pred", 768, 16),
    }
    return vit(depth, width) | decoder


def of_training(tensors: Tensors) -> object:
    """A training's checkpoint: the state of the optimiser and the command line beside the model."""
    return {
        "model": tensors,
        "optimizer": {"state": {0: {"step": 1, "exp_avg": torch.zeros(3)}}, "param_groups": []},
        "scaler": {"scale": 65536.0},
        "epoch": 799,
        "args": argparse.Namespace(model="mae_vit_large_patch16", norm_pix_loss=True),
    }


def dinov2(depth: int, width: int, *, registers: int = 0, positions: int = 1370) -> Tensors:
    tensors = vit(depth, width, patch=14, positions=positions, layer_scale=True)
    tensors["mask_token"] = weights(1, width)
    if registers:
        tensors["register_tokens"] = weights(1, registers, width)
    return tensors


def dinov2_teacher(depth: int, width: int, *, chunks: int = 2) -> Tensors:
    """A training's teacher: blocks in chunks, each keeping its number in the whole network."""
    per_chunk = depth // chunks
    flat = dinov2(depth, width, positions=257)
    for index in range(depth):
        for name in [name for name in flat if name.startswith(f"blocks.{index}.")]:
            rest = name.removeprefix("blocks.")
            flat[f"blocks.{index // per_chunk}.{rest}"] = flat.pop(name)
    heads = linear("dino_head.mlp.0", 16, width) | linear("ibot_head.last_layer", 16, 16)
    return prefixed("backbone.", flat) | heads


def ibot(depth: int, width: int) -> Tensors:
    backbone = prefixed("module.backbone.", vit(depth, width))
    return backbone | linear("module.head.mlp.0", 16, width)


def segment_anything(depth: int, width: int, *, heads: int, whole: tuple[int, ...]) -> Tensors:
    """Segment Anything: position embeddings as a picture, relative positions in every block."""
    encoder = {
        "pos_embed": weights(1, 64, 64, width),
        "patch_embed.proj.weight": weights(width, 3, 16, 16),
        "patch_embed.proj.bias": weights(width),
        "neck.0.weight": weights(256, width, 1, 1),
        **norm("neck.1", 256),
        "neck.2.weight": weights(256, 256, 3, 3),
        **norm("neck.3", 256),
    }
    for index in range(depth):
        reach = 127 if index in whole else 27
        block = {name.replace("mlp.fc", "mlp.lin"): v for name, v in vit_block(width).items()}
        block["attn.rel_pos_h"] = weights(reach, width // heads)
        block["attn.rel_pos_w"] = weights(reach, width // heads)
        encoder |= prefixed(f"blocks.{index}.", block)
    return (
        prefixed("image_encoder.", encoder)
        | {"prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": weights(2, 128)}
        | linear("mask_decoder.iou_prediction_head.layers.0", 16, 16)
    )


def seem(depths: tuple[int, ...], width: int) -> Tensors:
    encoder = {"patch_embed.proj.weight": weights(width, 3, 7, 7)}
    encoder |= {"patch_embed.proj.bias": weights(width), **norm("patch_embed.norm", width)}
    for stage, depth in enumerate(depths):
        channels = width * 2**stage
        for index in range(depth):
            encoder |= prefixed(f"layers.{stage}.blocks.{index}.", focal_block(channels))
        if stage + 1 < len(depths):
            down = f"layers.{stage}.downsample"
            encoder[f"{down}.proj.weight"] = weights(2 * channels, channels, 3, 3)
            encoder[f"{down}.proj.bias"] = weights(2 * channels)
            encoder |= norm(f"{down}.norm", 2 * channels)
        encoder |= norm(f"norm{stage}", channels)
    head = linear("sem_seg_head.predictor.mask_embed.layers.0", 16, 16)
    return prefixed("backbone.", encoder) | head


def focal_block(channels: int) -> Tensors:
    block = {
        "gamma_1": weights(channels),
        "gamma_2": weights(channels),
        **norm("norm1", channels),
        **norm("norm2", channels),
        **linear("modulation.f", 2 * channels + 4, channels),
        "modulation.h.weight": weights(channels, channels, 1, 1),
        "modulation.h.bias": weights(channels),
        **linear("modulation.proj", channels, channels),
        **linear("mlp.fc1", 4 * channels, channels),
        **linear("mlp.fc2", channels, 4 * channels),
    }
    for level in range(3):
        side = 3 + 2 * level
        block[f"modulation.focal_layers.{level}.0.weight"] = weights(channels, 1, side, side)
    for name in ("dw1", "dw2"):
        block[f"{name}.weight"] = weights(channels, 1, 3, 3)
        block[f"{name}.bias"] = weights(channels)
    return block


# Convolutional networks.


def resnet(block: type[nn.Module], layers: tuple[int, ...]) -> Tensors:
    return torchvision.models.ResNet(block, list(layers)).state_dict()


def jang(layers: tuple[int, ...]) -> Tensors:
    """A ResNet with the two-layer head of the authors' notebook, from data-parallel training."""
    return prefixed("module.", jang_network(layers).state_dict())


def jang_network(layers: tuple[int, ...]) -> nn.Module:
    network = torchvision.models.ResNet(Bottleneck, list(layers))
    network.fc = nn.Sequential(
        nn.Linear(2048, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 2)
    )
    return network


def densenet(growth: int, blocks: tuple[int, ...], stem: int) -> Tensors:
    """The file of the hub, whose names predate those of the library that reads it."""
    network = torchvision.models.DenseNet(growth, blocks, stem)
    return {
        name.replace(".norm1.", ".norm.1.")
        .replace(".norm2.", ".norm.2.")
        .replace(".conv1.", ".conv.1.")
        .replace(".conv2.", ".conv.2."): value
        for name, value in network.state_dict().items()
    }


def vgg(hidden: int) -> Tensors:
    from torchvision.models.vgg import cfgs, make_layers

    features = make_layers(cfgs["E"])
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return {
        **prefixed("features.", features.state_dict()),
        **linear("classifier.0", hidden, 512 * 7 * 7),
        **linear("classifier.3", 4096, hidden),
        **linear("classifier.6", 1000, 4096),
    }


def timm_file(architecture: str, n_classes: int, **arguments: Any) -> Tensors:
    """The file of the timm library, for weights that are published in its names."""
    network = timm.create_model(architecture, num_classes=n_classes, **arguments)
    for name, parameter in network.named_parameters():
        if "gamma" in name:  # at its initial value it hides the layer that it scales
            nn.init.normal_(parameter)
    return network.state_dict()
