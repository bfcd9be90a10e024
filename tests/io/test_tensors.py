"""Files of tensors have the mode that every other new file has."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from fundus_core.io.tensors import save_tensors


@pytest.fixture(params=[0o022, 0o027, 0o077])
def mode(request: pytest.FixtureRequest) -> Iterator[int]:
    """What new files are given, under several masks."""
    mask: int = request.param
    before = os.umask(mask)
    yield 0o666 & ~mask
    os.umask(before)


@pytest.mark.parametrize("array", [np.ones(3, np.float32), torch.ones(3)], ids=["NumPy", "torch"])
def test_save_tensors__gives_the_mode_of_new_files(
    tmp_path: Path, mode: int, array: np.ndarray | torch.Tensor
) -> None:
    path = tmp_path / "a.safetensors"

    save_tensors(path, {"a": array}, {"about": "this"})

    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert load_file(path)["a"].tolist() == [1, 1, 1]
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == {"about": "this"}
    assert list(tmp_path.iterdir()) == [path]


def test_save_tensors__writes_over_what_only_its_owner_may_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"before")
    path.chmod(0o600)

    save_tensors(path, {"a": np.ones(3)})

    assert stat.S_IMODE(path.stat().st_mode) == mode
