"""kill -9 while weights are stored: never weights that forget who taught them, and it goes on."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fundus_core.io.weights import file_sha256, require_unchanged
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.integrity import examine
from fundus_core.workflows.weights.teacher_tables import (
    TEACHERS,
    knows_teachers,
    weights_of_unknown_teachers,
)
from tests.fakes import write_dataset
from tests.faults.forks import KILLED, Forks, forks

NAME = "made"
_MOMENTS_OF_A_FILE = 6
"""Before and after each of: the sync of the file, its rename, the sync of its folder."""

_TRAINING = (
    "--backbone", "timm:test_resnet", "--task", "abnormal", "--labels", "dr",
    "--image-size", 64, "--epochs", 1, "--batch-size", 8, "--precision", "fp32",
)  # fmt: skip
_OF_TIMES = {"seconds", "epochs", "converted_at"}
"""Of a card: what no two calls have in common."""


@dataclass(frozen=True)
class Command:
    """A command that stores weights, and the workspace it begins in."""

    argv: tuple[object, ...]
    start: Path
    """Copied for each call."""

    before: bytes
    """What the weights file holds there; empty if there is none."""


def pretraining(data: Path, *further: object) -> tuple[object, ...]:
    return ("pretrain", data, *_TRAINING, "--name", NAME, *further)


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with forks(tmp_path_factory.mktemp("forks") / "log.txt") as started:
        yield started


@pytest.fixture(scope="module")
def commands(fork: Forks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Command]:
    folder = tmp_path_factory.mktemp("weights")
    data = write_dataset(folder / "data", n_patients=8, side=72)
    empty, taught = folder / "empty", folder / "taught"
    empty.mkdir()
    _, code = fork.run([*pretraining(data, "--seed", 1), "--workspace", taught])
    assert code == 0
    weights = taught / "weights" / f"{NAME}.safetensors"
    source = folder / "published.safetensors"
    shutil.copy(weights, source)
    only_table = folder / "table"
    shutil.copytree(taught / "weights" / TEACHERS, only_table / "weights" / TEACHERS)
    converting = ("backbones", "convert", source, "--as", "timm:test_resnet", "--out")
    return {
        "pretrain": Command(pretraining(data), empty, b""),
        "replace": Command(pretraining(data, "--replace"), taught, weights.read_bytes()),
        "convert": Command(converting, only_table, b""),
    }


def called(fork: Forks, command: Command, root: Path, **how: Any) -> int:
    argv = [*command.argv]
    if argv[-1] == "--out":
        argv.append(root / "weights" / f"{NAME}.safetensors")
    _, code = fork.run([*argv, "--workspace", root], **how)
    return code


def stored(root: Path) -> dict[str, object]:
    """Returns all that lies with the weights, but for times."""
    found: dict[str, object] = {}
    for path in sorted((root / "weights").rglob("[!.]*")):
        if path.suffix == ".json":
            card = json.loads(path.read_text(encoding="utf-8"))
            found[path.name] = {key: card[key] for key in card if key not in _OF_TIMES}
        elif path.is_file():
            found[path.name] = path.read_bytes()
    return found


@pytest.mark.parametrize("step", [1, pytest.param(0, marks=pytest.mark.slow)], ids=["few", "all"])
@pytest.mark.parametrize("name", ["pretrain", "replace", "convert"])
def test_kill_9__while_weights_are_stored_leaves_none_without_their_teachers_and_goes_on(
    fork: Forks, commands: dict[str, Command], tmp_path: Path, name: str, step: int
) -> None:
    command, undisturbed, moments = commands[name], tmp_path / "undisturbed", tmp_path / "moments"
    shutil.copytree(command.start, undisturbed)
    assert called(fork, command, undisturbed, count_to=moments) == 0
    n_moments, right = int(moments.read_text(encoding="utf-8")), stored(undisturbed)
    # The last three files are the table of teachers, the card and the weights, whose own sync is
    # first: a kill between any two of their renames is among these.
    last = range(n_moments - 3 * _MOMENTS_OF_A_FILE, n_moments)

    for moment in last[:: 3 if step else 1]:
        root = tmp_path / f"killed-{moment}"
        shutil.copytree(command.start, root)
        place, weights = Workspace(root), root / "weights" / f"{NAME}.safetensors"

        assert called(fork, command, root, die_at=moment) == KILLED
        assert examine(place).damaged == ()
        if weights.is_file() and weights.read_bytes() != command.before:
            require_unchanged(weights)
            assert knows_teachers(place, file_sha256(weights))
            assert weights_of_unknown_teachers(place) == ()
        ended = called(fork, command, root)
        is_there = "convert" in command.argv and weights.is_file() and ended != 0

        assert ended == 0 or is_there, moment
        assert stored(root) == right, moment
        shutil.rmtree(root)
