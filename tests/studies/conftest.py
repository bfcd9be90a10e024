"""A study of a few seconds: two tiny networks on photographs of one colour."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fundus_core.io.workspace import Workspace
from fundus_core.io.workspace_format import write_stamp
from fundus_core.studies.cells import CellRecord
from fundus_core.studies.run import open_study, run_study
from tests.fakes import write_dataset

TINY: dict[str, Any] = {
    "title": "Tiny",
    "question": "Does it run?",
    "reference": "none",
    "data": [{"name": "redness", "source": "data", "target": "dr"}],
    "models": [
        {"name": "A", "backbone": "timm:test_resnet", "weights": "scratch"},
        {"name": "B", "backbone": "timm:test_efficientnet", "weights": "scratch"},
    ],
    "axes": {"strategy": ["logistic", "ft"], "image_size": [64]},
    "validation": {"folds": 2},
    "training": {"epochs": 2, "batch_size": 8, "augmentation": "none"},
    "metrics": ["auc", "balanced_accuracy"],
    "against": {"model": "A"},
}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """`TINY` as a file, beside its photographs."""
    write_dataset(tmp_path / "data")
    return write_study(tmp_path / "tiny.yaml")


def write_study(path: Path, **changes: Any) -> Path:
    """Writes `TINY` with other values for some keys."""
    path.write_text(yaml.safe_dump({**TINY, **changes}), encoding="utf-8")
    return path


@dataclass(frozen=True, slots=True)
class Ran:
    """A study that one process ran undisturbed; tests leave its results as they are."""

    file: Path
    place: Workspace
    told: list[tuple[str, CellRecord]]
    """Titles of its cells, and what became of them, in order."""


def ran_in(folder: Path, **changes: Any) -> Ran:
    """Writes `TINY` with its photographs into a folder and runs it there."""
    write_dataset(folder / "data")
    file, place = write_study(folder / "tiny.yaml", **changes), Workspace(folder / "workspace")
    place.root.mkdir()
    write_stamp(place.root)
    told: list[tuple[str, CellRecord]] = []
    run_study(
        open_study(place, file), on_cell=lambda cell, record: told.append((cell.title, record))
    )
    return Ran(file, place, told)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """`TINY`, run once for all tests that only ask what it gave."""
    return ran_in(tmp_path_factory.mktemp("tiny"))
