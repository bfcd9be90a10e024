"""Reads a folder whose sub-folders are the labels as a table."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fundus_core.domain.dataset import RejectedRow
from fundus_core.domain.visible import visible
from fundus_core.io.columns import is_split_name
from fundus_core.io.folder_tables import tables_left_out_below
from fundus_core.io.photo_files import (
    NOT_TOLD,
    is_mask_folder,
    is_photograph_name,
    links_out,
    walk_files,
)

_CONTAINERS = {"images", "image", "imgs", "img", "photos", "photographs", "jpg", "jpeg", "png"}
"""Names of folders that say nothing about what is in them."""

_OTHER_FORMATS = (
    ".dcm",
    ".dicom",
    ".heic",
    ".heif",
    ".avif",
    ".jp2",
    ".j2k",
    ".nef",
    ".cr2",
    ".svg",
)
"""Suffixes of pictures that cannot be read and are listed as such; other files are no pictures."""


def read_class_folders(folder: Path) -> tuple[pd.DataFrame, tuple[RejectedRow, ...]]:
    """Lists the photographs below a folder with what the names of their folders tell.

    A level of folders that are all named train, val, test or similar is the split. Levels that say
    nothing (one folder only, or "images") are passed over. Of the others, the label is the deepest
    one whose names recur in different folders, else the uppermost: `site/class` and `class/patient`
    are both understood. The rest become columns `folder_1`, `folder_2` and so on, from the top.

    Returns:
        A table with `path`, relative to the folder, and where there is any `label`, `split`,
        `folder_N`, as strings and None; and what is left out: pictures of formats that cannot be
        read, tables further down, folders of masks beside one of photographs, and links to where
        nothing may be read from.
    """
    files = list(walk_files(folder))
    outside = [path for path in links_out(files) if not is_photograph_name(path.name)]
    files = [path for path in files if path not in outside]
    foreign = [path for path in files if path.name.lower().endswith(_OTHER_FORMATS)]
    pictures = [p.relative_to(folder) for p in files if is_photograph_name(p.name)]
    masks = _mask_folders(pictures)
    photographs = [p for p in pictures if masks.isdisjoint(p.parents)]
    table = pd.DataFrame({"path": [path.as_posix() for path in photographs]}, dtype=object)
    names = [path.parts[:-1] for path in photographs]
    for column, values in _columns(names).items():
        table[column] = pd.Series(values, dtype=object)
    detail = "This format is not supported; export the photograph as JPEG or PNG."
    rejected = [RejectedRow(visible(str(path)), "missing", NOT_TOLD) for path in outside]
    rejected += [RejectedRow(visible(str(path)), "unreadable", detail) for path in foreign]
    numbers = Counter(parent for path in pictures for parent in path.parents)
    for place in sorted(masks):
        number = numbers[place]
        said = f"By the folder's name, what it holds are masks of photographs: {number} files."
        rejected.append(RejectedRow(visible(str(folder / place)), "masks", said))
    return table, (*tables_left_out_below(folder, files), *rejected)


def _mask_folders(pictures: Sequence[Path]) -> set[Path]:
    """Returns the folders named as of masks that lie beside one named as of photographs."""
    folders = {parent for path in pictures for parent in path.parents if parent.name}
    beside = {one.parent for one in folders if one.name.lower() in _CONTAINERS}
    return {one for one in folders if is_mask_folder(one.name) and one.parent in beside}


def _columns(names: Sequence[Sequence[str]]) -> dict[str, list[str | None]]:
    """Returns what the levels of folders mean, from the folder names of every photograph."""
    depth = max(map(len, names), default=0)
    levels = [[row[i] if i < len(row) else None for row in names] for i in range(depth)]
    columns: dict[str, list[str | None]] = {}
    telling = []
    for level in levels:
        found = {name for name in level if name is not None}
        if "split" not in columns and all(map(is_split_name, found)):
            columns["split"] = level
        elif not {name.lower() for name in found} <= _CONTAINERS:
            telling.append(level)
    several = [level for level in telling if len(set(level)) > 1] or telling[-1:]
    if several:
        label = _label_level(several)
        columns["label"] = several[label]
        others = several[:label] + several[label + 1 :]
        columns |= {f"folder_{number}": level for number, level in enumerate(others, start=1)}
    return columns


def _label_level(levels: Sequence[Sequence[str | None]]) -> int:
    """Returns which of the levels holds the classes."""
    for i in reversed(range(1, len(levels))):
        places = {
            (name, above)
            for name, above in zip(levels[i], levels[i - 1], strict=True)
            if name is not None
        }
        if len(places) > len({name for name, _ in places}):
            return i
    return 0
