"""Watches over one job, detached from whoever submitted it, and writes down how it ended.

Run as `python -m fundus_core.jobs.runner FOLDER`; returns once the detached copy is on its way.
"""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from fundus_core.io.lifeline import Lifeline, lifeline, signal_name
from fundus_core.jobs.folder import JobFolder, Outcome, Request
from fundus_core.jobs.processes import adopt_orphans, end_descendants, end_session, identify
from fundus_core.jobs.progress import FILE_NAME, JOB_FOLDER_VARIABLE
from fundus_core.jobs.queue import wait_for_turn
from fundus_core.jobs.signs import SignsOfLife

_POLL_SECONDS = 0.1
_EXIT_MENDABLE = 2
"""Of the command line, for a `FundusError`: its last two lines are the message and the hint."""

_NEXT_STEP = "Start it again: what it had finished is used again."

_RESULT_BYTES = 10_000_000
"""More than this on standard output is not taken for a result."""

_TAIL_BYTES = 20_000
_FRAME = "│┃╭╮╰╯─━┏┓┗┛ \t"
"""What Typer draws around a message."""


def detach(folder: JobFolder) -> None:
    """Goes on in a copy whose parent is gone: nobody has to reap it, no closed tab ends it.

    It waits until its name is written down, and ends where that cannot be, on a full disk: nobody
    could find it.
    """
    waits, goes_on = os.pipe()
    if copy := os.fork():
        folder.write_runner(identify(copy))
        os.write(goes_on, b"1")
        os._exit(0)
    os.close(goes_on)
    if not os.read(waits, 1):
        os._exit(1)
    os.close(waits)


def watch(folder: JobFolder) -> None:
    """Runs the job when its turn comes and writes down how it ended."""
    request = folder.request()
    if request is None:
        raise SystemExit(f"There is no job in {folder.path}.")
    device = wait_for_turn(folder, request)
    if device is None:
        folder.write_outcome(Outcome("cancelled"))
        return
    adopt_orphans()
    try:
        try:
            with lifeline() as line:
                outcome = _run(folder, request, line)
        except MemoryError:
            outcome = Outcome("failed", message=f"The memory ran out. {_NEXT_STEP}")
        folder.write_outcome(outcome)
    finally:
        device.release()


def _run(folder: JobFolder, request: Request, line: Lifeline) -> Outcome:
    """Runs the command to its end, or ends it once the job is cancelled."""
    environment = {
        "OMP_WAIT_POLICY": "PASSIVE",  # it shares the cores with the dashboard
        **os.environ,
        **line.environment,
        JOB_FOLDER_VARIABLE: str(folder.path),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
    }
    try:
        with folder.log.open("ab") as log, folder.output.open("wb") as output:
            child = subprocess.Popen(
                [*request.command, *request.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env=environment,
                pass_fds=line.pass_fds,
                start_new_session=True,
            )
    except OSError as error:
        return Outcome("failed", message=f"{request.command[0]} cannot be run: {error.strerror}.")
    command = identify(child.pid)
    folder.write_command(command)
    signs = SignsOfLife(command, (folder.path / FILE_NAME, folder.log, folder.output))
    exit_code = _wait(child, folder, signs)
    end_session(command)
    end_descendants()  # those that lost their parent and lead a session of their own
    exit_code, hung = (child.wait(), signs.are_gone) if exit_code is None else (exit_code, False)
    _keep_result(folder)
    if exit_code == 0:
        return Outcome("done", 0)
    return Outcome("failed", exit_code, signs.lost if hung else _reason(exit_code, folder))


def _wait(child: subprocess.Popen[bytes], folder: JobFolder, signs: SignsOfLife) -> int | None:
    """Waits for the command; None once it is cancelled, or hangs, and is still running."""
    while not folder.is_cancelled and not signs.look():
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(_POLL_SECONDS)
    return None


def _keep_result(folder: JobFolder) -> None:
    """Gives standard output the name `result.json` if that is what it is."""
    if folder.output.stat().st_size > _RESULT_BYTES:
        return
    try:
        value = json.loads(folder.output.read_bytes())
    except ValueError:
        return
    if isinstance(value, dict | list):
        folder.output.replace(folder.result)


def _reason(exit_code: int, folder: JobFolder) -> str:
    """Returns one sentence on why the command failed."""
    if exit_code < 0:
        name = signal_name(-exit_code)
        memory = "Often the memory ran out. " if name == "SIGKILL" else ""
        return f"The command was ended by {name}. {memory}{_NEXT_STEP}"
    said = last_sentences(folder.log)
    if exit_code == _EXIT_MENDABLE and len(said) > 1 and not said[-1].startswith("Error:"):
        return f"{said[-2]} {said[-1]}"  # what is wrong, then the next step
    return said[-1] if said else f"The command ended with code {exit_code}."


def last_sentences(log: Path) -> list[str]:
    """Returns the last lines of a log that say something, without a frame around them."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return [said for line in lines if (said := line.strip(_FRAME))]


def main() -> None:
    """Detaches and watches over the job in the folder named on the command line."""
    folder = JobFolder(Path(sys.argv[1]))
    detach(folder)
    watch(folder)


if __name__ == "__main__":
    main()
