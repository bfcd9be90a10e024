"""Attention is followed as the papers' formulas say, in plain transformers and in no other."""

import threading

import numpy as np
import open_clip
import pytest
import torch
from torch import Tensor, nn

from fundus_core.backbones.open_clip_towers import TransformerTower
from fundus_core.errors import SaliencyError
from fundus_core.explain.attention import record_attention
from fundus_core.explain.cam import linear_target, raw_maps
from fundus_core.explain.question import Question
from tests.explain.networks import FakeBackbone, pictures, random_probe, timm_backbone


def plain_vit() -> FakeBackbone:
    """Reads its class token; 36 places."""
    return timm_backbone("test_vit", 96, img_size=96, depth=3)


def by_hand(backbone: FakeBackbone, batch: Tensor, probe: np.ndarray) -> tuple[list, list]:
    """Returns attentions and their gradients, from queries and keys and a graph of its own."""
    module = backbone.module
    tokens = module.patch_embed((batch.float() / 255 - 0.5) / 0.25)
    tokens = module._pos_embed(tokens)
    attentions = []
    for block in module.blocks:
        x = block.norm1(tokens)
        n_images, length, width = x.shape
        heads = block.attn.num_heads
        q, k, v = (
            part.view(n_images, length, heads, width // heads).transpose(1, 2)
            for part in block.attn.qkv(x).chunk(3, dim=2)
        )
        weights = torch.softmax(q @ k.transpose(2, 3) / (width // heads) ** 0.5, dim=3)
        weights = weights.detach().requires_grad_() if not attentions else weights
        attentions.append(weights)
        tokens = tokens + block.attn.proj((weights @ v).transpose(1, 2).reshape(x.shape))
        tokens = tokens + block.mlp(block.norm2(tokens))
    score = (module.norm(tokens)[:, 0] @ torch.tensor(probe)).sum()
    gradients = torch.autograd.grad(score, attentions)
    return [a.detach().numpy() for a in attentions], [g.numpy() for g in gradients]


def test_record_attention__is_what_queries_and_keys_say() -> None:
    backbone, batch, probe = plain_vit(), pictures(2, 96), random_probe(64)

    record = record_attention(Question(backbone, batch, linear_target(probe)))

    attentions, gradients = by_hand(backbone, batch, probe)
    assert len(record.attentions) == 3
    for found, expected in zip(record.attentions, attentions, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_allclose(found.sum(dim=3), 1.0, atol=1e-5)
    for found, expected in zip(record.gradients, gradients, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(record.readers, np.eye(37)[[0, 0]], atol=1e-6)


def test_attention_rollout__multiplies_the_blocks() -> None:
    backbone, batch, probe = plain_vit(), pictures(2, 96), random_probe(64)

    maps = raw_maps(backbone, batch, probe, method="attention_rollout")

    attentions, _ = by_hand(backbone, batch, probe)
    for row, found in enumerate(maps):
        reached = np.eye(37)
        for attention in attentions:
            reached = (0.5 * attention[row].mean(axis=0) + 0.5 * np.eye(37)) @ reached
        expected = reached[0, 1:].reshape(6, 6)
        np.testing.assert_allclose(found, expected - expected.min(), atol=1e-6)


def test_weighted_attention__adds_up_chains_of_positive_gain() -> None:
    backbone, batch, probe = plain_vit(), pictures(2, 96), random_probe(64)

    maps = raw_maps(backbone, batch, probe, method="weighted_attention")

    attentions, gradients = by_hand(backbone, batch, probe)
    for row, found in enumerate(maps):
        reached = np.eye(37)
        for attention, gradient in zip(attentions, gradients, strict=True):
            gain = np.maximum(attention[row] * gradient[row], 0).mean(axis=0)
            reached = reached + gain @ reached
        expected = reached[0, 1:].reshape(6, 6)
        np.testing.assert_allclose(found, expected, atol=1e-4 * expected.max())


def test_record_attention__follows_the_pooling() -> None:
    backbone = timm_backbone("test_vit", 96, img_size=96, global_pool="avg")

    record = record_attention(Question(backbone, pictures(1, 96), linear_target(random_probe(64))))

    readers = record.readers[0].numpy()
    assert readers[0] == pytest.approx(0.0, abs=1e-7)
    assert readers[1:] == pytest.approx(1 / 36, rel=0.05)


def test_record_attention__of_torchs_own_attention_changes_no_score() -> None:
    torch.manual_seed(0)
    trunk = open_clip.transformer.VisionTransformer(
        image_size=64, patch_size=16, width=32, layers=2, heads=2, mlp_ratio=2.0, output_dim=8
    )
    backbone, batch, probe = FakeBackbone(TransformerTower(trunk), 64), pictures(2, 64), np.ones(8)
    targets: list[Tensor] = []

    def target(embeddings: Tensor) -> Tensor:
        targets.append(embeddings.detach())
        return linear_target(probe)(embeddings)

    record = record_attention(Question(backbone, batch, target))

    torch.testing.assert_close(targets[0], backbone.embed(batch), atol=1e-5, rtol=1e-5)
    block = trunk.transformer.resblocks[0]
    tokens = trunk.conv1((batch.float() / 255 - 0.5) / 0.25).flatten(2).transpose(1, 2)
    tokens = torch.cat([trunk.class_embedding.expand(2, 1, -1), tokens], dim=1)
    inputs = block.ln_1(trunk.ln_pre(tokens + trunk.positional_embedding))
    _, expected = block.attn(inputs, inputs, inputs, average_attn_weights=False)
    torch.testing.assert_close(record.attentions[0], expected, atol=1e-5, rtol=1e-4)
    assert record.gradients[0].abs().max() > 0


def test_record_attention__leaves_the_network_as_it_was() -> None:
    backbone = plain_vit()
    fused = [block.attn.fused_attn for block in backbone.module.blocks]

    with torch.inference_mode():
        record_attention(Question(backbone, pictures(1, 96), linear_target(random_probe(64))))

    assert [block.attn.fused_attn for block in backbone.module.blocks] == fused == [True] * 3
    assert not any(layer._forward_hooks for layer in backbone.module.modules())
    assert not any(parameter.requires_grad for parameter in backbone.module.parameters())


def test_record_attention__leaves_other_users_of_the_same_network_alone() -> None:
    module = plain_vit().module
    elsewhere: list[Tensor] = []

    class Shared(FakeBackbone):
        def forward(self, batch: Tensor) -> Tensor:
            session = threading.Thread(
                target=lambda: elsewhere.append(FakeBackbone(module, 96).embed(pictures(3, 96)))
            )
            session.start()
            session.join()
            return FakeBackbone.forward(self, batch)

    question = Question(Shared(module, 96), pictures(1, 96), linear_target(random_probe(64)))
    record = record_attention(question)

    assert len(record.attentions) == 3
    assert all(len(attention) == 1 for attention in record.attentions)
    assert not any(one.requires_grad for one in elsewhere)


@pytest.mark.parametrize(
    ("name", "size", "architecture", "reason"),
    [
        ("resnet18", 64, {}, "its last features are no tokens"),
        ("swin_tiny_patch4_window7_224", 64, {"img_size": 64}, "its last features are no tokens"),
        ("xcit_nano_12_p16_224", 64, {}, "not from each of its 17 tokens to each"),
        ("mixer_s16_224", 224, {}, "none of its layers computes attention"),
    ],
)
def test_record_attention__refuses_other_networks(
    name: str, size: int, architecture: dict[str, object], reason: str
) -> None:
    backbone = timm_backbone(name, size, **architecture)
    probe = random_probe(backbone.embed(pictures(1, size)).shape[1])

    with pytest.raises(SaliencyError, match=reason) as refusal:
        record_attention(Question(backbone, pictures(1, size), linear_target(probe)))

    assert "Grad-CAM" in refusal.value.hint


def test_record_attention__refuses_a_network_in_training_mode() -> None:
    backbone = plain_vit()
    backbone.module.train()

    with pytest.raises(ValueError, match="training mode"):
        record_attention(Question(backbone, pictures(1, 96), linear_target(random_probe(64))))


def test_record_attention__refuses_a_score_that_no_block_moves() -> None:
    class Untouched(nn.Module):
        """Reads the colour of the picture beside its transformer."""

        def __init__(self) -> None:
            super().__init__()
            self.trunk = plain_vit().module

        def __getattr__(self, name: str) -> object:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(super().__getattr__("trunk"), name)

        def forward(self, pixels: Tensor) -> Tensor:
            self.trunk(pixels)
            return pixels.mean(dim=(2, 3)).requires_grad_()

    question = Question(FakeBackbone(Untouched(), 96), pictures(1, 96), linear_target(np.ones(3)))

    with pytest.raises(SaliencyError, match="does not depend on the attention"):
        record_attention(question)
