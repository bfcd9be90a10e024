"""Use case: how well a model marks what the masks of a data set mark."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import (
    Caution,
    dataset_cautions,
    exposure_caution,
    same_patients_caution,
    unreadable_caution,
)
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import DataError, ImageError, ScoresError, StoreError
from fundus_core.io.images import read_image
from fundus_core.io.masks import read_mask
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.channels import Channel, at_photographs_size, channels_text
from fundus_core.segmentation.data import MaskedPhotograph, field_of
from fundus_core.segmentation.scoring import SCORES, THRESHOLD, score_pixels
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.models.runs import now
from fundus_core.workflows.segmenting.masks import Masked, Truth, masked_photographs
from fundus_core.workflows.segmenting.observers import OBSERVER, Observer, observer_of
from fundus_core.workflows.segmenting.segmenter_store import Knowledge, TrainedSegmenter
from fundus_core.workflows.segmenting.segmenters import open_marker, segmenter_key
from fundus_core.workflows.weights.teachers import exposure

_TABLE = "scores.parquet"


class _Marker(Protocol):
    @property
    def title(self) -> str: ...

    @property
    def channels(self) -> tuple[str, ...]: ...

    @property
    def trained_on(self) -> tuple[str, ...]: ...

    def knows(self, image_id: str) -> Knowledge: ...

    def mark(
        self, image_id: str, photograph: NDArray[np.uint8], field: NDArray[np.bool_]
    ) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class ScoredModel:
    """A model's scores on a data set, apart from the scores themselves."""

    id: str
    """Of what is stored; changes with model, photographs, masks and threshold."""

    model: str
    """As `open_marker` takes it, or `masks:COLUMN`."""

    title: str
    dataset_id: str
    dataset_name: str
    synthetic: bool
    channels: str
    """As `parse_channels` reads them: those that the model marks."""

    masks: str
    """Column or folder of the truth."""

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


def score_model(
    workspace: Workspace,
    name: str,
    dataset: FundusDataset,
    dataset_id: str,
    truth: Truth,
    *,
    threshold: float = THRESHOLD,
    progress: Progress = silent,
) -> Scored:
    """Scores a model on every photograph that has a mask, inside the field of view.

    The photograph is scored at its own size: shares are brought back from the network's square. A
    network of ours that was cross-validated marks each photograph by the network that did not
    learn from it. What was scored before under the same conditions is read.

    Args:
        workspace: Where models and scores are.
        name: See `open_marker`; or `masks:COLUMN` for another observer's masks.
        dataset: The photographs.
        dataset_id: The id they are remembered by.
        truth: Where the masks are. Channels that the model does not mark are left out.
        threshold: Shares from here on are marked.
        progress: Told after every photograph.

    Raises:
        DataError: If there are no masks, or no photograph with one can be read.
        ScoresError: If the model marks none of the channels.
        StoreError: If there is no such model.
        WeightsError: If its weights are not at hand.
    """
    masked = masked_photographs(dataset, truth)
    marker: _Marker
    trained: TrainedSegmenter | None = None
    if name.startswith(OBSERVER):
        marker = observer_of(dataset, truth, name.removeprefix(OBSERVER))
        kept = tuple(one for one in masked.photographs if one.image_id in marker.files)
        masked = Masked(kept, len(dataset) - len(kept))
    else:
        marker = opened = open_marker(workspace, name)
        trained = opened.about
    channels = _common(marker, truth)
    key = _key(workspace, name, masked, Truth(channels, truth.column, truth.field), threshold)
    stored = _stored(workspace, key)
    if stored is not None:
        return stored
    table, n_unreadable = _table(dataset, marker, masked, channels, threshold, progress)
    images = table.drop_duplicates("image_id")
    about = ScoredModel(
        id=key,
        model=name,
        title=marker.title,
        dataset_id=dataset_id,
        dataset_name=dataset.name,
        synthetic=dataset.synthetic,
        channels=channels_text(channels),
        masks=truth.column,
        threshold=threshold,
        n_images=len(images),
        n_patients=_n_patients(images["patient_id"]),
        n_without=masked.n_without,
        n_unreadable=n_unreadable,
        n_learned=int((images["knows"] == "learned").sum()),
        cautions=(
            *_cautions(dataset, marker, images, n_unreadable),
            *_other_eyes(workspace, trained, images),
            *_taught_before(workspace, trained, dataset.select(list(images["image_id"]))),
        ),
        created_at=now(),
    )
    _store(workspace).put(
        key, asdict(about), lambda folder: table.to_parquet(folder / _TABLE, index=False)
    )
    return Scored(about, table)


def list_scores(workspace: Workspace, dataset_id: str) -> tuple[ScoredModel, ...]:
    """Returns what was scored on a data set, the latest of each model first."""
    found = map(_read, _store(workspace).describe().values())
    return tuple(one for one in found if one and one.dataset_id == dataset_id)


def load_scores(workspace: Workspace, key: str) -> Scored:
    """Returns stored scores.

    Raises:
        StoreError: If there are none of this id.
    """
    stored = _stored(workspace, key)
    if stored is None:
        raise StoreError(
            f"There are no scores {key!r}.", hint="Score the model with `fundus segment score`."
        )
    return stored


