"""A workspace that every page has something to show of, made by the command line."""

from pathlib import Path

from benchmarks.dashboard import write_images
from scripts.command_line import fundus

OPTIONS = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", 64)
"""The smallest network there is: what is measured is the server, not the network."""

PRECISION = ("--precision", "fp32")
SEEDS = (0, 1)
"""Of the probes: pages that compare models need two."""


def prepare(folder: Path, n_images: int) -> Path:
    """Makes photographs of noise, embeddings, a map and two probes; returns the workspace."""
    workspace = folder / "workspace"
    data = write_images(folder / "data", n_images)
    fundus("embed", data, *OPTIONS, *PRECISION, workspace=workspace)
    fundus("project", data, *OPTIONS, *PRECISION, "--method", "pca", workspace=workspace)
    for seed in SEEDS:
        probe = ("--target", "dr", "--seed", seed)
        fundus("probe", data, *OPTIONS, *PRECISION, *probe, workspace=workspace)
    return workspace
