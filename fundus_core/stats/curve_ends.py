"""The ends of a ROC curve: how much of what lies beyond a high rate a sample has seen.

What a curve does above a specificity of 0.9 is told by the tenth of the healthy images that score
highest. A few of them do not show how far such scores reach; the curve lies too high there, and
drawing the same few anew does not show it.
"""

import numpy as np
from numpy.typing import NDArray

from fundus_core.stats.unequal_patients import patients_alike

FOR_AREAS = 10.0
"""Patients, or images, that must lie beyond the lower end of a range for its area's interval."""

FOR_RATES = 5.0
"""Likewise for the interval of one rate where the other is fixed."""


def too_few_beyond(
    at: float,
    chosen: NDArray[np.bool_],
    patients: NDArray[np.intp] | None,
    *,
    fewest: float,
    rate: str,
) -> str:
    """Returns why nothing can be said of a curve beyond a rate; empty if it can.

    Args:
        at: The rate, in [0, 1].
        chosen: Shape (N,): the images whose share the rate is, so healthy ones of a specificity.
        patients: Shape (N,), numbers from 0; None where images are independent.
        fewest: How many of them must lie beyond the rate.
        rate: "specificity" or "sensitivity".

    Examples:
        >>> too_few_beyond(0.9, np.ones(40, bool), None, fewest=10, rate="specificity")
        'only 4.0 of the 40 healthy images lie beyond a specificity of 0.9; 10 are needed'
        >>> too_few_beyond(0.9, np.ones(100, bool), None, fewest=10, rate="specificity")
        ''
    """
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
