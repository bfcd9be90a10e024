"""Use case: what a backbone's text tower makes of findings, computed once and kept as files.

A file holds prototypes by fingerprint, so that those of one machine serve on another that has the
photographs but not the text tower.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.text_reading import TextTower
from fundus_core.backbones.text_towers import PROJECTED, load_text_tower, require_text_tower
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import EmbedRecipe, Recipe
from fundus_core.errors import BackboneError, DataError, TargetError, WeightsError
from fundus_core.io.bounded import require_plain_file
from fundus_core.io.files import write_atomically
from fundus_core.io.findings import PLACEHOLDER, Finding
from fundus_core.io.tensor_sums import is_whole, with_sum
from fundus_core.io.weights import weights_folders
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, ResolvedChoice
from fundus_core.zero_shot import PROTOTYPES, build_prototypes, prompts

SUFFIX = ".safetensors"
_FOLDER = "prototypes"
_ABOUT = "prototypes"
_HASH_DIGITS = 12
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts become prototypes."""

    template: str = f"A fundus photograph of {PLACEHOLDER}"

    prototypes: str = "mean"
    """Key of `zero_shot.PROTOTYPES`."""

    tokens: str = "published"
    """Key of `text_reading.READINGS`."""


@dataclass(frozen=True, slots=True)
class PrototypeRecipe(Recipe):
    """Everything that determines one prototype."""

    text_tower: str
    """As the spec names it."""

    weights_sha256: str
    texts: tuple[str, ...]
    reading: Reading


@dataclass(frozen=True, slots=True)
class Prototype:
    """What one class looks like in words."""

    recipe: PrototypeRecipe
    vector: NDArray[np.float32]
    """Shape (D,)."""

    log_scale: float
    """Natural logarithm of the scale of the tower's products."""

    vocabulary: str
    """SHA-256 of the file of word pieces that was used; empty where there is none."""


@dataclass(frozen=True, slots=True)
class TowerAt:
    """A backbone that understands words, and where its weights are."""

    spec: BackboneSpec
    weights: Path | None
    """None where they are random."""

    sha256: str


def projected(choice: BackboneChoice) -> BackboneChoice:
    """Returns the choice with the embedding that lies in the space of the words.

    Raises:
        BackboneError: If the backbone understands no words, or another pooling was asked for.
    """
    require_text_tower(backbone_spec(choice.backbone))
    if choice.pooling not in {None, PROJECTED}:
        raise BackboneError(
            f"Words are compared with the pooling {PROJECTED!r}, not {choice.pooling!r}.",
            hint="Take the pooling of words (without --pooling).",
        )
    return replace(choice, pooling=PROJECTED)


def tower_of(resolved: ResolvedChoice) -> TowerAt:
    """Returns where the text tower of a backbone is: in the file of its vision tower."""
    return TowerAt(resolved.spec, resolved.weights, resolved.recipe.weights_sha256)


def understands_words(recipe: EmbedRecipe) -> bool:
    """Says whether embeddings lie in a space that words lie in too.

    Those of a backbone that this installation does not have, as a bundle may bring them, do not.
    """
    try:
        return recipe.pooling == PROJECTED and bool(backbone_spec(recipe.backbone).text_tower)
    except BackboneError:
        return False


def require_prototypes(kind: str) -> None:
    """Refuses a kind of prototypes that there is not.

    Raises:
        TargetError: Names those there are.
    """
    if kind not in PROTOTYPES:
        raise TargetError(
            f"There are no prototypes {kind!r}.", hint=f"Choose one of {', '.join(PROTOTYPES)}."
        )


def prototypes_of(
    workspace: Workspace,
    tower: TowerAt,
    findings: Sequence[Finding],
    reading: Reading,
    *,
    progress: Progress = silent,
) -> tuple[Prototype, ...]:
    """Returns a prototype per finding; the text tower is loaded only for those not stored.

    The prompts of one finding are read as one batch, as FLAIR's authors do.

    Raises:
        BackboneError: If the backbone understands no words, or a package is missing.
        WeightsError: If its weights are random, or hold no text tower.
        DataError: If a description is too long.
    """
    require_text_tower(tower.spec)
    require_prototypes(reading.prototypes)
    if tower.weights is None:
        raise WeightsError(
            f"{tower.spec.id} with random weights understands no words.",
            hint="Take its own weights (without --weights), or name the checkpoint that holds its "
            "text tower.",
        )
    recipes = [recipe_of(tower, finding.texts, reading) for finding in findings]
    distinct = dict.fromkeys(recipes)
    missing = [recipe for recipe in distinct if stored_prototype(workspace, recipe) is None]
    if missing:
        _compute(workspace, tower, missing, reading, progress)
    found = [stored_prototype(workspace, recipe) for recipe in recipes]
    return tuple(prototype for prototype in found if prototype is not None)


def recipe_of(tower: TowerAt, texts: Sequence[str], reading: Reading) -> PrototypeRecipe:
    """Returns the recipe of the prototype of some texts."""
    return PrototypeRecipe(tower.spec.text_tower, tower.sha256, tuple(texts), reading)


def stored_prototype(workspace: Workspace, recipe: PrototypeRecipe) -> Prototype | None:
    """Returns a prototype if it was computed or imported before."""
    path = _path(workspace, recipe)
    if not path.is_file():
        return None
    try:
        found = {prototype.recipe: prototype for prototype in read_prototypes(path)}
    except DataError:
        return None  # it is computed again
    return found.get(recipe)


