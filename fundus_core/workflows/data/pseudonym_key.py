"""The key that the pseudonyms of a workspace are made with: drawn once, sealed, never replaced.

With another key, a patient of today is no patient of a stored run any more, and no figure would
tell. The key therefore has a checksum behind it (keys of older versions have none until
`fundus doctor --repair`), and must have made one of the links to photographs, where there are any.
One that is damaged, or gone where pseudonyms are stored, is refused.
"""

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

import xxhash

from fundus_core.errors import StoreError
from fundus_core.imports.records import Pseudonyms
from fundus_core.io.files import sync_folder, temporary_name
from fundus_core.io.hiding import VARIABLE
from fundus_core.io.read_only import is_read_only, require_writable
from fundus_core.io.refused_reading import require_readable
from fundus_core.io.scans import scanned_paths
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.checkup import Check

KEY_FILE, LINKS = "pseudonyms.key", "photographs"
"""In the workspace: the key, and the folder of links to photographs."""

PSEUDONYM = re.compile(r"p[0-9a-f]{16}")

_SAID, _TABLE = "predictions.parquet", "table.parquet"
"""Of a run, and of a data set."""

_KEY_BYTES = 32
_LINK = re.compile(r"photo-([0-9a-f]{16})(?:\.\w+)?")
_CHECK = "pseudonyms"


def key_of_pseudonyms(workspace: Workspace) -> bytes:
    """Returns the key of a workspace; it is drawn when it is first needed.

    Raises:
        StoreError: If it is damaged, gone or cannot be stored, or there never was one and nothing
            may be written.
    """
    key = stored_key(workspace)
    if key is not None:
        return key
    is_gone = is_key_missed(workspace)
    if not is_gone and is_read_only():
        raise never_hidden(workspace)
    path = workspace.root / KEY_FILE
    if not is_gone:
        _draw(path)
    key = stored_key(workspace)  # another process may have drawn it meanwhile
    if key is None:
        raise _gone(path)
    return key


def stored_key(workspace: Workspace) -> bytes | None:
    """Returns the key of a workspace; None where there is none and no link was made with one.

    Raises:
        StoreError: If it is damaged, gone, or may not be read.
    """
    path = workspace.root / KEY_FILE
    content = _content(path)
    if content is None and _has_links(workspace):
        content = _content(path)  # another process may have drawn it meanwhile
        if content is None:
            raise _gone(path)
    if content is None:
        return None
    key = _unsealed(content)
    if key is None or not _made_links(workspace, key):
        raise StoreError(
            f"The key of pseudonyms {path} is damaged, or of another workspace.",
            hint=_BACK,
        )
    return key


def is_key_missed(workspace: Workspace) -> bool:
    """Says whether there is no key, and something is stored that was made with one."""
    if os.path.lexists(workspace.root / KEY_FILE):
        return False
    return (
        _has_links(workspace)
        or any(map(PSEUDONYM.fullmatch, scanned_paths(workspace.scans)))
        or _has_hidden_runs(workspace)
    )


def never_hidden(workspace: Workspace) -> StoreError:
    """Returns the refusal to hide names for the first time where nothing may be written."""
    return StoreError(
        f"Names cannot be hidden: in {workspace.root} they never were, and read-only mode stores "
        "no pseudonyms and no links.",
        hint=f"Open the data set there once with {VARIABLE} and without read-only mode.",
    )


def key_check(workspace: Workspace, *, repair: bool) -> Check | None:
    """Looks at the key of a workspace, if names were ever hidden there.

    Args:
        workspace: Which one.
        repair: Also give it a checksum; a damaged one is left where it is.
    """
    path = workspace.root / KEY_FILE
    try:
        key = stored_key(workspace)
        if key is None:
            if not is_key_missed(workspace):
                return None
            raise _gone(path)
        if _content(path) != key:
            return Check(_CHECK, "in order", f"The key of pseudonyms {path} is whole.")
        if repair:
            _give_checksum(path, key)
            return Check(_CHECK, "mended", f"The key of pseudonyms {path} was given a checksum.")
    except StoreError as error:
        return Check(_CHECK, "not in order", error.message, error.hint)
    return Check(
        _CHECK,
        "caution",
        f"The key of pseudonyms {path} was stored by an older version, without a checksum.",
        "`fundus doctor --repair` gives it one.",
    )


_BACK = (
    "Put it back from a backup. Where none has it, begin another workspace (--workspace) and make "
    "the runs again there: with another key patients would get other pseudonyms, and those of "
    "stored runs would not be known again. `fundus runs` still lists the figures here."
)


