"""Pickled checkpoints: listed without being opened, opened only elsewhere and only on request."""

import os
import pickle
import time
from argparse import Namespace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file
from torch import nn

from fundus_core.backbones.pickled import pickled_objects, tensors_of_trusted_pickle
from fundus_core.errors import WeightsError


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def tiny() -> nn.Module:
    """A network of 0.3 M random weights."""
    torch.manual_seed(1)
    return timm.create_model("test_resnet", pretrained=False, num_classes=0)


@pytest.mark.parametrize("zipped", [True, False], ids=["new format", "old format"])
def test_pickled_objects__a_whole_network_runs_code(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "whole.pth"
    torch.save(nn.DataParallel(tiny()), path, _use_new_zipfile_serialization=zipped)

    found = pickled_objects(path)

    assert found.runs_code
    assert ("torch.nn.parallel.data_parallel.DataParallel" in found.names) == zipped


@pytest.mark.parametrize("zipped", [True, False], ids=["new format", "old format"])
def test_pickled_objects__tensors_and_a_command_line_do_not(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "dict.pth"
    content = {"model": tiny().state_dict(), "args": Namespace(epochs=3)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    assert not pickled_objects(path).runs_code


def test_pickled_objects__a_trap_is_named_and_does_not_go_off(tmp_path: Path) -> None:
    marker = tmp_path / "went-off"
    torch.save({"state_dict": Trap(marker)}, tmp_path / "trap.pth")
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Trap(marker), protocol=2))

    named, bare = (pickled_objects(tmp_path / name) for name in ("trap.pth", "bare.pth"))

    assert named.runs_code
    assert named.names == ("posix.mkdir",)
    assert bare.runs_code
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 torn"])
def test_pickled_objects__what_is_no_checkpoint_is_left_to_the_reader(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(content)

    pickled_objects(path)


@pytest.mark.parametrize("wrapped", [False, True], ids=["network", "in a dictionary"])
def test_tensors_of_trusted_pickle__are_those_of_the_network(tmp_path: Path, wrapped: bool) -> None:
    network = nn.DataParallel(tiny())
    torch.save({"net": network, "epoch": 3} if wrapped else network, tmp_path / "whole.pth")

    tensors_of_trusted_pickle(tmp_path / "whole.pth", tmp_path / "out.safetensors")

    written = load_file(tmp_path / "out.safetensors")
    assert written.keys() == network.state_dict().keys()
    assert all(torch.equal(value, written[name]) for name, value in network.state_dict().items())


def test_tensors_of_trusted_pickle__trusting_means_that_code_runs(tmp_path: Path) -> None:
    content = {"state_dict": tiny().state_dict(), "extra": Trap(tmp_path / "made")}
    torch.save(content, tmp_path / "t.pth")

    tensors_of_trusted_pickle(tmp_path / "t.pth", tmp_path / "out.safetensors")

    assert (tmp_path / "made").is_dir()
    assert len(load_file(tmp_path / "out.safetensors")) == len(tiny().state_dict())


def test_tensors_of_trusted_pickle__without_tensors_says_what_it_is(tmp_path: Path) -> None:
    torch.save([1, 2, 3], tmp_path / "list.pth")

    with pytest.raises(WeightsError, match="a list without tensors"):
        tensors_of_trusted_pickle(tmp_path / "list.pth", tmp_path / "out.safetensors")


def test_tensors_of_trusted_pickle__a_class_that_is_not_here_is_named(tmp_path: Path) -> None:
    code = b"cnowhere_to_be_found\nNetwork\n)R."
    (tmp_path / "bare.pth").write_bytes(b"\x80\x02" + code)

    with pytest.raises(WeightsError, match="could not be unpickled"):
        tensors_of_trusted_pickle(tmp_path / "bare.pth", tmp_path / "out.safetensors")


def test_tensors_of_trusted_pickle__ends_after_its_time(tmp_path: Path) -> None:
    torch.save(nn.DataParallel(tiny()), tmp_path / "whole.pth")
    started = time.monotonic()

    with pytest.raises(WeightsError, match=r"more than 0\.05 seconds"):
        tensors_of_trusted_pickle(tmp_path / "whole.pth", tmp_path / "out", seconds=0.05)

    assert time.monotonic() - started < 5
