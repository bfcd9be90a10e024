"""Files of tensors, which are as readable as every other file."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


def save_tensors(
    path: Path,
    tensors: "Mapping[str, Tensor] | Mapping[str, NDArray[Any]]",
    about: Mapping[str, str] | None = None,
) -> None:
    """Writes a safetensors file with the mode that new files are given.

    The library would let its owner alone read it, whatever the mask of the process says.

    Args:
        path: The file; its folder is there. What stands there is replaced.
        tensors: Contiguous; all of torch, or all of NumPy.
        about: Metadata of the file.
    """
    path.unlink(missing_ok=True)
    path.touch()
    mode = stat.S_IMODE(path.stat().st_mode)
    _write(path, dict(tensors), None if about is None else dict(about))
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def _write(path: Path, tensors: dict[str, Any], about: dict[str, str] | None) -> None:
    if all(isinstance(value, np.ndarray) for value in tensors.values()):
        from safetensors.numpy import save_file as save_arrays

        save_arrays(tensors, path, about)
    else:
        from safetensors.torch import save_file

        save_file(tensors, path, about)
