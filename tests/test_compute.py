"""Device, precision and batch size."""

import subprocess
import sys

import pytest
import torch

from fundus_core import compute
from fundus_core.errors import MemoryLimitError


def test_with_fitting_batch__an_error_that_is_not_about_memory_is_let_through() -> None:
    def fail(size: int) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        compute.with_fitting_batch(fail, 8)


def test_with_fitting_batch__remembers_what_fitted() -> None:
    def fits_three(size: int) -> int:
        if size > 3:
            raise torch.OutOfMemoryError
        return 10 * size

    assert compute.with_fitting_batch(fits_three, 16) == (20, 2)


def test_with_fitting_batch__gives_up_at_one() -> None:
    def never(size: int) -> None:
        raise MemoryError

    with pytest.raises(MemoryLimitError):
        compute.with_fitting_batch(never, 4)


def test_choose_precision__a_wish_is_kept() -> None:
    assert compute.choose_precision("fp32", torch.device("cpu")) == "fp32"


def test_choose_device__the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDUS_DEVICE", "meta")

    assert compute.choose_device() == torch.device("meta")


def test_default_batch_size__shrinks_with_the_area_and_never_to_zero() -> None:
    cpu = torch.device("cpu")

    sizes = [compute.default_batch_size(cpu, side) for side in (224, 448, 4096)]

    assert sizes == [16, 4, 1]


def test_keep_freed_memory__freed_blocks_come_back_without_new_pages() -> None:
    script = (
        "import resource, sys, numpy as np\n"
        "from fundus_core.compute import keep_freed_memory\n"
        "kept = keep_freed_memory() if sys.argv[1] == 'keep' else None\n"
        "np.ones(2**24, np.uint8)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(20):\n"
        "    np.ones(2**24, np.uint8)\n"
        "print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )

    def faults(way: str) -> tuple[str, int]:
        done = subprocess.run(
            [sys.executable, "-c", script, way], check=True, capture_output=True, text=True
        )
        told, count = done.stdout.split()
        return told, int(count)

    told, kept = faults("keep")
    _, default = faults("default")
    if told == "False":
        pytest.skip("the C library is not glibc")

    assert kept < default / 10
