"""A pipe, a device or a folder where a command expects a file: refused in words, and at once."""

import faulthandler
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fundus_core.errors import DataError
from fundus_core.workflows.models.prototypes import read_prototypes
from tests.cli.conftest import Fundus, Probed

SECONDS = 60
MEMORY = 4 << 30
"""How much a command may take more; a device without an end would take all there is."""

KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
}

COMMANDS: dict[str, tuple[str, ...]] = {
    "backbones convert": ("x.pth", "--as", "timm:test_resnet"),
    "bundle open": ("x.zip",),
    "check": ("{data}", "--table", "x.csv"),
    "embed": ("{data}", "--backbone", "timm:test_resnet", "--weights", "x.safetensors"),
    "explain": ("{run}", "x.png"),
    "import": ("{data}", "out", "--secret-file", "x"),
    "photograph": ("x.jpg",),
    "predict": ("{run}", "x.csv"),
    "rerun": ("x.html",),
    "roc": ("x.csv",),
    "study": ("x.yaml",),
}
"""Command -> its arguments; `x` is no plain file."""


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Ends what waits, and what reads on."""

    def too_slow(*_: object) -> None:
        pytest.fail(f"It takes more than {SECONDS} seconds.")  # which no reader takes for its own

    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    usual = signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(SECONDS)
    # Libraries that open a pipe themselves hear no signal: the tests would wait without end.
    faulthandler.dump_traceback_later(2 * SECONDS, exit=True, file=sys.__stderr__)
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, usual)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_refuses_what_is_no_plain_file(
    fundus: Fundus, probed: Probed, tmp_path: Path, command: str, kind: str
) -> None:
    named = {"data": str(probed.data), "run": probed.run_id}
    arguments = [one.format(**named) for one in COMMANDS[command]]
    (strange,) = (one for one in arguments if one == "x" or one.startswith("x."))
    KINDS[kind](tmp_path / strange)
    placed = [str(tmp_path / one) if one in {strange, "out"} else one for one in arguments]

    outcome = fundus(*command.split(), *placed)

    assert outcome.exit_code == 2, outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_read_prototypes__refuses_what_is_no_plain_file(tmp_path: Path, kind: str) -> None:
    KINDS[kind](tmp_path / "x.safetensors")

    with pytest.raises(DataError, match=r"prototypes: it is (a folder|not a plain file)\.$"):
        read_prototypes(tmp_path / "x.safetensors")


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
@pytest.mark.parametrize("kind", KINDS)
def test_import__refuses_a_shard_that_is_no_plain_file(
    fundus: Fundus, tmp_path: Path, kind: str, name: str
) -> None:
    (tmp_path / "in").mkdir()
    KINDS[kind](tmp_path / "in" / name)

    outcome = fundus("import", tmp_path / "in", tmp_path / "out")

    assert outcome.exit_code == 2
    assert f"{name} cannot be read" in outcome.stderr
