"""Real ImageNet weights: only rightly loaded networks give these answers."""

import csv
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.backbones.checkpoints import read_state_dict
from fundus_core.backbones.loaders import load_backbone
from fundus_core.domain.recipe import PreprocessRecipe

pytestmark = pytest.mark.real_data


def _classifier(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the classifier's weight (1000, D) and bias (1000,) of a checkpoint."""
    tensors = read_state_dict(path)
    return tensors["classifier.weight"].float(), tensors["classifier.bias"].float()


@pytest.mark.parametrize(
    "file",
    [
        "mobilenetv2_100.imagenet_ptq.pth",
        "mobilenetv2_100.imagenet_qat.pth",
        "mobilenetv1_100.imagenet_qat.pth",
    ],
)
def test_embeddings__classify_the_selftest_photographs(real_data: Path, file: str) -> None:
    weights = real_data / "weights" / file
    spec = BACKBONES[file.partition(".")[0]]
    backbone = load_backbone(
        spec, weights, preprocessing=PreprocessRecipe(crop=False), device=torch.device("cpu")
    )
    weight, bias = _classifier(weights)
    with (real_data / "weights" / "selftest" / "expected.csv").open(encoding="utf-8") as file_:
        expected = list(csv.DictReader(file_))

    right = 0
    for row in expected:
        picture = Image.open(real_data / "weights" / "selftest" / row["image"]).convert("RGB")
        square = np.asarray(picture.resize((224, 224), Image.Resampling.BICUBIC))
        batch = torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1)))[None]
        answer = int((backbone.embed(batch) @ weight.T + bias).argmax())
        wanted = int(row["imagenet_index"])
        right += 281 <= answer <= 285 if wanted == 285 else answer == wanted

    assert right == len(expected)


def test_padding__without_the_tensorflow_padding_embeddings_differ(real_data: Path) -> None:
    tensors = read_state_dict(real_data / "weights" / "mobilenetv2_100.imagenet_ptq.pth")
    modules = []
    for arguments in ({}, {"pad_type": "same"}):
        module = timm.create_model("mobilenetv2_100", pretrained=False, **arguments)
        module.load_state_dict({name: value.float() for name, value in tensors.items()})
        modules.append(module.eval())
    picture = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 224, 224))).float()

    with torch.inference_mode():
        default, same = (module(picture) for module in modules)

    assert BACKBONES["mobilenetv2_100"].architecture_args == (("pad_type", "same"),)
    assert not torch.allclose(default, same, atol=0.1)
