"""Checkpoints: every tensor accounted for, nothing run, nothing half-loaded."""

import pickle
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from fundus_core.backbones.checkpoints import Expected, describe, load_into, read_state_dict
from fundus_core.errors import WeightsError

ARCHITECTURE = "test_resnet"
FC = Expected(head="fc")


def tiny(seed: int, num_classes: int = 0) -> nn.Module:
    """A network of 0.3 M random weights."""
    torch.manual_seed(seed)
    return timm.create_model(ARCHITECTURE, pretrained=False, num_classes=num_classes)


def _same_weights(a: nn.Module, b: nn.Module) -> bool:
    other = b.state_dict()
    return all(torch.equal(value, other[name]) for name, value in a.state_dict().items())


@pytest.mark.parametrize("wrapper", ["bare", "state_dict", "model", "module.", "safetensors"])
def test_load_into__every_published_wrapping_gives_the_same_network(
    tmp_path: Path, wrapper: str
) -> None:
    original, target = tiny(1), tiny(2)
    tensors = original.state_dict()
    path = tmp_path / ("weights.safetensors" if wrapper == "safetensors" else "weights.pth")
    if wrapper == "safetensors":
        save_file(tensors, path)
    elif wrapper == "module.":
        torch.save({f"module.{name}": value for name, value in tensors.items()}, path)
    else:
        torch.save(tensors if wrapper == "bare" else {wrapper: tensors, "epoch": 3}, path)

    report = load_into(target, read_state_dict(path), source=path.name, expected=FC)

    assert _same_weights(original, target)
    assert len(report.matched) == len(tensors)


def test_load_into__half_precision_weights_become_float32(tmp_path: Path) -> None:
    original, target = tiny(1), tiny(2)
    halves = {k: v.half() if v.is_floating_point() else v for k, v in original.state_dict().items()}

    load_into(target, halves, expected=FC, source="halves.pth")

    name, loaded = next(iter(target.state_dict().items()))
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded, original.state_dict()[name].half().float())


def test_load_into__a_classifier_left_over_is_no_fault(tmp_path: Path) -> None:
    target = tiny(2)

    report = load_into(target, tiny(1, 7).state_dict(), expected=FC, source="x.pth")

    assert report.unexpected == ()


def test_load_into__a_missing_block_is_refused_and_the_network_untouched() -> None:
    target, before = tiny(2), tiny(2)
    tensors = {k: v for k, v in tiny(1).state_dict().items() if not k.startswith("layer4")}

    with pytest.raises(WeightsError, match=r"missing layer4") as error:
        load_into(target, tensors, expected=FC, source="cut.pth")

    assert "cut.pth" in error.value.message
    assert _same_weights(target, before)


def test_load_into__another_architecture_names_both_shapes() -> None:
    other = timm.create_model("resnet18", pretrained=False, num_classes=0).state_dict()

    with pytest.raises(WeightsError, match=r"in the file, \(\d+,\) expected"):
        load_into(tiny(1), other, expected=FC, source="resnet18.pth")


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("resnet18", "a convolutional network with 20 layers, the widest of 512"),
        ("resnet50", "a convolutional network with 53 layers, the widest of 2,048"),
        ("vit_tiny_patch16_224", "a transformer with 12 blocks of 192 features"),
    ],
)
def test_describe__tells_networks_apart(architecture: str, expected: str) -> None:
    with torch.device("meta"):
        network = timm.create_model(architecture, pretrained=False, num_classes=0)

    assert describe(network.state_dict()) == expected


def test_read_state_dict__a_pickle_that_would_run_code_is_not_opened(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (marker,))  # type: ignore[return-value]

    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps({"state_dict": Trap()}, protocol=2))

    with pytest.raises(WeightsError):
        read_state_dict(path)

    assert not marker.exists()


def test_read_state_dict__a_pickled_module_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "module.pth"
    torch.save(nn.DataParallel(tiny(1)), path)

    with pytest.raises(WeightsError, match="could run code") as error:
        read_state_dict(path)

    assert "safetensors" in error.value.hint


def test_read_state_dict__what_a_reader_says_in_a_number_is_said_with_its_kind(
    tmp_path: Path,
) -> None:
    path = tmp_path / "page.pth"
    path.write_bytes(b"hello world")

    with pytest.raises(WeightsError, match=r"cannot be read as a checkpoint: KeyError 101\."):
        read_state_dict(path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 torn"])
def test_read_state_dict__what_is_no_checkpoint_says_so(tmp_path: Path, content: bytes) -> None:
    for suffix in (".pth", ".safetensors"):
        path = tmp_path / f"broken{suffix}"
        path.write_bytes(content)

        with pytest.raises(WeightsError, match="broken"):
            read_state_dict(path)
