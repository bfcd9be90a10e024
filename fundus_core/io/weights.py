"""Finding the file that holds a backbone's weights, on this machine; nothing is downloaded here."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Literal

from fundus_core.backbones.base import BackboneSpec
from fundus_core.errors import WeightsError
from fundus_core.io.data_roots import is_within_roots, require_within_roots
from fundus_core.io.files import appearing, read_json, sync_file
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.io.typed_paths import file_at, listed_paths, typed_path
from fundus_core.io.workspace import Workspace

ENVIRONMENT_VARIABLE = "FUNDUS_WEIGHTS"
SCRATCH = "scratch"

SHIPPED = Path(__file__).parents[1] / "weights"
"""Weights of our own, pre-trained on synthetic photographs; part of the package."""

WeightsState = Literal["not needed", "present", "in hub cache", "fetchable", "by hand"]
"""Where a backbone's weights are: the first three can be used at once; `fundus backbones fetch`
gets the fourth; the last are published where no program may download."""

USABLE: tuple[WeightsState, ...] = ("not needed", "present", "in hub cache")

_SAFETENSORS = ".safetensors"
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """Where the weights of a backbone are."""

    path: Path | None
    """The file; None for random weights."""

    name: str
    """What the user knows them by: the file's name without suffix, or `scratch`."""

    sha256: str
    """Hash of the file; empty for random weights."""


def weights_folders(workspace: Workspace) -> tuple[Path, ...]:
    """Returns the folders searched for weight files, in order.

    Raises:
        DataError: If `FUNDUS_WEIGHTS` names what is no path.
    """
    return (workspace.weights, *listed_paths(ENVIRONMENT_VARIABLE), SHIPPED)


def file_names(spec: BackboneSpec) -> tuple[str, ...]:
    """Returns the names under which a backbone's weights are looked for, the preferred first."""
    if spec.weights_files:
        return spec.weights_files
    published = PurePosixPath(spec.source.file or spec.source.url).name
    return (published,) if published else ()


def name_to_fetch(spec: BackboneSpec) -> str:
    """Returns the name under which a downloaded file is found again.

    A file is read by its suffix, so safetensors never get the name of another format.
    """
    published = PurePosixPath(spec.source.file or spec.source.url).name
    is_safe = published.endswith(_SAFETENSORS)
    fitting = [name for name in file_names(spec) if name.endswith(_SAFETENSORS) == is_safe]
    return fitting[0] if fitting else published


def name_when_converted(spec: BackboneSpec) -> str:
    """Returns the name under which `fundus backbones convert` writes a backbone's weights."""
    names = file_names(spec) or (f"{spec.id}{_SAFETENSORS}",)
    safe = [name for name in names if name.endswith(_SAFETENSORS)]
    return safe[0] if safe else f"{Path(names[0]).stem}{_SAFETENSORS}"


def local_weights(spec: BackboneSpec, workspace: Workspace) -> Path | None:
    """Returns the weights of a backbone if they are on this machine, without any network."""
    names = file_names(spec)
    for folder in weights_folders(workspace) if names else ():
        for name in (*names, name_when_converted(spec)):
            if (folder / name).is_file():
                return folder / name
    return _in_hub_cache(spec)


def weights_state(spec: BackboneSpec, workspace: Workspace) -> WeightsState:
    """Returns where the weights of a backbone are; no network is used."""
    if not file_names(spec):
        return "not needed"
    found = local_weights(spec, workspace)
    if found is not None:
        return "present" if found.parent in weights_folders(workspace) else "in hub cache"
    return "fetchable" if spec.source.fetchable else "by hand"


def find_weights(spec: BackboneSpec, wanted: str | None, workspace: Workspace) -> FoundWeights:
    """Returns the weights to load.

    Args:
        spec: The backbone.
        wanted: `scratch`; a file's path; a file's name in a weights folder; or None for the
            backbone's own.
        workspace: Its weights folder is searched first.

    Raises:
        WeightsError: If there is no such file on this machine; says which file goes where.
    """
    if wanted == SCRATCH or (wanted is None and not file_names(spec)):
        return FoundWeights(None, SCRATCH, "")
    path = _named_file(wanted, workspace) if wanted else local_weights(spec, workspace)
    if path is None:
        raise WeightsError(
            f"The weights of {spec.id} are not on this machine: {' or '.join(file_names(spec))}.",
            hint=f"{where_weights_go(spec, workspace)} Or take random ones (--weights scratch).",
        )
    require_unchanged(path)
    return FoundWeights(path, _display_name(path, spec), file_sha256(path))


