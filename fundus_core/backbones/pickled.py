"""Checkpoints that are pickles of Python objects: what is in them, and the tensors of trusted ones.

The only module of this project that ever unpickles, and only in a process of its own, on request.
That process has a limit of time and memory, none of the user's tokens, and gives back nothing but
tensors; but it is no sandbox. Whoever made the file can do there whatever the user can do.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_core.backbones.broken_files import UNREADABLE, require_no_bomb
from fundus_core.errors import WeightsError
from fundus_core.io.lifeline import end_with_starter, lifeline, signal_name
from fundus_core.io.own_modules import PACKAGE_ROOT
from fundus_core.io.tensors import save_tensors

if TYPE_CHECKING:
    from torch import Tensor

# -I: no module of the current folder and none that the environment names stands in for another.
_CHILD = (
    "import sys; sys.path.append(sys.argv[1])\n"
    "from fundus_core.backbones.pickled import main; main(*sys.argv[2:])"
)
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG")
_SECONDS = 600.0
_LEAST_BYTES = 2 << 30
_BYTES_PER_BYTE = 4
"""Memory for each byte of the file: the objects, their tensors, and copies of those."""

_ALLOWED = {"argparse.Namespace"}
"""Is read without running code; masked autoencoders keep their command line as one."""

_WRAPPERS = ("state_dict", "model", "model_state_dict", "teacher", "params", "net", "network")


@dataclass(frozen=True, slots=True)
class PickledObjects:
    """What a checkpoint holds besides tensors, found without reading it as a pickle."""

    runs_code: bool
    """Whether it holds objects whose making could run any code."""

    names: tuple[str, ...]
    """Classes and functions that would be called; empty where the format does not tell."""


def pickled_objects(path: Path) -> PickledObjects:
    """Returns which Python objects a checkpoint would make; none is made.

    A file that is no checkpoint at all counts as one without; reading it says what is wrong.

    Raises:
        WeightsError: If it would unpack to far more than its size.
    """
    import argparse
    import pickle

    import torch

    if path.suffix == ".safetensors":
        return PickledObjects(False, ())
    require_no_bomb(path)
    try:
        listed = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (pickle.UnpicklingError, *UNREADABLE):
        listed = []
    names = tuple(sorted({*listed} - _ALLOWED))
    if names:
        return PickledObjects(True, names)
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            torch.load(path, map_location="meta", weights_only=True)
    except pickle.UnpicklingError:
        return PickledObjects(True, ())
    except UNREADABLE:
        return PickledObjects(False, ())
    return PickledObjects(False, ())


def tensors_of_trusted_pickle(path: Path, out: Path, *, seconds: float = _SECONDS) -> None:
    """Unpickles a checkpoint in a process of its own and writes its tensors as safetensors.

    This runs whatever code the file holds: only for files that the user says are to be trusted.

    Args:
        path: The checkpoint: a network, a dictionary of tensors, or one in a dictionary.
        out: Where the tensors go, by their names in the network's `state_dict()`.
        seconds: How long it may take.

    Raises:
        WeightsError: If it takes longer, needs too much memory or modules that are not installed,
            or holds no tensors.
    """
    memory = max(_LEAST_BYTES, _BYTES_PER_BYTE * path.stat().st_size)
    arguments = [PACKAGE_ROOT, path.resolve(), out.resolve(), memory]
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    with (
        tempfile.TemporaryDirectory(prefix="fundus-pickle-") as folder,
        lifeline() as line,
        subprocess.Popen(
            [sys.executable, "-I", "-c", _CHILD, *map(str, arguments)],
            cwd=folder,
            env={
                **kept,
                **line.environment,
                "HOME": folder,
                "TMPDIR": folder,
                "OMP_NUM_THREADS": "1",
            },
            pass_fds=line.pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child,
    ):
        said = _wait(child, path, seconds)
    if child.returncode != 0 or not out.is_file():
        raise WeightsError(
            f"{path.name} could not be unpickled: {_reason(child.returncode, said)}.",
            hint="Convert it where it was made: save its state_dict() as .safetensors.",
        )


def _wait(child: "subprocess.Popen[bytes]", path: Path, seconds: float) -> str:
    """Returns what the child wrote to standard error; ends it and all it started."""
    try:
        _, said = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise WeightsError(
            f"Unpickling {path.name} took more than {seconds:g} seconds and was ended.",
            hint="Convert it where it was made: save its state_dict() as .safetensors.",
        ) from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    return said.decode(errors="replace")


def _reason(exit_code: int, said: str) -> str:
    """Returns the last line of a traceback, or which signal ended the process."""
    if exit_code < 0:
        return f"its process was ended by {signal_name(-exit_code)}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else f"its process ended with code {exit_code}"


def main(path: str, out: str, memory_bytes: str) -> None:
    """Unpickles a file and writes its tensors; what the child process runs."""
    end_with_starter()
    import torch

    _limit_memory(int(memory_bytes))
    content = torch.load(path, map_location="cpu", weights_only=False)
    tensors = _tensors_in(content)
    if not tensors:
        raise SystemExit(f"it holds a {type(content).__name__} without tensors")
    whole = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
    save_tensors(Path(out), whole)


def _limit_memory(more_bytes: int) -> None:
    """Lets this process have so much more memory than it has by now."""
    import resource

    import psutil

    limit = psutil.Process().memory_info().data + more_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _tensors_in(content: Any) -> "dict[str, Tensor]":
    """Returns the tensors of a network or of a dictionary, also inside a dictionary."""
    import torch

    if isinstance(content, torch.nn.Module):
        return dict(content.state_dict())
    if not isinstance(content, Mapping):
        return {}
    for key in _WRAPPERS:
        if inner := _tensors_in(content.get(key)):
            return inner
    return {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
