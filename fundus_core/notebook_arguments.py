"""What a notebook gives to `fundus_core.notebook`: looked at before anything is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from fundus_core.errors import DataError, ParameterError
from fundus_core.io.columns import ColumnMapping
from fundus_core.io.typed_paths import typed_path
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.run_record import Run

Model = Run | str | Path
"""A run, its id, or a table of predictions that were made elsewhere."""


def backbone_choice(backbone: str | BackboneChoice, options: dict[str, Any]) -> BackboneChoice:
    """Returns the backbone that was chosen: a choice, or its name and the options beside it.

    Args:
        backbone: Of the catalogue, or a choice that is made.
        options: The other fields of `BackboneChoice`; none beside a choice.

    Raises:
        ParameterError: If it is neither, or an option is unknown.
        TypeError: If there are options beside a choice.
    """
    known = [each.name for each in fields(BackboneChoice)][1:]
    if unknown := [name for name in options if name not in known]:
        raise ParameterError(
            f"There is no option {', '.join(unknown)}.", hint=f"Choose of {', '.join(known)}."
        )
    if isinstance(backbone, str):
        given: dict[str, Any] = {
            key: str(it) if isinstance(it, Path) else it for key, it in options.items()
        }
        return BackboneChoice(backbone, **given)
    require_kind(backbone, BackboneChoice)
    if options:
        raise TypeError(f"{', '.join(options)} belong into the choice that was given")
    return backbone


def require_kind(choice: object, kind: type) -> None:
    """Refuses what is no choice of a kind.

    Raises:
        ParameterError: With what it is.
    """
    name = kind.__name__
    if not isinstance(choice, kind):
        given = "None" if choice is None else f"a {type(choice).__name__}"
        raise ParameterError(f"The choice is {given}.", hint=f"Give text, or a {name}.")


def model_ids(models: Sequence[Model] | Model) -> list[str]:
    """Returns the ids of runs and the paths of tables; one that stands alone is one.

    Raises:
        ParameterError: If there is none, or one of them is no model.
    """
    listed = [models] if isinstance(models, Run | str | Path) else models
    found = [model_id(one) for one in listed]
    if not found:
        raise ParameterError("No model was given.", hint=_MODELS)
    return found


def model_id(model: Model) -> str:
    """Returns the id of a run, or the path of a table.

    Raises:
        ParameterError: If it is no model.
    """
    if not isinstance(model, Run | str | Path):
        raise ParameterError(f"{model!r} is no model.", hint=_MODELS)
    return model.id if isinstance(model, Run) else str(model)


_MODELS = "Give a run, its id, or the path of a table of predictions."


def written_path(text: str | Path) -> Path:
    """Returns the path that somebody wrote, ~ as the home folder, as commands read it.

    Raises:
        DataError: If it is empty, or no path.
    """
    try:
        return typed_path(text)
    except TypeError as error:
        raise DataError(f"{text!r} is no path: {error}", hint="Name a folder or a file.") from error


def column_mapping(columns: ColumnMapping | Mapping[str, str] | None) -> ColumnMapping:
    """Returns which column of a table means what, as `open_data` takes it.

    Raises:
        ParameterError: If it names something else than fields of `ColumnMapping`.
    """
    if columns is None or isinstance(columns, ColumnMapping):
        return columns or ColumnMapping()
    known = [each.name for each in fields(ColumnMapping)]
    if not isinstance(columns, Mapping) or not set(columns) <= set(known):
        raise ParameterError(
            f"The columns are {columns!r}.",
            hint=f"Give a dictionary of {', '.join(known)}: what the table calls each of them.",
        )
    for name, column in columns.items():
        if not isinstance(column, str | None):
            raise ParameterError(
                f"The column of {name} is {column!r:.100}.", hint="Give its name in the table."
            )
    return ColumnMapping(**columns)
