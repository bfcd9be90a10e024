"""Results for a pipe or a device are passed on; nothing is put in its place."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fundus_core.io.files import write_atomically
from fundus_core.io.streams import is_stream


def test_write_atomically__passes_a_file_on_to_a_pipe() -> None:
    read, write = os.pipe()

    write_atomically(Path(f"/dev/fd/{write}"), lambda file: file.write(b"scores"))
    os.close(write)

    with os.fdopen(read, "rb") as arrived:
        assert arrived.read() == b"scores"


def test_write_atomically__leaves_a_device_a_device() -> None:
    write_atomically(Path(os.devnull), lambda file: file.write(b"scores"))

    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_write_atomically__adds_to_what_a_shell_directed_into_a_file(tmp_path: Path) -> None:
    said = (
        "from pathlib import Path; from fundus_core.io.files import write_atomically; "
        "print('before', flush=True); "
        "write_atomically(Path('/dev/stdout'), lambda file: file.write(b'scores\\n')); "
        "print('after')"
    )

    with (tmp_path / "all.txt").open("wb") as out:
        subprocess.run([sys.executable, "-c", said], stdout=out, check=True)

    assert (tmp_path / "all.txt").read_text(encoding="utf-8") == "before\nscores\nafter\n"


def test_write_atomically__of_what_fails_nothing_is_passed_on() -> None:
    read, write = os.pipe()

    with pytest.raises(ZeroDivisionError):
        write_atomically(Path(f"/dev/fd/{write}"), lambda file: file.write(b"half") / 0)
    os.close(write)

    with os.fdopen(read, "rb") as arrived:
        assert arrived.read() == b""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/dev/stdout", True),
        ("/dev/fd/1", True),
        ("/proc/self/fd/2", True),
        ("/dev/null", True),
        ("/dev/shm", False),
        ("stdout", False),
        ("/dev", False),
    ],
)
def test_is_stream__tells_files_from_what_passes_on(path: str, expected: bool) -> None:
    assert is_stream(Path(path)) == expected
