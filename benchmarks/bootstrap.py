"""Time and memory of all metrics of a model with their bootstrap intervals.

20,000 photographs of 10,000 patients, 2,000 resamples:

    python -m benchmarks.bootstrap [--images 20000]
"""

import argparse
import resource
import time

import numpy as np

from fundus_core.domain.dataset import Task
from fundus_core.stats.scores import METRICS, metric_intervals
from fundus_core.stats.tallies import Answers, answers_of

CASES: tuple[tuple[Task, int], ...] = (("binary", 1), ("multiclass", 5), ("multilabel", 8))
"""Tasks and their numbers of scored classes."""


def draw(task: Task, n_classes: int, n_images: int) -> Answers:
    """Returns answers better than chance; both photographs of a patient have the same labels."""
    generator = np.random.default_rng(0)
    patient, classes = np.arange(n_images) // 2, np.arange(n_classes)
    if task == "multiclass":
        y_true = generator.integers(n_classes, size=n_images)[patient][:, np.newaxis] == classes
    else:
        y_true = (generator.random((n_images, n_classes)) < 0.2)[patient]
    y_score = 0.3 * y_true + 0.7 * generator.random(y_true.shape)
    highest = y_score.argmax(axis=1)[:, np.newaxis] == classes
    decided = highest if task == "multiclass" else y_score >= 0.5
    return answers_of(task, y_true, y_score, decided, patients=patient)


def main() -> None:
    """Prints processor seconds, and the most memory that the process has had, per task."""
    parser = argparse.ArgumentParser(description="Time of metrics with bootstrap intervals.")
    parser.add_argument("--images", type=int, default=20_000)
    n_images = parser.parse_args().images
    print("| task | classes | metrics | CPU s | process peak MB |\n| --- | --- | --- | --- | --- |")
    for task, n_classes in CASES:
        answers = draw(task, n_classes, n_images)
        names = [name for name, metric in METRICS.items() if task in metric.tasks]
        start = time.process_time()
        metric_intervals(
            answers, names, list(map(str, range(n_classes))), patients=np.arange(n_images) // 2
        )
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"| {task} | {n_classes} | {len(names)} | {seconds:.1f} | {peak} |", flush=True)


if __name__ == "__main__":
    main()
