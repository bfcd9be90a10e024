"""Use case: no result is written over what somebody needs: data, the workspace, or another result.

It is asked before anything is computed.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fundus_core.errors import DataError, StoreError
from fundus_core.io.files import require_place
from fundus_core.io.images import SUPPORTED_SUFFIXES
from fundus_core.io.manifest import DataSource
from fundus_core.io.photo_files import root_of
from fundus_core.io.remote import is_remote
from fundus_core.io.streams import is_stream
from fundus_core.io.tables import TABLE_SUFFIXES
from fundus_core.io.typed_paths import real_path, typed_path
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_as_given, list_datasets

OPTION, ARGUMENT = "--replace", "replace=True"
"""How a command and a function are told to write over a result."""


def require_result_place(
    workspace: Workspace,
    *places: Path,
    suffixes: Sequence[str] = (),
    is_folder: bool = False,
    replace: bool = False,
    inputs: Iterable[Path] = (),
    within: Sequence[Path] = (),
    asked_by: str = OPTION,
) -> None:
    """Refuses places for results that may not be written to, or that hold something else.

    A pipe or a device, such as /dev/stdout, is no place that holds anything.

    Args:
        workspace: Nothing inside of it is written; its data sets are not written over.
        places: The files, or the folders, to be written.
        suffixes: Those a file may have, lower case with the dot; empty where any will do.
        is_folder: Whether they are folders.
        replace: Whether another result that is there may be written over.
        inputs: What the results are made from: files and folders, never written over.
        within: Folders inside the workspace where these results belong nevertheless.
        asked_by: `OPTION` or `ARGUMENT`: what to add to have something replaced.

    Raises:
        StoreError: If one of them is refused; nothing was changed.
        ReadOnlyError: If one lies in a workspace that is only to be looked at.
    """
    sources = tuple(_sources(workspace, inputs))
    kept = [
        place
        for place in places
        if _is_kept(workspace, place, sources, suffixes, within, is_folder=is_folder)
    ]
    there = [place for place in kept if _holds_something(place, is_folder=is_folder)]
    if not there:
        return
    if is_folder and not replace:
        raise StoreError(
            f"{there[0]} is there already, with something in it; {asked_by} writes over the files "
            "in it that are named like new ones.",
            hint="Or name a folder that is not there yet.",
        )
    needed = [*sources, *_listed_in_tables(workspace, there, is_folder=is_folder)]
    for place in there:
        for path, what in needed:
            if _would_lose(place, path, is_folder=is_folder):
                raise StoreError(
                    f"{place} is not written over: {_relation(place, path)} {what}.",
                    hint="Name another place, outside the folders of your data.",
                )
    if not replace:
        raise StoreError(
            f"{there[0]} is there already; {asked_by} writes over it.",
            hint="Or name another place.",
        )


def _is_kept(
    workspace: Workspace,
    place: Path,
    sources: Iterable[tuple[Path, str]],
    suffixes: Sequence[str],
    within: Sequence[Path],
    *,
    is_folder: bool,
) -> bool:
    """Says whether what is written to a place stays there; a stream passes it on.

    Raises:
        StoreError: If nothing may be written there, whatever is there now.
    """
    if is_remote(place):
        raise StoreError(
            f"{place} is an address in a store, and results are written to disks.",
            hint="Name a file or a folder of this machine, and copy it from there.",
        )
    if is_stream(place) and not is_folder:
        return False
    if not is_folder:
        _require_suffix(place, suffixes)
    if not any(_is_in(place, folder) for folder in within):
        _require_outside(workspace, place)
        _require_not_among_photographs(place, sources, is_folder=is_folder)
    require_place(place, is_folder=is_folder)
    return True


def require_apart(workspace: Workspace, folder: Path) -> None:
    """Refuses a folder inside the workspace, or inside one of the folders of data sets.

    Raises:
        StoreError: If it lies there.
    """
    _require_outside(workspace, folder)
    _require_not_among_photographs(folder, _sources(workspace, ()), is_folder=True)


def inputs_of(source: DataSource) -> tuple[Path, ...]:
    """Returns the files and folders that a source names."""
    return (source.path,) if source.table is None else (source.path, source.table)


def _require_suffix(place: Path, suffixes: Sequence[str]) -> None:
    if not suffixes or place.suffix.lower() in suffixes:
        return
    name = place.name or str(place)
    if len(suffixes) == 1:
        said = f"does not end in {suffixes[0]}"
    else:
        said = f"ends in neither {' nor '.join(suffixes)}"
    raise StoreError(
        f"{name} {said}.", hint=f"Name a file such as {place.stem or 'result'}{suffixes[0]}."
    )


def _require_outside(workspace: Workspace, place: Path) -> None:
    if _is_in(place, workspace.root):
        raise StoreError(
            f"{place} lies in the workspace {workspace.root}, which holds what the program keeps.",
            hint="Name a place outside of it.",
        )


def _require_not_among_photographs(
    place: Path, sources: Iterable[tuple[Path, str]], *, is_folder: bool
) -> None:
    """Refuses what a folder of data would take for a photograph, a class or a table of its own."""
    if not is_folder and place.suffix.lower() not in (*SUPPORTED_SUFFIXES, *TABLE_SUFFIXES):
        return
    for folder, what in sources:
        if not is_remote(folder) and typed_path(folder).is_dir() and _is_in(place, folder):
            raise StoreError(
                f"{place} is not written: it lies in {what}, and would be read as a part of it.",
                hint="Name another place, outside the folders of your data.",
            )


def _sources(workspace: Workspace, inputs: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Yields the files and folders that results are made from, and those of all data sets."""
    for path in inputs:
        yield path, "what the result is made from"
    for summary in list_datasets(workspace):
        for path in inputs_of(summary.source):
            yield path, f"the data set {summary.name}"


