"""Use case: how well a model marks what the masks of a data set mark."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import (
    Caution,
    dataset_cautions,
    exposure_caution,
    same_patients_caution,
    taught_caution,
    unreadable_caution,
)
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import DataError, ImageError, ScoresError
from fundus_core.io.images import holds, read_image
from fundus_core.io.masks import read_mask
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.channels import (
    Channel,
    at_photographs_size,
    channels_text,
    parse_channels,
)
from fundus_core.segmentation.data import MaskedPhotograph, field_of, require_field
from fundus_core.segmentation.scoring import SCORES, THRESHOLD, score_pixels
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.models.run_record import now
from fundus_core.workflows.segmenting.masks import (
    Masked,
    Truth,
    mask_files,
    mask_sum,
    masked_photographs,
)
from fundus_core.workflows.segmenting.observers import OBSERVER, Observer, observer_of
from fundus_core.workflows.segmenting.score_store import (
    Scored,
    ScoredModel,
    require_storable,
    save_scores,
    stored_scores,
)
from fundus_core.workflows.segmenting.segmenter_store import (
    Knowledge,
    TrainedSegmenter,
    list_segmenters,
)
from fundus_core.workflows.segmenting.segmenters import (
    full_name,
    open_marker,
    segmenter_key,
    split_side,
)
from fundus_core.workflows.weights.teachers import exposure


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
    learn from it. What was scored before under the same conditions is read; its cautions are those
    that hold now.

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
        ReadOnlyError: If they would have to be stored, and nothing may be.
        WeightsError: If its weights are not at hand.
    """
    marker: _Marker
    if name.startswith(OBSERVER):
        marker = observer_of(dataset, truth, name.removeprefix(OBSERVER))
    else:
        marker = open_marker(workspace, name)
        name = full_name(workspace, name)
    masked = _masked(dataset, truth, name)
    channels = _common(marker, truth)
    truth = Truth(channels, truth.column, truth.field)
    content = _content(workspace, name, dataset, masked, truth)
    key = fingerprint_of([dataset_id, truth.column, truth.field, threshold, content])
    stored = stored_scores(workspace, key)
    if stored is not None and not _more_can_be_read(stored, masked):
        return _as_of_now(workspace, stored, dataset)
    require_storable(workspace)
    table, n_unreadable = _table(dataset, marker, masked, channels, threshold, progress)
    images = table.drop_duplicates("image_id")
    about = ScoredModel(
        id=key,
        content=content
        if not n_unreadable
        else _content(workspace, name, dataset, _of(masked, images), truth),
        model=name,
        title=marker.title,
        dataset_id=dataset_id,
        dataset_name=dataset.name,
        synthetic=dataset.synthetic,
        channels=channels_text(channels),
        masks=truth.column,
        field=truth.field,
        trained_on=marker.trained_on,
        threshold=threshold,
        n_images=len(images),
        n_patients=_n_patients(images["patient_id"]),
        n_without=masked.n_without,
        n_unreadable=n_unreadable,
        n_learned=int((images["knows"] == "learned").sum()),
        cautions=(),
        created_at=now(),
    )
    scored = _as_of_now(workspace, Scored(about, table), dataset)
    save_scores(workspace, scored)
    return scored


