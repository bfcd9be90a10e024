"""Extraction that is killed, or done twice at once: nothing is lost, nothing differs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fundus_core.embedding import SHARD_ROWS
from tests.fakes import write_dataset

N_PATIENTS = 160
N_SHARDS = -(-2 * N_PATIENTS // SHARD_ROWS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough photographs for several shards."""
    return write_dataset(tmp_path_factory.mktemp("data"), n_patients=N_PATIENTS, side=72)


def embedding(data: Path, workspace: Path, out: Path) -> subprocess.Popen[bytes]:
    """Starts an extraction that takes about a second a shard."""
    command = [sys.executable, "-m", "fundus_core", "embed", str(data), "--out", str(out)]
    command += ["--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", "256"]
    command += ["--batch-size", "1", "--workers", "1", "--workspace", str(workspace)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def committed(workspace: Path) -> set[Path]:
    """Returns the shards that count."""
    return set((workspace / "embeddings").glob("*/[0-9]*.json"))


@pytest.fixture(scope="module")
def uninterrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The vectors of an extraction that nobody disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert embedding(data, folder / "workspace", folder / "out").wait() == 0
    return np.load(folder / "out" / "vectors.npy")


@pytest.mark.slow
def test_kill_9__the_same_command_again_gives_identical_vectors(
    data: Path, tmp_path: Path, uninterrupted: np.ndarray
) -> None:
    workspace = tmp_path / "workspace"
    first = embedding(data, workspace, tmp_path / "out")
    while len(committed(workspace)) < 2 and first.poll() is None:
        time.sleep(0.002)
    first.send_signal(signal.SIGKILL)
    first.wait()
    survived = committed(workspace)
    before = {path: path.stat().st_mtime_ns for path in survived}

    assert embedding(data, workspace, tmp_path / "out").wait() == 0

    assert 2 <= len(survived) < N_SHARDS
    assert {path: path.stat().st_mtime_ns for path in survived} == before
    assert len(committed(workspace)) == N_SHARDS
    assert np.array_equal(np.load(tmp_path / "out" / "vectors.npy"), uninterrupted)


def test_two_at_once__both_get_everything_and_it_is_computed_once(
    data: Path, tmp_path: Path, uninterrupted: np.ndarray
) -> None:
    workspace = tmp_path / "workspace"

    both = [embedding(data, workspace, tmp_path / name) for name in ("a", "b")]
    codes = [process.wait() for process in both]

    assert codes == [0, 0]
    assert len(committed(workspace)) == N_SHARDS
    for name in ("a", "b"):
        assert np.array_equal(np.load(tmp_path / name / "vectors.npy"), uninterrupted)
