"""Reading the manifest of a report that may come from a stranger.

Every value is read as what it must be, and within the bounds that the commands have, or refused:
what is asked for by a manifest is done without being looked at again.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from fundus_core.domain.recipe import (
    HIGHEST_SEED,
    LARGEST_BATCH,
    LARGEST_SIDE,
    MOST_EPOCHS,
    MOST_FOLDS,
    EmbedRecipe,
    Fit,
    PreprocessRecipe,
)
from fundus_core.errors import DataError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.strategies import StrategyOptions
from fundus_core.io.bounded import read_bounded
from fundus_core.io.columns import ColumnMapping
from fundus_core.probes import PROBES, needs_text
from fundus_core.report.embedded import manifest_in
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import is_plain_name
from fundus_core.workflows.reports.report_subject import options_from
from fundus_core.workflows.reports.rerun_manifest import (
    FORMAT,
    VERSION,
    Manifest,
    RecordedData,
    RecordedRun,
)
from fundus_core.workflows.reports.rerun_values import (
    flag_of,
    list_of,
    mapping_of,
    maybe,
    number_of,
    require_among,
    text_of,
    whole_of,
)

LARGEST_FILE = 256 << 20
"""Bytes of a report that is read."""

_KINDS = ("probe", "finetune", "external", "zero_shot")


def read_manifest(path: Path) -> Manifest:
    """Returns the manifest of a report: from its HTML, or from the JSON that was saved alone.

    Raises:
        DataError: If the file is no report, or was changed so that it makes no sense.
    """
    try:
        text = read_bounded(path, LARGEST_FILE).decode("utf-8")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path.name} cannot be read: {_why(error)}.",
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


def _why(error: Exception) -> str:
    """Returns why a file cannot be read, as the end of a sentence without its point."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def _said(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _manifest(values: Any) -> Manifest:
    about = mapping_of(values, "a manifest")
    if about.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    if about.get("version") != VERSION:
        raise ValueError(f"its version is {about.get('version')!r}, not {VERSION}")
    found = Manifest(
        text_of(about["title"]),
        {name: text_of(said) for name, said in mapping_of(about["versions"], "versions").items()},
        tuple(_data(mapping_of(one, "a data set")) for one in list_of(about["data"])),
        tuple(_run(mapping_of(one, "a run")) for one in list_of(about["runs"])),
        tuple(map(text_of, list_of(about["reported"]))),
        dict(mapping_of(about["options"], "options")),
    )
    options_from(found.options)
    _require_consistent(found)
    return found


def _require_consistent(manifest: Manifest) -> None:
    """Refuses a manifest of nothing, and what refers to something that is not in it."""
    if not manifest.runs:
        raise ValueError("it is of no run")
    _require_different([one.id for one in manifest.data], "data sets")
    _require_different([one.id for one in manifest.runs], "runs")
    if not manifest.reported:
        raise ValueError("it does not say which runs were reported")
    require_among(manifest.reported, [one.id for one in manifest.runs], "a run that is in it")
    require_among(
        [one.id for one in manifest.data],
        {one.data for one in manifest.runs},
        "a data set of any of its runs",
    )
    data, models = {one.id for one in manifest.data}, set[str]()
    for run in manifest.runs:
        if run.reason:
            continue
        if run.data not in data:
            raise ValueError(f"the run {run.id!r} is of {run.data!r}, which is not in it")
        if run.kind == "external":
            if run.trained_as not in models:
                raise ValueError(
                    f"the run {run.id!r} uses {run.trained_as!r}, which is no model before it"
                )
            continue
        _require_validated(run)
        models.add(run.id)


def _require_validated(run: RecordedRun) -> None:
    """Refuses a run that is to be made again, and cannot be made as it is told."""
    if run.kind == "zero_shot" or (run.method in PROBES and needs_text(run.method)):
        raise ValueError(f"words gave {run.id!r}, and it gives no reason why it is not made again")
    if run.validation is None:
        raise ValueError(f"it does not say how {run.id!r} was validated")
    if run.validation.target != run.target:
        raise ValueError(
            f"the run {run.id!r} is of {run.target!r}, and was validated on "
            f"{run.validation.target!r}"
        )


def _require_different(names: Sequence[str], what: str) -> None:
    (_, most), *_ = Counter(names).most_common(1) or [("", 0)]
    if most > 1:
        raise ValueError(f"several of its {what} have the same id")


def _data(about: Mapping[str, Any]) -> RecordedData:
    columns = mapping_of(about["columns"], "columns")
    require_among(columns, {one.name for one in fields(ColumnMapping)}, "a column")
    table = text_of(about["table"])
    if table and (Path(table).name != table or table == ".."):
        raise ValueError(f"{table!r} is no name of a table")
    return RecordedData(
        text_of(about["id"]),
        text_of(about["name"]),
        text_of(about["fingerprint"]),
        _count(about["n_images"]),
        maybe(_count, about["n_patients"]),
        {name: maybe(text_of, column) for name, column in columns.items()},
        tuple(map(text_of, list_of(about["classes"]))),
        table,
        text_of(about["drawn_with"]),
    )


