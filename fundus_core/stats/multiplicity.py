"""Several p-values at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import ParameterError


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values adjusted by Holm's step-down method, in the order given.

    Rejecting those at or below alpha keeps the chance of even one false rejection at alpha,
    however the tests depend on each other.

    Args:
        p_values: Each in [0, 1]; may be empty.

    Raises:
        ParameterError: If one of them is outside [0, 1] or NaN.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    return _in_order_given(np.maximum.accumulate(steps), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Returns p-values adjusted by Benjamini and Hochberg's step-up method, in the order given.

    Rejecting those at or below alpha keeps the expected share of false ones *among the rejections*
    at alpha. That is less than Holm promises, and finds more: for screening many models or classes,
    not for a claim about a single one. It holds where tests are independent or depend on each other
    positively; differences between the same models, of which two can go opposite ways, are only
    known to keep it nearly.

    Args:
        p_values: Each in [0, 1]; may be empty.

    Raises:
        ParameterError: If one of them is outside [0, 1] or NaN.

    References:
        Benjamini & Hochberg (1995), J. Royal Statistical Society B 57(1), 289-300.
        Benjamini & Yekutieli (2001), Annals of Statistics 29(4), 1165-1188 (dependence).

    Examples:
        >>> benjamini_hochberg([0.01, 0.04, 0.03])
        [0.03, 0.04, 0.04]
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")
    steps = values[order] * (len(values) / np.arange(1, len(values) + 1))
    return _in_order_given(np.minimum.accumulate(steps[::-1])[::-1], order)


def _checked(p_values: Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(p_values, dtype=np.float64)
    if not np.all((values >= 0) & (values <= 1)):
        raise ParameterError(
            f"The p-values must be in [0, 1] but are {values.tolist()}.",
            hint="Leave tests out that have no p-value.",
        )
    return values


def _in_order_given(adjusted: NDArray[np.float64], order: NDArray[np.intp]) -> list[float]:
    """Returns adjusted p-values, at most 1, in the order that `order` sorted them out of."""
    found = np.empty(len(adjusted))
    found[order] = np.minimum(adjusted, 1.0)
    listed: list[float] = found.tolist()
    return listed
