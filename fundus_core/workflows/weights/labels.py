"""What backbones are called in menus, legends and tables."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES, NORMALISATIONS, SHORTCUT
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.io.weights import SCRATCH

_ID_DIGITS = 8
"""How much of a fingerprint tells two embeddings apart."""


def model_label(recipe: EmbedRecipe) -> str:
    """Returns a backbone's name: architecture, weights, size, and what departs from the usual.

    A network with random weights is called after its architecture, one with weights of its own as
    in the catalogue, any other after the file: `MobileNet V2, random weights (256 px)`, `MobileNet
    V2, phantoms (256 px)`, `MobileNet V2, mine (256 px)`.
    """
    if recipe.backbone == SHORTCUT:
        return "mean colour (shortcut baseline)"
    size = f"{recipe.image_size} px"
    network = _network(recipe)
    extras = [] if network.endswith(f" {size}") else [size]
    extras += [f"seed {recipe.seed}"] if recipe.seed else []
    extras += _departures(recipe)
    extras += ["from a bundle"] if recipe.origin else []
    return f"{network} ({', '.join(extras)})" if extras else network


def distinct_labels(recipes: Sequence[EmbedRecipe]) -> dict[str, str]:
    """Returns fingerprint -> label, and in brackets what differs where labels are the same.

    So no two entries of a menu are taken for one another.
    """
    alike = defaultdict(list)
    for recipe in recipes:
        alike[model_label(recipe)].append(recipe)
    labels = {}
    for label, group in alike.items():
        for recipe, mark in zip(group, _marks(group), strict=True):
            labels[recipe.fingerprint()] = f"{label} [{mark}]" if mark else label
    return labels


def _network(recipe: EmbedRecipe) -> str:
    """Returns the architecture with what its weights are."""
    if recipe.weights == SCRATCH:
        return f"{_architecture(recipe)}, random weights"
    spec = BACKBONES.get(recipe.backbone)
    first, *others = [Path(name).stem for name in spec.weights_files] if spec else [""]
    if spec and ("/" in recipe.weights or recipe.weights == first):
        return _title(spec)
    file = recipe.weights.rpartition("/")[2].removeprefix(f"{recipe.architecture}.")
    # A further file of a backbone holds other weights, and goes by its own name.
    is_further = spec is not None and recipe.weights in others
    named = _title(spec).partition(", ")[0] if spec and is_further else _architecture(recipe)
    return f"{named}, {file}"


def _architecture(recipe: EmbedRecipe) -> str:
    """Returns what an architecture is called, whichever weights it has."""
    named = (
        spec.title.partition(", ")[0]
        for spec in BACKBONES.values()
        if spec.architecture == recipe.architecture
        and spec.group in {"ours", "general"}
        and ", " in spec.title
    )
    return next(named, recipe.architecture)


def _title(spec: BackboneSpec) -> str:
    """Returns a backbone's title without what stands in brackets, unless another is called so."""
    short = spec.title.partition(" (")[0]
    alike = [one for one in BACKBONES.values() if one.title.partition(" (")[0] == short]
    return short if len(alike) == 1 else spec.title.replace(" (", " ").replace(")", "")


def _departures(recipe: EmbedRecipe) -> list[str]:
    """Returns what was done otherwise than a backbone does by itself."""
    done = recipe.preprocessing
    said = ["uncropped"] if not done.crop else []
    said += ["CLAHE"] if done.clahe else []
    said += ["Ben Graham"] if done.ben_graham else []
    spec = BACKBONES.get(recipe.backbone)
    if recipe.pooling != (spec.pooling if spec else "default"):
        said.append(recipe.pooling.replace("_", " "))
    if spec and done.fit != spec.fit:
        said.append(done.fit.replace("_", " "))
    if spec and (recipe.mean, recipe.std) != (spec.mean, spec.std):
        known = {value: name for name, value in NORMALISATIONS.items()}
        said.append(f"normalisation {known.get((recipe.mean, recipe.std), 'of its own')}")
    return said


def _marks(group: Sequence[EmbedRecipe]) -> list[str]:
    """Returns the first property that tells recipes of one label apart; nothing for one alone."""
    if len(group) == 1:
        return [""]
    properties = (
        [recipe.backbone for recipe in group],
        [recipe.precision for recipe in group],
        [recipe.pooling for recipe in group],
        [recipe.fingerprint()[:_ID_DIGITS] for recipe in group],
    )
    return next((marks for marks in properties if len(set(marks)) == len(group)), properties[-1])
