"""The demo's story as it is stored: which runs and maps belong to it, and what heat maps showed."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError
from fundus_core.explain.lesions import LesionShare
from fundus_core.io.files import read_json, write_json
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import AucComparison
from fundus_core.stats.multiplicity import holm
from fundus_core.workflows.data.datasets import dataset_id, stored_dataset
from fundus_core.workflows.data.demo import demo_source
from fundus_core.workflows.evaluation.compare import compare
from fundus_core.workflows.explanations.lesions import ExplainedPhotograph, LesionStudy
from fundus_core.workflows.models import precomputed
from fundus_core.workflows.models.held_out import stored_run
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.story.story_design import CELLS, CONTRASTS, Cell, Start

FOLDER = "story"
"""Of a workspace."""

_ABOUT = "story.json"

Pictures = Mapping[str, NDArray[np.uint8] | Path]
"""Image id -> a picture (H, W, 3), or where it is stored as PNG."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two models of the story on the same photographs, first minus second."""

    first: Cell
    second: Cell
    result: AucComparison
    p_holm: float
    """p of `result`, corrected over all contrasts of the story (Holm 1979)."""


@dataclass(frozen=True, slots=True)
class Story:
    """What was found on the demo photographs; all of them are synthetic."""

    dataset_id: str
    n_images: int
    n_patients: int | None
    runs: Mapping[Cell, Run]
    """The two probes, and the fine-tuned networks where there are scores of them."""

    embeddings: Mapping[Start, str]
    """Fingerprints of what the maps are made of."""

    contrasts: tuple[Contrast, ...]
    """Those of `CONTRASTS` whose models are there."""

    lesions: LesionStudy
    """Of the pre-trained probe."""

    pictures: Mapping[str, Path]
    """Image id of each example -> PNG with the heat and the outlines of the lesions."""

    not_fine_tuned: str
    """Why fine-tuned networks are missing, in a sentence; empty where they are not."""

    @property
    def precomputed(self) -> bool:
        """Says whether scores of fine-tuned networks were installed, not computed here."""
        return any(precomputed.is_precomputed(run) for run in self.runs.values())


def read_story(workspace: Workspace) -> Story | None:
    """Returns the story as it is stored; None where a part of it is missing. Trains nothing."""
    name = dataset_id(demo_source(workspace))
    folder = story_store(workspace).get(name)
    about = None if folder is None else read_json(folder / _ABOUT)
    if folder is None or about is None:
        return None
    named = {cell: about["runs"][cell.key] for cell in CELLS if cell.key in about["runs"]}
    found = {cell: stored_run(workspace, run_id) for cell, run_id in named.items()}
    runs = {cell: run for cell, run in found.items() if run is not None}
    if len(runs) < len(named) or about["dataset"] != _fingerprint(workspace, name):
        return None
    study = _study_from(about["lesions"])
    return Story(
        name,
        about["n_images"],
        about["n_patients"],
        runs,
        about["embeddings"],
        contrasts_of(workspace, runs),
        study,
        {image_id: folder / f"{image_id}.png" for image_id in study.examples},
        about["not_fine_tuned"],
    )


def save_story(
    workspace: Workspace,
    name: str,
    dataset: FundusDataset,
    runs: Mapping[Cell, Run],
    embeddings: Mapping[Start, str],
    study: LesionStudy,
    pictures: Pictures,
    not_fine_tuned: str,
) -> None:
    """Stores the story of the demo; nothing is written where the same is stored already.

    Args:
        workspace: Where.
        name: Id of the data set.
        dataset: The demo.
        runs: Those that are there.
        embeddings: Fingerprints of what the maps are made of.
        study: What the heat maps showed.
        pictures: Of the study's examples.
        not_fine_tuned: Why fine-tuned runs are missing.
    """
    about = {
        "dataset": dataset.fingerprint(),
        "n_images": len(dataset),
        "n_patients": dataset.n_patients,
        "runs": {cell.key: run.id for cell, run in runs.items()},
        "embeddings": dict(embeddings),
        "lesions": asdict(study),
        "not_fine_tuned": not_fine_tuned,
    }
    store = story_store(workspace)
    folder = store.get(name)
    if folder is not None and read_json(folder / _ABOUT) == _plain(about):
        return

    def write(folder: Path) -> None:
        for image_id, picture in pictures.items():
            _write_picture(folder / f"{image_id}.png", picture)
        write_json(folder / _ABOUT, about)

    store.put(name, {"runs": about["runs"]}, write)


def _plain(value: Any) -> Any:
    """Returns a value as it comes back from a JSON file."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _write_picture(path: Path, picture: NDArray[np.uint8] | Path) -> None:
    if isinstance(picture, Path):
        shutil.copyfile(picture, path)
        return
    from PIL import Image

    Image.fromarray(picture).save(path)


def _study_from(about: Mapping[str, Any]) -> LesionStudy:
    photographs = tuple(
        ExplainedPhotograph(**{**row, "measured": LesionShare(**row["measured"])})
        for row in about["photographs"]
    )
    return LesionStudy(
        **{**about, "photographs": photographs, "examples": tuple(about["examples"])}
    )


def contrasts_of(workspace: Workspace, runs: Mapping[Cell, Run]) -> tuple[Contrast, ...]:
    """Returns the planned differences between the models that are there."""
    pairs = [(first, second) for first, second in CONTRASTS if first in runs and second in runs]
    tested = [
        compare(workspace, [runs[first].id, runs[second].id]).pairs[0].result
        for first, second in pairs
    ]
    corrected = holm([result.p_value for result in tested])
    return tuple(
        Contrast(first, second, result, float(p_holm))
        for (first, second), result, p_holm in zip(pairs, tested, corrected, strict=True)
    )


def story_store(workspace: Workspace) -> ArtifactStore:
    """Returns where stories are kept, under the id of their data set."""
    return ArtifactStore(workspace.root / FOLDER)


def _fingerprint(workspace: Workspace, name: str) -> str:
    """Returns the key of the demo as it is open now; empty where it is not."""
    try:
        return stored_dataset(workspace, name).fingerprint()
    except DataError:
        return ""
