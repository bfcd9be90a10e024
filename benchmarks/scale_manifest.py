"""How long a remembered data set of millions of photographs takes to open and to browse.

    python -m benchmarks.scale_manifest [ROWS ...]

The table is made up: names, patients, eyes, a grade and a camera; no photograph is behind it.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.io.listing import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.plots.dataset import class_counts
from fundus_core.workflows.data.datasets import (
    dataset_id,
    list_datasets,
    remember,
    stored_dataset,
)

ROWS = (1_000_000, 5_000_000)

T = TypeVar("T")


def made_up(count: int) -> FundusDataset:
    """Returns a data set of `count` names."""
    rng = np.random.default_rng(0)
    numbers = np.arange(count)
    table = pd.DataFrame(
        {
            "image_id": pd.Series(_ids(count), dtype=object),
            "path": pd.Series(
                [f"/data/{n // 1000:05d}/{n:08d}.jpg" for n in numbers], dtype=object
            ),
            "patient_id": pd.Series([f"P{number // 4:07d}" for number in numbers], dtype=object),
            "eye": pd.Series(np.where(numbers % 2, "OD", "OS"), dtype=object),
            "split": pd.Series(np.full(count, None), dtype=object),
            "grade": pd.Series(rng.integers(0, 5, count).astype(str), dtype=object),
            "camera": pd.Series(np.array(["A", "B", "C"])[rng.integers(0, 3, count)], dtype=object),
        }
    )
    grades = tuple("01234")
    return FundusDataset(
        "made-up", "/data", table, (Target("grade", "multiclass", grades, ("grade",)),), (), True
    )


def _ids(count: int) -> list[str]:
    """Returns ids as random as those of photographs, which do not compress."""
    digits = np.random.default_rng(1).bytes(16 * count).hex()
    return [digits[start : start + 32] for start in range(0, 32 * count, 32)]


def told(label: str, run: Callable[[], T]) -> T:
    """Runs something once, prints its seconds and returns what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = run()
    seconds, busy = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"  {label:36s} {seconds:7.2f} s  (CPU {busy:6.2f} s)  peak {peak:6d} MiB", flush=True)
    return value


def measure(count: int) -> None:
    """Prints the seconds of each step for a table of `count` rows."""
    print(f"{count:,} rows", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        workspace, source = Workspace(Path(folder)), DataSource(Path(folder))
        remember(workspace, made_up(count), source)
        name = dataset_id(source)
        dataset = told("opened", lambda: stored_dataset(workspace, name))
        target, row = dataset.targets[0], count // 2
        told("data sets listed", lambda: list_datasets(workspace))
        told("ids", lambda: dataset.image_ids)
        told("patients counted", lambda: dataset.n_patients)
        told("classes counted, as on Overview", lambda: class_counts(dataset, target))
        told("one grade filtered", lambda: dataset.table[dataset.table["grade"].isin(["4"])])
        told("a patient found by part of the name", lambda: _named(dataset, "77123"))
        told("a page of 48 rows", lambda: dataset.select(dataset.image_ids[row : row + 48]))
        told("labels of all, for a probe", lambda: dataset.labels(target))
        told("fingerprint, once per opening", dataset.fingerprint)


def _named(dataset: FundusDataset, part: str) -> pd.DataFrame:
    named = dataset.table["patient_id"].astype("string").str.contains(part, regex=False)
    return dataset.table[named.fillna(False).astype(bool)]


def main() -> None:
    """Prints the seconds of each step at each size."""
    for count in [int(word) for word in sys.argv[1:]] or ROWS:
        measure(count)


if __name__ == "__main__":
    main()