def _gone(path: Path) -> StoreError:
    return StoreError(
        f"The key of pseudonyms {path} is gone, and pseudonyms made with it are stored.",
        hint=_BACK,
    )


def _content(path: Path) -> bytes | None:
    """Returns what is in the file of a key; nothing of what is no file; None where none is."""
    if not os.path.lexists(path):
        return None
    require_readable(path)
    return path.read_bytes() if path.is_file() else b""


def _sealed(key: bytes) -> bytes:
    return key + xxhash.xxh3_128_digest(key)


def _unsealed(content: bytes) -> bytes | None:
    """Returns a key without its checksum; None where it was changed. Older ones have none."""
    key = content[:_KEY_BYTES]
    return key if len(key) == _KEY_BYTES and content in (key, _sealed(key)) else None


def _has_links(workspace: Workspace) -> bool:
    """Says whether photographs were linked here; a copy may hold them as files."""
    with contextlib.suppress(OSError), os.scandir(workspace.root / LINKS) as entries:
        return any(_LINK.fullmatch(entry.name) for entry in entries)
    return False


def _made_links(workspace: Workspace, key: bytes) -> bool:
    """Says whether a key made one of the links to photographs, if there are any."""
    names, are_there = Pseudonyms(key), False
    with contextlib.suppress(OSError), os.scandir(workspace.root / LINKS) as entries:
        for entry in entries:
            found = _LINK.fullmatch(entry.name)
            if found and entry.is_symlink():
                are_there = True
                target = os.readlink(entry.path)  # noqa: PTH115 - a path may be written otherwise
                target = target.replace("\\\\?\\UNC\\", "\\\\").removeprefix("\\\\?\\")  # Windows
                if names.of(target)[1:] == found[1]:
                    return True
    return not are_there


def _has_hidden_runs(workspace: Workspace) -> bool:
    """Says whether a run names patients by pseudonyms, and its data set by other names.

    Only runs of a data set that is as it was then prove it: an import may give new pseudonyms to
    the same place, and they were made elsewhere.
    """
    datasets = ArtifactStore(workspace.datasets).describe()
    for name, about in ArtifactStore(workspace.runs).describe().items():
        source, data = str(about.get("dataset_id")), about.get("data")
        if not data or datasets.get(source, {}).get("fingerprint") != data:
            continue
        key = (workspace.root, name, str(about.get("created_at")))
        if key in _SHOWN:
            continue
        with contextlib.suppress(OSError, ValueError, KeyError):
            hidden = set(filter(PSEUDONYM.fullmatch, _patients(workspace.runs / name / _SAID)))
            given = _patients(workspace.datasets / source / _TABLE) if hidden else set()
            if hidden and given and not hidden & given:
                return True
            _SHOWN.add(key)
    return False


_SHOWN: set[tuple[Path, str, str]] = set()
"""Workspace, run, its moment: those that were stored with names shown; pages ask often."""


def _patients(path: Path) -> set[str]:
    """Returns the patients that a table names; nothing else of it is read.

    Raises:
        OSError, ValueError, KeyError: If it is not there, is damaged, or names none.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        found = file.read(columns=["patient_id"]).column("patient_id").unique().to_pylist()
    return {str(one) for one in found if one is not None}


def _draw(path: Path) -> None:
    """Stores a new key that only the user may read, unless another process was first."""
    with (
        _written(path, secrets.token_bytes(_KEY_BYTES)) as temporary,
        contextlib.suppress(FileExistsError),
    ):
        os.link(temporary, path)


def _give_checksum(path: Path, key: bytes) -> None:
    """Writes a key of an older version anew, with a checksum, for those who may read it now."""
    place = path.resolve()
    status = place.stat()
    with _written(place, key) as temporary:
        temporary.chmod(stat.S_IMODE(status.st_mode))
        if hasattr(os, "chown"):
            os.chown(temporary, status.st_uid, status.st_gid)
        temporary.replace(place)


@contextlib.contextmanager
def _written(path: Path, key: bytes) -> Iterator[Path]:
    """Gives a file beside the place of a key that holds it, safe on disk, and removes it then.

    Raises:
        StoreError: If it cannot be stored, or the workspace is gone.
    """
    require_writable(path)
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            place = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(place, "wb") as file:
                file.write(_sealed(key))
                file.flush()
                os.fsync(file.fileno())
            yield temporary
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The key of pseudonyms cannot be stored as {path}: {error.strerror}.",
            hint="Open the workspace once where it may be written to.",
        ) from error
