"""What is not done again: an unchanged data set, ten new photographs, a second backbone.

    python -m benchmarks.again

20,000 small photographs of noise, embedded by `fundus embed` in a process of its own each time. The
start of a process is timed beside it, without and with the imports that a network needs. For the
second backbone, 200 JPEGs of 2000 x 2000 pixels, since what it saves is decoding.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.dashboard import N_IMAGES, report, write_images
from benchmarks.decode import synthetic_photograph
from scripts.command_line import fundus

ROUNDS, ROUNDS_LARGE, N_NEW, N_LARGE = 5, 3, 10, 300
FIRST, SECOND = ("mobilenetv2_100", "scratch"), ("resnet18", "scratch")
STARTED = "import fundus_core.cli.main, fundus_core.workflows.embeddings.embed"
WITH_NETWORKS = f"{STARTED}, torch, timm"


def embed(data: Path, workspace: Path, backbone: tuple[str, str], *, side: int) -> float:
    """Embeds a data set by the command and returns the seconds it took."""
    name, weights = backbone
    options = ("--backbone", name, "--weights", weights, "--image-size", str(side))
    began = time.perf_counter()
    said = fundus("embed", data, *options, "--precision", "fp32", workspace=workspace)
    seconds = time.perf_counter() - began
    assert said["n_embedded"] == said["n_images"], said
    return seconds


def start(imports: str) -> float:
    """Returns the seconds a process needs to start."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", imports], check=True)
    return time.perf_counter() - began


def add(data: Path, first: int) -> None:
    """Adds ten photographs and their rows."""
    generator = np.random.default_rng(first)
    with (data / "labels.csv").open("a", encoding="utf-8") as table:
        for number in range(first, first + N_NEW):
            name = f"images/new{number}.jpg"
            pixels = generator.integers(0, 256, (96, 96, 3), np.uint8)
            Image.fromarray(pixels).save(data / name)
            table.write(f"{name},N{number},OD,0\n")


def large(folder: Path) -> Path:
    """Writes photographs that take long to decode."""
    picture = synthetic_photograph()
    folder.mkdir()
    for number in range(N_LARGE):
        moved = np.roll(picture, 7 * number, axis=1)
        Image.fromarray(moved).save(folder / f"{number:03d}.jpg", quality=92)
    return folder


def decoded_first(workspace: Path, data: Path, backbone: tuple[str, str]) -> float:
    """Times a backbone where nothing is kept of the photographs."""
    os.environ["FUNDUS_KEEP_SQUARES_GB"] = "0"
    try:
        return embed(data, workspace, backbone, side=224)
    finally:
        del os.environ["FUNDUS_KEEP_SQUARES_GB"]


def main() -> None:
    """Measures and prints everything."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data, workspace = write_images(folder / "data"), folder / "workspace"
        first = embed(data, workspace, FIRST, side=64)
        print(f"{N_IMAGES:,} photographs, first time: {first:.0f} s")
        starts, heavy, again, new = [], [], [], []
        for number in range(ROUNDS):
            starts.append(start(STARTED))
            heavy.append(start(WITH_NETWORKS))
            again.append(embed(data, workspace, FIRST, side=64))
            add(data, N_NEW * number)
            new.append(embed(data, workspace, FIRST, side=64))
        report("start of a process", starts)
        report("start of a process that computes", heavy)
        report("unchanged, the whole command", again)
        report(f"with {N_NEW} new photographs, the whole command", new)
        pictures = large(folder / "large")
        alone, after = [], []
        for number in range(ROUNDS_LARGE):
            alone.append(decoded_first(folder / f"none{number}", pictures, SECOND))
            embed(pictures, folder / f"one{number}", FIRST, side=224)
            after.append(embed(pictures, folder / f"one{number}", SECOND, side=224))
        report(f"{N_LARGE} of 2000 x 2000, {SECOND[0]}, with decoding", alone)
        report(f"{N_LARGE} of 2000 x 2000, {SECOND[0]}, after another backbone", after)


if __name__ == "__main__":
    main()
