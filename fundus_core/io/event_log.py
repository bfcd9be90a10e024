"""What the program did, as lines of JSON for a monitor: what, when, how long, how it ended.

Off unless `FUNDUS_LOG=json` is set; then to standard error, or to the end of the file that
`FUNDUS_LOG_FILE` names. Only the facts of `FACTS` can be noted: numbers and names that the program
gave itself. File names, labels, patients and error texts never are, because they may name people.
"""

import contextlib
import json
import os
import sys
from datetime import UTC, datetime

VARIABLE, FILE_VARIABLE = "FUNDUS_LOG", "FUNDUS_LOG_FILE"

FACTS = {
    "batch_size": "photographs at once",
    "command": "the first word of a command line",
    "exit_code": "of a command",
    "job": "id of a job",
    "n": "how many",
    "seconds": "how long it took",
    "state": "of a job",
    "store": "folder of the workspace: runs, embeddings, ...",
}
"""What may be noted, and what each means."""


def note(event: str, **facts: float | str | None) -> None:
    """Writes a line about something that happened, if a log was asked for.

    Args:
        event: What, in a few words that are always the same.
        facts: Keys of `FACTS`.

    Raises:
        KeyError: If a fact is none of them.
    """
    for name in facts:
        if name not in FACTS:
            raise KeyError(f"{name!r} is not among the facts that may be logged")
    if os.environ.get(VARIABLE, "").strip().lower() != "json":
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": now, "pid": os.getpid(), "event": event, **facts}) + "\n"
    with contextlib.suppress(OSError):  # a log is not worth failing for
        _write(line)


def _write(line: str) -> None:
    place = os.environ.get(FILE_VARIABLE)
    if not place:
        sys.stderr.write(line)
        return
    with open(place, "a", encoding="utf-8", opener=_without_waiting) as file:
        file.write(line)  # one write each: lines stay whole


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file; a pipe that nobody reads, or that is full, is an error and no wait."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
