"""Which mask belongs to which photograph of a data set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import DataError
from fundus_core.io.data_roots import file_within
from fundus_core.io.files import checksum
from fundus_core.io.photo_files import PICTURE_SUFFIXES, names_pictures, root_of
from fundus_core.segmentation.channels import VESSEL, Channel, channels_text
from fundus_core.segmentation.data import MaskedPhotograph

USUAL_FIELD = "fov"
"""Column or folder of fields of view."""


USUAL_MASKS = "mask"
"""Column or folder of masks, where no column is named like what is to be marked."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Where the truth of a data set is."""

    channels: tuple[Channel, ...] = (VESSEL,)
    column: str = USUAL_MASKS
    """Column of paths of masks, relative to the table; where the table has none of this name, a
    folder of this name beside that of the photographs, whose files are called like them."""

    field: str = USUAL_FIELD
    """Column or folder of masks of the field of view; where there is neither, the field is found in
    the photograph."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the channels."""
        return tuple(channel.name for channel in self.channels)

    def at(self, column: str) -> "Truth":
        """Returns where the same channels are by other masks, such as a second observer's."""
        return Truth(self.channels, column, self.field)


@dataclass(frozen=True, slots=True)
class Masked:
    """The photographs of a data set that have a mask."""

    photographs: tuple[MaskedPhotograph, ...]
    n_without: int
    """Photographs without one; they take no part."""

    def fingerprint(self, truth: Truth) -> str:
        """Returns a key of photographs, masks and fields by content, and of what is in them.

        Raises:
            DataError: If a file cannot be read.
        """
        files = [
            [one.image_id, mask_sum(one.mask), None if one.field is None else mask_sum(one.field)]
            for one in self.photographs
        ]
        return fingerprint_of([channels_text(truth.channels), files])


def mask_columns(dataset: FundusDataset) -> list[str]:
    """Returns the columns of a table that name picture files besides photographs and fields."""
    columns = dataset.table.columns.drop(["path", "image_id", USUAL_FIELD], errors="ignore")
    return [str(name) for name in columns if names_pictures(dataset.table[name])]


def usual_column(columns: Iterable[str], channels: Sequence[Channel]) -> str:
    """Returns the column that is named like what is to be marked; `USUAL_MASKS` without one.

    A table may hold several kinds of masks: those of lesions say nothing about vessels.

    Examples:
        >>> usual_column(["mask", "vessels"], [VESSEL])
        'vessels'
        >>> usual_column(["mask", "vessels"], [Channel("disc", 16)])
        'mask'
    """
    names = [channel.name.casefold() for channel in channels]
    alike = (one for one in columns if any(name in one.casefold() for name in names))
    return next(alike, USUAL_MASKS)


def masked_photographs(dataset: FundusDataset, truth: Truth) -> Masked:
    """Finds the masks of a data set.

    Raises:
        DataError: If no photograph has one, or a file that the table names is not there.
    """
    masks = mask_files(dataset, truth.column)
    fields = mask_files(dataset, truth.field)
    paths = dict(zip(dataset.image_ids, dataset.table["path"], strict=True))
    found = tuple(
        MaskedPhotograph(image_id, Path(path), masks[image_id], fields.get(image_id))
        for image_id, path in paths.items()
        if image_id in masks
    )
    if not found:
        columns = ", ".join(map(str, dataset.table.columns))
        raise DataError(
            f"No photograph of {dataset.name} has a mask: there is no column {truth.column!r}, or "
            f"it is empty, and no folder {truth.column!r} beside the photographs.",
            hint=f"Name another (--masks); the table's columns are {columns}.",
        )
    return Masked(found, len(dataset) - len(found))


def mask_files(dataset: FundusDataset, name: str) -> dict[str, Path]:
    """Returns the masks of a column, or of a folder beside the photographs, by image id.

    Photographs without one are left out.

    Raises:
        DataError: If a file that the table names is not there.
    """
    if not name:
        return {}
    if name in dataset.table.columns:
        return _of_column(dataset, name)
    rows = zip(dataset.image_ids, dataset.table["path"], strict=True)
    found = {image_id: _beside(Path(path), name) for image_id, path in rows}
    return {image_id: path for image_id, path in found.items() if path is not None}


def mask_sum(path: Path) -> str:
    """Returns a key of what a mask file holds.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        return checksum(path)
    except OSError as error:
        raise DataError(
            f"The mask {path} cannot be read: {error.strerror}.",
            hint="Check the permissions of the file and the disk it is on.",
        ) from error


def _of_column(dataset: FundusDataset, name: str) -> dict[str, Path]:
    root = root_of(dataset.source)
    cells = dict(zip(dataset.image_ids, dataset.table[name], strict=True))
    named = {key: cell for key, cell in cells.items() if isinstance(cell, str) and cell}
    found = {key: file_within(root, cell) for key, cell in named.items()}
    missing = [root / named[key] for key, path in found.items() if path is None]
    if missing:
        raise DataError(
            f"{len(missing)} of the {len(named)} files that the column {name!r} names are not "
            f"there, or outside the folders that may be read from, the first {missing[0]}.",
            hint=f"Put them under {root}, or leave their cells empty.",
        )
    return {key: path for key, path in found.items() if path is not None}


def _beside(photograph: Path, folder: str) -> Path | None:
    """Returns the file of the same name in a folder beside the photograph's, if there is one."""
    names = (str(Path(folder, photograph.stem + ending)) for ending in PICTURE_SUFFIXES)
    found = (file_within(photograph.parent.parent, name) for name in names)
    return next((path for path in found if path is not None), None)
