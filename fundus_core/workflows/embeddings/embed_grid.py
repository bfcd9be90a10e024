"""Use case: embeddings of a data set by several backbones at several sizes, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import BackboneError, FundusError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, ResolvedChoice, resolve
from fundus_core.workflows.embeddings.embed import embed_resolved


@dataclass(frozen=True, slots=True)
class Cell:
    """One backbone at one size, and what came of it."""

    backbone: str
    pooling: str
    image_size: int
    label: str
    """Name shown to the user."""

    fingerprint: str
    """Key of the embeddings."""

    n_embedded: int
    """Photographs with a vector; 0 where it failed."""

    n_skipped: int
    """Photographs that could not be read."""

    failure: str = ""
    """What is wrong and the next step; empty where all went well."""


def embed_grid(
    workspace: Workspace,
    dataset: FundusDataset,
    choices: Sequence[BackboneChoice],
    *,
    progress: Progress = silent,
    workers: int = 2,
) -> tuple[Cell, ...]:
    """Makes the embeddings of each choice; those that are stored are not computed again.

    Nothing is computed before the weights of all are found. What fails after that, fails alone.

    Args:
        workspace: Where embeddings are stored.
        dataset: The photographs.
        choices: Backbones, poolings and sizes, in the order they are run.
        progress: Told of each in turn.
        workers: Threads that decode.

    Returns:
        What came of each choice, in their order.

    Raises:
        FundusError: If the weights of a backbone are not at hand, or one is unknown.
    """
    resolved = [resolve(workspace, choice) for choice in choices]
    cells = []
    for position, each in enumerate(resolved):
        heading = f"{position + 1} of {len(resolved)}, {each.label}"
        cells.append(_cell(workspace, dataset, each, _headed(progress, heading), workers))
    return tuple(cells)


def require_all(cells: Sequence[Cell]) -> None:
    """Says which choices failed, after the others were done.

    Raises:
        BackboneError: If any did.
    """
    failed = [cell for cell in cells if cell.failure]
    if failed:
        raise BackboneError(
            f"{len(failed)} of {len(cells)} extractions failed; the others are stored.",
            hint=" ".join(f"{cell.label}: {cell.failure}" for cell in failed),
        )


def _cell(
    workspace: Workspace,
    dataset: FundusDataset,
    resolved: ResolvedChoice,
    progress: Progress,
    workers: int,
) -> Cell:
    recipe, failure = resolved.recipe, ""
    n_embedded = n_skipped = 0
    try:
        found = embed_resolved(workspace, dataset, resolved, progress=progress, workers=workers)
        n_embedded, n_skipped = len(found.image_ids), len(found.skipped)
    except FundusError as error:
        failure = f"{error.message} {error.hint}"
    return Cell(
        recipe.backbone,
        recipe.pooling,
        recipe.image_size,
        resolved.label,
        recipe.fingerprint(),
        n_embedded,
        n_skipped,
        failure,
    )


def _headed(progress: Progress, heading: str) -> Progress:
    """Returns a progress that says first which of several it is about."""

    def told(done: int, total: int, message: str) -> None:
        progress(done, total, f"{heading}: {message}")

    return told
