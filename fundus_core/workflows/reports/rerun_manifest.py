"""The manifest of a report: plain values from which its results can be made again, and checked.

It names no place on a disk and holds no command that would be run as it stands. Reading one, which
may come from a stranger, is in `rerun_reading`.
"""

import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fundus_core.domain.predictions import Predictions
from fundus_core.domain.recipe import EmbedRecipe, fingerprint_of
from fundus_core.workflows.data.labelled import Validation

FORMAT, VERSION = "fundus-report", 1

_ABSENT = "not installed"

_PACKAGES = (
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "torch",
    "torchvision",
    "timm",
    "pillow",
    "simplejpeg",
)
_DRAWN = re.compile(
    r"Drawn with: (\d{1,6}) patients, (\d{2,4}) pixels, seed (\d{1,9}), healthy share "
    r"(usual|[01](?:\.\d{1,6})?), (with|without) planted problems, version (\d{1,3})\."
)

_SMALLEST_DRAWN = 64


@dataclass(frozen=True, slots=True)
class RecordedData:
    """A data set as a report remembers it."""

    id: str
    name: str
    fingerprint: str
    n_images: int
    n_patients: int | None
    columns: dict[str, str | None]
    """Fields of `ColumnMapping`."""

    classes: tuple[str, ...]
    table: str
    """Name of a table that lay elsewhere than the photographs; empty where there was none."""

    drawn_with: str
    """Of phantoms, the line that says how they were drawn; empty otherwise."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run as a report remembers it."""

    id: str
    label: str
    kind: str
    data: str
    """Id of its data set."""

    target: str
    method: str
    """Key of `PROBES` or of `STRATEGIES`."""

    embeddings: EmbedRecipe
    validation: Validation | None
    """None where it cannot be run again, see `reason`, or is the use of another run's model."""

    recipe: dict[str, Any]
    """Of a fine-tuned run."""

    trained_as: str
    """Of an external run: the run whose model scored."""

    reason: str
    """Why it cannot be run again; empty where it can."""

    auc: float | None
    predictions: str
    """Fingerprint of ids, labels and scores."""

    n_images: int | None = None
    """Photographs that were scored; None in manifests of older versions."""

    n_patients: int | None = None
    """Of them; None where they are unknown, or where `n_images` is None."""

    cautions: tuple[str, ...] | None = None
    """Keys of `CAUTIONS`; None in manifests of older versions."""

    column: str | None = None
    """Of an external run: the column that its labels were read from, where it is not the one that
    the model learned; empty where it is, None in manifests of older versions."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a report remembers for being made again."""

    title: str
    versions: dict[str, str]
    data: tuple[RecordedData, ...]
    runs: tuple[RecordedRun, ...]
    """In an order in which they can be run: a model before its use elsewhere."""

    reported: tuple[str, ...]
    """Ids of the runs that the report is about."""

    options: dict[str, Any]
    """Of the report."""

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        runs = [asdict(one) | {"embeddings": one.embeddings.to_dict()} for one in self.runs]
        return {"format": FORMAT, "version": VERSION, **asdict(self), "runs": runs}


def versions_here() -> dict[str, str]:
    """Returns the versions of this program and of what results may depend on."""
    own = _version("fundus-explorer")
    found = {"fundus-explorer": "from its source" if own == _ABSENT else own}
    found["python"] = platform.python_version()
    return found | {name: _version(name) for name in _PACKAGES}


def predictions_fingerprint(predictions: Predictions) -> str:
    """Returns a key that changes with any id, label or digit of a score."""
    return fingerprint_of(
        {
            "images": list(predictions.image_ids),
            "y_true": predictions.y_true.tolist(),
            "y_score": [[repr(float(one)) for one in row] for row in predictions.y_score],
        }
    )


def drawing_of(line: str) -> dict[str, Any] | None:
    """Returns how phantoms were drawn, as arguments of `make_demo`; None if it is not said.

    Examples:
        >>> drawing_of("Drawn with: 8 patients, 64 pixels, seed 3, healthy share usual, without "
        ...            "planted problems, version 2.")
        {'n_patients': 8, 'image_size': 64, 'seed': 3, 'healthy_share': None, 'plants': False}
    """
    found = _DRAWN.fullmatch(line)
    if found is None:
        return None
    patients, side, seed, share, plants, _ = found.groups()
    if int(patients) == 0 or int(side) < _SMALLEST_DRAWN:
        return None
    return {
        "n_patients": int(patients),
        "image_size": int(side),
        "seed": int(seed),
        "healthy_share": None if share == "usual" else float(share),
        "plants": plants == "with",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return _ABSENT


def in_order(runs: Sequence[RecordedRun]) -> tuple[RecordedRun, ...]:
    """Returns runs so that a model comes before its use on other photographs."""
    return tuple(sorted(runs, key=lambda one: one.kind == "external"))
