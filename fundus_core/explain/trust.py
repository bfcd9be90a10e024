"""May this map be read? Figures that speak for or against it, and a light that sums them up.

A green light says that the map moves with the score and with the weights, and stays under noise. It
does not say that the marked places are disease, nor that the score is right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import Backbone
from fundus_core.explain.cam import maps_of
from fundus_core.explain.location import RegionShare
from fundus_core.explain.question import Question, scores_of, without_detail
from fundus_core.explain.removal import N_COPIES, Removal, removal_curves
from fundus_core.explain.road import road_gap
from fundus_core.explain.sanity import CascadeStep, randomisation_cascade, stability
from fundus_core.explain.tail import Target

if TYPE_CHECKING:
    from torch import Tensor

Light = Literal["green", "amber", "grey"]

OUTSIDE = "outside"
"""The region beyond the field of view, in `TrustFigures.regions`."""

LESIONS = "lesions"
"""The region of lesions that were marked by hand or drawn, where they are known."""

NOT_SHOWN = (
    "A green light says that the map moves with the score and with the weights, and hardly moves "
    "with noise. It does not say that the marked places are diseased, nor that the score is right."
)


@dataclass(frozen=True, slots=True)
class TrustRules:
    """From which figures on a check is passed."""

    least_beaten: float = 0.9
    """Share of the displaced copies that deletion and insertion, on average, do better than."""

    least_road_gap: float = 0.0
    """Further fall of the score without the hottest places than without the coldest; more than
    this."""

    most_alike_when_random: float = 0.5
    """Rank correlation with the map of the network whose weights are all shuffled."""

    least_stability: float = 0.7
    """Rank correlation under noise."""

    most_outside: float = 0.5
    """Heat beyond the field of view, as a multiple of what an even map puts there."""

    least_lesion_auc: float = 0.6
    """How well the map tells lesions from the rest, where they are known."""

    says_nothing: float = 0.6
    """At or below this share of beaten copies the map does not show what the score rests on, and
    the light is grey, whatever the other checks say."""


@dataclass(frozen=True, slots=True)
class TrustFigures:
    """What was measured of one map."""

    deletion: Removal
    insertion: Removal
    road_gap: float
    """See `road_gap`: in logits, above 0 is better."""

    cascade: tuple[CascadeStep, ...]
    """From the head alone to the whole network."""

    stability: float
    """See `stability`: in [-1, 1], higher is better."""

    regions: Mapping[str, RegionShare]
    """Name -> how much heat lies there; `OUTSIDE` and whatever is known of the photograph."""

    @property
    def beaten(self) -> float:
        """Returns the share of displaced copies beaten, mean of deletion and insertion."""
        return (self.deletion.beaten + self.insertion.beaten) / 2

    @property
    def alike_when_random(self) -> float:
        """Returns the rank correlation with the map of the wholly shuffled network."""
        return self.cascade[-1].similarity


@dataclass(frozen=True, slots=True)
class Check:
    """One question to a map, and its answer."""

    title: str
    passed: bool
    figure: str
    """What was measured, beside what was asked for, in words."""


@dataclass(frozen=True, slots=True)
class TrustLight:
    """The answer in one word, and what it rests on."""

    light: Light
    """Green: every check is passed. Grey: the map is hardly better than its displaced copies, and
    does not show what the score rests on. Amber: anything between."""

    checks: tuple[Check, ...]
    figures: TrustFigures

    @property
    def n_passed(self) -> int:
        """Returns how many checks were passed."""
        return sum(check.passed for check in self.checks)


USUAL_RULES = TrustRules()


def trust_figures(
    question: Question,
    raw: NDArray[np.floating],
    field: NDArray[np.bool_],
    *,
    method: str,
    regions: Mapping[str, RegionShare] | None = None,
    n_copies: int = N_COPIES,
    seed: int = 0,
) -> TrustFigures:
    """Measures a map; a few hundred forward passes.

    S is the side of the input, h and w those of the map.

    Args:
        question: One photograph, the target and the layer that the map was made for.
        raw: Shape (h, w), the signed map.
        field: Shape (S, S): the field of view on the square.
        method: Key of `METHODS` that made the map.
        regions: Where its heat lies on the photograph, as far as regions are known.
        n_copies: Displaced copies to compare with.
        seed: Of all that is drawn.

    Raises:
        SaliencyError: If the map cannot be measured.
    """
    import torch

    picture = question.batch[0].cpu().numpy()
    cells = _cells_in(field, raw.shape)

    def score(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        found = scores_of(question.backbone, torch.from_numpy(pictures), question.target)
        return np.asarray(found.double().numpy())

    def map_of(pixels: NDArray[np.uint8]) -> NDArray[np.floating]:
        batch = torch.from_numpy(pixels)[None]
        return _first(question, question.backbone, batch, question.target, method)

    def map_by(backbone: Backbone, target: Target) -> NDArray[np.floating]:
        return _first(question, backbone, question.batch, target, method)

    replaced = without_detail(question.batch)[0].cpu().numpy()
    deletion, insertion = removal_curves(
        picture, replaced, raw, field, score, n_copies=n_copies, seed=seed
    )
    return TrustFigures(
        deletion=deletion,
        insertion=insertion,
        road_gap=road_gap(picture, raw, field, score, seed=seed),
        cascade=randomisation_cascade(
            question.backbone, question.target, raw, map_by, cells, seed=seed
        ),
        stability=stability(picture, raw, map_of, cells, seed=seed),
        regions=dict(regions or {}),
    )


def judged(figures: TrustFigures, rules: TrustRules = USUAL_RULES) -> TrustLight:
    """Sums figures up in a light."""
    checks = tuple(_checks(figures, rules))
    if figures.beaten <= rules.says_nothing:
        light: Light = "grey"
    else:
        light = "green" if all(check.passed for check in checks) else "amber"
    return TrustLight(light, checks, figures)


def _first(
    question: Question, backbone: Backbone, batch: "Tensor", target: Target, method: str
) -> NDArray[np.float32]:
    """Returns the signed map of one photograph, at the layer that was asked for."""
    maps = maps_of(backbone, batch, target, method=method, layer=question.layer)
    return np.asarray(maps[0])


def _checks(figures: TrustFigures, rules: TrustRules) -> list[Check]:
    n_copies = len(figures.deletion.copies)
    found = [
        Check(
            "The score follows the map",
            figures.beaten >= rules.least_beaten,
            f"Deletion beats {figures.deletion.beaten:.0%} and insertion "
            f"{figures.insertion.beaten:.0%} of {n_copies} displaced copies; "
            f"{rules.least_beaten:.0%} on average is asked for, 50% is chance.",
        ),
        Check(
            "Hot places count more than cold ones",
            figures.road_gap > rules.least_road_gap,
            f"Without the hottest places the logit falls by {figures.road_gap:.2f} more than "
            f"without the coldest (ROAD); more than {rules.least_road_gap:g} is asked for.",
        ),
        Check(
            "It changes when the network forgets",
            figures.alike_when_random <= rules.most_alike_when_random,
            f"Rank correlation {figures.alike_when_random:.2f} with the map of the network whose "
            f"weights are shuffled; at most {rules.most_alike_when_random:g} is asked for.",
        ),
        Check(
            "It stays under noise",
            figures.stability >= rules.least_stability,
            f"Rank correlation {figures.stability:.2f} with the maps under noise; at least "
            f"{rules.least_stability:g} is asked for.",
        ),
    ]
    outside, lesions = figures.regions.get(OUTSIDE), figures.regions.get(LESIONS)
    if outside is not None and outside.area > 0:
        found.append(
            Check(
                "It looks at the retina",
                outside.share <= rules.most_outside * outside.area,
                f"{outside.share:.1%} of the heat lies beyond the field of view, which is "
                f"{outside.area:.1%} of what the network saw; at most "
                f"{rules.most_outside * outside.area:.1%} is asked for.",
            )
        )
    if lesions is not None and lesions.auc is not None:
        found.append(
            Check(
                "It finds the known lesions",
                lesions.auc >= rules.least_lesion_auc,
                f"AUC {lesions.auc:.2f} for telling their pixels from the rest of the retina; at "
                f"least {rules.least_lesion_auc:g} is asked for.",
            )
        )
    return found


def _cells_in(field: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Returns which cells of a map have their centre in the field; all if fewer than three have."""
    rows, columns = (
        ((np.arange(n) + 0.5) * side / n).astype(np.intp)
        for n, side in zip(shape, field.shape, strict=True)
    )
    inside = field[np.ix_(rows, columns)]
    return inside if inside.sum() >= 3 else np.ones(shape, bool)
