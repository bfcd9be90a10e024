"""Use case: is this installation and this workspace in order, and what to do where it is not."""

import importlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fundus_core import __version__
from fundus_core.compute import choose_device
from fundus_core.errors import FundusError, StoreError, WeightsError
from fundus_core.io.embedding_store import understood_recipes
from fundus_core.io.files import write_atomically
from fundus_core.io.left_out import not_understood
from fundus_core.io.leftovers import leftovers, sweep
from fundus_core.io.read_only import is_read_only, require_writable
from fundus_core.io.refused_reading import (
    ASK_ITS_OWNER,
    may_be_read,
    may_not_be_read,
    require_readable,
)
from fundus_core.io.sealed import FORMAT
from fundus_core.io.weights import require_unchanged, weights_folders
from fundus_core.io.workspace import Workspace
from fundus_core.io.workspace_format import (
    STAMP,
    TO_OWN,
    begun_elsewhere,
    format_of,
    in_the_way,
    is_foreign,
    write_stamp,
)
from fundus_core.workflows.data.checkup import Check, State
from fundus_core.workflows.data.doctor_photographs import photographs_check
from fundus_core.workflows.data.integrity import Integrity, examine, mend, workspaces_in
from fundus_core.workflows.data.pseudonym_key import key_check
from fundus_core.workflows.models.runs import runs_as_stored
from fundus_core.workflows.weights.teacher_tables import TEACHERS, weights_of_unknown_teachers

_PACKAGES = ("torch", "torchvision", "timm", "streamlit", "numpy", "pandas", "scikit-learn")
_IMPORTED = ("torch", "torchvision", "timm")
"""Packages that may be installed and still not work together."""

_LEAST_FREE = 2_000_000_000
"""Bytes on disk below which an extraction of a large data set may not fit."""

_NAMED_AT_MOST = 3

_TEACHERS_BACK = (
    "Put the list back from a backup, or repeat the `fundus pretrain` that made the weights. Until "
    "then their figures carry caution FD025, as those of weights that were passed on without it do."
)


def diagnose(workspace: Workspace, *, repair: bool = False) -> tuple[Check, ...]:
    """Looks at versions, device, disk, weights and everything in the workspace.

    Args:
        workspace: Which one.
        repair: Also mend what can be: move what is damaged aside, give checksums to what older
            versions stored, remove half-written files, find data sets that moved with the
            workspace.

    Raises:
        ReadOnlyError: If it is to be repaired and is only to be looked at.
        StoreError: If it is to be repaired and is no workspace.
    """
    if repair:
        require_writable(workspace.root)
        _require_ours(workspace)
    looks: tuple[Callable[[], Check], ...] = (
        _versions,
        _device,
        lambda: _disk(workspace),
        lambda: _weights(workspace),
        lambda: _stored(workspace, repair=repair),
        lambda: _format(workspace, repair=repair),
        lambda: _half_written(workspace, repair=repair),
        lambda: photographs_check(workspace, repair=repair),
    )
    keys = (key_check(one, repair=repair) for one in workspaces_in(workspace))
    return (*(look() for look in looks), *filter(None, keys), *_understood(workspace))


