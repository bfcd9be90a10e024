"""Extraction on Ray beside one process: photographs per second, and memory as the work grows.

    python -m benchmarks.scale_ray [PHOTOGRAPHS ...]

Synthetic discs of 1000 x 1000 pixels, ResNet-18 with random weights at 224. The first figure is
that of the command's own process; the second adds all processes of Ray, shared memory counted once
per process that maps it. Starting Ray is part of the time.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

PHOTOGRAPHS = (256, 1024)


def draw(folder: Path, count: int) -> None:
    """Writes discs of slightly different red."""
    rows, columns = np.mgrid[:1000, :1000] - 499.5
    inside = rows**2 + columns**2 < 480**2
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        pixels = np.zeros((1000, 1000, 3), np.uint8)
        pixels[inside] = rng.integers(40, 220, 3)
        pixels[::7, ::5] += rng.integers(0, 20, 3, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=90)


class Watch(threading.Thread):
    """Notes the most memory that a process and its children held, in MiB."""

    def __init__(self, pid: int) -> None:
        """Watches from `start` until the process is gone."""
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self.own = self.all = 0

    def run(self) -> None:
        """Looks twice a second."""
        while self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
            sizes = [_resident(each) for each in [self._process, *self._family()]]
            self.own, self.all = max(self.own, sizes[0]), max(self.all, sum(sizes))
            time.sleep(0.5)

    def _family(self) -> list[psutil.Process]:
        try:
            return list(self._process.children(recursive=True))
        except psutil.NoSuchProcess:
            return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss >> 20)
    except psutil.NoSuchProcess:
        return 0


def measure(data: Path, count: int, engine: str) -> None:
    """Prints a line on one engine; the photographs were looked at before."""
    with tempfile.TemporaryDirectory() as workspace:
        shared = ["--workspace", workspace]
        fundus = [sys.executable, "-m", "fundus_core"]
        subprocess.run([*fundus, "check", str(data), *shared], check=True, capture_output=True)
        network = ["--backbone", "resnet18", "--weights", "scratch", "--precision", "fp32"]
        started = time.perf_counter()
        with subprocess.Popen(
            [*fundus, "embed", str(data), *network, *shared, "--engine", engine, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as running:
            watch = Watch(running.pid)
            watch.start()
            said = json.loads(running.communicate()[0])
        seconds = time.perf_counter() - started
    assert said["n_embedded"] == count
    print(
        f"  {count:5d} photographs, {engine:5s}: {seconds:6.1f} s, {count / seconds:6.1f} per s; "
        f"{watch.own:5d} MiB own, {watch.all:5d} MiB in all",
        flush=True,
    )


def main() -> None:
    """Prints a line per engine and number of photographs."""
    for count in [int(word) for word in sys.argv[1:]] or PHOTOGRAPHS:
        with tempfile.TemporaryDirectory() as folder:
            draw(Path(folder, "data"), count)
            for engine in ("local", "ray"):
                measure(Path(folder, "data"), count, engine)


if __name__ == "__main__":
    main()
