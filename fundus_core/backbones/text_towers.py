"""Turning words into vectors of the space that a backbone's projected embeddings lie in.

To add a family, add one entry to `TEXT_TOWERS`. Nothing here uses the network: weights are those of
the vision tower's own file, vocabularies are files beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.flair_text import load_flair
from fundus_core.backbones.open_clip_text import load_open_clip
from fundus_core.backbones.text_reading import READINGS, TextTower
from fundus_core.errors import BackboneError

PROJECTED = "projected"
"""Name of the pooling whose vectors lie in the space of the words."""

Loader = Callable[[BackboneSpec, Path, Sequence[Path], str], TextTower]
"""(spec, weights, folders with files of vocabularies, key of `READINGS`) -> tower."""


@dataclass(frozen=True, slots=True)
class TextTowerKind:
    """One family of text towers."""

    title: str
    load: Loader
    readings: tuple[str, ...] = ("published",)
    """Keys of `READINGS` that it knows."""


def load_text_tower(
    spec: BackboneSpec, weights: Path, *, folders: Sequence[Path], reading: str = "published"
) -> TextTower:
    """Loads the text tower of a backbone from the file of its vision tower; computes on the CPU.

    Args:
        spec: The backbone.
        weights: Its checkpoint.
        folders: Where vocabularies may lie, beside the weights' own folder; the first is named
            where one is missing.
        reading: Key of `READINGS`.

    Raises:
        BackboneError: If the backbone has no text tower, if a package is not installed, or if the
            tower knows no such reading.
        WeightsError: If the checkpoint holds no text tower, or the vocabulary is not there.
    """
    kind = TEXT_TOWERS[require_text_tower(spec)]
    if reading not in kind.readings:
        raise BackboneError(
            f"The text tower of {spec.id} is read in one way only, not {reading!r}.",
            hint=f"Choose {' or '.join(kind.readings)}.",
        )
    return kind.load(spec, weights, [*folders, weights.parent], reading)


def require_text_tower(spec: BackboneSpec) -> str:
    """Returns the key in `TEXT_TOWERS` of a backbone that understands words.

    Raises:
        BackboneError: If it does not.
    """
    key = spec.text_tower.partition(":")[0]
    if key not in TEXT_TOWERS:
        raise BackboneError(
            f"{spec.id} was not trained on words: it cannot score by descriptions.",
            hint="Choose a backbone with a text tower, such as flair; `fundus backbones` lists "
            "them. Any backbone can be probed instead: `fundus probe`.",
        )
    return key


TEXT_TOWERS: dict[str, TextTowerKind] = {
    "flair": TextTowerKind("FLAIR (Bio_ClinicalBERT)", load_flair, tuple(READINGS)),
    "open_clip": TextTowerKind("open_clip", load_open_clip),
}
"""By the beginning of `BackboneSpec.text_tower`; `open_clip:NAME` names the architecture."""
