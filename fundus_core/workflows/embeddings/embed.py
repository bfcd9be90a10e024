"""Use case: embeddings of a data set by one backbone, computing only what is not stored."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from fundus_core.backbones.base import Backbone
from fundus_core.backbones.catalogue import SHORTCUT
from fundus_core.compute import choose_device, default_batch_size
from fundus_core.domain.dataset import FundusDataset, RejectedRow
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.fields import settle_fields
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.embedding import Photograph, Shard, embed_photographs
from fundus_core.errors import BackboneError, DataError
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.images import holds
from fundus_core.io.square_store import SquareStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.embeddings.backbone_choice import (
    BackboneChoice,
    ResolvedChoice,
    load_for,
    resolve,
)
from fundus_core.workflows.embeddings.stored import vectors_of

_ENOUGH_TO_DIFFER = 3
"""Photographs of which a network that works does not give the same for all."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Where embeddings are computed; nothing of it is in their key."""

    name: Literal["local", "ray"] = "local"
    address: str | None = None
    """Of the Ray cluster: see `fundus_core.scale.cluster.connected`."""

    def __post_init__(self) -> None:
        """Refuses an engine that there is not.

        Raises:
            ParameterError: With those that there are.
        """
        settle_fields(self)


def embed(
    workspace: Workspace,
    dataset: FundusDataset,
    choice: BackboneChoice,
    *,
    progress: Progress = silent,
    batch_size: int | None = None,
    workers: int = 2,
) -> Embeddings:
    """Returns the embeddings of a data set; computes and stores those that are missing.

    A process that extracts the same embeddings at the same time is waited for.

    Raises:
        FundusError: See `resolve` and `load_backbone`.
        DataError: If no photograph could be embedded.
        BackboneError: If the network gives values that are not finite, or the same for all.
    """
    resolved = resolve(workspace, choice)
    return embed_resolved(
        workspace, dataset, resolved, progress=progress, batch_size=batch_size, workers=workers
    )


def embed_resolved(
    workspace: Workspace,
    dataset: FundusDataset,
    resolved: ResolvedChoice,
    *,
    progress: Progress = silent,
    batch_size: int | None = None,
    workers: int = 2,
    engine: Engine = Engine(),
) -> Embeddings:
    """Like `embed`, for a choice whose weights were already found.

    Raises:
        ClusterError: If `engine` is a cluster that cannot be had, or whose nodes cannot work.
    """
    store = vectors_of(workspace, dataset, resolved.recipe)
    waiting = partial(progress, 0, len(dataset), "Waiting for the embeddings' turn")
    with store.turn(waiting):
        known = store.known()
        todo = [
            Photograph(image_id, Path(path))
            for image_id, path in zip(dataset.image_ids, dataset.table["path"], strict=True)
            if image_id not in known
        ]
        absent: list[RejectedRow] = []
        if todo:
            commit = partial(_commit, store, absent)
            kept = squares_for(workspace, resolved.recipe)
            _compute(store, resolved, todo, commit, progress, batch_size, workers, engine, kept)
        else:
            progress(len(dataset), len(dataset), "All embeddings are stored")
    embeddings = store.read(dataset.image_ids)
    embeddings = replace(embeddings, skipped=(*embeddings.skipped, *absent))
    if not embeddings.image_ids:
        first = f": {embeddings.skipped[0].detail}" if embeddings.skipped else "."
        raise DataError(
            f"None of the {len(dataset)} photographs could be embedded{first}",
            hint="See `fundus check` for what is wrong with each file.",
        )
    _require_differences(embeddings, resolved.recipe)
    return embeddings


def _commit(store: EmbeddingStore, absent: list[RejectedRow], shard: Shard) -> None:
    """Stores a shard.

    A photograph that is not where it was, or is another by now, goes to `absent` and is not
    remembered as broken: it may be back next time.
    """
    _require_numbers(store, shard)
    broken = {key: row for key, row in shard.skipped.items() if holds(Path(row.path), key)}
    absent.extend(row for key, row in shard.skipped.items() if key not in broken)
    if shard.image_ids or broken:
        store.add(shard.vectors, shard.image_ids, broken)


def _require_numbers(store: EmbeddingStore, shard: Shard) -> None:
    """Raises if a network gave something else than numbers: nothing could be made of it later."""
    n_wrong = int((~np.isfinite(shard.vectors)).any(axis=1).sum())
    if n_wrong:
        recipe = store.recipe
        raise BackboneError(
            f"{recipe.backbone} with the weights {recipe.weights} in {recipe.precision} gives "
            f"values that are not finite for {n_wrong} of {len(shard.vectors)} photographs.",
            hint="Try fp32 (--precision fp32); if it stays so, the weights are damaged or of "
            "another network.",
        )


def _require_differences(embeddings: Embeddings, recipe: EmbedRecipe) -> None:
    """Raises if a network gave the same for all photographs: no figure would mean anything."""
    vectors = embeddings.vectors
    if recipe.backbone == SHORTCUT or len(vectors) < _ENOUGH_TO_DIFFER:
        return
    few, first = vectors[:_ENOUGH_TO_DIFFER], vectors[0]
    if (few == first).all() and (vectors == first).all():
        raise BackboneError(
            f"{recipe.backbone} with the weights {recipe.weights} gives the same "
            f"{vectors.shape[1]} numbers for all {len(vectors)} photographs.",
            hint="It has learned nothing that tells photographs apart: use other weights.",
        )


def _compute(
    store: EmbeddingStore,
    resolved: ResolvedChoice,
    todo: list[Photograph],
    commit: Callable[[Shard], None],
    progress: Progress,
    batch_size: int | None,
    workers: int,
    engine: Engine,
    kept: SquareStore,
) -> None:
    store.remember_weights(resolved.weights)
    decoder = resolved.recipe.preprocessing.decoder
    if engine.name == "ray":
        from fundus_core.scale.embedding import EmbedTask, embed_on_ray

        task = EmbedTask(
            partial(_load_from, resolved),
            resolved.weights,
            resolved.recipe.weights_sha256,
            batch_size,
            workers,
            decoder,
        )
        embed_on_ray(task, todo, on_shard=commit, address=engine.address, progress=progress)
        return
    progress(0, len(todo), f"Loading {resolved.spec.id}")
    backbone = load_for(resolved)
    embed_photographs(
        backbone,
        todo,
        on_shard=commit,
        batch_size=batch_size or default_batch_size(choose_device(), backbone.image_size),
        workers=workers,
        decoder=decoder,
        kept=kept,
        progress=progress,
    )


def squares_for(workspace: Workspace, recipe: EmbedRecipe) -> SquareStore:
    """Returns the kept squares that a backbone is shown; other backbones may have made them."""
    return SquareStore(workspace.squares, recipe.preprocessing, recipe.image_size)


def _load_from(resolved: ResolvedChoice, weights: Path | None) -> Backbone:
    """Loads the backbone of a resolved choice from where this machine has its weights."""
    return load_for(replace(resolved, weights=weights))
