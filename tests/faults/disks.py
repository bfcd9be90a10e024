"""Disks that are full, and places that may not be written to, made for real."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_NOBODY = 65534
LARGEST_FILE = 300_000
"""Bytes: what a file may have where a small disk cannot be had."""


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mounts a disk of a few megabytes; skips where that takes rights that we have not."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def only_to_be_read(place: Path) -> Iterator[Path]:
    """Takes the right to write away from everybody; root is asked for a read-only mount."""
    if os.geteuid() != 0:
        place.chmod(0o555)
        yield place
        place.chmod(0o755)
        return
    bound = subprocess.run(
        ["mount", "--bind", str(place), str(place)], check=False, capture_output=True
    )
    if bound.returncode:
        pytest.skip("root may not mount here")
    subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Takes the rights of root away for a while: who may read everything is refused nothing."""
    if os.geteuid() != 0:
        yield
        return
    user, group = os.geteuid(), os.getegid()
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)


def in_a_process_of_its_own(
    *arguments: object, largest_file: int | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Runs a command line as its own process; `largest_file` limits what it may write, in bytes."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        [sys.executable, "-m", "fundus_core", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
