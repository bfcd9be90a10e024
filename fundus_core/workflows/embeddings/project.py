"""Use case: a map of a data set by one backbone, stored because UMAP differs between machines."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from fundus_core.domain.bounds import SEED
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import ProjectRecipe, fingerprint_of
from fundus_core.errors import DataError
from fundus_core.io.files import read_json, write_json
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.projections import MOST_FITTED, Projection, project
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import embed

_POINTS = "points.parquet"
_ABOUT = "projection.json"


def project_dataset(
    workspace: Workspace,
    dataset: FundusDataset,
    choice: BackboneChoice,
    *,
    method: str,
    seed: int = 0,
    progress: Progress = silent,
) -> Projection:
    """Returns a map of a data set; extracts embeddings and computes it only if not stored."""
    SEED.require("seed", seed)
    embeddings = embed(workspace, dataset, choice, progress=progress)
    return project_embeddings(workspace, embeddings, method=method, seed=seed, progress=progress)


def project_embeddings(
    workspace: Workspace,
    embeddings: Embeddings,
    *,
    method: str,
    seed: int = 0,
    progress: Progress = silent,
) -> Projection:
    """Returns a map of stored embeddings, computing it only if it is not stored."""
    stored = stored_projection(workspace, embeddings, method=method, seed=seed)
    if stored is not None:
        return stored
    progress(0, 1, f"Computing {method}")
    result = project(embeddings.vectors, embeddings.image_ids, method=method, seed=seed)
    recipe = _recipe(embeddings, method, seed)

    def write(folder: Path) -> None:
        result.frame().to_parquet(folder / _POINTS, index=False)
        write_json(
            folder / _ABOUT,
            {
                "trustworthiness": result.trustworthiness,
                "n_neighbors": result.n_neighbors,
                "n_fitted": result.n_fitted,
            },
        )

    ArtifactStore(workspace.projections).put(recipe.fingerprint(), recipe.to_dict(), write)
    progress(1, 1, f"Computed {method}")
    return result


def stored_projection(
    workspace: Workspace, embeddings: Embeddings, *, method: str, seed: int = 0
) -> Projection | None:
    """Returns a map that was computed before, or None."""
    store, recipe = ArtifactStore(workspace.projections), _recipe(embeddings, method, seed)
    older = (replace(recipe, embeddings=name) for name in embeddings.older_fingerprints)
    stored = (store.get(one.fingerprint()) for one in (recipe, *older))
    folder = next(filter(None, stored), None)
    about = None if folder is None else read_json(folder / _ABOUT)
    if folder is None or about is None:
        return None
    table = pd.read_parquet(folder / _POINTS)
    points = table[["x", "y"]].to_numpy(np.float32)
    return Projection(
        method,
        tuple(table["image_id"]),
        points,
        about["trustworthiness"],
        about["n_neighbors"],
        about.get("n_fitted"),
    )


def _recipe(embeddings: Embeddings, method: str, seed: int) -> ProjectRecipe:
    if not embeddings.image_ids:
        raise DataError(
            "There are no embeddings to lay out.", hint="Extract them on the Extract page first."
        )
    images = fingerprint_of(list(embeddings.image_ids))
    sampled = len(embeddings.image_ids) > MOST_FITTED
    parameters = (("n_fitted", MOST_FITTED),) if sampled else ()
    return ProjectRecipe(embeddings.fingerprint, images, method, seed, parameters)