def _versions() -> Check:
    """Says which versions are here, and whether the heavy ones can be imported."""
    found = {name: _version(name) for name in _PACKAGES}
    said = ", ".join(f"{name} {found[name] or 'missing'}" for name in _PACKAGES)
    text = f"Fundus Explorer {__version__}, Python {platform.python_version()}; {said}."
    for name in _IMPORTED:
        try:
            importlib.import_module(name)
        except (ImportError, RuntimeError, OSError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            return Check(
                "versions",
                "not in order",
                f"{text} {name} cannot be imported: {reason}.",
                "Install requirements.txt into a fresh environment: torch and torchvision are a "
                "pair.",
            )
    return Check("versions", "in order", text)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _device() -> Check:
    """Says what computes here, and makes sure that it does."""
    import psutil
    import torch

    memory = psutil.virtual_memory()
    text = (
        f"{os.cpu_count()} cores, {memory.total / 1e9:.1f} GB of memory of which "
        f"{memory.available / 1e9:.1f} are free"
    )
    try:
        device = choose_device()
        torch.ones(1, device=device).sum().item()
    except (RuntimeError, AssertionError) as error:
        asked = os.environ.get("FUNDUS_DEVICE", "the device found here")
        reason = str(error).splitlines()[0]
        return Check(
            "device",
            "not in order",
            f"{asked} does not compute: {reason}. {text}.",
            "Set FUNDUS_DEVICE=cpu, or mend the driver.",
        )
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return Check(
        "device", "in order", f"Computes on {device}{f' ({name})' if name else ''}; {text}."
    )


def _disk(workspace: Workspace) -> Check:
    """Says how much room there is, and tries to write."""
    free = shutil.disk_usage(workspace.root).free
    text = f"{free / 1e9:.1f} GB are free where the workspace is, {workspace.root}"
    if is_read_only():
        return Check("disk", "in order", f"{text}; it is only looked at.")
    probe = workspace.root / ".doctor"
    try:
        write_atomically(probe, lambda file: file.write(b"\0" * 4096), n_bytes=4096)
        probe.unlink()
    except StoreError as error:
        return Check("disk", "not in order", f"{error.message} {text}.", error.hint)
    if free < _LEAST_FREE:
        return Check("disk", "caution", f"{text}.", "Free some space before a long extraction.")
    return Check("disk", "in order", f"{text}.")


def _weights(workspace: Workspace) -> Check:
    """Compares every weights file with what its card says of it."""
    files = [
        path
        for folder in weights_folders(workspace)
        if folder.is_dir()
        for path in sorted(folder.glob("*.safetensors"))
        if path.is_file()
    ]
    problems = list(_refused(files))
    if problems:
        return Check(
            "weights", "not in order", " ".join(one.message for one in problems), problems[0].hint
        )
    carded = sum(path.with_suffix(".json").is_file() for path in files)
    text = f"{len(files)} weights files; the {carded} with a card have the SHA-256 it tells."
    if unknown := weights_of_unknown_teachers(workspace):
        return Check(
            "weights",
            "caution",
            f"{text} Who taught {_some(tuple(path.name for path in unknown))} is not known: the "
            f"list in {TEACHERS} is missing or damaged.",
            _TEACHERS_BACK,
        )
    return Check("weights", "in order", text)


def _refused(files: list[Path]) -> Iterator[FundusError]:
    for path in files:
        try:
            require_readable(path)
            require_unchanged(path)
        except (WeightsError, StoreError) as error:
            yield error


def _require_ours(workspace: Workspace) -> None:
    """Refuses to tidy up in a folder that holds nothing of this program."""
    if is_foreign(workspace.root):
        raise StoreError(
            f"{workspace.root} is no workspace: it holds {_held(workspace.root)}, and nothing of "
            "this program. Nothing was repaired.",
            hint="Name the workspace by --workspace.",
        )


def _held(root: Path) -> str:
    return _some(tuple(sorted(path.name for path in root.iterdir())))


def _format(workspace: Workspace, *, repair: bool) -> Check:
    if is_foreign(workspace.root):
        return Check(
            "format",
            "not in order",
            f"{workspace.root} is no workspace: it holds {_held(workspace.root)}, and nothing of "
            "this program.",
            "Name the workspace by --workspace.",
        )
    if blocked := in_the_way(workspace.root):
        return Check(
            "format",
            "not in order",
            f"Something else lies where the workspace keeps its own: {_some(blocked)}.",
            "Move it out of the workspace.",
        )
    stamp = workspace.root / STAMP
    if not may_be_read(stamp):
        refusal = may_not_be_read(stamp)
        return Check("format", "not in order", refusal.message, refusal.hint)
    number = format_of(workspace.root)
    text = f"The workspace is in format {number}; this version writes format {FORMAT}."
    if number == FORMAT and not (said := begun_elsewhere(workspace.root)):
        return Check("format", "in order", text)
    if number == FORMAT and repair:
        write_stamp(workspace.root)
        return Check("format", "mended", f"{text} It is noted as begun here, by this user.")
    if number == FORMAT:
        return Check("format", "caution", f"{text} {said}", TO_OWN)
    return Check(
        "format",
        "caution",
        f"{text} It was begun by an older version, or in a folder that held other files, and is "
        "read as it is.",
        "`fundus doctor --repair` adds the stamp, and the checksums that older results lack.",
    )


def _stored(workspace: Workspace, *, repair: bool) -> Check:
    """Compares everything stored with its checksums; moves aside what differs."""
    try:
        found = examine(workspace)
        repair = repair and bool(found.damaged or found.unsealed or _is_old(workspace))
        if repair:
            mend(workspace, found)
    except StoreError as error:
        return Check("stored results", "not in order", error.message, error.hint)
    text = _counted(found)
    if repair:
        text = (
            f"{text} {len(found.damaged)} moved to {workspace.damaged}, "
            f"{len(found.unsealed)} given a checksum."
        )
        after = _after_moving(found.damaged)
        if not found.unreadable:
            return Check("stored results", "mended", text, after)
        return Check("stored results", "not in order", text, f"{ASK_ITS_OWNER} {after}".strip())
    if found.unreadable and not found.damaged:
        return Check("stored results", "not in order", text, ASK_ITS_OWNER)
    if found.damaged:
        return Check(
            "stored results",
            "not in order",
            text,
            "They are not used. `fundus doctor --repair` moves them aside; repeat the commands "
            f"that made them. {ASK_ITS_OWNER if found.unreadable else ''}".strip(),
        )
    if found.unsealed:
        return Check(
            "stored results", "caution", text, "`fundus doctor --repair` gives them a checksum."
        )
    return Check("stored results", "in order", text)


def _understood(workspace: Workspace) -> Iterator[Check]:
    """Yields a caution where runs or embeddings are described in words that nobody here knows."""
    with suppress(StoreError):  # which the look at what is stored tells
        runs_as_stored(workspace)
        understood_recipes(workspace.embeddings)
    for one in not_understood(workspace.root, "runs", "embeddings"):
        text = replace(one, next_step="").sentences().strip()
        yield Check("other versions", "caution", text, one.next_step)


def _after_moving(damaged: tuple[str, ...]) -> str:
    """Returns the next step where something was moved aside."""
    of_teachers = any(name.endswith(".parquet") for name in damaged)
    is_computed = any(not name.endswith(".parquet") for name in damaged)
    again = "What was moved is computed again when it is asked for." if is_computed else ""
    lists = f"Who taught some weights is no longer known. {_TEACHERS_BACK}" if of_teachers else ""
    return f"{again} {lists}".strip()


def _is_old(workspace: Workspace) -> bool:
    return may_be_read(workspace.root / STAMP) and format_of(workspace.root) != FORMAT


def _counted(found: Integrity) -> str:
    text = (
        f"{found.n_results} results, {found.n_shards} shards of embeddings and squares and "
        f"{found.n_records} records were read: {len(found.damaged)} damaged"
    )
    text += f" ({_some(found.damaged)})" if found.damaged else ""
    if found.unreadable:
        text += f", {len(found.unreadable)} may not be read by this user "
        text += f"({_some(found.unreadable)})"
    older = f"; {len(found.unsealed)} are of an older version without a checksum of their record"
    return f"{text}{older if found.unsealed else ''}."


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _half_written(workspace: Workspace, *, repair: bool) -> Check:
    """Looks for files that a killed process left behind."""
    if repair:
        count = sweep(workspace.root)
        state: State = "mended" if count else "in order"
        return Check("half-written files", state, f"{count} half-written files were removed.")
    count = len(leftovers(workspace.root))
    if not count:
        return Check("half-written files", "in order", "No half-written file is left.")
    return Check(
        "half-written files",
        "caution",
        f"{count} files were left half-written by processes that were killed; nothing reads them.",
        "`fundus doctor --repair` removes them.",
    )
