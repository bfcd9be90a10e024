"""Use case: embeddings of a data set by one backbone, computing only what is not stored."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from fundus_core.backbones.base import Backbone, BackboneSpec
from fundus_core.backbones.catalogue import NORMALISATIONS, SHORTCUT, backbone_spec, with_pooling
from fundus_core.compute import EmbedPrecision, choose_device, default_batch_size
from fundus_core.domain.dataset import FundusDataset, RejectedRow
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import EmbedRecipe, Fit, PreprocessRecipe
from fundus_core.embedding import Photograph, Shard, embed_photographs
from fundus_core.errors import BackboneError, DataError, WeightsError
from fundus_core.io.embedding_store import EmbeddingStore, recipe_from_dict, stored_recipes
from fundus_core.io.images import holds
from fundus_core.io.square_store import SquareStore
from fundus_core.io.weights import (
    FoundWeights,
    file_sha256,
    find_weights,
    local_weights,
    weights_folders,
)
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.weights.labels import model_label
from fundus_core.workflows.weights.precision import settle_precision


@dataclass(frozen=True, slots=True)
class BackboneChoice:
    """What the user asks for; everything left out takes the backbone's own value."""

    backbone: str
    """Catalogue id, `timm:NAME`, or a timm name."""

    weights: str | None = None
    """A file, the name of one in a weights folder, `scratch`, or None for the backbone's own."""

    image_size: int | None = None
    """Side of the input in pixels."""

    precision: EmbedPrecision = "auto"
    weights_seed: int = 0
    """Of random weights."""

    preprocessing: PreprocessRecipe = field(default_factory=PreprocessRecipe)
    """Its `fit` is not used: see below."""

    fit: Fit | None = None
    """How photographs become square; None for what the backbone was trained with."""

    pooling: str | None = None
    """Name of one of the backbone's poolings; None for its default."""

    normalisation: str | None = None
    """Key of `NORMALISATIONS`; None for the backbone's own mean and standard deviation."""


@dataclass(frozen=True, slots=True)
class ResolvedChoice:
    """A choice with every value settled and its weights found."""

    spec: BackboneSpec
    recipe: EmbedRecipe
    weights: Path | None
    """The file; None for random weights."""

    bf16_cosine: float | None = None
    """Least cosine similarity with fp32 embeddings of test pictures, if it was measured: of bf16,
    or of OpenVINO's."""

    @property
    def label(self) -> str:
        """Returns the name shown to the user: architecture, weights, size."""
        return model_label(self.recipe)


@dataclass(frozen=True, slots=True)
class Engine:
    """Where embeddings are computed; nothing of it is in their key."""

    name: Literal["local", "ray"] = "local"
    address: str | None = None
    """Of the Ray cluster: see `fundus_core.scale.cluster.connected`."""


@dataclass(frozen=True, slots=True)
class EmbeddingSummary:
    """Embeddings that are stored, and how much of a data set they cover."""

    recipe: EmbedRecipe
    n_stored: int
    """Photographs of the data set that have a vector."""

    n_images: int
    """Photographs in the data set."""

    @property
    def fingerprint(self) -> str:
        """Returns the key of the embeddings."""
        return self.recipe.fingerprint()

    @property
    def label(self) -> str:
        """Returns the name shown to the user."""
        return model_label(self.recipe)

    @property
    def complete(self) -> bool:
        """Says whether every photograph has a vector."""
        return self.n_stored == self.n_images


def resolve(workspace: Workspace, choice: BackboneChoice) -> ResolvedChoice:
    """Settles every value of a choice and finds the weights.

    Raises:
        BackboneError: If the backbone is unknown.
        WeightsError: If its weights are neither here nor to be had.
    """
    spec = _chosen_spec(choice)
    found = find_weights(spec, choice.weights, workspace)
    is_network = spec.loader != "colour"
    size = (choice.image_size if is_network else None) or spec.image_size
    settled = settle_precision(
        workspace,
        spec,
        found.path,
        weights_sha256=found.sha256,
        image_size=size,
        seed=choice.weights_seed,
        wanted=choice.precision,
    )
    recipe = _recipe(spec, found, choice, size, settled.precision)
    return ResolvedChoice(spec, recipe, found.path, settled.cosine)


def _chosen_spec(choice: BackboneChoice) -> BackboneSpec:
    """Returns the spec with the pooling, the normalisation and the fit that were asked for."""
    spec = with_pooling(backbone_spec(choice.backbone), choice.pooling)
    mean, std = spec.mean, spec.std
    if choice.normalisation is not None:
        if choice.normalisation not in NORMALISATIONS:
            raise BackboneError(
                f"There is no normalisation {choice.normalisation!r}.",
                hint=f"Choose one of {', '.join(NORMALISATIONS)}.",
            )
        mean, std = NORMALISATIONS[choice.normalisation]
    return replace(spec, mean=mean, std=std, fit=choice.fit or spec.fit)


