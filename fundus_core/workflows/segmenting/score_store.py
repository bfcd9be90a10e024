"""Scores of models that mark photographs, as they are stored."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from fundus_core.checks import Caution
from fundus_core.errors import StoreError
from fundus_core.io.read_only import require_writable
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace

_TABLE = "scores.parquet"


@dataclass(frozen=True, slots=True)
class ScoredModel:
    """A model's scores on a data set, apart from the scores themselves."""

    id: str
    """Of what is stored; changes with the data set, what `content` tells, the names of the masks
    and the threshold."""

    content: str
    """Fingerprint of model, scored photographs, patients, masks and fields."""

    model: str
    """As `open_marker` takes it, in full; or `masks:COLUMN`."""

    title: str
    dataset_id: str
    dataset_name: str
    synthetic: bool
    channels: str
    """As `parse_channels` reads them: those that the model marks."""

    masks: str
    """Column or folder of the truth."""

    field: str
    """Column or folder of the fields of view."""

    trained_on: tuple[str, ...]
    """Names of data sets that the model had learned from, as far as they are known."""

    threshold: float
    n_images: int
    n_patients: int | None
    """None where not every photograph names its patient."""

    n_without: int
    """Photographs without a mask; they are not scored."""

    n_unreadable: int
    n_learned: int
    """Scored photographs that the model had learned from: their scores flatter it."""

    cautions: tuple[Caution, ...]
    created_at: str


@dataclass(frozen=True)
class Scored:
    """A model's scores on a data set."""

    about: ScoredModel
    table: pd.DataFrame
    """A row per photograph and channel: `image_id`, `patient_id`, `channel`, the keys of `SCORES`,
    `n_true`, `n_field` and `knows`, see `Marker.knows`."""


def require_storable(workspace: Workspace) -> None:
    """Refuses a workspace that scores may not be stored in, before any are computed.

    Raises:
        ReadOnlyError: If it is only to be looked at.
    """
    require_writable(_store(workspace).root)


def save_scores(workspace: Workspace, scored: Scored) -> None:
    """Stores scores under their id."""
    _store(workspace).put(
        scored.about.id,
        asdict(scored.about),
        lambda folder: scored.table.to_parquet(folder / _TABLE, index=False),
    )


def list_scores(workspace: Workspace, dataset_id: str) -> tuple[ScoredModel, ...]:
    """Returns what was scored on a data set, the latest of each model first."""
    found = _store(workspace).understood(_read).values()
    return tuple(one for one in found if one.dataset_id == dataset_id)


def load_scores(workspace: Workspace, key: str) -> Scored:
    """Returns stored scores.

    Raises:
        StoreError: If there are none of this id.
    """
    stored = stored_scores(workspace, key)
    if stored is None:
        raise StoreError(
            f"There are no scores {key!r}.", hint="Score the model with `fundus segment score`."
        )
    return stored


def stored_scores(workspace: Workspace, key: str) -> Scored | None:
    """Returns stored scores; None if there are none of this id."""
    folder, told = _store(workspace).get(key), _store(workspace).about(key)
    about = None if told is None else _read(told)
    if folder is None or about is None:
        return None
    return Scored(about, pd.read_parquet(folder / _TABLE).astype({"patient_id": object}))


def _store(workspace: Workspace) -> ArtifactStore:
    return ArtifactStore(workspace.root / "segmentation_scores")


def _read(about: dict[str, Any]) -> ScoredModel | None:
    """Returns what is told of scores, or None when another version of the program wrote them."""
    try:
        cautions = tuple(Caution(**one) for one in about["cautions"])
        trained_on = tuple(about["trained_on"])
        return ScoredModel(**{**about, "cautions": cautions, "trained_on": trained_on})
    except (TypeError, KeyError):
        return None
