"""Use case: the embedded demo photographs."""

from pathlib import Path

from fundus_core.domain.progress import Progress, silent
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.result_places import OPTION, require_result_place

MANIFEST = "manifest.csv"

N_PATIENTS = 240
"""Of the demo."""

N_PHOTOGRAPHS = 5 * N_PATIENTS // 2
"""Of the demo: two of each patient, and every fourth comes a second time."""


def demo_source(workspace: Workspace) -> DataSource:
    """Returns where the demo photographs of a workspace are, or will be."""
    return DataSource(workspace.demo)


def has_demo(workspace: Workspace) -> bool:
    """Says whether the demo photographs were drawn; its manifest is written last."""
    return (workspace.demo / MANIFEST).is_file()


def make_demo(
    folder: Path,
    *,
    n_patients: int = N_PATIENTS,
    image_size: int = 512,
    seed: int = 0,
    healthy_share: float | None = None,
    plants: bool = True,
    replace: bool = True,
    progress: Progress = silent,
) -> Path:
    """Draws the demo photographs into a folder and returns its manifest.

    Args:
        folder: Made if needed.
        n_patients: Each has two photographs, every fourth has four.
        image_size: Side in pixels.
        seed: Equal seeds give equal photographs.
        healthy_share: Share of patients without disease; None for the demo's usual one.
        plants: Whether to plant near-duplicates, wrong labels and unreadable files.
        replace: Whether a demo that was drawn with other arguments may be drawn over.
        progress: Told after every photograph.

    Raises:
        ParameterError: If an argument is out of range.
        DataError: If the folder holds somebody else's table.
    """
    from fundus_core.phantom.demo import write_demo

    return write_demo(
        folder,
        n_patients=n_patients,
        image_size=image_size,
        seed=seed,
        healthy_share=healthy_share,
        plants=plants,
        replace=replace,
        progress=progress,
    )


def require_demo_place(
    workspace: Workspace, folder: Path, *, replace: bool, asked_by: str = OPTION
) -> None:
    """Refuses a folder that holds other things than a demo, or lies among the program's own files.

    Raises:
        StoreError: If it is refused.
    """
    from fundus_core.phantom.demo import is_demo

    if not is_demo(folder):
        own = (workspace.demo, workspace.phantoms)
        require_result_place(
            workspace, folder, is_folder=True, replace=replace, within=own, asked_by=asked_by
        )


def count_rows(manifest: Path) -> int:
    """Returns how many photographs the table of a demo lists."""
    with manifest.open(encoding="utf-8") as file:
        return sum(1 for _ in file) - 1
