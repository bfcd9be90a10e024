"""Several p-values at once."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values adjusted by Holm's step-down method, in the order given.

    Rejecting those at or below alpha keeps the chance of even one false rejection at alpha,
    however the tests depend on each other.

    Args:
        p_values: Each in [0, 1]; may be empty.

    Raises:
        ValueError: If one of them is outside [0, 1] or NaN.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"p-values must be in [0, 1] but are {values.tolist()}")
    if values.size == 0:
        return []
    from statsmodels.stats.multitest import multipletests

    adjusted: list[float] = multipletests(values, method="holm")[1].tolist()
    return adjusted