def write_prototypes(path: Path, prototypes: Sequence[Prototype]) -> None:
    """Writes prototypes as one file, to be carried to another machine."""
    from safetensors.numpy import save

    named = {one.recipe.fingerprint(): one for one in prototypes}
    about = {
        name: {
            **one.recipe.to_dict(),
            "log_scale": one.log_scale,
            "vocabulary": one.vocabulary,
        }
        for name, one in named.items()
    }
    arrays = {name: np.ascontiguousarray(one.vector) for name, one in named.items()}
    told = {_ABOUT: json.dumps(about, ensure_ascii=False)}
    content = save(arrays, metadata=with_sum(told, arrays))
    write_atomically(path, lambda file: file.write(content))


def read_prototypes(path: Path) -> tuple[Prototype, ...]:
    """Returns the prototypes in a file.

    Raises:
        DataError: If it is no such file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        require_plain_file(path, _MOST_BYTES)
        with safe_open(path, framework="numpy") as file:
            told = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        if not is_whole(told, arrays):
            raise ValueError("it was changed after it was written")
        about = json.loads(told[_ABOUT])
        return tuple(_prototype(array, about[name]) for name, array in arrays.items())
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as a file of prototypes: {_why(error)}.",
            hint="Make one by `fundus prototypes FILE --backbone ID` where the text tower is.",
        ) from error


def _why(error: Exception) -> str:
    """Returns why a file cannot be read, as the end of a sentence without its point."""
    return (getattr(error, "strerror", None) or str(error)).splitlines()[0].rstrip(".")


def import_prototypes(workspace: Workspace, path: Path, tower: TowerAt) -> int:
    """Stores the prototypes of a file that belong to a backbone's weights; returns how many.

    Raises:
        DataError: If it is no such file, or all of its prototypes are of other weights.
    """
    prototypes = read_prototypes(path)
    fitting = [one for one in prototypes if one.recipe.weights_sha256 == tower.sha256]
    if not fitting:
        others = {one.recipe.weights_sha256[:_HASH_DIGITS] for one in prototypes}
        raise DataError(
            f"{path.name} holds prototypes of the weights {', '.join(sorted(others)) or 'none'}…; "
            f"the photographs are embedded by {tower.sha256[:_HASH_DIGITS]}… (SHA-256).",
            hint="Make it again with the weights that this machine has, or bring those weights.",
        )
    for one in fitting:
        write_prototypes(_path(workspace, one.recipe), [one])
    return len(fitting)


def brought_or_read(
    workspace: Workspace,
    tower: TowerAt,
    findings: Sequence[Finding],
    reading: Reading,
    brought: Path | None,
    *,
    progress: Progress = silent,
) -> tuple[Prototype, ...]:
    """Returns a prototype per finding: those of a file, if one is named; the tower reads the rest.

    Raises:
        DataError: As `import_prototypes` does; or if the file lacks some, and there is no tower.
        FundusError: As `prototypes_of` does.
    """
    if brought is not None:
        import_prototypes(workspace, brought, tower)
    try:
        return prototypes_of(workspace, tower, findings, reading, progress=progress)
    except (BackboneError, WeightsError) as error:
        if brought is None:
            raise
        lacking = [
            one.name
            for one in findings
            if stored_prototype(workspace, recipe_of(tower, one.texts, reading)) is None
        ]
        raise DataError(
            f"{brought.name} has no prototypes of {', '.join(lacking)} as they are described "
            f"here ({reading.prototypes}, {reading.tokens} tokens), and the words cannot be read "
            f"on this machine: {error.message}",
            hint="Make the file again where the text tower is, of the same findings and options: "
            f"`fundus prototypes FILE --backbone {tower.spec.id}`.",
        ) from error


def _compute(
    workspace: Workspace,
    tower: TowerAt,
    recipes: Sequence[PrototypeRecipe],
    reading: Reading,
    progress: Progress,
) -> None:
    """Computes prototypes and stores each as soon as it is there."""
    if tower.weights is None:
        return
    progress(0, len(recipes), f"Loading the text tower of {tower.spec.id}")
    loaded = load_tower(
        tower.spec, tower.weights, folders=weights_folders(workspace), reading=reading.tokens
    )
    for number, recipe in enumerate(recipes, start=1):
        prototype = _read(loaded, recipe)
        write_prototypes(_path(workspace, recipe), [prototype])
        progress(number, len(recipes), "Reading descriptions")


load_tower: Callable[..., TextTower] = load_text_tower
"""Loads a text tower; what tests replace."""


def _read(tower: TextTower, recipe: PrototypeRecipe) -> Prototype:
    reading = recipe.reading
    embedded = tower.encode(prompts(recipe.texts, reading.template, placeholder=PLACEHOLDER))
    (vector,) = build_prototypes([embedded], reading.prototypes)
    return Prototype(recipe, vector, tower.log_scale, tower.vocabulary)


def _prototype(vector: NDArray[np.float32], about: Mapping[str, Any]) -> Prototype:
    recipe = PrototypeRecipe(
        str(about["text_tower"]),
        str(about["weights_sha256"]),
        tuple(about["texts"]),
        Reading(**about["reading"]),
    )
    return Prototype(recipe, vector, float(about["log_scale"]), str(about["vocabulary"]))


def _path(workspace: Workspace, recipe: PrototypeRecipe) -> Path:
    return workspace.root / _FOLDER / f"{recipe.fingerprint()}{SUFFIX}"
