"""What diseases change in the anatomy itself, and how severity becomes a grade.

Lesions are placed afterwards and keep to these signs: blood behind an occluded vein lies in the
sector of the congestion, a membrane where the vessels are dragged to.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from fundus_core.phantom.anatomy import LARGEST_HEALTHY_CUP, Anatomy, Congestion, Drag
from fundus_core.phantom.diabetic import DR_GRADE_LIMITS
from fundus_core.phantom.lesions import Disease

GLAUCOMATOUS_CUP = 0.66
"""Smallest vertical cup-to-disc ratio of eyes with glaucoma, and largest of suspects."""

_SUPERIOR_SHARE = 0.63
_BRANCH_SHARE = 0.7


def dr_grade(severity: float) -> int:
    """Returns the grade of diabetic retinopathy on the international scale of 0 to 4.

    Args:
        severity: In [0, 1]; 0 for none.

    Returns:
        0 none, 1 mild (microaneurysms only), 2 moderate, 3 severe, 4 proliferative (new vessels
        or laser scars).

    References:
        Wilkinson et al., Proposed international clinical diabetic retinopathy and diabetic
        macular edema disease severity scales. Ophthalmology 110 (2003) 1677-1682.

    Examples:
        >>> [dr_grade(severity) for severity in (0.0, 0.1, 0.4, 0.7, 0.9)]
        [0, 1, 2, 3, 4]
    """
    return sum(severity > limit for limit in DR_GRADE_LIMITS)


def with_signs(
    anatomy: Anatomy, severity: Mapping[Disease, float], rng: np.random.Generator
) -> Anatomy:
    """Returns the anatomy as the diseases of an eye have changed it.

    Args:
        anatomy: Of the healthy eye.
        severity: Of each disease, in [0, 1]; 0 or absent for none.
        rng: Source of what the severity leaves open; not used for a healthy eye.
    """
    for disease, change in _SIGNS_OF.items():
        if severity.get(disease, 0.0) > 0:
            anatomy = change(anatomy, severity[disease], rng)
    return anatomy


def _glaucoma(anatomy: Anatomy, severity: float, rng: np.random.Generator) -> Anatomy:
    """Returns the eye with a large cup, often notched above or, more often, below."""
    ratio = GLAUCOMATOUS_CUP + 0.24 * severity + float(rng.normal(0, 0.015))
    depth = 0.25 + 0.65 * severity if rng.random() < 0.6 else 0.0
    return replace(
        anatomy,
        cup_ratio=float(np.clip(ratio, GLAUCOMATOUS_CUP, 0.93)),
        notch=_notch(depth, rng) if depth else anatomy.notch,
    )


def _glaucoma_suspect(anatomy: Anatomy, severity: float, rng: np.random.Generator) -> Anatomy:
    """Returns the eye with a cup between the healthy and the glaucomatous."""
    room = GLAUCOMATOUS_CUP - LARGEST_HEALTHY_CUP
    share = float(np.clip(0.1 + 0.8 * severity + rng.normal(0, 0.08), 0.02, 0.98))
    slight = _notch(0.15, rng) if rng.random() < 0.25 * severity else anatomy.notch
    return replace(anatomy, cup_ratio=LARGEST_HEALTHY_CUP + room * share, notch=slight)


def _notch(depth: float, rng: np.random.Generator) -> tuple[float, float]:
    """Returns where the rim is lost: at the lower or upper pole, a little to the temporal side."""
    lower = rng.random() < 0.65
    return float(np.pi / 2 + rng.uniform(0.0, 0.6)) * (1 if lower else -1), depth


def _pathologic_myopia(anatomy: Anatomy, severity: float, rng: np.random.Generator) -> Anatomy:
    """Returns the eye with a thin, tessellated fundus."""
    shine = 0.4 + 0.55 * severity + float(rng.normal(0, 0.06))
    return replace(
        anatomy,
        tessellation=max(anatomy.tessellation, min(shine, 1.0)),
        pigmentation=anatomy.pigmentation * (1 - 0.5 * severity),
        macula=anatomy.macula * (1 - 0.3 * severity),
    )


def _epiretinal_membrane(anatomy: Anatomy, severity: float, rng: np.random.Generator) -> Anatomy:
    """Returns the eye whose vessels are drawn towards a membrane near the fovea."""
    offset = 0.3 * anatomy.disc_diameter * np.clip(rng.standard_normal(2), -1.5, 1.5)
    centre = np.array(anatomy.fovea) + offset
    reach = 1.2 + 1.3 * severity
    strength = float(np.clip(0.1 + 0.8 * severity, 0, 1))
    return replace(anatomy, drag=Drag((float(centre[0]), float(centre[1])), reach, strength))


def _vein_occlusion(anatomy: Anatomy, severity: float, rng: np.random.Generator) -> Anatomy:
    """Returns the eye with dammed veins: temporal above or below the macula, or all of them."""
    if rng.random() < _BRANCH_SHARE:
        side = -1 if rng.random() < _SUPERIOR_SHARE else 1
        towards = side * float(rng.normal(2.3, 0.12))
        half_angle = float(rng.uniform(0.6, 0.85))
    else:
        towards, half_angle = float(np.pi), float(np.pi)
    dilation = 1.12 + 0.45 * severity
    return replace(
        anatomy, congestion=Congestion(towards, half_angle, dilation, 0.3 + 0.7 * severity)
    )


def _hypertensive_retinopathy(
    anatomy: Anatomy, severity: float, rng: np.random.Generator
) -> Anatomy:
    """Returns the eye with narrow arteries that pinch the veins they cross."""
    narrow = 0.92 - 0.34 * severity + float(rng.normal(0, 0.02))
    return replace(
        anatomy,
        artery_calibre=anatomy.artery_calibre * float(np.clip(narrow, 0.5, 0.97)),
        nicking=max(anatomy.nicking, min(0.25 + 0.75 * severity, 1.0)),
    )


_SIGNS_OF: dict[Disease, Callable[[Anatomy, float, np.random.Generator], Anatomy]] = {
    "glaucoma_suspect": _glaucoma_suspect,
    "glaucoma": _glaucoma,
    "pathologic_myopia": _pathologic_myopia,
    "epiretinal_membrane": _epiretinal_membrane,
    "vein_occlusion": _vein_occlusion,
    "hypertensive_retinopathy": _hypertensive_retinopathy,
}
"""Changes the anatomy as a disease does. To add a disease, add an entry."""
