"""Marks and their scores as the dashboard remembers them between reruns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fundus_core.errors import FundusError
from fundus_core.io.images import read_image
from fundus_core.io.masks import read_mask
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.channels import (
    at_photographs_size,
    channels_text,
    parse_channels,
)
from fundus_core.segmentation.data import field_of, require_field
from fundus_core.segmentation.ready import FRANGI, READY
from fundus_core.segmentation.scoring import PixelScores, score_pixels
from fundus_core.segmentation.summaries import (
    ScoreComparison,
    ScoreSummary,
    compare_scores,
    summaries,
)
from fundus_core.ui import wiring
from fundus_core.workflows.segmenting import segmentation_scores
from fundus_core.workflows.segmenting.marking import measured
from fundus_core.workflows.segmenting.masks import USUAL_FIELD, mask_files
from fundus_core.workflows.segmenting.score_store import (
    ScoredModel,
    list_scores,
    load_scores,
)
from fundus_core.workflows.segmenting.segmenter_store import (
    Knowledge,
    TrainedSegmenter,
    list_segmenters,
)
from fundus_core.workflows.segmenting.segmenters import Marker, open_marker, ready_file, split_side


@dataclass(frozen=True, slots=True)
class MarkedPhotograph:
    """One photograph with what a model finds in it."""

    photograph: NDArray[np.uint8]
    """Shape (H, W, 3), RGB."""

    field: NDArray[np.bool_]
    """Shape (H, W)."""

    shares: NDArray[np.float32]
    """Shape (C, H, W)."""

    channels: tuple[str, ...]
    """C names."""

    knows: Knowledge

    def of(self, channel: str) -> NDArray[np.float32]:
        """Returns the shares (H, W) of a channel."""
        shares: NDArray[np.float32] = self.shares[self.channels.index(channel)]
        return shares


def model_titles() -> dict[str, str]:
    """Returns the models that can mark photographs here: name -> title, our own first."""
    place = wiring.workspace()
    own = {one.id: one.label for one in trained_models()}
    published = {name: one.title for name, one in READY.items() if ready_file(place, name)}
    return {**own, **published, FRANGI: "Frangi's filter, Otsu's threshold (classical)"}


def trained_models() -> tuple[TrainedSegmenter, ...]:
    """Returns the networks that were trained here to mark photographs, newest first."""
    place = wiring.workspace()
    return _trained_models(place, wiring.token_of(place.root / "segmenters"))


def model_channels(name: str) -> str:
    """Returns what a model marks, as `parse_channels` reads it for the usual masks."""
    name, _ = split_side(name)
    trained = {one.id: one for one in trained_models()}
    if name in trained:
        return channels_text(trained[name].channels)
    names = READY[name].channels if name in READY else ("vessel",)
    bits = {"artery": 1, "vein": 2, "disc": 16, "cup": 32}
    return ",".join(f"{one}={bits[one]}" if one in bits else one for one in names)


def channel_names(models: Sequence[str]) -> tuple[str, ...]:
    """Returns what models mark: the first one's channels, then those of the others."""
    named = (one.name for name in models for one in parse_channels(model_channels(name)))
    return tuple(dict.fromkeys(named))


def marked_photograph(dataset_id: str, name: str, image_id: str) -> MarkedPhotograph:
    """Returns what a model finds in a photograph; takes some seconds the first time.

    Raises:
        FundusError: If the model or the photograph cannot be read.
    """
    token = (_token(name), _stamps(dataset_id, image_id))
    return _marked(wiring.workspace(), dataset_id, name, image_id, token)


def truth_of(
    dataset_id: str, column: str, channels: str, image_id: str
) -> dict[str, NDArray[np.bool_]] | None:
    """Returns the true masks (H, W) of a photograph by channel; None where it has none.

    Raises:
        FundusError: If the mask cannot be read, or is none of the photograph.
    """
    path = _mask_of(dataset_id, column, image_id)
    if path is None:
        return None
    return _truth(dataset_id, str(path), channels, image_id, _stamps(dataset_id, image_id, column))


def photograph_scores(
    dataset_id: str, name: str, image_id: str, column: str, channels: str, threshold: float
) -> dict[str, PixelScores]:
    """Returns a model's scores on one photograph by channel; empty where its truth is not known.

    Raises:
        FundusError: As `marked_photograph` and `truth_of` do.
    """
    key = (dataset_id, name, image_id, column, channels, threshold)
    return _photograph_scores(*key, (_token(name), _stamps(dataset_id, image_id, column)))


def photograph_measures(
    dataset_id: str, name: str, image_id: str, threshold: float
) -> dict[str, float | None]:
    """Returns what a model's marks in one photograph measure.

    Raises:
        FundusError: As `marked_photograph` does.
    """
    token = (_token(name), _stamps(dataset_id, image_id))
    return _photograph_measures(dataset_id, name, image_id, threshold, token)


def scored_models(dataset_id: str) -> tuple[ScoredModel, ...]:
    """Returns which models were scored on a data set, the latest first."""
    place = wiring.workspace()
    return _scored_models(place, dataset_id, wiring.token_of(place.root / "segmentation_scores"))


def scores_now(dataset_id: str, known: ScoredModel) -> ScoredModel | None:
    """Returns stored scores with the cautions that hold now.

    Returns:
        None where the model, a photograph, its patient, its mask or its field is another by now,
        or gone.
    """
    place, dataset = wiring.workspace(), wiring.dataset(dataset_id)
    try:
        files = [mask_files(dataset, name) for name in (known.masks, known.field)]
    except FundusError:
        return None
    stamps = tuple(_stamp(path) for found in files for path in found.values())
    folders = (place.datasets, place.root / "segmenters", place.root / "segmentation_scores")
    token = (_token(known.model), stamps, *(wiring.token_of(one) for one in folders))
    return _scores_now(place, dataset_id, known.id, known, token)