def require_allowed(wanted: str, workspace: Workspace) -> None:
    """Refuses a weights file that somebody on a page asks for, where it may not be read.

    A folder of weights may be read, also what is a link there. What is only a name is looked for
    by `find_weights`, where it may be read.

    Raises:
        DataError: If it is no path, or lies outside the folders that may be read; whether it is
            there is not told.
    """
    place = typed_path(wanted)
    if place.is_absolute() and not _is_kept(place, workspace):
        require_within_roots(place)


def require_unchanged(path: Path) -> None:
    """Refuses a weights file that is not the one its card was written for.

    Raises:
        WeightsError: If the card beside it tells of another SHA-256.
    """
    card = read_json(path.with_suffix(".json"))
    told = card.get("sha256") if isinstance(card, dict) else None
    if not told or told == file_sha256(path):
        return
    raise WeightsError(
        f"{path.name} was changed: its SHA-256 is {file_sha256(path)[:12]}…, its card "
        f"{path.with_suffix('.json').name} says {str(told)[:12]}….",
        hint="Fetch, convert or train the weights again; if the file is right, remove the card.",
    )


def write_weights(
    path: Path,
    write: Callable[[Path], object],
    tell: Callable[[str], object],
    *,
    n_bytes: int,
) -> str:
    """Writes a weights file; what is told of it is stored before it appears.

    Whoever is killed in between leaves a card without its weights, never weights without it.

    Args:
        path: Where the file is to appear; its folder is made if needed.
        write: Called with the temporary name to write to.
        tell: Called with the SHA-256 of the finished file, to store what is known of it.
        n_bytes: How much the file needs, for the sentence about a full disk.

    Returns:
        The SHA-256.

    Raises:
        StoreError: If the disk is full, or the place may not be written to.
        ReadOnlyError: If it lies in a workspace that is only to be looked at.
    """
    with appearing(path, n_bytes=n_bytes) as temporary:
        with full_disk_explained(path, n_bytes):
            write(temporary)
            sync_file(temporary)
        sha256 = file_sha256(temporary)
        tell(sha256)
    return sha256


def where_weights_go(spec: BackboneSpec, workspace: Workspace) -> str:
    """Returns what makes the backbone available: a command, or which file goes where."""
    names = file_names(spec)
    if not names:
        return "It needs no weights."
    if spec.source.fetchable:
        return (
            f"Run `fundus backbones fetch {spec.id}`, or put {name_to_fetch(spec)} "
            f"({published_at(spec)}) into {workspace.weights}."
        )
    origin = f" from {spec.source.page}" if spec.source.page else ""
    return f"Put {' or '.join(names)}{origin} into {workspace.weights}."


def published_at(spec: BackboneSpec) -> str:
    """Returns where people find a backbone's weights: a page, a repository or the file itself."""
    source = spec.source
    if source.repository:
        return f"{source.file} of {source.repository} on the model hub"
    return source.page or source.url


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits; remembered while it is unchanged.

    A copy may keep size and time of the file it replaces, but not when that was changed.
    """
    now = path.stat()
    version = (now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_dev, now.st_ino)
    return _sha256(path.resolve(), version)


@lru_cache(maxsize=64)
def _sha256(path: Path, _version: tuple[int, ...]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _display_name(path: Path, spec: BackboneSpec) -> str:
    """Returns the file's stem; for a hub file without a name of its own, the one `fetch` gives."""
    published = PurePosixPath(spec.source.file).name
    is_nameless = path.name == published and published not in spec.weights_files
    return Path(name_to_fetch(spec) if is_nameless else path.name).stem


def _named_file(wanted: str, workspace: Workspace) -> Path:
    """Returns the file the user named, by path or by its name in a weights folder.

    Where folders that may be read are named, no path leads elsewhere but to a folder of weights:
    neither a full one, nor by `..`, nor from the current folder.
    """
    folders = weights_folders(workspace)
    found = file_at(wanted)
    if found and (_is_kept(found, workspace) or is_within_roots(found)):
        return found
    for folder in folders:
        found = file_at(str(folder / wanted))
        if found and (_is_kept(found, workspace) or is_within_roots(found)):
            return found
    searched = ", ".join(str(folder) for folder in folders)
    raise WeightsError(
        f"There is no weights file {wanted!r}, nor one of that name in {searched}.",
        hint=f"Give the path of a file, put it into {workspace.weights}, or choose 'scratch'.",
    )


def _is_kept(place: Path, workspace: Workspace) -> bool:
    """Says whether a path lies in a folder of weights, as it is written."""
    folders = [folder.absolute() for folder in weights_folders(workspace)]
    is_below = any(place.absolute().is_relative_to(folder) for folder in folders)
    return is_below and ".." not in place.parts


def _in_hub_cache(spec: BackboneSpec) -> Path | None:
    """Returns the file that another program downloaded from the model hub."""
    source = spec.source
    if not source.repository:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source.repository, source.file, revision=source.revision)
    return Path(found) if isinstance(found, str) else None
