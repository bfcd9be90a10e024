"""Which device computes, at which precision, with how many images at a time."""

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeVar, get_args

from fundus_core.errors import BackboneError, MemoryLimitError
from fundus_core.io.event_log import note

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "fp32", "bf16"]
"""What torch computes in; `auto` for what suits the device."""

OpenVinoPrecision = Literal["openvino-fp32", "openvino-bf16"]
"""What OpenVINO computes in, which is an extra and embeds only."""

EmbedPrecision = Literal[Precision, OpenVinoPrecision]

_T = TypeVar("_T")

_KEEP_FREED_MEMORY = (
    (-4, 0),  # M_MMAP_MAX: no block is mapped on its own
    (-1, 2**31 - 1),  # M_TRIM_THRESHOLD: the heap's end is not given back
    (-2, 2**26),  # M_TOP_PAD: the heap grows by 64 MiB at least
)

_OUT_OF_MEMORY_ON_CPU = (
    "can't allocate memory",  # of the allocator
    "could not create a primitive",  # of oneDNN, which does not say why
    "could not create a memory",
    "Cannot allocate memory",
)

_CPU_FLAGS_WITH_FAST_BF16 = ("avx512_bf16", "amx_bf16")


def threads() -> int:
    """Returns how many threads may compute: the cores of this process, or `OMP_NUM_THREADS`.

    A study that runs several processes side by side shares the cores out by the latter.
    """
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_device() -> "torch.device":
    """Returns the first CUDA device, else Apple's, else the CPU; `FUNDUS_DEVICE` overrides."""
    import torch

    if chosen := os.environ.get("FUNDUS_DEVICE"):
        return torch.device(chosen)
    if torch.cuda.is_available():
        return torch.device("cuda:0")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def choose_precision(wanted: Precision, device: "torch.device") -> Literal["fp32", "bf16"]:
    """Returns `wanted`, or for `auto` bf16 where the device computes it in hardware.

    On CPUs without such instructions bf16 is emulated and slower than fp32.

    Raises:
        BackboneError: If torch does not compute in what is wanted.
    """
    import torch

    if wanted not in get_args(Precision):
        raise BackboneError(
            f"Nothing but embeddings is computed in {wanted!r}.",
            hint=f"Choose {', '.join(get_args(Precision)[:-1])} or bf16 (--precision).",
        )
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu":
        return "bf16" if _cpu_has_fast_bf16() else "fp32"
    return "fp32"


def _cpu_has_fast_bf16() -> bool:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return False
    text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    return any(flag in text for flag in _CPU_FLAGS_WITH_FAST_BF16)


def default_batch_size(device: "torch.device", image_size: int) -> int:
    """Returns a batch size that keeps the device busy at 224 px and shrinks with the area."""
    largest = 16 if device.type == "cpu" else 256
    by_area = largest * 224 * 224 // (image_size * image_size)
    return max(1, min(largest, by_area))


def out_of_memory(error: BaseException) -> bool:
    """Says whether an error means that the batch was too large."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in _OUT_OF_MEMORY_ON_CPU
    )


def with_fitting_batch(run: Callable[[int], _T], batch_size: int) -> tuple[_T, int]:
    """Calls `run(batch_size)`, halving the size each time memory runs out.

    Returns:
        What `run` returned, and the size that fitted, to start from next time.

    Raises:
        MemoryLimitError: If not even one image fits.
    """
    while True:
        try:
            return run(batch_size), batch_size
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if batch_size == 1:
                raise MemoryLimitError(
                    "One image does not fit into the device's memory.",
                    hint="Choose a smaller image size or backbone, or set FUNDUS_DEVICE=cpu.",
                ) from error
        _free_device_memory()
        batch_size //= 2
        note("memory ran out, smaller batches", batch_size=batch_size)


def too_large_to_train(batch_size: int, run: Callable[[int], object]) -> MemoryLimitError:
    """Returns the error for a batch that memory ran out on, with the largest one that fits.

    How many photographs a step learns from is part of the result, so it is not changed silently.

    Args:
        batch_size: What was too much.
        run: Does as much as a step of so many photographs would, without learning.
    """
    size = batch_size // 2
    while size and not _fits(run, size):
        size //= 2
    if not size:
        return MemoryLimitError(
            f"A step of {batch_size} photographs does not fit into the memory, nor does one of a "
            "single photograph.",
            hint="Choose a smaller image size or backbone, or a strategy that moves less of it.",
        )
    asked = size if size <= 2 else 3 * size // 4  # steps of an epoch are made equal, so some larger
    return MemoryLimitError(
        f"A step of {batch_size} photographs does not fit into the memory; one of {size} does.",
        hint=f"Choose batches of {asked} (--batch-size), or a smaller image size or backbone.",
    )


def _fits(run: Callable[[int], object], size: int) -> bool:
    _free_device_memory()
    try:
        run(size)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return False
    return True


def keep_freed_memory() -> bool:
    """Makes this process keep the memory it frees instead of giving it back to the system.

    Training frees and takes the same large blocks at every step. With glibc's defaults each comes
    as fresh pages that the kernel must clear first: a tenth of a step of MobileNet V2, as measured
    by `benchmarks/freed_memory.py`.

    Returns:
        True if the C library was told so; False where it is not glibc.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return all(library.mallopt(*setting) == 1 for setting in _KEEP_FREED_MEMORY)


def _free_device_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class PeakMemory:
    """Watches the most memory in use inside a `with` block.

    On an accelerator that is what tensors took of its memory. On the CPU it is the memory of the
    whole process, which includes what work before the block has kept.
    """

    _SECONDS_BETWEEN_LOOKS = 0.05

    def __init__(self) -> None:
        """Starts with nothing seen."""
        self.peak_mb = 0.0
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begins to watch."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self._watcher.start()
        return self

    def __exit__(self, *reason: object) -> None:
        """Stops watching."""
        import torch

        self._over.set()
        self._watcher.join()
        if torch.cuda.is_available():
            self.peak_mb = torch.cuda.max_memory_allocated() / 1e6

    def _watch(self) -> None:
        import psutil

        process = psutil.Process()
        while True:
            self.peak_mb = max(self.peak_mb, process.memory_info().rss / 1e6)
            if self._over.wait(self._SECONDS_BETWEEN_LOOKS):
                return
