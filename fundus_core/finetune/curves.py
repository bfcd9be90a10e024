"""Learning curves: what each epoch of a training gave, kept in a small file while it goes on."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fundus_core.finetune.state import Epoch
from fundus_core.io.files import read_json, write_json

CURVE_FILE = "curve.json"


@dataclass(frozen=True, slots=True)
class LearningCurves:
    """The epochs of a training, fold by fold."""

    title: str
    """What is trained, in a few words."""

    n_epochs: int
    """Most epochs a fold may take."""

    folds: tuple[tuple[Epoch, ...], ...]
    """The finished epochs of each fold that has begun; one fold where there is no
    cross-validation."""


class CurveFile:
    """The learning curves of a training under way, written anew after every epoch."""

    def __init__(self, path: Path, title: str, n_epochs: int) -> None:
        """Starts with no epochs: those done before an interruption are told again."""
        self.curves = LearningCurves(title, n_epochs, ())
        self._path = path

    def add(self, epoch: Epoch, fold: int = 0) -> None:
        """Adds an epoch of a fold, from 0, and writes the file."""
        folds = list(self.curves.folds)
        folds += [()] * (fold + 1 - len(folds))
        folds[fold] = (*folds[fold], epoch)
        self.curves = LearningCurves(self.curves.title, self.curves.n_epochs, tuple(folds))
        write_curves(self._path, self.curves)


def write_curves(path: Path, curves: LearningCurves) -> None:
    """Writes learning curves as JSON."""
    folds = [[asdict(epoch) for epoch in fold] for fold in curves.folds]
    write_json(path, {"title": curves.title, "n_epochs": curves.n_epochs, "folds": folds})


def read_curves(path: Path) -> LearningCurves | None:
    """Returns learning curves, or None where the file is missing, torn or of another version."""
    about: Any = read_json(path)
    try:
        folds = tuple(tuple(Epoch(**epoch) for epoch in fold) for fold in about["folds"])
        return LearningCurves(about["title"], about["n_epochs"], folds)
    except (TypeError, KeyError):
        return None