def scores_now(
    workspace: Workspace, known: ScoredModel, dataset: FundusDataset
) -> ScoredModel | None:
    """Returns stored scores of a data set with the cautions that hold now.

    Args:
        workspace: Where they are.
        known: See `list_scores`.
        dataset: The data set as it is now.

    Returns:
        None where the model, a photograph, its patient, its mask or its field is another by now, or
        there are more or fewer photographs with masks.

    Raises:
        DataError: If a mask is gone.
        StoreError: If the model is.
    """
    stored = stored_scores(workspace, known.id)
    if stored is None:
        return None
    truth = Truth(parse_channels(known.channels), known.masks, known.field)
    masked = _masked(dataset, truth, known.model)
    counts = len(masked.photographs), masked.n_without
    if counts != (known.n_images + known.n_unreadable, known.n_without):
        return None
    scored = _of(masked, stored.table)
    if _content(workspace, known.model, dataset, scored, truth) != known.content:
        return None
    return _as_of_now(workspace, stored, dataset).about


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
        ScoresError: If its field of view is empty.
    """
    image = read_image(photograph.path, image_id=photograph.image_id)
    shape = (image.shape[0], image.shape[1])
    field = field_of(image, photograph.field)
    require_field(field, photograph.path.name, photograph.field.name if photograph.field else "")
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


def _as_of_now(workspace: Workspace, scored: Scored, dataset: FundusDataset) -> Scored:
    """Returns scores with what is known of data set and model now."""
    images = scored.table.drop_duplicates("image_id")
    trained = _trained(workspace, scored.about.model)
    cautions = (
        *_cautions(dataset, scored.about),
        *_other_eyes(workspace, trained, images),
        *_taught_before(workspace, trained, dataset.select(list(images["image_id"]))),
    )
    about = replace(
        scored.about, dataset_name=dataset.name, synthetic=dataset.synthetic, cautions=cautions
    )
    return Scored(about, scored.table)


def _trained(workspace: Workspace, model: str) -> TrainedSegmenter | None:
    """Returns a network of ours; None for an observer and for other models."""
    if model.startswith(OBSERVER):
        return None
    own, _ = split_side(model)
    return next((one for one in list_segmenters(workspace) if one.id == own), None)


def _cautions(dataset: FundusDataset, about: ScoredModel) -> tuple[Caution, ...]:
    """Returns what to know before trusting the scores."""
    found = [
        *dataset_cautions(dataset),
        unreadable_caution(about.n_unreadable, about.n_images + about.n_unreadable),
        exposure_caution(dataset, about.title, about.trained_on),
        taught_caution(about.n_learned, about.n_images),
    ]
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


def _content(
    workspace: Workspace, name: str, dataset: FundusDataset, masked: Masked, truth: Truth
) -> str:
    """Returns a key of a model and of all that it is scored on."""
    ids = [one.image_id for one in masked.photographs]
    given = dataset.as_given().set_index("image_id")["patient_id"]
    patients = [str(one) if pd.notna(one) else None for one in given.loc[ids]]
    model: str | list[str]
    if name.startswith(OBSERVER):
        files = mask_files(dataset, name.removeprefix(OBSERVER))
        model = [mask_sum(files[image_id]) for image_id in ids if image_id in files]
    else:
        model = segmenter_key(workspace, name)
    return fingerprint_of([name, model, masked.fingerprint(truth), patients])


def _masked(dataset: FundusDataset, truth: Truth, name: str) -> Masked:
    """Returns what a model, or an observer, is scored on."""
    masked = masked_photographs(dataset, truth)
    if not name.startswith(OBSERVER):
        return masked
    files = mask_files(dataset, name.removeprefix(OBSERVER))
    kept = tuple(one for one in masked.photographs if one.image_id in files)
    return Masked(kept, len(dataset) - len(kept))


def _more_can_be_read(stored: Scored, masked: Masked) -> bool:
    """Says whether a photograph that could not be read when the others were scored can be now."""
    if not stored.about.n_unreadable:
        return False
    scored = set(stored.table["image_id"])
    left = [one for one in masked.photographs if one.image_id not in scored]
    return any(holds(one.path, one.image_id) for one in left)


def _of(masked: Masked, images: pd.DataFrame) -> Masked:
    """Returns those of the photographs that were scored."""
    read = set(images["image_id"])
    kept = tuple(one for one in masked.photographs if one.image_id in read)
    return Masked(kept, masked.n_without)


def _n_patients(patients: "pd.Series[Any]") -> int | None:
    return int(patients.nunique()) if bool(patients.notna().all()) else None
