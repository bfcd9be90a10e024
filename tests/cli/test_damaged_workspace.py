"""Every command on a workspace in which something is damaged: the same answer, or a word of it."""

import contextlib
import io
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fundus_core.cli.main import main
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.models.runs import list_runs
from tests.cli.conftest import Fundus
from tests.fakes import write_dataset

FEW, MANY = 250, 2_000
"""Trials of the fast test and of the slow one, of all that there could be."""

_OF_THE_MOMENT = {"created_at", "file", "out", "path", "predictions", "scores", "seconds"}
"""Keys of answers that differ from one call to the next, or name the place."""


@dataclass(frozen=True)
class Place:
    """A workspace with two models and the use of one elsewhere, which tests copy."""

    folder: Path

    @property
    def workspace(self) -> Path:
        """Where results are."""
        return self.folder / "workspace"

    def runs(self) -> dict[str, str]:
        """Returns the ids: `probe`, `network` and `elsewhere`."""
        found = {run.kind: run.id for run in list_runs(Workspace(self.workspace))}
        model = found["external"].partition("-on-")[0]
        return {"probe": model, "network": found["finetune"], "elsewhere": found["external"]}

    def commands(self) -> dict[str, tuple[object, ...]]:
        """Returns command lines that end well, by what they ask for; `OUT` is a file's stem."""
        data, run = self.folder / "data", self.runs()
        first, second, outside = run["probe"], run["network"], run["elsewhere"]
        colour = ("--backbone", "mean_colour")
        return {
            "runs": ("runs",),
            "roc": ("roc", first, second),
            "roc elsewhere": ("roc", outside),
            "metrics": ("metrics", first),
            "metrics elsewhere": ("metrics", outside),
            "tests": ("tests", first, second),
            "compare": ("compare", first, second),
            "differ": ("differ", first, second),
            "operating": ("operating", first),
            "calibrate": ("calibrate", first, second),
            "curves": ("curves", first),
            "decision-curve": ("decision-curve", first),
            "subgroups": ("subgroups", first, "--by", "eye"),
            "shortcuts": ("shortcuts", first),
            "label-errors": ("label-errors", first, second),
            "look-alikes": ("look-alikes", data),
            "check": ("check", data),
            "query": ("query", data, "dr = 1"),
            "project": ("project", data, *colour, "--method", "pca"),
            "similar": ("similar", data, data / "images" / "p00_OD.jpg", *colour),
            "predict": ("predict", first, self.folder / "others"),
            "probe": ("probe", data, *colour, "--target", "dr", "--folds", 3),
            "report": ("report", first, second, "--out", "OUT.html"),
            "bundle": ("bundle", "export", data.name, "--out", "OUT.zip"),
        }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("damaged"))
    data, others = (write_dataset(place.folder / one, n_patients=10) for one in ("data", "others"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FUNDUS_WEIGHTS", raising=False)
        tell = _teller(patch, place.workspace)
        tell("probe", data, "--backbone", "mean_colour", "--target", "dr", "--folds", 3)
        network = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", 32)
        tell("finetune", data, *network, "--target", "dr", "--folds", 3, "--epochs", 1)
        tell("project", data, "--backbone", "mean_colour", "--method", "pca")
        (model,) = [run.id for run in list_runs(Workspace(place.workspace)) if run.kind == "probe"]
        tell("predict", model, others)
        tell("shortcuts", model)
        yield place


def _teller(patch: pytest.MonkeyPatch, workspace: Path) -> Callable[..., None]:
    """Returns what runs a command line in a workspace, and sees it end well."""

    def tell(*arguments: object) -> None:
        argv = ["fundus", *map(str, arguments), "--workspace", str(workspace)]
        patch.setattr(sys, "argv", argv)
        with contextlib.redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code, argv

    return tell


def _delete(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _halve(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x15
    path.write_bytes(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/at/all")


def _other_json(path: Path) -> None:
    path.write_text("{}", encoding="utf-8")


def _deep_json(path: Path) -> None:
    path.write_text("[" * 100_000, encoding="utf-8")


DAMAGE = (_delete, _empty, _halve, _flip, _folder, _link, _other_json, _deep_json)


def plain(value: Any) -> Any:
    """Returns an answer without what differs from call to call."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if name not in _OF_THE_MOMENT}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return round(value, 9) if isinstance(value, float) else value


def files_of(workspace: Path) -> list[Path]:
    """Returns what is stored, relative to the workspace; locks are not."""
    found = (
        path for path in workspace.rglob("*") if path.is_file() and not path.name.endswith(".lock")
    )
    return sorted(path.relative_to(workspace) for path in found)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("n_trials", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_damage__of_any_file_changes_no_answer_without_a_word(
    fundus: Fundus, made: Place, tmp_path: Path, n_trials: int
) -> None:
    commands, kinds = made.commands(), Counter[str]()

    def answer(name: str, folder: Path) -> tuple[int, Any, str]:
        argv = [str(one).replace("OUT", str(folder / "out")) for one in commands[name]]
        said = fundus(*argv, "--json", "--workspace", folder / "workspace")
        assert "Traceback" not in said.stderr, (name, said.stderr)
        value = plain(json.loads(said.stdout)) if said.exit_code == 0 else None
        return said.exit_code, value, said.stderr

    def copied(name: str) -> Path:
        shutil.copytree(made.workspace, tmp_path / name / "workspace")
        return tmp_path / name

    truth = {name: answer(name, copied(f"truth-{number}")) for number, name in enumerate(commands)}
    assert {name: code for name, (code, *_) in truth.items() if code} == {}
    trials = list(product(files_of(made.workspace), DAMAGE, commands))
    np.random.default_rng(1).shuffle(trials)

    for number, (file, damage, name) in enumerate(trials[:n_trials]):
        folder = copied(f"{number}")
        damage(folder / "workspace" / file)
        code, value, said = answer(name, folder)
        shutil.rmtree(folder)
        if code == 0 and value == truth[name][1]:
            kinds["the same"] += 1
            continue
        told = (str(file), damage.__name__, name, code, said)
        kinds["refused" if code else "left out"] += 1
        assert code == 2 or f"it is damaged: {file.parent.as_posix()}" in said, told

    assert min(kinds[one] for one in ("the same", "refused", "left out")) > 0, kinds
