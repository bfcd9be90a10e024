"""The DeiT head: what it is given, what it starts from, and that the backbone stays out of it."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fundus_core.errors import TrainingError, WeightsError
from fundus_core.finetune.classifier import Classifier, Normalisation
from fundus_core.finetune.heads import HEADS, head_backbone
from fundus_core.finetune.trainee import trainee_of
from tests.finetune.small import CPU, small_classifier, small_network

SHAPE = (5, 3, 4)
"""Features of five numbers in three rows of four places."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of DeiT-Ti as it is published, with its classifier of a thousand classes."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "deit_tiny_patch16_224.fb_in1k.safetensors"
    save_file(timm.create_model("deit_tiny_patch16_224").state_dict(), path)
    return path


def test_deit_head__is_the_size_of_deit_b() -> None:
    with torch.device("meta"):
        head = HEADS["deit"].build((2048, 7, 7), 5, None)
        logits = head(torch.zeros(2, 2048, 7, 7))

    blocks = sum(parameter.numel() for parameter in head.deit.parameters())
    patches = 768 * 3 * 16 * 16 + 768
    assert blocks == 85_798_656 - patches - (196 - 49) * 768
    assert [tuple(layer.weight.shape) for layer in head.projection] == [(768, 2048), (768,)]
    assert logits.shape == (2, 5)


def test_deit_head__every_weight_is_timms(published: Path) -> None:
    head = HEADS["deit-tiny"].build(SHAPE, 2, published)

    reference = timm.create_model("deit_tiny_patch16_224", num_classes=0)
    reference.load_state_dict(_without_classifier(published))
    own, theirs = head.deit.state_dict(), reference.state_dict()
    assert theirs.keys() - own.keys() == {"patch_embed.proj.weight", "patch_embed.proj.bias"}
    assert all(torch.equal(own[name], theirs[name]) for name in own if name != "pos_embed")


def test_deit_head__positions_are_interpolated_but_that_of_the_class_token(
    published: Path,
) -> None:
    head = HEADS["deit-tiny"].build(SHAPE, 2, published)

    given = load_file(published)["pos_embed"]
    own = head.deit.pos_embed
    assert own.shape == (1, 1 + 3 * 4, 192)
    assert torch.equal(own[:, 0], given[:, 0])
    picture = given[:, 1:].reshape(1, 14, 14, 192).permute(0, 3, 1, 2)
    smaller = torch.nn.functional.interpolate(
        picture, (3, 4), mode="bicubic", antialias=True, align_corners=False
    )
    torch.testing.assert_close(own[:, 1:], smaller.flatten(2).transpose(1, 2))


def test_deit_head__on_its_own_patches_it_is_timms_deit(published: Path) -> None:
    """The patches of DeiT-Ti itself, handed to the head past its projection, on its own grid."""
    head = HEADS["deit-tiny"].build((192, 14, 14), 2, published).eval()
    head.projection = torch.nn.Identity()
    head.classifier = torch.nn.Identity()
    reference = timm.create_model("deit_tiny_patch16_224", num_classes=0).eval()
    reference.load_state_dict(_without_classifier(published))
    picture = torch.randn(1, 3, 224, 224)

    with torch.inference_mode():
        patches = reference.patch_embed(picture)  # (1, 196, 192)
        answer = head(patches.transpose(1, 2).reshape(1, 192, 14, 14))

        torch.testing.assert_close(answer, reference(picture), atol=1e-4, rtol=1e-4)


def test_deit_head__where_a_feature_is_matters() -> None:
    torch.manual_seed(0)
    head = HEADS["deit-tiny"].build(SHAPE, 2, None).eval()
    features = torch.randn(1, *SHAPE)

    with torch.inference_mode():
        moved = (head(features) - head(features.flip(3))).abs().max()
        head.deit.pos_embed.zero_()
        unmoved = (head(features) - head(features.flip(3))).abs().max()

    assert moved > 20 * unmoved


def test_deit_head__a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file(timm.create_model("test_vit").state_dict(), path)

    with pytest.raises(WeightsError, match="12 blocks of 192 features"):
        HEADS["deit-tiny"].build(SHAPE, 2, path)


@pytest.mark.parametrize(
    ("architecture", "shape"), [("test_resnet", (96, 2, 2)), ("test_vit", (64, 4, 4))]
)
def test_classifier__gives_the_head_features_with_places(
    architecture: str, shape: tuple[int, int, int]
) -> None:
    classifier = small_classifier(architecture, "deit-tiny", side=64)
    picture = torch.randn(2, 3, 64, 64)

    places = classifier.module[0].eval()(picture)

    assert tuple(places.shape) == (2, *shape)
    features = small_network(architecture, 64).eval().forward_features(picture)
    tokens = features[:, 1:].transpose(1, 2) if features.ndim == 3 else features.flatten(2)
    torch.testing.assert_close(places.flatten(2), tokens)
    assert classifier.logits(picture).shape == (2, 1)


def test_classifier__what_the_places_do_not_depend_on_is_not_trained() -> None:
    """A ConvNeXt's last norm comes after its pooling: the strategies would promise to move it."""
    classifier = small_classifier("test_convnext", "deit-tiny", side=64)

    found = {name for name, _ in classifier.module.named_parameters()}
    assert "0.trunk.stages.3.blocks.0.norm.weight" in found
    assert "0.trunk.head.norm.weight" not in found
    assert "head" not in {block.name for block in trainee_of(classifier.module).blocks}


def test_classifier__a_network_of_one_place_is_refused() -> None:
    with pytest.raises(TrainingError, match="'deit-tiny' needs features with places") as error:
        small_classifier("test_resnet", "deit-tiny", side=32)

    assert "larger image size" in error.value.hint


def test_classifier__weights_for_a_head_that_has_none_are_refused(published: Path) -> None:
    with pytest.raises(TrainingError, match="'linear' has no weights to start from"):
        Classifier(
            small_network("test_vit"), Normalisation((0.5,) * 3, (0.5,) * 3), n_outputs=1,
            image_size=32, device=CPU, seed=0, head_weights=published,
        )  # fmt: skip


def test_classifier__random_heads_are_equal_for_equal_seeds_only() -> None:
    first, same, other = (
        small_classifier("test_vit", "deit-tiny", seed=seed).module.state_dict()
        for seed in (1, 1, 2)
    )

    name = "1.deit.blocks.0.mlp.fc1.weight"
    assert torch.equal(first[name], same[name])
    assert not torch.equal(first[name], other[name])


def test_head_backbone__is_whose_weights_a_head_takes() -> None:
    found = {head: head_backbone(head) for head in HEADS}

    assert {head: spec.id for head, spec in found.items() if spec} == {
        "deit": "deit_base",
        "deit-tiny": "timm:deit_tiny_patch16_224",
    }
    assert found["deit-tiny"].weights_files[0] == "deit_tiny_patch16_224.fb_in1k.safetensors"


def _without_classifier(path: Path) -> dict[str, Tensor]:
    return {k: v for k, v in load_file(path).items() if not k.startswith("head.")}
