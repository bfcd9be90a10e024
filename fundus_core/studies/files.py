"""Study files: where they are, how they are read, and what their smaller sizes change."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError

from fundus_core.errors import StudyError
from fundus_core.io.bounded import read_bounded
from fundus_core.spelling import suggestion
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.names import unknown_names
from fundus_core.studies.plain import plain_values

StudySize = Literal["full", "small", "smoke"]
"""`small`: the whole grid on all photographs with small stand-ins for the backbones; `smoke`: with
few photographs and epochs besides, to see that everything runs."""

MOST_BYTES = 200_000
"""Of a study file; those that come with the program have some thousand."""

STUDIES_FOLDER = Path(__file__).parent
"""Where the studies are that come with the program."""

_PRESETS_FOLDER = STUDIES_FOLDER / "presets"
"""Where those are that the page Start asks as questions."""


def read_study(path: Path, size: StudySize = "full") -> StudyDocument:
    """Reads a study file at one of its sizes.

    Args:
        path: YAML file, or the name of a study that comes with the program.
        size: Which of its sizes.

    Raises:
        StudyError: If the file is missing, no YAML, or says something that cannot be run.
    """
    place = study_path(path)
    raw = _plain(place)
    document = checked(_sized(raw, size), place.name)
    others = (_other_size(raw, other) for other in get_args(StudySize) if other != size)
    mistakes = unknown_names(document, [one for one in others if one is not None])
    if mistakes:
        raise _cannot_be_run(place.name, mistakes)
    return document


_EXAMPLES = "Start from one of the studies that come with the program: `fundus study --list`."


def _plain(place: Path) -> dict[str, Any]:
    """Returns the keys and values of a file."""
    try:
        text = read_bounded(place, MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{place.name} is no text in UTF-8: byte {error.start + 1:,} fits nothing.",
            hint="Save it as UTF-8.",
        ) from error
    except OSError as error:
        raise StudyError(f"{place} cannot be read: {error.strerror}.", hint=_EXAMPLES) from error
    except ValueError as error:  # its text ends a sentence
        raise StudyError(f"{place} cannot be read: {error}", hint=_EXAMPLES) from error
    try:
        raw = plain_values(text)
    except ValueError as error:
        raise StudyError(
            f"{place.name} is no YAML that can be read: {error}.", hint=_KEYS
        ) from error
    if not isinstance(raw, dict):
        raise StudyError(
            f"{place.name} holds a {type(raw).__name__}; keys with values were expected.",
            hint=_EXAMPLES,
        )
    return raw


def _other_size(raw: dict[str, Any], size: StudySize) -> StudyDocument | None:
    """Returns what a study says at a size that nobody asked for, if it can be run."""
    try:
        return checked(_sized(raw, size), "")
    except StudyError:
        return None


def study_path(path: Path) -> Path:
    """Returns the file of a study; one that comes with the program is named by its name alone."""
    shipped = (folder / f"{path.stem}.yaml" for folder in (STUDIES_FOLDER, _PRESETS_FOLDER))
    return path if path.exists() else next((one for one in shipped if one.is_file()), path)


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
        raise _cannot_be_run(name, [_in_words(one) for one in error.errors()]) from error


_KEYS = "Correct the file; docs/study-files.md lists every key."
_NAMED = 5
"""Mistakes of a file that a message names."""


def _cannot_be_run(name: str, mistakes: Sequence[str]) -> StudyError:
    more = f"; and {len(mistakes) - _NAMED} more" if len(mistakes) > _NAMED else ""
    return StudyError(
        f"{name} cannot be run: {'; '.join(mistakes[:_NAMED])}{more}.",
        hint=_KEYS,
    )


def _in_words(mistake: Mapping[str, Any]) -> str:
    """Returns a mistake with its place in the file."""
    *parents, last = loc = mistake["loc"] or ("study",)
    if mistake["type"] == "extra_forbidden":
        place = ".".join(map(str, parents)) or "study"
        return f"{place}: the key {last!r} is unknown; {suggestion(last, _keys_at(parents))}"
    reason = mistake["msg"].removeprefix("Value error, ").rstrip(".")
    said = f"{'.'.join(map(str, loc))}: {reason}"
    if mistake["type"] == "string_type" and isinstance(mistake["input"], int | float):
        said += f"; write {str(mistake['input']).lower()} between quotes"
    return said


def _keys_at(parents: Sequence[int | str]) -> tuple[str, ...]:
    """Returns the keys that a place of a study file may have."""
    part: type[BaseModel] = StudyDocument
    for name in parents:
        if isinstance(name, str):
            part = _part_in(part.model_fields[name].annotation) or part
    return tuple(part.model_fields)


def _part_in(annotation: Any) -> type[BaseModel] | None:
    """Returns the part of a study file that a type is made of, alone, in a list or optional."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_part_in, get_args(annotation))), None)


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
