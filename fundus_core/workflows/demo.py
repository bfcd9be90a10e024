"""Use case: the embedded demo photographs."""

from pathlib import Path

from fundus_core.domain.progress import Progress, silent
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace

MANIFEST = "manifest.csv"


def demo_source(workspace: Workspace) -> DataSource:
    """Returns where the demo photographs of a workspace are, or will be."""
    return DataSource(workspace.demo)


def has_demo(workspace: Workspace) -> bool:
    """Says whether the demo photographs were drawn; its manifest is written last."""
    return (workspace.demo / MANIFEST).is_file()


def make_demo(
    folder: Path,
    *,
    n_patients: int = 200,
    image_size: int = 512,
    seed: int = 0,
    progress: Progress = silent,
) -> Path:
    """Draws the demo photographs into a folder and returns its manifest."""
    from fundus_core.phantom.demo import write_demo

    return write_demo(
        folder, n_patients=n_patients, image_size=image_size, seed=seed, progress=progress
    )
