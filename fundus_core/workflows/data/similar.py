"""Use case: which photographs a backbone finds alike, also to one that is not of the data set."""

import contextlib
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fundus_core.domain.dataset import RESERVED_COLUMNS, FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.errors import ImageError
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.files import write_atomically
from fundus_core.io.images import SUPPORTED_SUFFIXES, scan_image
from fundus_core.io.read_only import require_writable
from fundus_core.io.refused_writing import full_disk_explained
from fundus_core.io.typed_paths import real_path
from fundus_core.io.workspace import Workspace
from fundus_core.similarity import cosines_with, nearest
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.embeddings.embed import embed_resolved

FOLDER = "examples"
"""Of the workspace: photographs that were only asked about, and what was computed of them."""


_TRIES = 20
"""How often a folder is deleted into which another process still writes."""


@dataclass(frozen=True, slots=True)
class SimilarPhotographs:
    """The photographs of a data set that are most like one."""

    image_id: str
    """Of the photograph that was asked about."""

    label: str
    """Name of the backbone, as users see it."""

    cosines: Mapping[str, float]
    """Image id -> cosine of the centred embeddings in [-1, 1], the most alike first."""

    n_images: int
    """Photographs that were ranked."""


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """The neighbours of one photograph under two backbones, nearest first."""

    k: int
    """Neighbours under each."""

    first: Mapping[str, float]
    """Image id -> cosine under the first backbone."""

    second: Mapping[str, float]
    """Image id -> cosine under the second backbone."""

    n_compared: int
    """Photographs that both backbones have embedded, among which neighbours were looked for."""

    @property
    def both(self) -> tuple[str, ...]:
        """Neighbours under both, nearest under the first one first."""
        return tuple(name for name in self.first if name in self.second)

    @property
    def only_first(self) -> tuple[str, ...]:
        """Neighbours here, not there."""
        return tuple(name for name in self.first if name not in self.second)

    @property
    def only_second(self) -> tuple[str, ...]:
        """Neighbours there, not here."""
        return tuple(name for name in self.second if name not in self.first)


MOST_UPLOADED = 50 << 20
"""Bytes of a photograph that is uploaded, as `.streamlit/config.toml` says to the browser."""