def score_summaries(key: str) -> tuple[ScoreSummary, ...]:
    """Returns the means of stored scores with their intervals."""
    return _score_summaries(wiring.workspace(), key)


def score_comparison(key_a: str, key_b: str) -> tuple[ScoreComparison, ...]:
    """Compares two models' stored scores.

    Raises:
        DifferentImagesError: If they were scored on different photographs.
    """
    return _score_comparison(wiring.workspace(), key_a, key_b)


def _mask_of(dataset_id: str, column: str, image_id: str) -> Path | None:
    """Returns the mask of one photograph, looked for anew."""
    return mask_files(wiring.dataset(dataset_id).select([image_id]), column).get(image_id)


def _stamps(dataset_id: str, image_id: str, column: str = "") -> tuple[object, ...]:
    """Returns what changes with the files of a photograph, of its field and of its mask."""
    row = wiring.dataset(dataset_id).table.set_index("image_id").loc[image_id]
    masks = (_mask_of(dataset_id, one, image_id) for one in (USUAL_FIELD, column))
    return tuple(_stamp(path) for path in (Path(str(row["path"])), *masks) if path is not None)


def _stamp(path: Path) -> tuple[object, ...]:
    return (str(path), wiring.token_of(path, deep=False))


def _token(name: str) -> tuple[object, ...]:
    place, (name, _) = wiring.workspace(), split_side(name)
    file = ready_file(place, name) if name in READY else None
    folder = file or place.root / "segmenters" / name
    return wiring.token_of(Path(folder), deep=False)


@st.cache_resource(show_spinner=False, max_entries=8)
def _trained_models(place: Workspace, token: object) -> tuple[TrainedSegmenter, ...]:
    return list_segmenters(place)


@st.cache_resource(show_spinner="Loading the network…", max_entries=4)
def _marker(place: Workspace, name: str, token: object) -> Marker:
    marker = open_marker(place, name)
    wiring.spare_the_collector()
    return marker


@st.cache_resource(show_spinner="Marking the photograph…", max_entries=12)
def _marked(
    place: Workspace, dataset_id: str, name: str, image_id: str, token: object
) -> MarkedPhotograph:
    dataset = wiring.dataset(dataset_id)
    row = dataset.table.set_index("image_id").loc[image_id]
    photograph = read_image(Path(str(row["path"])), image_id=image_id)
    field = field_of(photograph, _mask_of(dataset_id, USUAL_FIELD, image_id))
    marker = _marker(place, name, _token(name))
    shares = marker.mark(image_id, photograph, field)
    for array in (photograph, field, shares):
        array.flags.writeable = False
    return MarkedPhotograph(photograph, field, shares, marker.channels, marker.knows(image_id))


@st.cache_resource(show_spinner=False, max_entries=12)
def _truth(
    dataset_id: str, path: str, channels: str, image_id: str, token: object
) -> dict[str, NDArray[np.bool_]]:
    row = wiring.dataset(dataset_id).table.set_index("image_id").loc[image_id]
    height, width = read_image(Path(str(row["path"])), image_id=image_id).shape[:2]
    mask = at_photographs_size(read_mask(Path(path)), (height, width), name=Path(path).name)
    return {one.name: one.of(mask) for one in parse_channels(channels)}


@st.cache_data(show_spinner="Scoring the photograph…", max_entries=64)
def _photograph_scores(
    dataset_id: str,
    name: str,
    image_id: str,
    column: str,
    channels: str,
    threshold: float,
    token: object,
) -> dict[str, PixelScores]:
    truth = truth_of(dataset_id, column, channels, image_id)
    found = marked_photograph(dataset_id, name, image_id)
    _require_field(dataset_id, image_id, found.field)
    return {
        channel: score_pixels(found.of(channel), mask, found.field, threshold=threshold)
        for channel, mask in (truth or {}).items()
        if channel in found.channels
    }


def _require_field(dataset_id: str, image_id: str, field: NDArray[np.bool_]) -> None:
    row = wiring.dataset(dataset_id).table.set_index("image_id").loc[image_id]
    mask = _mask_of(dataset_id, USUAL_FIELD, image_id)
    require_field(field, Path(str(row["path"])).name, mask.name if mask else "")


@st.cache_data(show_spinner="Measuring the marks…", max_entries=64)
def _photograph_measures(
    dataset_id: str, name: str, image_id: str, threshold: float, token: object
) -> dict[str, float | None]:
    found = marked_photograph(dataset_id, name, image_id)
    return measured(found.channels, found.shares, found.field, threshold)


@st.cache_data(show_spinner=False, max_entries=16)
def _scored_models(place: Workspace, dataset_id: str, token: object) -> tuple[ScoredModel, ...]:
    return list_scores(place, dataset_id)


@st.cache_data(show_spinner="Looking at stored scores…", max_entries=32)
def _scores_now(
    place: Workspace, dataset_id: str, key: str, _known: ScoredModel, token: object
) -> ScoredModel | None:
    try:
        return segmentation_scores.scores_now(place, _known, wiring.dataset(dataset_id))
    except FundusError:  # the model or a mask is gone: said where it is looked at
        return None


@st.cache_data(show_spinner="Drawing patients anew…", max_entries=32)
def _score_summaries(place: Workspace, key: str) -> tuple[ScoreSummary, ...]:
    return summaries(load_scores(place, key).table)


@st.cache_data(show_spinner="Comparing the models…", max_entries=32)
def _score_comparison(place: Workspace, key_a: str, key_b: str) -> tuple[ScoreComparison, ...]:
    return compare_scores(load_scores(place, key_a).table, load_scores(place, key_b).table)
