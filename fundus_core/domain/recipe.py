"""What determines a result, and the fingerprint under which the result is stored."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal

from fundus_core.domain.fields import settle_fields

Fit = Literal["pad", "corner", "squash", "centre_crop"]
"""How a photograph becomes square: `pad` puts it into the middle of a black square, `corner` into
its upper left corner, `squash` stretches its shorter side, and `centre_crop` shows the middle
seven eighths of it."""

DecoderName = Literal["fast", "exact"]
"""How a JPEG is read; see `PreprocessRecipe.decoder`."""

SCHEMA_VERSION = 1
"""Part of every fingerprint: raised when stored results of older code must not be reused."""

HIGHEST_SEED = 2**32 - 1
"""That all random number generators take."""

SMALLEST_SIDE, LARGEST_SIDE = 8, 4096
"""Pixels of the square that a backbone may be shown."""

MOST_FOLDS, MOST_EPOCHS, LARGEST_BATCH = 1_000, 100_000, 1 << 16
"""More in a study file or a report is taken for a mistake."""


def fingerprint_of(value: Any) -> str:
    """Returns 32 hexadecimal digits that change whenever `value` does.

    Args:
        value: Anything `json.dumps` accepts; keys are sorted, so their order does not matter.
    """
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Base of the recipes: everything that determines a result, and nothing that does not."""

    def __post_init__(self) -> None:
        """Makes NumPy's values plain and refuses words that a field does not know.

        Raises:
            ParameterError: See `settle_fields`.
        """
        settle_fields(self)

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain JSON values, with the kind of recipe and the schema."""
        return {"kind": type(self).__name__, "schema": SCHEMA_VERSION, **_plain_fields(self)}

    def fingerprint(self) -> str:
        """Returns the key of the result: equal recipes give equal keys on every machine."""
        return fingerprint_of(self.to_dict())


def added_later(default: Any) -> Any:
    """Returns a field that a recipe did not have from the beginning.

    Where it has its default it is left out of `Recipe.to_dict`, so that what was stored before the
    field was there is still found.
    """
    return field(default=default, metadata=_LATER)


_LATER: Mapping[str, bool] = {"later": True}


def _plain_fields(recipe: Recipe) -> dict[str, Any]:
    return {
        each.name: _plain(value)
        for each in fields(recipe)
        if not ((value := getattr(recipe, each.name)) == each.default and each.metadata == _LATER)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Recipe):
        return _plain_fields(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


@dataclass(frozen=True, slots=True)
class PreprocessRecipe(Recipe):
    """From a decoded photograph to the square a backbone is shown."""

    crop: bool = True
    """Crop to the field of view before padding to a square."""

    clahe: bool = False
    """Equalise local contrast of the lightness channel (CLAHE) after cropping."""

    ben_graham: bool = False
    """Subtract the local average colour, as the winner of the 2015 Kaggle DR contest did."""

    fit: Fit = "pad"
    """How the photograph becomes square."""

    decoder: DecoderName = "fast"
    """`fast`: JPEGs decoded at the smallest scale of about twice the target or more, then resized;
    `exact`: full decoding by PIL."""


@dataclass(frozen=True, slots=True)
class EmbedRecipe(Recipe):
    """One backbone as it was run. Images are not part of it: each is stored under its own id."""

    backbone: str
    """Id in the catalogue, `timm:NAME` or `open_clip:NAME`."""

    architecture: str
    """The architecture's name in the loader's library."""

    architecture_args: tuple[tuple[str, str | int | float | bool], ...]
    """Arguments given to the architecture, sorted by name."""

    weights: str
    """`scratch`, or the name under which the user knows the weights."""

    weights_sha256: str
    """Hash of the weights file; for `scratch`, of nothing (empty)."""

    seed: int
    """Seed of the random weights; 0 and unused unless `weights` is `scratch`."""

    image_size: int
    """Side of the square shown to the network, in pixels."""

    mean: tuple[float, float, float]
    """Subtracted per channel, in units of [0, 1]."""

    std: tuple[float, float, float]
    """Divided by per channel, in units of [0, 1]."""

    pooling: str
    """How the feature map becomes one vector, as named by the spec."""

    precision: str
    """`fp32` or `bf16` (autocast)."""

    preprocessing: PreprocessRecipe

    origin: str = added_later("")
    """Id of the data set whose bundle brought the vectors; empty for those computed here, which
    are never taken from a bundle."""

    def older_fingerprints(self) -> tuple[str, ...]:
        """Returns the keys under which earlier versions stored the same vectors.

        Recipes did not say how a photograph becomes square while `pad` was the only way.
        """
        if self.preprocessing.fit != "pad" or self.origin:
            return ()
        values = self.to_dict()
        del values["preprocessing"]["fit"]
        return (fingerprint_of(values),)


@dataclass(frozen=True, slots=True)
class ProjectRecipe(Recipe):
    """A map of a data set: which embeddings of which images, laid out how."""

    embeddings: str
    """Fingerprint of the `EmbedRecipe`."""

    images: str
    """Fingerprint of the ordered image ids."""

    method: str
    seed: int
    parameters: tuple[tuple[str, str | int | float | bool], ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeRecipe(Recipe):
    """A probe on frozen embeddings and how it was validated."""

    dataset: str
    """Fingerprint of image ids, labels, patients and (if used) splits."""

    embeddings: str
    """Fingerprint of the `EmbedRecipe`."""

    target: str
    """Name of the target, as `Target.name`."""

    positive: str
    """The class taken as positive; empty for multi-class and multi-label targets."""

    probe: str
    """Key of `PROBES`."""

    folds: int
    """Outer folds; 0 when the table's own split is used."""

    seed: int
