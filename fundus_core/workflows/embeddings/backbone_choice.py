"""Use case: which backbone exactly: every value of a choice settled, its weights found."""

import glob
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath

from fundus_core.backbones.base import Backbone, BackboneSpec
from fundus_core.backbones.catalogue import NORMALISATIONS, backbone_spec, with_pooling
from fundus_core.compute import EmbedPrecision, choose_device
from fundus_core.domain.bounds import SEED, SIDE
from fundus_core.domain.fields import settle_fields
from fundus_core.domain.recipe import EmbedRecipe, Fit, PreprocessRecipe
from fundus_core.errors import BackboneError, ParameterError, WeightsError
from fundus_core.io.embedding_store import EmbeddingStore
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

    def __post_init__(self) -> None:
        """Refuses numbers and words that no backbone is run by.

        Raises:
            ParameterError: With the first of them.
        """
        settle_fields(self)
        for name in ("backbone", "weights", "pooling", "normalisation"):
            value = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name == "backbone"):
                raise ParameterError(f"{name} is {value!r:.100}.", hint="Give it as text.")
        SEED.require("seed of random weights", self.weights_seed)
        if self.image_size is not None:
            SIDE.require("input's side in pixels", self.image_size)


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


def resolve_recipe(
    workspace: Workspace, recipe: EmbedRecipe, weights_path: str | None = None
) -> ResolvedChoice:
    """Finds the weights of a stored recipe again: where they were, else in the weights folders.

    Whatever is found must have the recorded hash.

    Raises:
        WeightsError: If no file with the recorded hash is at hand, or its name is none.
    """
    recipe = replace(recipe, origin="")  # what is computed from now on is computed here
    spec = with_pooling(backbone_spec(recipe.backbone), recipe.pooling)
    if not recipe.weights_sha256:
        return ResolvedChoice(spec, recipe, None)
    for candidate in _candidates(workspace, spec, recipe, weights_path):
        if candidate.is_file() and file_sha256(candidate) == recipe.weights_sha256:
            return ResolvedChoice(spec, recipe, candidate)
    raise WeightsError(
        f"The weights {recipe.weights} this model was made with (SHA-256 "
        f"{recipe.weights_sha256[:12]}…) are not at hand.",
        hint=f"Put the file into {workspace.weights} and try again.",
    )


def is_plain_name(name: str) -> bool:
    """Says whether a name of weights is that of a file alone, and leads to no other folder.

    Examples:
        >>> [is_plain_name(name) for name in ("resnet50.a1", "../resnet50", "/etc/passwd", "..")]
        [True, False, False, False]
    """
    return bool(name) and PureWindowsPath(name).name == name != ".." and "\0" not in name


def _candidates(
    workspace: Workspace, spec: BackboneSpec, recipe: EmbedRecipe, weights_path: str | None
) -> Iterator[Path]:
    """Yields the files that may hold the weights of a recipe, which may come from a stranger.

    Raises:
        WeightsError: If the name that the recipe gives could lead out of the weights folders.
    """
    noted = EmbeddingStore(workspace.embeddings, recipe).weights_path()
    yield from (Path(path) for path in (weights_path, noted) if path)
    if own := local_weights(spec, workspace):
        yield own
    if not is_plain_name(recipe.weights):
        raise WeightsError(
            f"{recipe.weights!r} is no name of weights, so no file is looked for.",
            hint=f"A name has neither folders nor '..' in it; the weights of {spec.id} go into "
            f"{workspace.weights}.",
        )
    for folder in weights_folders(workspace):
        if folder.is_dir():
            yield from sorted(folder.glob(f"{glob.escape(recipe.weights)}.*"))


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
