"""What diseases leave on the retina: the diseases and their lesions.

Number, size and contrast grow with the severity, so that mild cases are hard to tell from healthy
eyes. Every lesion leaves at least one pixel in the truth mask.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from fundus_core.phantom.diabetic import diabetic_retinopathy
from fundus_core.phantom.growth import Branch
from fundus_core.phantom.macular import amd, epiretinal_membrane
from fundus_core.phantom.myopia import pathologic_myopia
from fundus_core.phantom.nerve import glaucoma, glaucoma_suspect
from fundus_core.phantom.site import Floats, Lesion, LesionKind, Site
from fundus_core.phantom.vascular import hypertensive_retinopathy, vein_occlusion

__all__ = ["LESIONS_OF", "Disease", "Floats", "Lesion", "LesionKind", "Site", "place_lesions"]

Disease = Literal[
    "diabetic_retinopathy",
    "amd",
    "glaucoma",
    "glaucoma_suspect",
    "pathologic_myopia",
    "epiretinal_membrane",
    "vein_occlusion",
    "hypertensive_retinopathy",
]


def place_lesions(
    site: Site,
    severity: Mapping[Disease, float],
    rng: np.random.Generator,
    *,
    vessels: Sequence[Branch] = (),
) -> tuple[Lesion, ...]:
    """Returns the lesions of an eye; none for a healthy one.

    Args:
        site: The eye, its anatomy as `signs.with_signs` changed it, and its field of view.
        severity: Of each disease, in [0, 1]; 0 or absent for none.
        rng: Source of numbers, places and shapes; not used for a healthy eye.
        vessels: Of the eye; lesions that keep to vessels lie near them.
    """
    site = replace(site, vessels=tuple(vessels)) if vessels else site
    found: list[Lesion] = []
    for disease, draw in LESIONS_OF.items():
        if severity.get(disease, 0.0) > 0:
            found.extend(draw(site, severity[disease], rng))
    return tuple(found)


LESIONS_OF: dict[Disease, Callable[[Site, float, np.random.Generator], list[Lesion]]] = {
    "diabetic_retinopathy": diabetic_retinopathy,
    "amd": amd,
    "glaucoma": glaucoma,
    "glaucoma_suspect": glaucoma_suspect,
    "pathologic_myopia": pathologic_myopia,
    "epiretinal_membrane": epiretinal_membrane,
    "vein_occlusion": vein_occlusion,
    "hypertensive_retinopathy": hypertensive_retinopathy,
}
"""Draws the lesions of a disease. To add a disease, add an entry."""
