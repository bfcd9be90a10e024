"""Memory that runs out anywhere in a command: two lines, not a traceback."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from fundus_core.errors import MemoryLimitError
from fundus_core.io.lack_of_memory import lack_of_memory_explained, memory_ran_out
from tests.cli.conftest import Fundus
from tests.conftest import ROOT

LOADER = "libtorch_cpu.so: failed to map segment from shared object"


def caused_by(cause: Exception) -> Exception:
    try:
        raise RuntimeError("a model could not be imported") from cause
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("error", "ran_out"),
    [
        (MemoryError(), True),
        (ImportError(LOADER), True),
        (caused_by(ImportError(LOADER)), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("can't start new thread"), True),
        (ImportError("libgomp.so.1: cannot allocate memory in static TLS block"), False),
        (ImportError("No module named 'torch'"), False),
        (RuntimeError("shapes differ"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
    ],
)
def test_memory_ran_out__also_where_a_library_could_not_be_loaded(
    error: Exception, ran_out: bool
) -> None:
    assert memory_ran_out(error) == ran_out


def test_lack_of_memory_explained__says_what_the_system_said() -> None:
    with pytest.raises(MemoryLimitError) as said, lack_of_memory_explained():
        raise ImportError(LOADER)
    assert said.value.message == f"The memory ran out: {LOADER}."

    with pytest.raises(ImportError, match="No module"), lack_of_memory_explained():
        raise ImportError("No module named 'torch'")


@pytest.mark.parametrize("error", [MemoryError(), ImportError(LOADER)])
def test_command__that_runs_out_of_memory_says_so(
    fundus: Fundus, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr("fundus_core.cli.evaluate.find_workspace", full)

    ended = fundus("runs")

    assert ended.exit_code == 2
    said, step = ended.stderr.splitlines()
    assert said.startswith("The memory ran out")
    assert "ulimit -v" in step


def test_command__that_has_no_memory_for_its_imports_says_so(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(f"raise ImportError({LOADER!r})", encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['fundus', 'runs']\n"

    ended = subprocess.run(
        [sys.executable, "-c", f"{code}from fundus_core.__main__ import run; run()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0] == f"The memory ran out: {LOADER}."


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not heed the limit")
def test_lack_of_memory_explained__under_a_real_limit() -> None:
    code = """
import resource
from pathlib import Path
import numpy
from fundus_core.errors import MemoryLimitError
from fundus_core.io.lack_of_memory import lack_of_memory_explained

taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 150_000_000, resource.RLIM_INFINITY))
try:
    with lack_of_memory_explained():
        import torch
except MemoryLimitError as error:
    print(error.message)
"""

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ended.stdout.startswith("The memory ran out"), ended.stderr
