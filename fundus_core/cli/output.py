"""What commands print: JSON for machines, a few lines for people, progress on standard error."""

import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, is_dataclass, replace
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

from fundus_core.checks import Caution
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.visible import visible, visible_json
from fundus_core.errors import FundusError, StoreError, shortened
from fundus_core.io.left_out import left_out
from fundus_core.io.workspace import unnamed_workspace
from fundus_core.io.workspace_format import TO_OWN, begun_elsewhere
from fundus_core.jobs.progress import progress_of_this_job
from fundus_core.stats.delong import AucInterval

_SECONDS_BETWEEN_LINES = 0.2

_LONGEST_ERROR = 1_500
"""Characters of a message and its hint together."""


_told: set[Path] = set()
"""What this command has said to be left out already."""


def print_left_out(workspace: Path, *stores: str) -> bool:
    """Prints what lists leave out to standard error, each thing once; says whether there is any.

    Args:
        workspace: Its folder.
        stores: See `left_out`.
    """
    found = left_out(workspace, *stores)
    for one in found:
        names = tuple(name for name in one.names if workspace / name not in _told)
        if names:
            print_error(replace(one, names=names).sentences())
        _told.update(workspace / name for name in names)
    return bool(found)


def print_begun_elsewhere() -> None:
    """Prints to standard error that ./workspace, which nobody named, was begun by somebody else."""
    place = unnamed_workspace()
    if place is None or place in _told or not place.is_dir():
        return
    with suppress(FundusError, OSError):  # said where it is read
        if said := begun_elsewhere(place):
            _told.add(place)
            print_error(f"{said} {TO_OWN}")


def begin_telling() -> None:
    """Has `print_left_out` say everything again: another command begins."""
    _told.clear()


def print_json(value: Any) -> None:
    """Prints one JSON value to standard output; numbers that are not finite become null.

    Characters that cannot be seen, or that a terminal obeys, are written as escapes of JSON.
    """
    text = json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    _write(visible_json(text))


def print_line(text: str = "") -> None:
    """Prints a line to standard output; names from data cannot give the terminal commands."""
    _write(visible(text))


def prepare_output() -> None:
    """Has whatever is printed find a way out: where there is no output, and in any encoding."""
    if sys.stdout is None:
        sys.stdout = StringIO()
    if sys.stderr is None:
        sys.stderr = StringIO()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _write(text: str) -> None:
    """Prints a line at once, so that it is known whether it was printed.

    Raises:
        StoreError: If it was not, as on a full disk.
    """
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # who reads has seen enough
    except OSError as error:
        # What is left in the buffer would fail again when the process ends, with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise StoreError(
            f"The answer cannot be printed: {error.strerror}.",
            hint="What was computed is stored: ask again, and have it printed elsewhere.",
        ) from error


def print_error(text: str) -> None:
    """Prints a line to standard error, as `print_line`; of a very long one the ends."""
    sys.stderr.write(legible(text) + "\n")


def legible(text: str) -> str:
    """Returns what an error says, short enough to be read and free of what a terminal obeys."""
    return shortened(visible(text), _LONGEST_ERROR)


def print_cautions(cautions: Sequence[Caution]) -> None:
    """Prints what to know before trusting the numbers above."""
    for caution in cautions:
        print_line(f"  {caution.code}: {caution.text}")


def auc_text(interval: AucInterval | None, none: str = "no labels") -> str:
    """Returns an AUC with its interval, as papers print it.

    Args:
        interval: Of the AUC, or None where there is none.
        none: What is said then.
    """
    if interval is None:
        return none
    percent = round(100 * interval.confidence)
    return f"{interval.auc:.3f} ({percent} % CI {interval.low:.3f}–{interval.high:.3f})"


def sizes_text(sizes: Sequence[tuple[int, int | None]]) -> tuple[str, str]:
    """Returns numbers of photographs and of patients, those of several models joined by "and"."""
    patients = ["unknown" if number is None else str(number) for _, number in sizes]
    return " and ".join(str(number) for number, _ in sizes), " and ".join(patients)


def auc_fields(interval: AucInterval | None) -> dict[str, float | str | None]:
    """Returns the four values by which JSON holds an AUC; null where there is none."""
    return {
        "auc": interval.auc if interval else None,
        "auc_low": interval.low if interval else None,
        "auc_high": interval.high if interval else None,
        "auc_method": interval.method if interval else None,
    }


def progress() -> Progress:
    """Returns where this process reports its progress: to its job, to a terminal, or nowhere."""
    return progress_of_this_job() or (_TerminalProgress() if sys.stderr.isatty() else silent)


class _TerminalProgress:
    """One line on standard error that is overwritten."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, done: int, total: int, message: str) -> None:
        """Shows `done` of `total`; the last one ends the line."""
        now = time.monotonic()
        if done < total and now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        end = "\n" if done >= total else ""
        sys.stderr.write(f"\r{visible(message)}: {done} of {total}\x1b[K{end}")
        sys.stderr.flush()


def _plain(value: Any) -> Any:
    """Returns a value as JSON knows it."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
