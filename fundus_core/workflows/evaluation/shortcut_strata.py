"""Use case: how much of a model's AUC is left among photographs that share a shortcut."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import SingleClassError, TargetError
from fundus_core.stats.grouping import cut, in_groups
from fundus_core.stats.stratified import WithinStrata, auc_within_strata
from fundus_core.workflows.evaluation.shortcut_families import CAMERA, LABELS
from fundus_core.workflows.evaluation.shortcuts import ShortcutComparison

USUAL_STRATA = 5
"""Five strata of a score take away some nine tenths of what it explains (Cochran 1968)."""

MEASURES: dict[str, str] = {
    "brightness": "brightness",
    "contrast": "contrast",
    "sharpness": "sharpness",
    "red": "mean red",
    "green": "mean green",
    "blue": "mean blue",
    "field_share": "area of the field of view",
    "field_aspect": "shape of the field of view",
    "width": "image width",
    "height": "image height",
    "file_size": "file size",
    "jpeg_quality": "JPEG quality",
}
"""Single measurements that strata can be made of: column -> name shown to the user."""


@dataclass(frozen=True, slots=True)
class Survival:
    """What is left of an AUC within the strata of one shortcut."""

    key: str
    label: str
    strata: tuple[str, ...]
    """What the strata are."""

    result: WithinStrata | None
    """None where no stratum has both classes."""

    reason: str
    """Why there is none; empty where there is one."""


def strata_choices(found: ShortcutComparison) -> dict[str, str]:
    """Returns what strata can be made of: key -> name; scores of probes first."""
    families = {key: LABELS[key] for key in LABELS if key in found.scores}
    measures = {key: label for key, label in MEASURES.items() if found.measured[key].nunique() > 1}
    return families | measures


def survival_of(found: ShortcutComparison, key: str, *, n_strata: int = USUAL_STRATA) -> Survival:
    """Returns the AUC of pairs of photographs in the same stratum of a shortcut.

    Strata are quantiles of a measurement, or of the held-out score of a family's probe, which sums
    up what the family says of the disease; of the camera they are the cameras.

    Args:
        found: The model and its shortcuts.
        key: One of `strata_choices`.
        n_strata: How many quantiles.

    Raises:
        TargetError: If there is no such shortcut.

    References:
        Rosenbaum & Rubin (1984), J. Am. Stat. Assoc. 79(387), 516-524.
        Cochran (1968), Biometrics 24(2), 295-313.
    """
    choices = strata_choices(found)
    if key not in choices:
        raise TargetError(
            f"There are no strata of {key!r}.", hint=f"Choose one of {', '.join(choices)}."
        )
    strata, stratum_of = _strata(found, key, n_strata)
    said = found.predictions
    try:
        result = auc_within_strata(
            said.y_true[:, 0], said.y_score[:, 0], stratum_of, patients=said.patient_ids
        )
    except SingleClassError as error:
        return Survival(key, choices[key], strata, None, error.message)
    return Survival(key, choices[key], strata, result, "")


def survivals(found: ShortcutComparison, *, n_strata: int = USUAL_STRATA) -> tuple[Survival, ...]:
    """Returns what is left within the strata of each family of shortcuts."""
    return tuple(
        survival_of(found, key, n_strata=n_strata) for key in LABELS if key in found.scores
    )


def _strata(
    found: ShortcutComparison, key: str, n_strata: int
) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Returns the names of the strata and the stratum of each photograph, shape (N,)."""
    if key == CAMERA:
        named = found.measured[CAMERA].tolist()
        names, of = in_groups(named, n_images=len(named))
        return tuple(names), of
    if key in found.scores:
        values = found.scores[key]
    else:
        values = found.measured[key].to_numpy(dtype=np.float64)
    bands = cut(values, n_strata)
    # Photographs without the number are a stratum of their own.
    of = np.where(bands.of < 0, len(bands.names), bands.of)
    missing = ("not stated",) if (bands.of < 0).any() else ()
    return (*bands.names, *missing), of
