"""Finding the file that holds a backbone's weights: named by the user, local, then the hub."""

import hashlib
import os
import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fundus_core.backbones.base import BackboneSpec
from fundus_core.errors import WeightsError
from fundus_core.io.workspace import Workspace

ENVIRONMENT_VARIABLE = "FUNDUS_WEIGHTS"
OFFLINE_VARIABLE = "FUNDUS_OFFLINE"
SCRATCH = "scratch"

SHIPPED = Path(__file__).parents[1] / "weights"
"""Weights of our own, pre-trained on synthetic photographs; part of the package."""

_HUB_ADDRESS = ("huggingface.co", 443)
_CONNECT_SECONDS = 3.0
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
    """Returns the folders searched for weight files, in order."""
    named = os.environ.get(ENVIRONMENT_VARIABLE, "")
    extra = tuple(Path(part).expanduser() for part in named.split(os.pathsep) if part)
    return (workspace.weights, *extra, SHIPPED)


def local_weights(spec: BackboneSpec, workspace: Workspace) -> Path | None:
    """Returns the weights of a backbone if they are on this machine, without any network."""
    for folder in weights_folders(workspace):
        for name in spec.weights_files:
            if (folder / name).is_file():
                return folder / name
    return _in_hub_cache(spec)


def find_weights(spec: BackboneSpec, wanted: str | None, workspace: Workspace) -> FoundWeights:
    """Returns the weights to load.

    Args:
        spec: The backbone.
        wanted: `scratch`; a file's path; a file's name in a weights folder; or None for the
            backbone's own, which may be downloaded.
        workspace: Its weights folder is searched first.

    Raises:
        WeightsError: If there is no such file and none can be had; says which file goes where.
    """
    if wanted == SCRATCH or (wanted is None and not _has_weights(spec)):
        return FoundWeights(None, SCRATCH, "")
    path = (
        _named_file(wanted, workspace)
        if wanted
        else local_weights(spec, workspace) or _download(spec, workspace)
    )
    return FoundWeights(path, _display_name(path, spec), file_sha256(path))


def where_weights_go(spec: BackboneSpec, workspace: Workspace) -> str:
    """Returns one sentence that says which file makes the backbone available offline."""
    if not _has_weights(spec):
        return "It needs no weights."
    names = " or ".join(spec.weights_files) or spec.hub_file
    origin = f" (from {spec.hub_repository} on the hub)" if spec.hub_repository else ""
    return f"Put {names}{origin} into {workspace.weights}."


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits; remembered while it is unchanged."""
    status = path.stat()
    return _sha256(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, _size: int, _modified: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _has_weights(spec: BackboneSpec) -> bool:
    return bool(spec.weights_files or spec.hub_repository)


def _display_name(path: Path, spec: BackboneSpec) -> str:
    """Returns the file's stem, or the repository for a hub file that bears no name of its own."""
    return spec.hub_repository if path.name == spec.hub_file and spec.hub_file else path.stem


def _named_file(wanted: str, workspace: Workspace) -> Path:
    """Returns the file the user named, by path or by its name in a weights folder."""
    folders = weights_folders(workspace)
    for candidate in (Path(wanted).expanduser(), *(folder / wanted for folder in folders)):
        if candidate.is_file():
            return candidate
    searched = ", ".join(str(folder) for folder in folders)
    raise WeightsError(
        f"There is no weights file {wanted!r}, nor one of that name in {searched}.",
        hint=f"Give the path of a file, put it into {workspace.weights}, or choose 'scratch'.",
    )


def _in_hub_cache(spec: BackboneSpec) -> Path | None:
    if not spec.hub_repository:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(spec.hub_repository, spec.hub_file)
    return Path(found) if isinstance(found, str) else None


def _download(spec: BackboneSpec, workspace: Workspace) -> Path:
    """Downloads a backbone's weights from the hub, or says which file goes where."""
    reason = _why_no_hub(spec)
    if not reason:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            return Path(hf_hub_download(spec.hub_repository, spec.hub_file))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            reason = f"the hub answered: {str(error).splitlines()[0]}"
    raise WeightsError(
        f"The weights of {spec.id} are not on this machine, and {reason}.",
        hint=f"{where_weights_go(spec, workspace)} Or use random weights: --weights scratch.",
    )


def _why_no_hub(spec: BackboneSpec) -> str:
    """Returns why nothing can be downloaded, or an empty string."""
    if not spec.hub_repository:
        return "they are not on the hub"
    offline = (os.environ.get(OFFLINE_VARIABLE), os.environ.get("HF_HUB_OFFLINE"))
    if any(value not in {None, "", "0"} for value in offline):
        return "downloads are switched off"
    try:
        socket.create_connection(_HUB_ADDRESS, timeout=_CONNECT_SECONDS).close()
    except OSError:
        return "the model hub cannot be reached"
    return ""
