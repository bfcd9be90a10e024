"""Places that are no files on a disk: pipes, terminals, and devices such as /dev/stdout."""

import os
import re
import shutil
from pathlib import Path
from typing import BinaryIO

_NUMBERS = {"/dev/stdout": 1, "/dev/stderr": 2}
_NUMBERED = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")


def is_stream(path: Path) -> bool:
    """Says whether what is written to a path is passed on, not kept under its name.

    So is what a shell has directed into a file: its name is not /dev/stdout.
    """
    if _number(path) is not None:
        return True
    try:
        return path.exists() and not path.is_file() and not path.is_dir()
    except OSError:  # whoever writes to it says what is wrong
        return False


def pass_on(file: Path, stream: Path) -> None:
    """Writes the bytes of a finished file to a stream, after what was written to it before."""
    with file.open("rb") as content, _opened(stream) as out:
        shutil.copyfileobj(content, out)


def _opened(stream: Path) -> BinaryIO:
    number = _number(stream)
    # By its name, what a shell has directed into a file would be emptied first.
    return stream.open("wb") if number is None else os.fdopen(os.dup(number), "wb")


def _number(path: Path) -> int | None:
    """Returns the descriptor that a path is another name of; None for any other path."""
    found = _NUMBERED.fullmatch(str(path))
    return _NUMBERS.get(str(path)) if found is None else int(found[1])
