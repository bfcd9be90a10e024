"""What a study will take before it is begun: cells, photographs, time and disk."""

from collections.abc import Sequence
from dataclasses import dataclass

from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.costs import backbone_costs
from fundus_core.errors import BackboneError
from fundus_core.studies.data import StudyData
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.grid import Cell

_BACKWARD = 3.0
"""Forward and back, in forward passes."""

_SQUARE_BYTES = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """What some cells will take."""

    n_cells: int
    seconds: float | None
    """On the machine the costs were measured on; None where a backbone was never measured."""

    machine: str
    """Where the costs were measured."""

    disk_bytes: int
    """Embeddings and kept networks, and the photographs of one training at a time."""

    def text(self) -> str:
        """Returns a sentence for people."""
        if not self.n_cells:
            return "nothing is left to run"
        disk = f"about {self.disk_bytes / 1e9:.1f} GB of disk"
        if self.seconds is None:
            return f"time unknown: a backbone's cost was never measured; {disk}"
        hours = self.seconds / 3600
        span = f"{hours:.1f} h" if hours >= 1 else f"{max(1, round(self.seconds / 60))} min"
        return f"about {span} of forward and backward passes on {self.machine}; {disk}"


def estimate(study: StudyDocument, cells: Sequence[Cell], data: Sequence[StudyData]) -> Estimate:
    """Adds up the forward passes of cells by the measured cost of their backbones.

    A frozen backbone sees every photograph once, whatever is fitted on it; a trained one sees the
    training side of every fold forward and back in every epoch. Reading files and fitting probes
    are not counted, nor are cells whose backbone is unknown.

    Args:
        study: The study.
        cells: Those of its cells that are still to be run.
        data: Its data sets.
    """
    photographs = {one.part.name: len(one.dataset) for one in data}
    costs = backbone_costs()
    seconds: float | None = 0.0
    embedded: set[tuple[str, str, int | None, str]] = set()
    disk, largest = 0, 0
    for cell in cells:
        n_images = photographs[cell.data.name]
        try:
            spec = backbone_spec(cell.backbone)
        except BackboneError:
            seconds = None
            continue
        side = cell.image_size or spec.image_size
        largest = max(largest, n_images * _SQUARE_BYTES * side**2)
        key = (cell.data.name, cell.model.name, cell.image_size, cell.preprocessing.name)
        passes = _passes(study, cell, n_images)
        if cell.is_probe:
            passes = 0.0 if key in embedded else float(n_images)
            disk += 0 if key in embedded else 4 * n_images * spec.embed_dim
            embedded.add(key)
        elif study.training.keep_weights and (known := costs.get(spec.id)):
            disk += int(study.validation.folds * known.file_mb * 1e6)
        cost = costs.get(spec.id)
        if cost is None:
            seconds = None
        elif seconds is not None:
            seconds += passes * cost.ms_per_image / 1000 * (side / spec.image_size) ** 2
    machines = {costs[c.backbone].machine for c in cells if c.backbone in costs}
    return Estimate(len(cells), seconds, ", ".join(sorted(machines)), disk + largest)


def _passes(study: StudyDocument, cell: Cell, n_images: int) -> float:
    """Returns the forward passes of a training."""
    folds = 1 if study.validation.use_split else study.validation.folds
    share = 0.75 if study.validation.use_split else (folds - 1) / folds
    per_fold = n_images * share * cell.fraction * study.training.epochs * _BACKWARD
    return folds * per_fold + n_images