def keep_example(workspace: Workspace, content: bytes, name: str) -> tuple[str, Path]:
    """Stores an uploaded photograph beside the data sets and returns its id and its place.

    Raises:
        ImageError: If it is no photograph that can be decoded, or too large.
        StoreError: If the disk is full.
    """
    if len(content) > MOST_UPLOADED:  # whatever the browser was told
        raise ImageError(
            "too_large",
            f"The file has {len(content):,} bytes; at most {MOST_UPLOADED:,} are taken.",
            hint="Export the photograph as JPEG.",
        )
    image_id = hashlib.sha256(content).hexdigest()[:32]
    ending = Path(name).suffix.lower()
    path = workspace.root / FOLDER / f"{image_id}{ending if ending in SUPPORTED_SUFFIXES else ''}"
    write_atomically(path, lambda file: file.write(content))
    try:
        scan_image(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return image_id, path


def forget_example(workspace: Workspace, image_id: str) -> None:
    """Deletes a photograph that was only asked about, and all that was computed of it.

    What an earlier version put into `squares/` and `embeddings/` stays: their files are of many
    photographs.

    Raises:
        StoreError: If the system does not let this program delete it.
        ReadOnlyError: If the workspace is only to be looked at.
    """
    folder = workspace.root / FOLDER
    require_writable(folder)
    for path in (*folder.glob(f"{image_id}*"), *workspace.thumbnails.glob(f"{image_id}-*.jpg")):
        if not path.is_dir():
            with full_disk_explained(path, 0):
                path.unlink(missing_ok=True)
    # Only now: a job that still sees the photograph has computed all that it will.
    for path in [one for one in folder.glob(f"{image_id}*") if one.is_dir()]:
        with full_disk_explained(path, 0):
            _remove_folder(path)


def _remove_folder(folder: Path) -> None:
    """Deletes a folder into which a job may still write, or which another one deletes."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
        if not folder.exists():
            return
    shutil.rmtree(folder)


def _require_not_forgotten(workspace: Workspace, path: Path, image_id: str) -> None:
    """Deletes what was just computed of an uploaded photograph if that was deleted meanwhile.

    Raises:
        ImageError: If it was.
    """
    is_upload = real_path(path.parent) == real_path(workspace.root / FOLDER)
    if is_upload and not path.exists():
        forget_example(workspace, image_id)
        raise ImageError(
            "missing",
            "The photograph was deleted from the workspace while a backbone looked at it; nothing "
            "is kept of it.",
            hint="To ask again, upload it again.",
        )


def _beside(workspace: Workspace, image_id: str) -> Workspace:
    """Returns where that is kept which is computed of a photograph of no data set.

    A place of its own for each, so that it can be deleted: the stores of the workspace put many
    photographs into a file.
    """
    return Workspace(workspace.root / FOLDER / f"{image_id}.computed", workspace.weights)


def similar_to_file(
    workspace: Workspace,
    dataset: FundusDataset,
    backbone: BackboneChoice,
    path: Path,
    *,
    count: int | None = 20,
    progress: Progress = silent,
) -> SimilarPhotographs:
    """Returns the photographs of a data set that are most like one from anywhere.

    Embeddings that are missing are computed and stored; that of a photograph which is not of the
    data set, and its square, apart from all others (see `forget_example`).

    Args:
        workspace: Where embeddings are kept.
        dataset: What to rank.
        backbone: Who judges.
        path: The photograph; if the data set holds it, it is left out of the answer.
        count: How many; all of them if None.
        progress: Told what is being computed.

    Raises:
        ImageError: If the photograph cannot be read, or was forgotten meanwhile.
        FundusError: See `resolve` and `embed_resolved`.
    """
    image_id = scan_image(path).image_id
    resolved = resolve(workspace, backbone)
    place = workspace if image_id in dataset.image_ids else _beside(workspace, image_id)
    try:
        example = embed_resolved(place, _alone(image_id, path), resolved, progress=progress)
    finally:
        if place is not workspace:
            _require_not_forgotten(workspace, path, image_id)
    embeddings = embed_resolved(workspace, dataset, resolved, progress=progress)
    cosines = _ranked(embeddings, example, count)
    return SimilarPhotographs(image_id, resolved.label, cosines, len(embeddings.image_ids))


def known_similar(
    workspace: Workspace, recipe: EmbedRecipe, embeddings: Embeddings, image_id: str
) -> Mapping[str, float] | None:
    """Returns all photographs with their cosines, the most alike first; None without an embedding.

    Loads no network: what a page can do while its reader waits.

    Args:
        workspace: Where embeddings are kept.
        recipe: How the embeddings were made.
        embeddings: Of the data set.
        image_id: Of any photograph that was embedded here; it is left out of the answer.
    """
    for place in (_beside(workspace, image_id), workspace):
        computed_here = EmbeddingStore(place.embeddings, replace(recipe, origin=""))
        example = computed_here.read([image_id])
        if example.image_ids:
            return _ranked(embeddings, example, None)
    return None


def neighbourhoods(
    first: Embeddings, second: Embeddings, image_id: str, *, k: int
) -> Neighbourhoods | None:
    """Returns the neighbours of a photograph under two backbones; None where one lacks it.

    Both are looked for among the photographs that both backbones have embedded, so that none is
    missing there only because it was not there to be found. Of fewer than `k` others all are
    neighbours.
    """
    common = _common(first, second)
    if image_id not in common:
        return None
    k = min(k, len(common) - 1)
    found = []
    for one in (first, second):
        near = nearest(_only(one, common), image_id, count=k)
        found.append({each.image_id: each.cosine for each in near})
    return Neighbourhoods(k, found[0], found[1], len(common))


def _ranked(embeddings: Embeddings, example: Embeddings, count: int | None) -> dict[str, float]:
    cosines = cosines_with(embeddings.vectors, example.vectors[0])
    order = np.argsort(-cosines, kind="stable")
    ids = embeddings.image_ids
    found = [(ids[row], float(cosines[row])) for row in order if ids[row] != example.image_ids[0]]
    return dict(found[:count])


def _common(first: Embeddings, second: Embeddings) -> tuple[str, ...]:
    if first.image_ids == second.image_ids:
        return first.image_ids
    there = set(second.image_ids)
    return tuple(name for name in first.image_ids if name in there)


def _only(embeddings: Embeddings, image_ids: Sequence[str]) -> Embeddings:
    if embeddings.image_ids == image_ids:
        return embeddings
    return Embeddings(embeddings.rows(image_ids), tuple(image_ids), embeddings.fingerprint)


def _alone(image_id: str, path: Path) -> FundusDataset:
    """Returns a data set of one photograph of which nothing is known."""
    row = dict.fromkeys(RESERVED_COLUMNS) | {"image_id": image_id, "path": str(path.resolve())}
    return FundusDataset(path.name, str(path.parent), pd.DataFrame([row], dtype=object), ())
