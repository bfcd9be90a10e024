"""Time and memory of DeLong's paired test: one sort per curve, against rank sums and R's pROC.

Measures all of them in one run, and processor time, which a busy machine stretches least; ours
before and after pROC. Two bare `np.argsort` stand beside them: what ranking alone would take.

    python -m benchmarks.delong [--sizes 10000 100000 1000000] [--repeats 7]
"""

import argparse
import shutil
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.stats.delong import auc_interval, compare_paired

PROC_SCRIPT = """
if (!requireNamespace("pROC", quietly = TRUE)) quit(status = 3)
suppressMessages(library(pROC))
arguments <- commandArgs(trailingOnly = TRUE)
n <- as.integer(arguments[2])
file <- file(arguments[1], "rb")
y <- readBin(file, "double", n); a <- readBin(file, "double", n); b <- readBin(file, "double", n)
seconds <- sapply(seq_len(as.integer(arguments[3])), function(i) system.time({
  curve <- function(s) roc(y, s, levels = c(0, 1), direction = "<", quiet = TRUE)
  test <<- roc.test(curve(a), curve(b), method = "delong", paired = TRUE)
})[c("user.self", "sys.self")] |> sum())
cat(sprintf("%.17g", c(median(seconds), test$statistic)), "\\n")
"""


NO_PROC = 3
"""What the script above exits with where R has no pROC."""


def draw(n_images: int) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Returns labels, 30 % positive, and two scores without ties."""
    generator = np.random.default_rng(0)
    y_true = generator.random(n_images) < 0.3
    noise = generator.standard_normal((3, n_images))
    score_a, score_b = noise[:1] + noise[1:] + np.outer([1.0, 0.98], y_true)
    return y_true, score_a, score_b


def by_one_sort(
    y_true: NDArray[np.bool_], score_a: NDArray[np.float64], score_b: NDArray[np.float64]
) -> float:
    """Returns z as this project computes it, with its checks of the input."""
    return compare_paired(y_true, score_a, score_b).z


def by_rankdata(
    y_true: NDArray[np.bool_], score_a: NDArray[np.float64], score_b: NDArray[np.float64]
) -> float:
    """Returns z by SciPy's midranks: of all images, of the positive and of the negative ones."""
    from scipy.stats import rankdata

    scores = np.stack([score_a, score_b])
    m, n = np.count_nonzero(y_true), np.count_nonzero(~y_true)
    overall = rankdata(scores, axis=1)
    v10 = (overall[:, y_true] - rankdata(scores[:, y_true], axis=1)) / n
    v01 = 1 - (overall[:, ~y_true] - rankdata(scores[:, ~y_true], axis=1)) / m
    covariance = np.cov(v10) / m + np.cov(v01) / n
    difference = v10[0].mean() - v10[1].mean()
    return float(difference / np.sqrt(np.array([1, -1]) @ covariance @ np.array([1, -1])))


def by_sorting_alone(
    y_true: NDArray[np.bool_], score_a: NDArray[np.float64], score_b: NDArray[np.float64]
) -> float:
    """Sorts two curves and returns no z."""
    np.argsort(score_a)
    np.argsort(score_b)
    return float("nan")


ROUTES: dict[str, Callable[..., float]] = {
    "one sort": by_one_sort,
    "rankdata": by_rankdata,
    "two np.argsort alone": by_sorting_alone,
}

MODELS, IMAGES = 20, 50_000
"""A large comparison."""


def measure(n_images: int, repeats: int) -> dict[str, tuple[float, float]]:
    """Returns median processor seconds and z by route; those in Python take turns."""
    data = draw(n_images)
    seconds: dict[str, list[float]] = {name: [] for name in ROUTES}
    z_scores: dict[str, float] = {}

    def take_turns() -> None:
        for turn in range(repeats + 1):
            for name, route in ROUTES.items():
                started = time.process_time()
                z_scores[name] = route(*data)
                if turn:  # the first turn warms up
                    seconds[name].append(time.process_time() - started)

    take_turns()
    proc = measure_proc(data, repeats)
    take_turns()
    found = {name: (float(np.median(seconds[name])), z_scores[name]) for name in ROUTES}
    return found if proc is None else {**found, "pROC": proc}


def measure_memory(n_images: int) -> float:
    """Returns the most memory that our test takes beside its input, in MB."""
    data = draw(n_images)
    tracemalloc.start()
    by_one_sort(*data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def measure_many(repeats: int) -> float:
    """Returns median processor seconds of the AUCs, with intervals, of `MODELS` models."""
    generator = np.random.default_rng(0)
    y_true = generator.random(IMAGES) < 0.3
    scores = generator.standard_normal((MODELS, IMAGES)) + y_true
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        for score in scores:
            auc_interval(y_true, score)
        seconds.append(time.process_time() - started)
    return float(np.median(seconds))


def measure_proc(
    data: tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]], repeats: int
) -> tuple[float, float] | None:
    """Returns pROC's median processor seconds, reading the data not counted, and z.

    None where R or pROC is absent.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        script, table = Path(folder) / "delong.R", Path(folder) / "data.bin"
        script.write_text(PROC_SCRIPT)
        table.write_bytes(np.stack(data).astype("<f8").tobytes())
        command = [rscript, str(script), str(table), str(len(data[0])), str(repeats)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode == NO_PROC:
        return None
    run.check_returncode()
    median, z = map(float, run.stdout.split())
    return median, z


def main() -> None:
    """Prints one row per size and route."""
    parser = argparse.ArgumentParser(description="Time of DeLong's paired test.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    print("| images | route | median CPU s | times one sort | z |\n| --- | --- | --- | --- | --- |")
    for n_images in arguments.sizes:
        found = measure(n_images, arguments.repeats)
        ours = found["one sort"][0]
        for name, (median, z) in found.items():
            shown = "" if np.isnan(z) else f"{z:.10f}"
            print(f"| {n_images} | {name} | {median:.4f} | {median / ours:.1f} | {shown} |")
    n_images = max(arguments.sizes)
    print(f"\nMemory beside the input, {n_images} images: {measure_memory(n_images):.0f} MB")
    print(f"{MODELS} models x {IMAGES} images: {measure_many(arguments.repeats):.3f} CPU s")


if __name__ == "__main__":
    main()