def _run(about: Mapping[str, Any]) -> RecordedRun:
    kind = text_of(about["kind"])
    require_among([kind], _KINDS, "a kind of run")
    recipe = dict(mapping_of(about["recipe"], "a recipe"))
    reason = text_of(about["reason"])
    return RecordedRun(
        text_of(about["id"]),
        text_of(about["label"]),
        kind,
        text_of(about["data"]),
        text_of(about["target"]),
        text_of(about["method"]),
        _embeddings(mapping_of(about["embeddings"], "embeddings")),
        maybe(_validation, about["validation"]),
        recipe if reason or kind != "finetune" else _training(recipe),
        text_of(about["trained_as"]),
        reason,
        maybe(number_of, about["auc"]),
        text_of(about["predictions"]),
        maybe(_count, about.get("n_images")),
        maybe(_count, about.get("n_patients")),
        maybe(_codes, about.get("cautions")),
        maybe(text_of, about.get("column")),
    )


def _count(value: Any) -> int:
    return whole_of(value, 0)


def _codes(value: Any) -> tuple[str, ...]:
    return tuple(map(text_of, list_of(value)))


def _embeddings(about: Mapping[str, Any]) -> EmbedRecipe:
    pairs = map(list_of, list_of(about["architecture_args"]))
    arguments = [(text_of(name), _argument(value)) for name, value in pairs]
    mean, std = (_colour(about[name]) for name in ("mean", "std"))
    if min(std) <= 0:
        raise ValueError(f"a deviation of {min(std)}")
    weights = text_of(about["weights"])
    if not is_plain_name(weights):
        raise ValueError(f"{weights!r} is no name of weights")
    return EmbedRecipe(
        backbone=text_of(about["backbone"]),
        architecture=text_of(about["architecture"]),
        architecture_args=tuple(arguments),
        weights=weights,
        weights_sha256=text_of(about["weights_sha256"]),
        seed=whole_of(about["seed"], 0, HIGHEST_SEED),
        image_size=whole_of(about["image_size"], 1, LARGEST_SIDE),
        mean=mean,
        std=std,
        pooling=text_of(about["pooling"]),
        precision=text_of(about["precision"]),
        preprocessing=_preprocessing(mapping_of(about["preprocessing"], "preprocessing")),
    )


def _argument(value: Any) -> str | bool | int | float:
    if isinstance(value, str | bool):
        return value
    return whole_of(value) if isinstance(value, int) else number_of(value)


def _preprocessing(about: Mapping[str, Any]) -> PreprocessRecipe:
    usual = PreprocessRecipe()
    require_among([about.get("fit", usual.fit)], get_args(Fit), "a way to become square")
    return PreprocessRecipe(**_like(usual, about))


def _colour(values: Any) -> tuple[float, float, float]:
    red, green, blue = map(number_of, list_of(values))
    return red, green, blue


def _validation(about: Any) -> Validation:
    said = mapping_of(about, "a validation")
    fraction = number_of(said["fraction"])
    if not 0 < fraction <= 1:
        raise ValueError(f"a share of {fraction}; it must be above 0, and 1 at most")
    return Validation(
        text_of(said["target"]),
        whole_of(said["folds"], 2, MOST_FOLDS),
        whole_of(said["seed"], 0, HIGHEST_SEED),
        flag_of(said["use_split"]),
        fraction,
        whole_of(said["draw"], 0, HIGHEST_SEED),
    )


def _training(about: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the recipe of a fine-tuned run with its settings read as what they must be."""
    training = _like(TrainingRecipe(), mapping_of(about["training"], "training"))
    for name, highest in (("epochs", MOST_EPOCHS), ("batch_size", LARGEST_BATCH)):
        whole_of(training.get(name, 1), 1, highest)
    whole_of(training.get("seed", 0), 0, HIGHEST_SEED)
    options = _like(StrategyOptions(), mapping_of(about["options"], "options"))
    return {
        **about,
        "options": options,
        "training": training,
        "head": text_of(about["head"]),
        "loss": text_of(about["loss"]),
    }


def _like(usual: Any, about: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values of the kinds that an instance has, by the names of its fields."""
    known = {one.name: getattr(usual, one.name) for one in fields(usual)}
    require_among(about, known, "a setting")
    return {name: _readers(known[name])(value) for name, value in about.items()}


def _readers(usual: Any) -> Callable[[Any], Any]:
    if isinstance(usual, bool):
        return flag_of
    if isinstance(usual, int):
        return whole_of
    return number_of if isinstance(usual, float) else text_of
