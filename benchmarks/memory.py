"""How much memory is taken by extraction, by a map of 100,000 photographs, and by an idle server.

    python -m benchmarks.memory

Resident memory, counted by the kernel (Linux). Extraction runs in a process of its own for each
number of photographs: what counts is its peak above what that process held with the network
loaded and used once. A map is made in a process of its own too, above what its libraries take, and
is drawn by a server, above what that held while idle. Photographs are noise; weights and the
embeddings of the map are random, and behind the map are no files: memory does not depend on what
is seen.
"""

import argparse
import asyncio
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.listing import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, remember, stored_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, load_for, resolve
from fundus_core.workflows.embeddings.embed import embed
from fundus_core.workflows.embeddings.project import project_embeddings
from scripts.command_line import fundus
from scripts.running import ROOT
from scripts.streamlit_session import open_tab

SIZES = (200, 1000, 4000)
SIDE = 512
N_ON_MAP, DIMENSIONS = 100_000, 384
LIBRARIES = ("sklearn.decomposition", "sklearn.manifold", "timm")
RERUNS = 5

EXTRACTED = BackboneChoice("timm:mobilenetv3_small_100", weights="scratch", precision="fp32")
MAPPED = BackboneChoice("timm:test_resnet", weights="scratch", image_size=64, precision="fp32")


def megabytes(what: str, pid: int | str = "self") -> float:
    """Returns what the kernel counted of a process: `VmRSS` now, `VmHWM` at the most."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"{what}:")]
    return int(line.split()[1]) / 1024


def forget_peak(pid: int | str = "self") -> None:
    """Has the kernel count the peak of a process from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def write_photographs(folder: Path, n_images: int) -> Path:
    """Writes photographs of noise."""
    generator = np.random.default_rng(0)
    folder.mkdir()
    for number in range(n_images):
        pixels = generator.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:06d}.jpg", quality=30)
    return folder


def remembered(workspace: Path) -> str:
    """Stores a data set of names, behind which are no files, with random embeddings; returns it."""
    place = Workspace(workspace)
    numbers = np.arange(N_ON_MAP)
    columns = {
        "image_id": [f"{number:032x}" for number in numbers],
        "path": [f"/nowhere/{number:06d}.jpg" for number in numbers],
        "patient_id": [f"P{number // 2:06d}" for number in numbers],
        "eye": ["OD" if number % 2 else "OS" for number in numbers],
        "split": [""] * N_ON_MAP,
        "dr": [str(number % 3 // 2) for number in numbers],
    }
    target = Target("dr", "binary", ("0", "1"), ("dr",))
    source = DataSource(Path("/nowhere"))
    table = pd.DataFrame(columns, dtype=object)
    dataset = FundusDataset("large", str(source.path), table, (target,))
    remember(place, dataset, source)
    vectors = np.random.default_rng(0).normal(size=(N_ON_MAP, DIMENSIONS)).astype(np.float32)
    store = EmbeddingStore(place.embeddings, resolve(place, MAPPED).recipe)
    with store.lock():
        store.add(vectors, dataset.image_ids, {})
    return dataset_id(source)


def extract(workspace: Path, name: str) -> None:
    """Prints what this process held with the network loaded, and at the most, in MB."""
    import torch

    place = Workspace(workspace)
    backbone = load_for(resolve(place, EXTRACTED))
    backbone.embed(torch.zeros(1, 3, 224, 224, dtype=torch.uint8))
    level = megabytes("VmRSS")
    forget_peak()
    embed(place, stored_dataset(place, name), EXTRACTED)
    print(level, megabytes("VmHWM"))


def make_map(workspace: Path, name: str) -> None:
    """Prints what this process held before it made a map, and at the most, in MB."""
    for library in LIBRARIES:
        importlib.import_module(library)
    place = Workspace(workspace)
    level = megabytes("VmRSS")
    forget_peak()
    vectors = embed(place, stored_dataset(place, name), MAPPED)
    project_embeddings(place, vectors, method="pca")
    print(level, megabytes("VmHWM"))


def child(*arguments: object) -> tuple[float, float]:
    """Returns what a process of this module prints."""
    command = [sys.executable, "-m", "benchmarks.memory", *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    level, peak = map(float, done.stdout.split()[-2:])
    return level, peak


def extraction(folder: Path) -> None:
    """Measures extraction for each number of photographs."""
    for n_images in SIZES:
        workspace = folder / f"workspace{n_images}"
        data = write_photographs(folder / f"data{n_images}", n_images)
        name = fundus("check", data, workspace=workspace)["dataset_id"]
        level, peak = child("extract", workspace, name)
        print(
            f"extraction of {n_images:,} photographs of {SIDE} x {SIDE}: {level:.0f} MB with the "
            f"network loaded, {peak - level:.0f} MB above it at the most",
            flush=True,
        )


async def draw(address: str, pid: int, name: str) -> tuple[float, float]:
    """Returns the megabytes of a server while idle, and at the most while a map is drawn."""
    async with open_tab(address, "jobs"):
        idle = megabytes("VmRSS", pid)
    forget_peak(pid)
    async with open_tab(address, "map", f"dataset={name}&map=pca") as (tab, opened):
        answers = [opened, *[await tab.rerun() for _ in range(RERUNS)]]
    if errors := [error for answer in answers for error in answer.errors]:
        raise SystemExit(f"The map was not drawn: {errors[0]}")
    return idle, megabytes("VmHWM", pid)


def large_map(folder: Path) -> None:
    """Measures a map of many photographs: made, and drawn."""
    from scripts.served import served  # not in the child processes: it loads Streamlit

    workspace = folder / "mapped"
    name = remembered(workspace)
    level, peak = child("map", workspace, name)
    print(
        f"map of {N_ON_MAP:,} x {DIMENSIONS} made by PCA: {level:.0f} MB with the libraries "
        f"loaded, {peak - level:.0f} MB above it at the most",
        flush=True,
    )
    with served(workspace) as server:
        idle, peak = asyncio.run(draw(server.address, server.process.pid, name))
    print(f"server, idle after its first page: {idle:.0f} MB")
    print(
        f"map of {N_ON_MAP:,} drawn {RERUNS + 1} times: {peak - idle:.0f} MB above idle at the most"
    )


def main() -> None:
    """Measures everything and prints it; or one thing, for itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("one", nargs="*", help="extract WORKSPACE DATASET, or map ...")
    one = parser.parse_args().one
    if one:
        what, workspace, name = one
        measure = extract if what == "extract" else make_map
        measure(Path(workspace), name)
        return
    with tempfile.TemporaryDirectory() as scratch:
        extraction(Path(scratch))
        large_map(Path(scratch))


if __name__ == "__main__":
    main()