def _table(
    dataset: FundusDataset,
    marker: _Marker,
    masked: Masked,
    channels: Sequence[Channel],
    threshold: float,
    progress: Progress,
) -> tuple[pd.DataFrame, int]:
    """Returns the scores and the number of photographs that could not be read."""
    patients = dict(zip(dataset.image_ids, dataset.table["patient_id"], strict=True))
    rows: list[dict[str, Any]] = []
    n_unreadable, total = 0, len(masked.photographs)
    for number, photograph in enumerate(masked.photographs):
        progress(number, total, f"Scoring {marker.title}")
        try:
            found = score_photograph(photograph, marker, channels, threshold)
        except ImageError:
            n_unreadable += 1
            continue
        knows = marker.knows(photograph.image_id)
        patient = patients[photograph.image_id]
        about = {"image_id": photograph.image_id, "patient_id": patient, "knows": knows}
        rows += [{**about, **row} for row in found]
    progress(total, total, f"Scored {marker.title}")
    if not rows:
        raise DataError(
            f"None of the {total} photographs with masks could be read.",
            hint="See `fundus check` for what is wrong with each file.",
        )
    table = pd.DataFrame(rows)
    table["patient_id"] = table["patient_id"].astype(object)
    return table.astype(dict.fromkeys(SCORES, float)), n_unreadable


def score_photograph(
    photograph: MaskedPhotograph, marker: _Marker, channels: Sequence[Channel], threshold: float
) -> list[dict[str, Any]]:
    """Returns the scores of one photograph, a row per channel.

    Raises:
        ImageError: If it cannot be read.
        DataError: If its mask is none of it.
    """
    image = read_image(photograph.path, image_id=photograph.image_id)
    shape = (image.shape[0], image.shape[1])
    field = field_of(image, photograph.field)
    mask = at_photographs_size(read_mask(photograph.mask), shape, name=photograph.mask.name)
    found = marker.mark(photograph.image_id, image, field)
    shares = dict(zip(marker.channels, found, strict=True))
    # Marks without degrees rank nothing: their AUC would be compared with that of shares.
    unranked = {"auc": None, "average_precision": None} if isinstance(marker, Observer) else {}
    return [
        {
            "channel": one.name,
            **asdict(score_pixels(shares[one.name], one.of(mask), field, threshold=threshold)),
            **unranked,
        }
        for one in channels
    ]


def _cautions(
    dataset: FundusDataset, marker: _Marker, images: pd.DataFrame, n_unreadable: int
) -> tuple[Caution, ...]:
    """Returns what to know before trusting the scores."""
    n_learned = int((images["knows"] == "learned").sum())
    found = [
        *dataset_cautions(dataset),
        unreadable_caution(n_unreadable, len(images) + n_unreadable),
        exposure_caution(dataset, marker.title, marker.trained_on),
    ]
    if n_learned:
        told = f"The model has learned from {n_learned} of the {len(images)} photographs it marks."
        found.append(Caution("FD001", told))
    return tuple(caution for caution in found if caution)


def _other_eyes(
    workspace: Workspace, trained: TrainedSegmenter | None, images: pd.DataFrame
) -> tuple[Caution, ...]:
    """Returns a caution if new photographs are of patients that a model learned others of.

    Says nothing where the data set it learned from is not known any more.
    """
    if trained is None:
        return ()
    try:
        table = stored_dataset(workspace, trained.dataset_id).table
    except DataError:
        return ()
    taught = table["image_id"].isin({*trained.learned, *trained.held_out})
    new = set(images.loc[images["knows"] == "new", "patient_id"].dropna())
    shared = new & set(table.loc[taught, "patient_id"].dropna())
    where = "of new photographs and of others that the model learned from"
    found = same_patients_caution(len(shared), where)
    return () if found is None else (found,)


def _taught_before(
    workspace: Workspace, trained: TrainedSegmenter | None, judged: FundusDataset
) -> tuple[Caution, ...]:
    """Returns a caution if those who are judged taught the weights a network started from."""
    if trained is None:
        return ()
    sha256 = trained.weights_sha256
    met = exposure(workspace, sha256, judged, judged.image_ids, judged.patient_ids)
    found = met.caution(trained.weights)
    return () if found is None else (found,)


def _common(marker: _Marker, truth: Truth) -> tuple[Channel, ...]:
    """Returns the channels of the truth that are marked."""
    common = tuple(one for one in truth.channels if one.name in marker.channels)
    if not common:
        raise ScoresError(
            f"{marker.title} marks {', '.join(marker.channels)}; the masks are taken for "
            f"{', '.join(truth.names)}.",
            hint="Name the channels as the model does, e.g. vessel (--channels).",
        )
    return common


def _key(workspace: Workspace, name: str, masked: Masked, truth: Truth, threshold: float) -> str:
    model = name if name.startswith(OBSERVER) else segmenter_key(workspace, name)
    return fingerprint_of([model, masked.fingerprint(truth), threshold])


def _store(workspace: Workspace) -> ArtifactStore:
    return ArtifactStore(workspace.root / "segmentation_scores")


def _stored(workspace: Workspace, key: str) -> Scored | None:
    folder = _store(workspace).get(key)
    if folder is None:
        return None
    about = _read(_store(workspace).describe()[key])
    table = pd.read_parquet(folder / _TABLE).astype({"patient_id": object})
    return None if about is None else Scored(about, table)


def _read(about: dict[str, Any]) -> ScoredModel | None:
    """Returns what is told of scores, or None when another version of the program wrote them."""
    try:
        cautions = tuple(Caution(**one) for one in about["cautions"])
        return ScoredModel(**{**about, "cautions": cautions})
    except (TypeError, KeyError):
        return None


def _n_patients(patients: "pd.Series[Any]") -> int | None:
    return int(patients.nunique()) if bool(patients.notna().all()) else None
