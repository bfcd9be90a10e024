"""A checkpoint that is not the chosen backbone's is refused, in a sentence that names both."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.checkpoints import read_state_dict
from fundus_core.backbones.networks import build_network, fill_network
from fundus_core.errors import WeightsError
from tests.contract.families import Tensors, dinov2, jang_network, linear, timm_file, vit
from tests.contract.published import PUBLISHED
from tests.contract.tiny import EMBEDDINGS, loaded_at, pictures, tiny, written

ONE_EACH = (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("file", "chosen", "held", "expected"),
    [
        ("resnet50", "vit_base", "a convolutional network", "a transformer with 2 blocks"),
        ("vit_base", "resnet50", "a transformer with 2 blocks", "a convolutional network"),
        ("flair", "retizero", "a convolutional network", "a transformer with 2 blocks"),
        ("retizero", "flair", "a transformer with 2 blocks", "a convolutional network"),
        ("sam_vit_b", "blip_vit_b", "a transformer with 2 blocks", "a transformer"),
        ("blip_vit_b", "deit_base", "a transformer with 2 blocks", "a transformer"),
        ("retfound_dinov2", "retfound_mae", "a transformer with 2 blocks", "a transformer"),
        ("retfound_mae", "retfound_dinov2", "a transformer with 2 blocks", "a transformer"),
        ("openclip_vit_b16", "siglip2_vit_b16", "a transformer with 2 blocks", "a transformer"),
        ("eyeclip", "ret_clip", "a transformer with 2 blocks", "a transformer with 2 blocks"),
        ("jang_fundus_512", "densenet121", "a convolutional network", "a convolutional network"),
        ("seem_focal_t", "resnet50", "a convolutional network", "a convolutional network"),
        ("mobilenetv2_035", "mobilenetv2_100", "a convolutional network", "a convolutional"),
    ],
)
def test_load__another_network_is_refused(
    file: str, chosen: str, held: str, expected: str, tmp_path: Path
) -> None:
    checkpoint = PUBLISHED[file]
    path = written(tmp_path / f"{file}.pth", checkpoint.wrap(checkpoint.tiny()))
    spec = tiny(chosen)

    with pytest.raises(WeightsError) as refusal:
        fill_network(build_network(spec), spec, path)

    message = refusal.value.message
    assert message.startswith(f"{file}.pth holds {held}")
    assert f"; {chosen} is {expected}" in message


@pytest.mark.parametrize(
    ("backbone", "file"),
    [
        ("retfound_mae", "RETFound_mae_natureOCT.pth"),
        ("retfound_mae", "RETFound_oct_weights.pth"),
        ("visionfm", "VFM_OCT_weights.pth"),
    ],
)
def test_load__a_model_of_tomography_is_refused_by_its_name(
    backbone: str, file: str, tmp_path: Path
) -> None:
    checkpoint, spec = PUBLISHED[backbone], tiny(backbone)
    path = written(tmp_path / file, checkpoint.wrap(checkpoint.tiny()))

    with pytest.raises(WeightsError, match="optical coherence tomography") as refusal:
        fill_network(build_network(spec), spec, path)

    assert file in refusal.value.message
    assert backbone in refusal.value.message


@pytest.mark.parametrize("backbone", ["resnet50", "vit_base", "flair"])
def test_load__a_head_alone_is_refused(backbone: str, tmp_path: Path) -> None:
    spec = tiny(backbone)
    path = written(tmp_path / "probe.pth", {"state_dict": linear("head", 5, 2048)})

    with pytest.raises(WeightsError, match="a classifier's head without a network") as refusal:
        fill_network(build_network(spec), spec, path)

    assert backbone in refusal.value.message


def test_load__more_left_over_than_one_in_twenty_is_refused(tmp_path: Path) -> None:
    spec = tiny("dino_vit_base")
    tensors = vit(2, 32) | {f"adapter.{index}": torch.zeros(3) for index in range(4)}
    path = written(tmp_path / "adapted.pth", tensors)

    with pytest.raises(WeightsError, match=r"not of this network adapter\.0"):
        fill_network(build_network(spec), spec, path)


def test_load__one_tensor_of_another_shape_is_refused(tmp_path: Path) -> None:
    spec = tiny("dino_vit_base")
    path = written(tmp_path / "wide.pth", vit(2, 32) | {"blocks.1.mlp.fc1.bias": torch.zeros(96)})

    with pytest.raises(WeightsError, match=r"\(96,\) in the file, \(128,\) expected"):
        fill_network(build_network(spec), spec, path)


def test_load__a_projection_that_is_missing_is_refused(tmp_path: Path) -> None:
    spec = tiny("flair", "projected")
    tensors = {n: v for n, v in PUBLISHED["flair"].tiny().items() if "projection_head" not in n}

    with pytest.raises(WeightsError, match=r"missing projection\.weight"):
        fill_network(build_network(spec), spec, written(tmp_path / "flair.pth", tensors))


# The three forms in which the fundus foundation model is met.


def test_jang__the_pickled_module_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = written(
        tmp_path / "resnet50_512_ImageNet+Fundus.pth", nn.DataParallel(jang_network(ONE_EACH))
    )

    with pytest.raises(WeightsError, match="could run code") as refusal:
        read_state_dict(path)

    assert "fundus backbones convert" in refusal.value.hint


def test_jang__a_data_parallel_a_bare_and_a_converted_dict_are_one_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.DataParallel(jang_network(ONE_EACH))
    bare = network.module.state_dict()
    paths = [
        written(tmp_path / "parallel.pth", network.state_dict()),
        written(tmp_path / "bare.pth", bare),
        tmp_path / "converted.safetensors",
    ]
    save_file(bare, paths[-1])

    embeddings = [loaded_at(tiny("jang_fundus_512"), path).embed(pictures(64)) for path in paths]

    assert all(torch.equal(each, embeddings[0]) for each in embeddings)
    plain = network.module.eval()
    plain.fc = nn.Identity()
    with torch.inference_mode():
        expected = plain(pictures(64).float() / 255)
    torch.testing.assert_close(embeddings[0], expected, atol=1e-4, rtol=1e-4)


# Files of the same network that name it otherwise than the family's own file.


def siglip_of_timm() -> Tensors:
    arguments = dict(tiny("siglip2_vit_b16").architecture_args)
    return timm_file("vit_base_patch16_siglip_224", 0, **arguments)


def dinov2_of_timm(registers: bool) -> Tensors:
    name = f"vit_base_patch14{'_reg4' if registers else ''}_dinov2"
    return timm_file(name, 0, **dict(tiny("dinov2_base").architecture_args))


def seem_of_ours() -> Tensors:
    return build_network(tiny("seem_focal_t")).state_dict()


@pytest.mark.parametrize(
    ("backbone", "tensors"),
    [
        ("resnet50", lambda: timm_file("resnet50", 1000, layers=ONE_EACH)),
        (
            "densenet121",
            lambda: timm_file("densenet121", 1000, growth_rate=8, block_config=(2,) * 4),
        ),
        ("vgg19", lambda: timm_file("vgg19", 1000, mlp_ratio=1 / 64)),
        ("sam_vit_b", lambda: build_network(tiny("sam_vit_b", "after_neck")).state_dict()),
        ("dinov2_base", lambda: dinov2_of_timm(False)),
        ("dinov2_base_reg", lambda: dinov2_of_timm(True)),
        ("retfound_dinov2", lambda: dinov2(2, 32, positions=257)),
        ("siglip2_vit_b16", siglip_of_timm),
        ("seem_focal_t", seem_of_ours),
        ("flair", lambda: {n: v for n, v in PUBLISHED["flair"].tiny().items() if "text" not in n}),
    ],
)
def test_load__other_names_of_the_same_network_are_read(
    backbone: str, tensors: Callable[[], Tensors], tmp_path: Path
) -> None:
    spec = tiny(backbone)

    report = fill_network(build_network(spec), spec, written(tmp_path / "x.pth", tensors()))

    assert report.missing == report.misshapen == report.unexpected == ()


def test_load__any_architecture_of_timm_takes_a_local_checkpoint(tmp_path: Path) -> None:
    spec = backbone_spec("timm:test_vit")
    path = written(tmp_path / "mine.pth", {"model": timm_file("test_vit", 5), "epoch": 3})

    report = fill_network(build_network(spec), spec, path)

    assert report.missing == report.misshapen == report.unexpected == ()
    assert sorted(report.left_out) == ["head.bias", "head.weight"]


@pytest.mark.parametrize("spec", EMBEDDINGS, ids=lambda spec: f"{spec.id}-{spec.pooling}")
def test_spec__says_what_a_user_must_know(spec: BackboneSpec) -> None:
    assert spec.title
    assert spec.licence
    assert spec.reference
    assert spec.size_multiple >= 0
    assert not spec.poolings or spec.pooling in {pooling.name for pooling in spec.poolings}
    assert not spec.size_multiple or spec.image_size % spec.size_multiple == 0
