"""Command lines as processes of their own that start in no time, and can die where it hurts.

The process that this file is run as imports what commands need, once, and forks for each command
line it is sent. A command may be told to kill itself (SIGKILL) at its n-th sync or rename, just
before or just after it: the moments between which a commit is half done.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGKILL

_IMPORTED_ONCE = (
    "timm",
    "sklearn.linear_model",
    "fundus_core.finetune.classifier",
    "fundus_core.workflows.segmenting.segmentation",
)


@dataclass(frozen=True)
class Forks:
    """Starts commands; one at a time."""

    process: "subprocess.Popen[str]"

    def run(
        self,
        argv: Sequence[object],
        *,
        kill_after: float | None = None,
        die_at: int | None = None,
        count_to: Path | None = None,
    ) -> tuple[int, int]:
        """Runs a command line to its end.

        Args:
            argv: After the program's name.
            kill_after: Seconds after which it gets SIGKILL.
            die_at: Before or after which sync or rename it kills itself, from 0: 0 is before the
                first, 1 after it, 2 before the second.
            count_to: A file for the number of such moments.

        Returns:
            Its process id, and its exit code.
        """
        asked = {"argv": [str(each) for each in argv], "die_at": die_at}
        self._say({**asked, "count_to": str(count_to) if count_to else ""})
        pid = int(self._hear())
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(pid, signal.SIGKILL)
        self._say({"wait": pid})
        return pid, int(self._hear())

    def _say(self, value: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()

    def _hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@contextmanager
def forks(log: Path) -> Iterator[Forks]:
    """Starts the process that forks; what commands print goes to a file."""
    with log.open("w") as opened:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forks"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=opened,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        )
        try:
            yield Forks(process)
        finally:
            process.kill()
            process.communicate()


def _serve() -> None:
    """Forks for each line on standard input; answers with process ids and exit codes."""
    for name in _IMPORTED_ONCE:
        importlib.import_module(name)
    main = importlib.import_module("fundus_core.cli.main").main
    importlib.import_module("torch").set_num_threads(1)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            _answer(os.waitstatus_to_exitcode(status))
        elif (pid := os.fork()) == 0:
            os.setsid()
            os.dup2(2, 1)
            moments = _die_at(asked["die_at"])
            code = _exit_code(main, asked["argv"])
            if asked["count_to"]:
                Path(asked["count_to"]).write_text(str(next(moments)), encoding="utf-8")
            os._exit(code)
        else:
            _answer(pid)


def _exit_code(main: Callable[[], None], argv: Sequence[str]) -> int:
    sys.argv = ["fundus", *argv]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    except Exception:  # noqa: BLE001 (it becomes an exit code)
        traceback.print_exc()
        return 1
    return 0


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _die_at(number: int | None) -> Iterator[int]:
    """Lets this process kill itself before or after its n-th sync or rename; returns a counter."""
    count = iter(range(10**9))

    def deadly(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*arguments)
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    os.fsync = deadly(os.fsync)
    for name in ("replace", "rename"):
        setattr(Path, name, deadly(getattr(Path, name)))
    return count


if __name__ == "__main__":
    _serve()
