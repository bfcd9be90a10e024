"""Use case: mark what a model finds in the photographs of a data set, and measure it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import DataError, ImageError, StoreError
from fundus_core.io.files import write_atomically
from fundus_core.io.images import holds, read_image
from fundus_core.io.read_only import require_writable
from fundus_core.io.store import ArtifactStore
from fundus_core.io.together import appearing_together
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.data import field_of
from fundus_core.segmentation.scoring import THRESHOLD
from fundus_core.segmentation.segmenters import named
from fundus_core.segmentation.vessels import FIELD_SIDE, measures
from fundus_core.workflows.models.run_record import now
from fundus_core.workflows.segmenting.masks import mask_files, mask_sum
from fundus_core.workflows.segmenting.segmenters import Marker, open_marker, segmenter_key

_TABLE = "measures.parquet"
SOFTWARE = "Fundus Explorer"
"""What a file of marks says of who wrote it."""

_HEAD_BYTES = 256
"""Of a picture, in which that stands."""

_VERSION = 2
"""Raised when measures change, so that stored ones are not used any more."""


@dataclass(frozen=True, slots=True)
class MarkedPhotographs:
    """What was marked in a data set, apart from the marks themselves."""

    id: str
    model: str
    title: str
    dataset_id: str
    channels: tuple[str, ...]
    threshold: float
    n_images: int
    unreadable: tuple[str, ...]
    """Image ids of photographs that could not be read."""

    n_learned: int
    """Photographs that the model had learned from."""

    created_at: str


@dataclass(frozen=True)
class Marked:
    """Measures of the marks in a data set."""

    about: MarkedPhotographs
    table: pd.DataFrame
    """A row per photograph: `image_id`, and the columns of `measures`."""


def mark_photographs(
    workspace: Workspace,
    name: str,
    dataset: FundusDataset,
    dataset_id: str,
    *,
    threshold: float = THRESHOLD,
    field: str = "fov",
    out: Path | None = None,
    progress: Progress = silent,
) -> Marked:
    """Marks photographs and measures the marks; without `out`, stored measures are read.

    Args:
        workspace: Where models and measures are.
        name: See `open_marker`.
        dataset: The photographs.
        dataset_id: The id they are remembered by.
        threshold: Shares from here on are marked.
        field: Column or folder of masks of the field of view; where there is none, the field is
            found in the photograph.
        out: Folder for a PNG per photograph and channel: shares from 0 (0) to 255 (1).
        progress: Told after every photograph.

    Raises:
        DataError: If no photograph can be read.
        StoreError: If there is no such model, the disk is full, or a picture in `out` has the name
            of a mark and is none.
        ReadOnlyError: If they would have to be stored, and nothing may be.
        WeightsError: If its weights are not at hand.
    """
    fields = mask_files(dataset, field)
    key = _key(workspace, name, dataset, dataset_id, threshold, fields)
    stored = stored_measures(workspace, key)
    paths = dict(zip(dataset.image_ids, dataset.table["path"], strict=True))
    if stored is not None and out is None:
        left = stored.about.unreadable
        if not any(holds(Path(paths[image_id]), image_id) for image_id in left):
            return stored
    require_writable(_store(workspace).root)
    marker = open_marker(workspace, name)
    rows, unreadable = [], []
    stems = _stems(paths)
    if out is not None:
        _require_ours(out, stems.values(), marker.channels)
    with nullcontext() if out is None else appearing_together(out) as made:
        for number, (image_id, path) in enumerate(paths.items()):
            progress(number, len(paths), f"Marking by {marker.title}")
            try:
                photograph = read_image(Path(path), image_id=image_id)
            except ImageError:
                unreadable.append(image_id)
                continue
            inside = field_of(photograph, fields.get(image_id))
            shares = marker.mark(image_id, photograph, inside)
            if made is not None:
                _write_shares(made, stems[image_id], marker.channels, shares)
            of_one = measured(marker.channels, shares, inside, threshold)
            rows.append({"image_id": image_id, **of_one})
    progress(len(paths), len(paths), f"Marked by {marker.title}")
    if not rows:
        raise DataError(
            f"None of the {len(paths)} photographs could be read.",
            hint="See `fundus check` for what is wrong with each file.",
        )
    table = pd.DataFrame(rows)
    table = table.astype({column: float for column in table.columns if column != "image_id"})
    about = _about(key, name, marker, dataset_id, threshold, table, unreadable)
    _store(workspace).put(
        key, asdict(about), lambda folder: table.to_parquet(folder / _TABLE, index=False)
    )
    return Marked(about, table)


def measured(
    channels: Sequence[str],
    shares: NDArray[np.float32],
    field: NDArray[np.bool_],
    threshold: float,
) -> dict[str, float | None]:
    """Measures what is marked in one photograph, at the scale that all are measured at.

    Args:
        channels: C names.
        shares: Shape (C, H, W).
        field: Shape (H, W).
        threshold: Shares from here on are marked.
    """
    import cv2

    columns = np.flatnonzero(field.any(axis=0))
    if not len(columns):
        return {}
    scale = FIELD_SIDE / float(columns[-1] - columns[0] + 1)
    size = (max(1, round(field.shape[1] * scale)), max(1, round(field.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = np.stack([cv2.resize(one, size, interpolation=way) for one in shares])
    inside = cv2.resize(field.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return measures(named(channels, scaled, threshold), np.asarray(inside))


def list_measures(workspace: Workspace, dataset_id: str) -> tuple[MarkedPhotographs, ...]:
    """Returns which measures of a data set are stored, the latest first."""
    found = _store(workspace).understood(_read).values()
    return tuple(one for one in found if one.dataset_id == dataset_id)


def stored_measures(workspace: Workspace, key: str) -> Marked | None:
    """Returns stored measures; None where there are none."""
    folder, told = _store(workspace).get(key), _store(workspace).about(key)
    about = None if told is None else _read(told)
    return Marked(about, pd.read_parquet(folder / _TABLE)) if folder and about else None


def with_measures(dataset: FundusDataset, marked: Marked) -> pd.DataFrame:
    """Returns the table of a data set with the measures as further columns, joined by image id."""
    measured_columns = marked.table.set_index("image_id")
    taken = dataset.table.columns.intersection(measured_columns.columns)
    renamed = measured_columns.rename(columns={name: f"{name}_measured" for name in taken})
    return dataset.table.join(renamed, on="image_id")


def _about(
    key: str,
    name: str,
    marker: Marker,
    dataset_id: str,
    threshold: float,
    table: pd.DataFrame,
    unreadable: Sequence[str],
) -> MarkedPhotographs:
    return MarkedPhotographs(
        id=key,
        model=name,
        title=marker.title,
        dataset_id=dataset_id,
        channels=marker.channels,
        threshold=threshold,
        n_images=len(table),
        unreadable=tuple(unreadable),
        n_learned=sum(marker.knows(image_id) == "learned" for image_id in table["image_id"]),
        created_at=now(),
    )


def _stems(paths: Mapping[str, str]) -> dict[str, str]:
    """Returns a file name for each photograph: its own, with the id where several share it."""
    own = {image_id: Path(path).stem for image_id, path in paths.items()}
    often = Counter(own.values())
    return {i: stem if often[stem] == 1 else f"{stem}-{i[:8]}" for i, stem in own.items()}


def _require_ours(out: Path, stems: Iterable[str], channels: Sequence[str]) -> None:
    """Refuses to write over pictures that are no marks of this program, such as masks.

    Raises:
        StoreError: If one is there.
    """
    for channel, stem in product(channels, stems):
        path = _shares_file(out, channel, stem)
        if path.exists() and not _is_ours(path):
            raise StoreError(
                f"{path} was not written by this program, and is not written over.",
                hint="Name another folder.",
            )


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return SOFTWARE.encode() in file.read(_HEAD_BYTES)


def _shares_file(out: Path, channel: str, stem: str) -> Path:
    return out / channel / f"{stem}.png"


def _write_shares(
    out: Path, stem: str, channels: Sequence[str], shares: NDArray[np.float32]
) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    about.add_text("Software", SOFTWARE)
    for channel, one in zip(channels, shares, strict=True):
        picture = Image.fromarray(np.rint(255 * np.clip(one, 0, 1)).astype(np.uint8))
        write_atomically(
            _shares_file(out, channel, stem), partial(picture.save, format="PNG", pnginfo=about)
        )


def _key(
    workspace: Workspace,
    name: str,
    dataset: FundusDataset,
    dataset_id: str,
    threshold: float,
    fields: Mapping[str, Path],
) -> str:
    """Returns under what measures are stored."""
    model, ids = segmenter_key(workspace, name), list(dataset.image_ids)
    sums = {image_id: mask_sum(fields[image_id]) for image_id in sorted(fields)}
    return fingerprint_of([_VERSION, model, dataset_id, ids, threshold, sums])


def _store(workspace: Workspace) -> ArtifactStore:
    return ArtifactStore(workspace.root / "segmentation_measures")


def _read(about: dict[str, Any]) -> MarkedPhotographs | None:
    """Returns what is told of measures, or None when another version of the program wrote them."""
    try:
        channels, unreadable = tuple(about["channels"]), tuple(about["unreadable"])
        return MarkedPhotographs(**{**about, "channels": channels, "unreadable": unreadable})
    except (TypeError, KeyError):
        return None
