"""Use case: which photographs of a data set show the same, and who would learn from a test one."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import Caution
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import FundusError
from fundus_core.io.files import read_json, write_json
from fundus_core.io.images import read_image
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.look_alikes import (
    DECODE_SIDE,
    LEAST_SIMILARITY,
    SIDE,
    LookAlikes,
    look_alikes,
    signature,
)
from fundus_core.workflows.data.labelled import Labelled

_PAIRS = "pairs.json"

_VERSION = 1
"""Of `signature`; raised when the same photograph would give other numbers."""


@dataclass(frozen=True, slots=True)
class AlikePair:
    """Two photographs of a data set that show the same."""

    image_a: str
    image_b: str
    similarity: float
    """Correlation of their fine structure, in [-1, 1]."""


def dataset_look_alikes(
    workspace: Workspace, dataset: FundusDataset, *, progress: Progress = silent
) -> tuple[AlikePair, ...]:
    """Returns the pairs of photographs that show the same; looked for once, then remembered.

    Photographs that cannot be read are like nothing; then the answer is not remembered.

    Args:
        workspace: Remembers.
        dataset: The photographs; each is read in small.
        progress: Told how many were read.
    """
    asked = [_VERSION, SIDE, DECODE_SIDE, LEAST_SIMILARITY, list(dataset.image_ids)]
    name, store = fingerprint_of(asked), ArtifactStore(workspace.look_alikes)
    if folder := store.get(name):
        return tuple(AlikePair(*pair) for pair in read_json(folder / _PAIRS) or ())
    signatures = _signatures(dataset, progress)
    rows = look_alikes(signatures)
    found = tuple(_named(pair, dataset.image_ids) for pair in rows)
    pairs = [[pair.image_a, pair.image_b, pair.similarity] for pair in found]
    if signatures.any(axis=1).all():  # one that could not be read may be back next time
        store.put(name, {"name": dataset.name}, lambda folder: write_json(folder / _PAIRS, pairs))
    return found


def minding_look_alikes(
    workspace: Workspace, labelled: Labelled, *, progress: Progress = silent
) -> Labelled:
    """Adds the caution about photographs that show the same on both sides of a fold, if any do."""
    pairs = dataset_look_alikes(workspace, labelled.dataset, progress=progress)
    caution = across_folds(labelled, pairs)
    if caution is None:
        return labelled
    return replace(labelled, cautions=(*labelled.cautions, caution))


def across_folds(labelled: Labelled, pairs: Sequence[AlikePair]) -> Caution | None:
    """Returns a caution if a fold learns from a photograph that shows the same as one it tests."""
    row_of = {image_id: row for row, image_id in enumerate(labelled.image_ids)}
    known = [pair for pair in pairs if {pair.image_a, pair.image_b} <= row_of.keys()]
    sides = [(set(fold.train.tolist()), set(fold.test.tolist())) for fold in labelled.folds]
    leaking = [
        pair
        for pair in known
        if any(
            (a in train and b in test) or (b in train and a in test)
            for a, b in [(row_of[pair.image_a], row_of[pair.image_b])]
            for train, test in sides
        )
    ]
    if not leaking:
        return None
    files = labelled.dataset.table.set_index("image_id")["path"]
    first, second = (_file(files, one) for one in (leaking[0].image_a, leaking[0].image_b))
    pairs_look = "1 pair of photographs looks"
    if len(leaking) > 1:
        pairs_look = f"{len(leaking)} pairs of photographs look"
    return Caution(
        "FD013",
        f"{pairs_look} the same on both sides of a fold, first "
        f"{first} and {second} (similarity {leaking[0].similarity:.2f}).",
    )


def _file(files: "pd.Series[str]", image_id: str) -> str:
    return Path(files[image_id]).name


def _named(pair: LookAlikes, image_ids: Sequence[str]) -> AlikePair:
    return AlikePair(image_ids[pair.row_a], image_ids[pair.row_b], pair.similarity)


def _signatures(dataset: FundusDataset, progress: Progress) -> NDArray[np.float32]:
    """Returns a signature per photograph, shape (N, K); zeros where one cannot be read."""
    found: list[NDArray[np.float32]] = []
    with ThreadPoolExecutor() as pool:
        outcomes = pool.map(_signature, dataset.image_ids, dataset.table["path"])
        for done, one in enumerate(outcomes, 1):
            found.append(one)
            progress(done, len(dataset), "looking for photographs that show the same")
    return np.stack(found)


def _signature(image_id: str, path: str) -> NDArray[np.float32]:
    try:
        return signature(read_image(Path(path), min_side=DECODE_SIDE, image_id=image_id))
    except FundusError:
        return np.zeros_like(signature(np.zeros((DECODE_SIDE, DECODE_SIDE, 3), np.uint8)))