def _holds_something(place: Path, *, is_folder: bool) -> bool:
    try:
        if is_folder:
            return place.is_dir() and any(place.iterdir())
        return os.path.lexists(place)
    except OSError as error:
        raise StoreError(
            f"{place} cannot be looked into: {error.strerror}.", hint="Name another place."
        ) from error


def _listed_in_tables(
    workspace: Workspace, places: Sequence[Path], *, is_folder: bool
) -> Iterator[tuple[Path, str]]:
    """Yields the files of data sets that places may hold, each with what it is."""
    for summary in list_datasets(workspace):
        if not is_remote(summary.source.path):
            for path in _listed(workspace, summary.id, places, is_folder=is_folder):
                yield path, f"a file of the data set {summary.name}"


def _listed(
    workspace: Workspace, dataset_id: str, places: Sequence[Path], *, is_folder: bool
) -> Iterator[Path]:
    """Yields what the table of a data set lists, photographs and masks, as far as it may be there.

    Of a table of a million rows, only files of those names or in those folders are asked for on
    disk.
    """
    try:
        dataset = dataset_as_given(workspace, dataset_id)
    except DataError:  # what was stored of it is damaged
        return
    root, table = root_of(dataset.source), dataset.table
    cells = {str(cell) for name in table for cell in table[name].dropna().unique()}
    cells |= {row.path for row in dataset.rejected}
    if not is_folder:
        names = tuple({name for one in places for name in (one.name, real_path(one).name)})
        cells = {cell for cell in cells if cell.endswith(names)}
    real_folders: dict[Path, bool] = {}
    for cell in cells:
        folder = (root / cell).parent
        if is_folder and folder not in real_folders:
            real_folders[folder] = any(_is_in(folder, place) for place in places)
        if real_folders.get(folder, True):
            yield root / cell


def _would_lose(place: Path, needed: Path, *, is_folder: bool) -> bool:
    """Says whether to write a result would change what is needed."""
    if is_remote(needed):
        return False
    needed = typed_path(needed)
    if needed.is_dir():
        return _is_in(place, needed) or (is_folder and _is_in(needed, place))
    return needed.is_file() and (
        _is_in(needed, place) if is_folder else real_path(place) == real_path(needed)
    )


def _relation(place: Path, needed: Path) -> str:
    needed = typed_path(needed)
    if real_path(place) == real_path(needed):
        return "it is"
    return "it belongs to" if _is_in(place, needed) else "it holds"


def _is_in(path: Path, folder: Path) -> bool:
    """Says whether a path leads into a folder, or begins in it: what is there may be a link."""
    begins = path.absolute().is_relative_to(folder.absolute())
    return begins or real_path(path).is_relative_to(real_path(folder))
