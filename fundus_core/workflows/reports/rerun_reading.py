"""Reading the manifest of a report that may come from a stranger.

Every value is read as what it must be, and within the bounds that the commands have, or refused:
what is asked for by a manifest is done without being looked at again.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_args

from fundus_core.domain.recipe import (
    HIGHEST_SEED,
    LARGEST_SIDE,
    EmbedRecipe,
    Fit,
    PreprocessRecipe,
)
from fundus_core.errors import DataError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.strategies import StrategyOptions
from fundus_core.io.columns import ColumnMapping
from fundus_core.report.embedded import manifest_in
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.reports.rerun_manifest import (
    FORMAT,
    VERSION,
    Manifest,
    RecordedData,
    RecordedRun,
)

LARGEST_FILE = 256 << 20
"""Bytes of a report that is read."""

_KINDS = ("probe", "finetune", "external", "zero_shot")
_MOST_FOLDS, _MOST_EPOCHS = 1_000, 100_000
_Value = TypeVar("_Value")


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
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path.name} holds no manifest that this version can read: {_said(error)}.",
            hint="Name the HTML file that `fundus report` wrote, unchanged.",
        ) from error


def _said(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _manifest(values: Any) -> Manifest:
    about = _mapping(values, "a manifest")
    if about.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    if about.get("version") != VERSION:
        raise ValueError(f"its version is {about.get('version')!r}, not {VERSION}")
    found = Manifest(
        _text(about["title"]),
        {name: _text(said) for name, said in _mapping(about["versions"], "versions").items()},
        tuple(_data(_mapping(one, "a data set")) for one in _list(about["data"])),
        tuple(_run(_mapping(one, "a run")) for one in _list(about["runs"])),
        tuple(map(_text, _list(about["reported"]))),
        dict(_mapping(about["options"], "options")),
    )
    _require_whole(found)
    return found


def _require_whole(manifest: Manifest) -> None:
    """Refuses runs of data sets, or of models, that are not in the manifest before them."""
    _require_different([one.id for one in manifest.data], "data sets")
    _require_different([one.id for one in manifest.runs], "runs")
    data, models = {one.id for one in manifest.data}, set[str]()
    for run in manifest.runs:
        if run.reason:
            continue
        if run.data not in data:
            raise ValueError(f"the run {run.id!r} is of {run.data!r}, which is not in it")
        if run.kind == "external" and run.trained_as not in models:
            raise ValueError(f"the run {run.id!r} uses {run.trained_as!r}, which is not before it")
        if run.kind != "external" and run.validation is None:
            raise ValueError(f"it does not say how {run.id!r} was validated")
        models.add(run.id)


def _require_different(names: Sequence[str], what: str) -> None:
    (_, most), *_ = Counter(names).most_common(1) or [("", 0)]
    if most > 1:
        raise ValueError(f"several of its {what} have the same id")


def _data(about: Mapping[str, Any]) -> RecordedData:
    columns = _mapping(about["columns"], "columns")
    _require_among(columns, {one.name for one in fields(ColumnMapping)}, "a column")
    table = _text(about["table"])
    if table and (Path(table).name != table or table == ".."):
        raise ValueError(f"{table!r} is no name of a table")
    return RecordedData(
        _text(about["id"]),
        _text(about["name"]),
        _text(about["fingerprint"]),
        _whole(about["n_images"], 0),
        _maybe(_whole, about["n_patients"]),
        {name: _maybe(_text, column) for name, column in columns.items()},
        tuple(map(_text, _list(about["classes"]))),
        table,
        _text(about["drawn_with"]),
    )


def _run(about: Mapping[str, Any]) -> RecordedRun:
    kind = _text(about["kind"])
    _require_among([kind], _KINDS, "a kind of run")
    recipe = dict(_mapping(about["recipe"], "a recipe"))
    reason = _text(about["reason"])
    return RecordedRun(
        _text(about["id"]),
        _text(about["label"]),
        kind,
        _text(about["data"]),
        _text(about["target"]),
        _text(about["method"]),
        _embeddings(_mapping(about["embeddings"], "embeddings")),
        _maybe(_validation, about["validation"]),
        recipe if reason or kind != "finetune" else _training(recipe),
        _text(about["trained_as"]),
        reason,
        _maybe(_number, about["auc"]),
        _text(about["predictions"]),
    )


def _embeddings(about: Mapping[str, Any]) -> EmbedRecipe:
    pairs = map(_list, _list(about["architecture_args"]))
    arguments = [(_text(name), value) for name, value in pairs]
    for name, value in arguments:
        if not isinstance(value, str | bool | int | float):
            raise TypeError(f"{value!r} stands where {name} must")
    mean, std = (_colour(about[name]) for name in ("mean", "std"))
    if min(std) <= 0:
        raise ValueError(f"a deviation of {min(std)}")
    return EmbedRecipe(
        backbone=_text(about["backbone"]),
        architecture=_text(about["architecture"]),
        architecture_args=tuple(arguments),
        weights=_text(about["weights"]),
        weights_sha256=_text(about["weights_sha256"]),
        seed=_whole(about["seed"], 0, HIGHEST_SEED),
        image_size=_whole(about["image_size"], 1, LARGEST_SIDE),
        mean=mean,
        std=std,
        pooling=_text(about["pooling"]),
        precision=_text(about["precision"]),
        preprocessing=_preprocessing(_mapping(about["preprocessing"], "preprocessing")),
    )


def _preprocessing(about: Mapping[str, Any]) -> PreprocessRecipe:
    usual = PreprocessRecipe()
    _require_among([about.get("fit", usual.fit)], get_args(Fit), "a way to become square")
    return PreprocessRecipe(**_like(usual, about))


def _colour(values: Any) -> tuple[float, float, float]:
    red, green, blue = map(_number, _list(values))
    return red, green, blue


def _validation(about: Any) -> Validation:
    said = _mapping(about, "a validation")
    fraction = _number(said["fraction"])
    if not 0 < fraction <= 1:
        raise ValueError(f"a share of {fraction}; it must be above 0, and 1 at most")
    return Validation(
        _text(said["target"]),
        _whole(said["folds"], 2, _MOST_FOLDS),
        _whole(said["seed"], 0, HIGHEST_SEED),
        _flag(said["use_split"]),
        fraction,
        _whole(said["draw"], 0, HIGHEST_SEED),
    )


def _training(about: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the recipe of a fine-tuned run with its settings read as what they must be."""
    training = _like(TrainingRecipe(), _mapping(about["training"], "training"))
    for name, highest in (("epochs", _MOST_EPOCHS), ("batch_size", 1 << 16)):
        _whole(training.get(name, 1), 1, highest)
    _whole(training.get("seed", 0), 0, HIGHEST_SEED)
    options = _like(StrategyOptions(), _mapping(about["options"], "options"))
    return {
        **about,
        "options": options,
        "training": training,
        "head": _text(about["head"]),
        "loss": _text(about["loss"]),
    }


def _like(usual: Any, about: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values of the kinds that an instance has, by the names of its fields."""
    known = {one.name: getattr(usual, one.name) for one in fields(usual)}
    _require_among(about, known, "a setting")
    return {name: _readers(known[name])(value) for name, value in about.items()}


def _readers(usual: Any) -> Callable[[Any], Any]:
    if isinstance(usual, bool):
        return _flag
    if isinstance(usual, int):
        return _whole
    return _number if isinstance(usual, float) else _text


def _require_among(given: Collection[str], known: Collection[str], what: str) -> None:
    unknown = [one for one in given if one not in known]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not {what}")


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{_short(value)} stands where {what} must")
    return value


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{_short(value)} stands where a list must")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{_short(value)} stands where a text must")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{_short(value)} stands where true or false must")
    return value


def _whole(value: Any, lowest: int = -HIGHEST_SEED, highest: int = HIGHEST_SEED) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{_short(value)} stands where a whole number must")
    if not lowest <= value <= highest:
        raise ValueError(f"{value} is not between {lowest} and {highest}")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise TypeError(f"{_short(value)} stands where a number must")
    return float(value)


def _maybe(read: Callable[[Any], _Value], value: Any) -> _Value | None:
    return None if value is None else read(value)


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:60]}…"
