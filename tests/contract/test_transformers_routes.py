"""The same random weights through the transformers library give the same embedding, to 1e-4.

Its own implementations are filled at random, and their names turned into the published ones.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fundus_core.backbones.base import BackboneSpec
from tests.contract.families import Tensors, prefixed
from tests.contract.published import DEPTH, HEADS, WIDTH
from tests.contract.tiny import (
    assert_same,
    loaded_at,
    perturbed,
    pictures,
    pixels_of,
    tiny,
    written,
)

transformers = pytest.importorskip("transformers")


def renamed(tensors: Tensors, *changes: tuple[str, str]) -> Tensors:
    """Replaces parts of names, in this order."""
    found = {}
    for published_name, value in tensors.items():
        name = published_name
        for old, new in changes:
            name = name.replace(old, new)
        found[name] = value
    return found


def with_joined_queries(tensors: Tensors, parts: tuple[str, str, str], joined: str) -> Tensors:
    """Joins queries, keys and values into one matrix."""
    found = dict(tensors)
    for name in [name for name in tensors if parts[0] in name]:
        rows = [found.pop(name.replace(parts[0], part)) for part in parts]
        found[name.replace(parts[0], joined)] = torch.cat(rows)
    return found


@pytest.mark.parametrize("pooling", ["class_token", "first_patch"])
def test_blip__is_that_of_transformers(pooling: str, tmp_path: Path) -> None:
    config = transformers.BlipVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        image_size=224,
        patch_size=16,
        layer_norm_eps=1e-6,
    )
    model = perturbed(transformers.BlipVisionModel(config))
    tensors = renamed(
        model.state_dict(),
        ("embeddings.class_embedding", "cls_token"),
        ("embeddings.position_embedding", "pos_embed"),
        ("embeddings.patch_embedding", "patch_embed.proj"),
        ("encoder.layers", "blocks"),
        ("self_attn.projection", "attn.proj"),
        ("self_attn", "attn"),
        ("post_layernorm", "norm"),
        ("layer_norm", "norm"),
    )
    path = written(tmp_path / "published.pth", {"model": prefixed("visual_encoder.", tensors)})
    spec, batch = tiny("blip_vit_b", pooling), pictures(224)[:2]

    embeddings = loaded_at(spec, path, 224).embed(batch)

    with torch.inference_mode():
        tokens = model(pixels_of(spec, batch)).last_hidden_state
    assert_same(embeddings, tokens[:, 0 if pooling == "class_token" else 1])


@pytest.mark.parametrize("registers", [0, 4])
def test_dinov2__is_that_of_transformers(registers: int, tmp_path: Path) -> None:
    shape = {
        "hidden_size": WIDTH,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "image_size": 518,
        "patch_size": 14,
    }
    if registers:
        config = transformers.Dinov2WithRegistersConfig(**shape, num_register_tokens=registers)
        model = perturbed(transformers.Dinov2WithRegistersModel(config))
    else:
        model = perturbed(transformers.Dinov2Model(transformers.Dinov2Config(**shape)))
    tensors = renamed(
        model.state_dict(),
        ("embeddings.cls_token", "cls_token"),
        ("embeddings.mask_token", "mask_token"),
        ("embeddings.register_tokens", "register_tokens"),
        ("embeddings.position_embeddings", "pos_embed"),
        ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
        ("encoder.layer.", "blocks."),
        ("attention.attention.", "attention."),
        ("attention.query", "attention.q_proj"),
        ("attention.key", "attention.k_proj"),
        ("attention.value", "attention.v_proj"),
        ("attention.output.dense", "attention.o_proj"),
        ("attention.o_proj", "attn.proj"),
        ("layer_scale1.lambda1", "ls1.gamma"),
        ("layer_scale2.lambda1", "ls2.gamma"),
        ("layernorm", "norm"),
    )
    projections = ("attention.q_proj", "attention.k_proj", "attention.v_proj")
    path = written(
        tmp_path / "published.pth", with_joined_queries(tensors, projections, "attn.qkv")
    )
    spec, batch = tiny("dinov2_base_reg" if registers else "dinov2_base"), pictures(518)[:1]

    embeddings = loaded_at(spec, path, 518).embed(batch)

    with torch.inference_mode():
        assert_same(embeddings, model(pixels_of(spec, batch)).last_hidden_state[:, 0])


@pytest.mark.parametrize("pooling", ["before_neck", "after_neck"])
def test_sam__is_that_of_transformers(pooling: str, tmp_path: Path) -> None:
    size = 256  # a grid of 16 x 16 places: more than one window of 14 x 14
    config = transformers.SamVisionConfig(
        hidden_size=WIDTH,
        mlp_dim=4 * WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        image_size=size,
        patch_size=16,
        output_channels=256,
        window_size=14,
        global_attn_indexes=[1],
    )
    model = perturbed(transformers.SamVisionModel(config))
    tensors = renamed(
        model.state_dict(),
        ("vision_encoder.neck.conv1", "image_encoder.neck.0"),
        ("vision_encoder.neck.layer_norm1", "image_encoder.neck.1"),
        ("vision_encoder.neck.conv2", "image_encoder.neck.2"),
        ("vision_encoder.neck.layer_norm2", "image_encoder.neck.3"),
        ("vision_encoder.layers", "image_encoder.blocks"),
        ("vision_encoder.patch_embed.projection", "image_encoder.patch_embed.proj"),
        ("vision_encoder.", "image_encoder."),
        ("layer_norm", "norm"),
    )
    path, batch = written(tmp_path / "published.pth", tensors), pictures(size)[:2]
    spec = tiny("sam_vit_b", pooling)
    arguments = {**dict(spec.architecture_args), "img_size": size}
    spec = with_arguments(spec, arguments)

    embeddings = loaded_at(spec, path, size).embed(batch)

    with torch.inference_mode():
        answer = model(pixels_of(spec, batch), output_hidden_states=True)
    before, after = answer.hidden_states[-1].mean(dim=(1, 2)), answer.last_hidden_state
    assert_same(embeddings, before if pooling == "before_neck" else after.mean(dim=(2, 3)))


def with_arguments(spec: BackboneSpec, arguments: dict[str, object]) -> BackboneSpec:
    return replace(spec, architecture_args=tuple(sorted(arguments.items())))
