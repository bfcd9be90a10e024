"""What backbones are called: short, in words, and never two of a menu alike."""

from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from fundus_core.backbones.catalogue import BACKBONES, SHORTCUT
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.workflows.weights.labels import distinct_labels, model_label
from tests.pages import evaluated


def _of(backbone: str, weights: str) -> EmbedRecipe:
    """A recipe that does everything as the backbone does by itself."""
    spec = BACKBONES[backbone]
    usual = evaluated.recipe(backbone, weights)
    return replace(
        usual,
        architecture=spec.architecture,
        image_size=spec.image_size,
        mean=spec.mean,
        std=spec.std,
        pooling=spec.pooling,
        preprocessing=replace(usual.preprocessing, fit=spec.fit),
    )


PHANTOM = _of("mobilenetv2_phantom", "scratch")


def _of_catalogue() -> list[EmbedRecipe]:
    """A recipe of every backbone with the weights it takes first."""
    return [
        _of(spec.id, Path(spec.weights_files[0]).stem if spec.weights_files else "hub/name")
        for spec in BACKBONES.values()
    ]


@pytest.mark.parametrize(
    ("weights", "label"),
    [
        ("scratch", "MobileNet V2, random weights (256 px)"),
        ("mobilenetv2_100.phantom", "MobileNet V2, phantoms (256 px)"),
        ("mine", "MobileNet V2, mine (256 px)"),
    ],
)
def test_model_label__says_the_architecture_and_which_weights(weights: str, label: str) -> None:
    assert model_label(replace(PHANTOM, weights=weights)) == label


def test_model_label__a_second_file_of_a_backbone_goes_by_its_own_name() -> None:
    first, second = (
        model_label(_of("mobilenetv2_100", f"mobilenetv2_100.imagenet_{name}"))
        for name in ("ptq", "qat")
    )

    assert first == "MobileNet V2, ImageNet (224 px)"
    assert second == "MobileNet V2, imagenet_qat (224 px)"


def test_model_label__of_a_timm_network_is_its_architecture() -> None:
    recipe = replace(PHANTOM, backbone="timm:resnet10t", architecture="resnet10t")

    assert model_label(recipe) == "resnet10t, random weights (256 px)"
    assert model_label(replace(recipe, weights="timm/resnet10t.c3_in1k")) == (
        "resnet10t, c3_in1k (256 px)"
    )


def test_model_label__says_what_was_done_to_the_photographs() -> None:
    changed = replace(PHANTOM.preprocessing, crop=False, clahe=True)

    label = model_label(replace(PHANTOM, seed=3, preprocessing=changed))

    assert label == "MobileNet V2, random weights (256 px, seed 3, uncropped, CLAHE)"


def test_model_label__says_what_a_backbone_does_not_do_by_itself() -> None:
    usual = _of("dinov2_base", "vit_base_patch14_dinov2.lvd142m")
    changed = replace(
        usual,
        pooling="mean_patch",
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        preprocessing=replace(usual.preprocessing, fit="squash"),
    )

    size = f"{usual.image_size} px"
    assert model_label(usual) == f"DINOv2 ViT-B/14 ({size})"
    assert model_label(changed) == (
        f"DINOv2 ViT-B/14 ({size}, mean patch, squash, normalisation half)"
    )


def test_model_label__random_weights_are_not_called_after_weights() -> None:
    label = model_label(_of("flair", "scratch"))

    assert label.startswith("ResNet-50, random weights (")


def test_model_label__of_the_catalogue_is_short_and_unique() -> None:
    labels = [model_label(recipe) for recipe in _of_catalogue()]

    assert [label for label, times in Counter(labels).items() if times > 1] == []
    assert max(map(len, labels)) <= 60


def test_model_label__random_weights_of_two_architectures_differ() -> None:
    networks = [recipe for recipe in _of_catalogue() if recipe.backbone != SHORTCUT]
    recipes = [replace(recipe, weights="scratch", image_size=224) for recipe in networks]

    alike = [
        (one.backbone, other.backbone)
        for one, other in combinations(recipes, 2)
        if one.architecture != other.architecture and model_label(one) == model_label(other)
    ]

    assert alike == []


def test_distinct_labels__adds_only_what_tells_them_apart() -> None:
    same = replace(PHANTOM, backbone="mobilenetv2_100")
    alone = replace(PHANTOM, image_size=224)

    labels = distinct_labels([PHANTOM, same, alone])

    assert list(labels.values()) == [
        "MobileNet V2, random weights (256 px) [mobilenetv2_phantom]",
        "MobileNet V2, random weights (256 px) [mobilenetv2_100]",
        "MobileNet V2, random weights (224 px)",
    ]


def test_distinct_labels__of_other_weights_in_a_file_of_one_name_end_in_their_key() -> None:
    pair = [replace(PHANTOM, weights="mine", weights_sha256=digits) for digits in ("aa", "bb")]

    labels = distinct_labels(pair)

    assert len(set(labels.values())) == 2
    assert all(f"[{key[:8]}]" in label for key, label in labels.items())
