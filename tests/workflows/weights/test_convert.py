"""Converting checkpoints: nothing unpickled unasked, nothing lost, and what is written loads."""

import json
import os
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file
from torch import nn

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.backbones.networks import build_network, fill_network
from fundus_core.errors import WeightsError
from fundus_core.io.weights import local_weights
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.weights.convert import convert

TINY = "timm:test_resnet"
JANG = "jang_fundus_512"


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")


def tiny(num_classes: int = 0) -> nn.Module:
    """A network of 0.3 M random weights."""
    torch.manual_seed(1)
    return timm.create_model("test_resnet", pretrained=False, num_classes=num_classes)


def jang_like() -> nn.Module:
    """A network as Jang et al. saved theirs: its head replaced, then wrapped."""
    import torchvision

    torch.manual_seed(2)
    network = torchvision.models.resnet50(weights=None)
    network.fc = nn.Sequential(
        nn.Linear(2048, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 2)
    )
    return nn.DataParallel(network)


def test_convert__a_wrapped_dictionary_keeps_every_tensor(place: Workspace, tmp_path: Path) -> None:
    network = tiny(num_classes=7)
    wrapped = {"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}
    torch.save(wrapped, tmp_path / "published.pth")

    result = convert(place, tmp_path / "published.pth", TINY)

    written = load_file(result.path)
    headless = {k: v for k, v in network.state_dict().items() if not k.startswith("fc.")}
    assert written.keys() == headless.keys()
    assert all(torch.equal(value, written[name]) for name, value in headless.items())
    assert not result.unpickled
    assert set(result.report.left_out) == {"fc.weight", "fc.bias"}


def test_convert__a_pickle_is_refused_by_name_and_not_opened(
    place: Workspace, tmp_path: Path
) -> None:
    torch.save({"state_dict": Trap(tmp_path / "went-off")}, tmp_path / "trap.pth")

    with pytest.raises(WeightsError, match=r"calls posix\.mkdir") as error:
        convert(place, tmp_path / "trap.pth", TINY)

    assert "--trust-pickle" in error.value.hint
    assert not (tmp_path / "went-off").exists()
    assert not place.weights.exists()


def test_convert__the_fundus_foundation_model_as_it_was_published(
    place: Workspace, tmp_path: Path
) -> None:
    network = jang_like()
    path = tmp_path / "resnet50_512_Fundus.pth"
    torch.save(network, path)
    with pytest.raises(WeightsError, match="pickle of Python objects"):
        convert(place, path, JANG)

    result = convert(place, path, JANG, trust_pickle=True)

    spec = BACKBONES[JANG]
    assert result.unpickled
    assert len(result.report.missing) == 0
    assert local_weights(spec, place) == result.path
    target = build_network(spec)
    fill_network(target, spec, result.path)
    expected = network.module.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in target.state_dict().items())
    card = json.loads(result.path.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["unpickled"]
    assert "torch.nn.parallel.data_parallel.DataParallel" in card["pickled_objects"]


def test_convert__the_tensors_of_every_pooling_are_kept(place: Workspace, tmp_path: Path) -> None:
    import torchvision

    spec = BACKBONES["flair"]
    names = {
        f"vision_model.model.{k}": v
        for k, v in torchvision.models.resnet50().state_dict().items()
        if not k.startswith("fc.")
    }
    names["vision_model.projection_head_vision.projection.weight"] = torch.ones(512, 2048)
    torch.save(names, tmp_path / "flair_resnet.pth")

    result = convert(place, tmp_path / "flair_resnet.pth", spec.id)

    assert set(result.poolings) == {"raw", "projected"}
    assert "projection.weight" in load_file(result.path)


def test_convert__the_checkpoint_of_another_network_is_refused(
    place: Workspace, tmp_path: Path
) -> None:
    torch.save(tiny().state_dict(), tmp_path / "tiny.pth")

    with pytest.raises(WeightsError, match=r"tiny\.pth holds"):
        convert(place, tmp_path / "tiny.pth", "resnet18")

    assert not place.weights.exists()


def test_convert__a_file_that_is_there_is_not_overwritten(place: Workspace, tmp_path: Path) -> None:
    torch.save(tiny().state_dict(), tmp_path / "tiny.pth")
    (tmp_path / "mine.safetensors").write_bytes(b"mine")

    with pytest.raises(WeightsError, match="is there already"):
        convert(place, tmp_path / "tiny.pth", TINY, out=tmp_path / "mine.safetensors")

    assert (tmp_path / "mine.safetensors").read_bytes() == b"mine"

    convert(place, tmp_path / "tiny.pth", TINY, out=tmp_path / "mine.safetensors", replace=True)
    assert load_file(tmp_path / "mine.safetensors")


def test_convert__another_file_in_the_place_of_the_card_is_not_overwritten(
    place: Workspace, tmp_path: Path
) -> None:
    torch.save(tiny().state_dict(), tmp_path / "tiny.pth")
    (tmp_path / "mine.json").write_text('{"settings": "needed"}', encoding="utf-8")

    with pytest.raises(WeightsError, match=r"mine\.json is there already and tells nothing"):
        convert(place, tmp_path / "tiny.pth", TINY, out=tmp_path / "mine.safetensors")

    assert [path.name for path in tmp_path.glob("mine.*")] == ["mine.json"]


@pytest.mark.parametrize(
    ("file", "backbone", "out", "said"),
    [
        ("nowhere.pth", TINY, None, "There is no file"),
        ("tiny.pth", "mean_colour", None, "has no weights to convert to"),
        ("tiny.pth", TINY, "tiny.pth", r"does not end in \.safetensors"),
    ],
)
def test_convert__what_cannot_be_says_so(
    place: Workspace, tmp_path: Path, file: str, backbone: str, out: str | None, said: str
) -> None:
    torch.save(tiny().state_dict(), tmp_path / "tiny.pth")

    with pytest.raises(WeightsError, match=said):
        convert(place, tmp_path / file, backbone, out=tmp_path / out if out else None)
