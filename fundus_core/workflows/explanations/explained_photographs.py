"""Photographs that are to be explained: which they are, and what the network is shown of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import DataError
from fundus_core.geometry import Geometry
from fundus_core.io.images import read_image, scan_image
from fundus_core.io.typed_paths import file_at
from fundus_core.io.workspace import Workspace
from fundus_core.preprocessing import decode_side, prepare
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Subject:
    """A photograph of the run's data set, or one from elsewhere."""

    image_id: str
    path: Path
    fold: int | None
    """The fold that held it out; None for a photograph that took no part."""

    labels: NDArray[np.bool_] | None
    """Shape (C,), per scored class."""

    @property
    def held_out(self) -> bool:
        """Says whether there is a model that never saw this patient."""
        return self.fold is not None and self.fold >= 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A photograph as the network is shown it."""

    batch: "Tensor"
    """Shape (1, 3, S, S), uint8."""

    geometry: Geometry


def subjects_of(workspace: Workspace, run: Run, images: Sequence[str]) -> list[Subject]:
    """Finds photographs by path, or by their id in the run's data set.

    Raises:
        DataError: If one is neither.
    """
    predictions = run_predictions(workspace, run)
    row_of = {image_id: row for row, image_id in enumerate(predictions.image_ids)}
    known = _known_paths(workspace, run)
    subjects = []
    for image in images:
        path = Path(known[image]) if image in known else file_at(image)
        if path is None:
            raise DataError(
                f"{image!r} is neither a file nor an image id of {run.dataset_name}.",
                hint="Give the path of a photograph, or an id from the run's predictions.",
            )
        image_id = image if image in known else scan_image(path).image_id
        row = row_of.get(image_id)
        fold = None if row is None or predictions.fold is None else int(predictions.fold[row])
        labels = None if row is None else predictions.y_true[row]
        subjects.append(Subject(image_id, path, fold, labels))
    return subjects


def shown_to(run: Run, path: Path, *, image_id: str = "") -> Shown:
    """Reads a photograph as the network of a run is shown it.

    Args:
        run: Whose network.
        path: The file.
        image_id: What it is known by; empty for a photograph of no data set.

    Raises:
        ImageError: If it cannot be read, or is another photograph by now.
    """
    import torch

    recipe, side = run.embeddings.preprocessing, run.embeddings.image_size
    image = read_image(path, min_side=decode_side(side), decoder=recipe.decoder, image_id=image_id)
    prepared = prepare(image, side, recipe)
    batch = torch.from_numpy(np.ascontiguousarray(prepared.pixels.transpose(2, 0, 1)))[None]
    return Shown(batch, prepared.geometry)


def _known_paths(workspace: Workspace, run: Run) -> dict[str, str]:
    """Returns image id -> path of the run's data set; empty if that is no longer remembered."""
    try:
        table = stored_dataset(workspace, run.dataset_id).table
    except DataError:
        return {}
    return dict(zip(table["image_id"], table["path"], strict=True))
