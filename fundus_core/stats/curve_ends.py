"""The ends of a ROC curve: how much of what lies beyond a high rate a sample has seen.

What a curve does above a specificity of 0.9 is told by the tenth of the healthy images that score
highest. A few of them do not show how far such scores reach; the curve lies too high there, and
drawing the same few anew does not show it.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fundus_core.stats.unequal_patients import patients_alike

FOR_AREAS = 10.0
"""Patients, or images, that must lie beyond the lower end of a range for its area's interval."""

FOR_RATES = 5.0
"""Likewise for the interval of one rate where the other is fixed."""


def too_few_beyond(
    rate: Literal["sensitivity", "specificity"],
    at: float,
    positive: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
    *,
    fewest: float,
) -> str:
    """Returns why nothing can be said of a curve beyond a rate; empty if it can.

    Args:
        rate: A share of the diseased images, or of the healthy ones: these decide.
        at: Its value, in [0, 1].
        positive: Shape (N,). True marks a diseased image.
        patients: Shape (N,), numbers from 0; None where images are independent.
        fewest: How many of those that decide must lie beyond the rate.

    Examples:
        >>> too_few_beyond("specificity", 0.9, np.zeros(40, bool), None, fewest=10)
        'only 4.0 of the 40 healthy images lie beyond a specificity of 0.9; 10 are needed'
        >>> too_few_beyond("specificity", 0.9, np.zeros(100, bool), None, fewest=10)
        ''
    """
    chosen = positive if rate == "sensitivity" else ~positive
    n_units = float(chosen.sum()) if patients is None else patients_alike(patients[chosen])
    beyond = round((1 - at) * n_units, 9)
    if beyond >= fewest:
        return ""
    unit = "images" if patients is None else "patients"
    side = "healthy" if rate == "specificity" else "diseased"
    number = int(chosen.sum()) if patients is None else len(np.unique(patients[chosen]))
    return (
        f"only {np.floor(10 * beyond) / 10:.1f} of the {number} {side} {unit} lie beyond a {rate} "
        f"of {at:g}; {fewest:g} are needed"
    )
