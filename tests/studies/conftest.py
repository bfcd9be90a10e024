"""A study of a few seconds: two tiny networks on photographs of one colour."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fundus_core.io.workspace import Workspace
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
