"""Study files: where they are, how they are read, and what their smaller sizes change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from fundus_core.errors import StudyError
from fundus_core.io.bounded import read_bounded
from fundus_core.studies.document import StudyDocument

StudySize = Literal["full", "small", "smoke"]
"""`small`: the whole grid on all photographs with small stand-ins for the backbones; `smoke`: with
few photographs and epochs besides, to see that everything runs."""

MOST_BYTES = 1 << 20
"""Of a study file; those that come with the program have some thousand."""

STUDIES_FOLDER = Path(__file__).parent
"""Where the studies are that come with the program."""


def read_study(path: Path, size: StudySize = "full") -> StudyDocument:
    """Reads a study file at one of its sizes.

    Args:
        path: YAML file, or the name of a study that comes with the program.
        size: Which of its sizes.

    Raises:
        StudyError: If the file is missing, no YAML, or says something that cannot be run.
    """
    place = study_path(path)
    try:
        raw = yaml.safe_load(read_bounded(place, MOST_BYTES).decode("utf-8"))
    except yaml.YAMLError as error:
        raise StudyError(
            f"{place.name} is no YAML: {str(error).splitlines()[0]}.", hint=_EXAMPLES
        ) from error
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise StudyError(f"{place} cannot be read: {error}.", hint=_EXAMPLES) from error
    if not isinstance(raw, dict):
        raise StudyError(
            f"{place.name} holds a {type(raw).__name__}; keys with values were expected.",
            hint=_EXAMPLES,
        )
    return checked(_sized(raw, size), place.name)


_EXAMPLES = "Start from one of the studies that come with the program: `fundus study --list`."


def study_path(path: Path) -> Path:
    """Returns the file of a study, which may be named without folder and suffix."""
    named = STUDIES_FOLDER / f"{path.stem}.yaml"
    return named if not path.exists() and named.is_file() else path


def shipped_studies() -> tuple[Path, ...]:
    """Returns the study files that come with the program."""
    return tuple(sorted(STUDIES_FOLDER.glob("*.yaml")))


def checked(raw: Mapping[str, Any], name: str) -> StudyDocument:
    """Returns a study of plain values.

    Raises:
        StudyError: With every mistake and where it is.
    """
    try:
        return StudyDocument.model_validate(raw)
    except ValidationError as error:
        mistakes = [
            f"{'.'.join(str(part) for part in one['loc']) or 'study'}: {one['msg']}"
            for one in error.errors()
        ]
        raise StudyError(
            f"{name} cannot be run: {'; '.join(mistakes[:5])}.",
            hint="Correct the file; docs/studies.md lists every key.",
        ) from error


def _sized(raw: dict[str, Any], size: StudySize) -> dict[str, Any]:
    """Returns the plain values of a study at one of its sizes."""
    if size == "full":
        return raw
    changed = _merged(raw, _mapping(raw, "small"))
    if size == "smoke":
        changed = _merged(changed, _mapping(raw, "smoke"))
    models = changed.get("models")
    if isinstance(models, list):
        changed["models"] = [_stood_in(model) for model in models]
    return changed


def _mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Returns a part of a study; what is no mapping is left for the check to name."""
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `base` with the values of `change`; only mappings are merged key by key."""
    merged = dict(base)
    for key, value in change.items():
        inner = merged.get(key)
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            merged[key] = _merged(inner, value)
        else:
            merged[key] = value
    return merged


def _stood_in(model: Any) -> Any:
    """Returns a model with its stand-in's backbone."""
    if not isinstance(model, Mapping) or not isinstance(model.get("stand_in"), Mapping):
        return model
    kept = {key: model[key] for key in ("name", "weights_name") if key in model}
    return {**kept, **model["stand_in"], "stood_in": True}
