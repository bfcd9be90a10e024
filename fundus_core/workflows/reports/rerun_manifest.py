"""The manifest of a report: plain values from which its results can be made again, and checked.

It names no place on a disk and holds no command that would be run as it stands: it may come from a
stranger, so every value is read as what it must be, or refused.
"""

import json
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from fundus_core.domain.predictions import Predictions
from fundus_core.domain.recipe import EmbedRecipe, fingerprint_of
from fundus_core.errors import DataError
from fundus_core.io.embedding_store import recipe_from_dict
from fundus_core.report.embedded import manifest_in
from fundus_core.workflows.data.labelled import Validation

_Value = TypeVar("_Value")

FORMAT, VERSION = "fundus-report", 1

_ABSENT = "not installed"

LARGEST_FILE = 256 << 20
"""Bytes of a report that is read."""

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
    r"(usual|[\d.]{1,8}), (with|without) planted problems, version (\d{1,3})\."
)


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
    return {
        "n_patients": int(patients),
        "image_size": int(side),
        "seed": int(seed),
        "healthy_share": None if share == "usual" else float(share),
        "plants": plants == "with",
    }


def read_manifest(path: Path) -> Manifest:
    """Returns the manifest of a report: from its HTML, or from the JSON that was saved alone.

    Raises:
        DataError: If the file is no report, or was changed so that it makes no sense.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DataError(
                f"{path.name} has {path.stat().st_size:,} bytes; reports have far fewer than "
                f"{LARGEST_FILE:,}.",
                hint="Name the HTML file that `fundus report` wrote.",
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path.name} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.",
            hint="Name the HTML file that `fundus report` wrote.",
        ) from error
    found = text if text.lstrip().startswith("{") else manifest_in(text)
    try:
        return _manifest(json.loads(found))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path.name} holds no manifest that this version can read: {error}.",
            hint="Name the HTML file that `fundus report` wrote, unchanged.",
        ) from error


def _manifest(values: Any) -> Manifest:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    if values.get("version") != VERSION:
        raise ValueError(f"its version is {values.get('version')!r}, not {VERSION}")
    return Manifest(
        _text(values["title"]),
        {_text(name): _text(said) for name, said in values["versions"].items()},
        tuple(_data(one) for one in values["data"]),
        tuple(_run(one) for one in values["runs"]),
        tuple(map(_text, values["reported"])),
        dict(values["options"]),
    )


def _data(about: Mapping[str, Any]) -> RecordedData:
    return RecordedData(
        _text(about["id"]),
        _text(about["name"]),
        _text(about["fingerprint"]),
        _whole(about["n_images"]),
        _maybe(_whole, about["n_patients"]),
        {_text(name): _maybe(_text, column) for name, column in about["columns"].items()},
        tuple(map(_text, about["classes"])),
        _text(about["table"]),
        _text(about["drawn_with"]),
    )


def _run(about: Mapping[str, Any]) -> RecordedRun:
    return RecordedRun(
        _text(about["id"]),
        _text(about["label"]),
        _text(about["kind"]),
        _text(about["data"]),
        _text(about["target"]),
        _text(about["method"]),
        recipe_from_dict(about["embeddings"]),
        _maybe(_validation, about["validation"]),
        dict(about["recipe"]),
        _text(about["trained_as"]),
        _text(about["reason"]),
        _maybe(_number, about["auc"]),
        _text(about["predictions"]),
    )


def _validation(about: Mapping[str, Any]) -> Validation:
    return Validation(
        _text(about["target"]),
        _whole(about["folds"]),
        _whole(about["seed"]),
        about["use_split"] is True,
        _number(about["fraction"]),
        _whole(about["draw"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} stands where a text must")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} stands where a whole number must")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{value!r} stands where a number must")
    return float(value)


def _maybe(read: Callable[[Any], _Value], value: Any) -> _Value | None:
    return None if value is None else read(value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return _ABSENT


def in_order(runs: Sequence[RecordedRun]) -> tuple[RecordedRun, ...]:
    """Returns runs so that a model comes before its use on other photographs."""
    return tuple(sorted(runs, key=lambda one: one.kind == "external"))