def _recipe(
    spec: BackboneSpec, found: FoundWeights, choice: BackboneChoice, size: int, precision: str
) -> EmbedRecipe:
    is_network = spec.loader != "colour"
    return EmbedRecipe(
        backbone=spec.id,
        architecture=spec.architecture,
        architecture_args=spec.architecture_args,
        weights=found.name,
        weights_sha256=found.sha256,
        seed=choice.weights_seed if found.path is None and is_network else 0,
        image_size=size,
        mean=spec.mean,
        std=spec.std,
        pooling=spec.pooling,
        precision=precision,
        preprocessing=replace(choice.preprocessing, fit=spec.fit),
    )


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
    store = EmbeddingStore(workspace.embeddings, resolved.recipe)
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
    return embeddings


def _commit(store: EmbeddingStore, absent: list[RejectedRow], shard: Shard) -> None:
    """Stores a shard.

    A photograph that is not where it was, or is another by now, goes to `absent` and is not
    remembered as broken: it may be back next time.
    """
    broken = {key: row for key, row in shard.skipped.items() if holds(Path(row.path), key)}
    absent.extend(row for key, row in shard.skipped.items() if key not in broken)
    if shard.image_ids or broken:
        store.add(shard.vectors, shard.image_ids, broken)


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
    decoder = cast(Literal["fast", "exact"], resolved.recipe.preprocessing.decoder)
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


def load_for(resolved: ResolvedChoice) -> Backbone:
    """Loads the backbone of a resolved choice onto the chosen device."""
    from fundus_core.backbones.loaders import load_backbone

    return load_backbone(
        replace(
            resolved.spec,
            architecture_args=resolved.recipe.architecture_args,
            mean=resolved.recipe.mean,
            std=resolved.recipe.std,
        ),
        resolved.weights,
        preprocessing=resolved.recipe.preprocessing,
        device=choose_device(),
        precision=resolved.recipe.precision,
        image_size=resolved.recipe.image_size,
        seed=resolved.recipe.seed,
    )


def resolve_recipe(
    workspace: Workspace, recipe: EmbedRecipe, weights_path: str | None = None
) -> ResolvedChoice:
    """Finds the weights of a stored recipe again: where they were, else in the weights folders.

    Whatever is found must have the recorded hash.

    Raises:
        WeightsError: If no file with the recorded hash is at hand.
    """
    spec = with_pooling(backbone_spec(recipe.backbone), recipe.pooling)
    if not recipe.weights_sha256:
        return ResolvedChoice(spec, recipe, None)
    noted = EmbeddingStore(workspace.embeddings, recipe).weights_path()
    candidates = [Path(path) for path in (weights_path, noted) if path]
    candidates += [found] if (found := local_weights(spec, workspace)) else []
    for folder in weights_folders(workspace):
        candidates += sorted(folder.glob(f"{recipe.weights}.*")) if folder.is_dir() else []
    for candidate in candidates:
        if candidate.is_file() and file_sha256(candidate) == recipe.weights_sha256:
            return ResolvedChoice(spec, recipe, candidate)
    raise WeightsError(
        f"The weights {recipe.weights} this model was made with (SHA-256 "
        f"{recipe.weights_sha256[:12]}…) are not at hand.",
        hint=f"Put the file into {workspace.weights} and try again.",
    )


def list_embeddings(workspace: Workspace, dataset: FundusDataset) -> tuple[EmbeddingSummary, ...]:
    """Returns the stored embeddings that cover at least one photograph of a data set."""
    ids = dataset.image_ids
    found = []
    for values in stored_recipes(workspace.embeddings).values():
        recipe = _readable(values)
        if recipe is None or recipe.backbone == SHORTCUT:
            continue
        count = EmbeddingStore(workspace.embeddings, recipe).count(ids)
        if count:
            found.append(EmbeddingSummary(recipe, count, len(ids)))
    return tuple(sorted(found, key=lambda summary: summary.label))


def _readable(values: dict[str, Any]) -> EmbedRecipe | None:
    """Returns a stored recipe, or None when another version of the program wrote it."""
    try:
        return recipe_from_dict(values)
    except (TypeError, KeyError):
        return None


def load_embeddings(workspace: Workspace, dataset: FundusDataset, fingerprint: str) -> Embeddings:
    """Returns stored embeddings of a data set without computing any.

    Raises:
        DataError: If there are none under this fingerprint.
    """
    values = stored_recipes(workspace.embeddings).get(fingerprint)
    recipe = _readable(values) if values else None
    if recipe is None:
        raise DataError(
            f"There are no embeddings {fingerprint!r} in {workspace.root}.",
            hint="Extract them on the Extract page, or with `fundus embed`.",
        )
    return EmbeddingStore(workspace.embeddings, recipe).read(dataset.image_ids)
