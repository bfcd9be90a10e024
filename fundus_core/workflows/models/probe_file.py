"""Probes of a run as one file: that of every fold, and the one of all photographs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fundus_core.domain.dataset import Task
from fundus_core.io.tensors import save_tensors
from fundus_core.probes import PROBES, Probe

_FINAL = "final"


def write_probes(path: Path, probes: Sequence[Probe], final: Probe) -> None:
    """Writes the probes of the folds, in their order, and the one of all photographs."""
    named = {_FINAL: final, **{str(number): probe for number, probe in enumerate(probes)}}
    arrays = {
        f"{prefix}/{name}": np.ascontiguousarray(array)
        for prefix, probe in named.items()
        for name, array in probe.arrays().items()
    }
    save_tensors(path, arrays)


def probe_in(path: Path, method: str, task: Task, *, fold: int | None = None) -> Probe | None:
    """Returns the probe of a fold, or of all photographs; None if the file has none.

    Args:
        path: As `write_probes` wrote it.
        method: Key of `PROBES`.
        task: Of the target.
        fold: Its number; None for all photographs.
    """
    from safetensors.numpy import load_file

    arrays = load_file(path)
    prefix = f"{_FINAL if fold is None else fold}/"
    chosen = {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}
    return PROBES[method].restore(task, chosen) if chosen else None
