"""The variance that an AUC is expected to have in a study that is only planned.

It follows from the AUC and the numbers of positive and negative images, taken as independent, once
a shape of the scores is assumed.
"""

from collections.abc import Callable, Mapping
from math import exp, sqrt
from typing import Literal

VarianceName = Literal["obuchowski", "hanley_mcneil", "normal"]


def obuchowski_variance(auc: float, n_positive: float, n_negative: float) -> float:
    """Returns the variance of an AUC from a smooth curve through normal scores.

    The usual formula of planning, constants rounded as published and as R's pROC takes them. For
    the empirical AUC of `delong` it errs on the safe side: at 0.8 by 30 to 50 %, at 0.9 by 60 to
    100 % of `normal_variance`.

    References:
        Obuchowski & McClish (1997), Statistics in Medicine 16(13), 1529-1542.
        Obuchowski, Lieber & Wians (2004), Clinical Chemistry 50(7), 1118-1125 (in this form).

    Examples:
        >>> round(obuchowski_variance(0.8, 40, 60), 6)
        0.002604
    """
    from scipy.special import ndtri

    a = float(ndtri(auc)) * 1.414
    shape = (5 * a**2 + 8) / n_positive + (a**2 + 8) / n_negative
    return 0.0099 * exp(-(a**2) / 2) * shape


def hanley_mcneil_variance(auc: float, n_positive: float, n_negative: float) -> float:
    """Returns the variance of an AUC whose scores are like exponential ones.

    References:
        Hanley & McNeil (1982), Radiology 143(1), 29-36.

    Examples:
        >>> round(hanley_mcneil_variance(0.8, 40, 60), 6)
        0.002248
    """
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    of_pairs = auc * (1 - auc)
    of_positive = (n_positive - 1) * (q1 - auc**2)
    of_negative = (n_negative - 1) * (q2 - auc**2)
    return (of_pairs + of_positive + of_negative) / (n_positive * n_negative)


def normal_variance(auc: float, n_positive: float, n_negative: float) -> float:
    """Returns the exact variance of an empirical AUC of normal scores of equal spread.

    Real scores of the diseased often spread more than those of the healthy, which adds to it.

    References:
        Bamber (1975), Journal of Mathematical Psychology 12(4), 387-415 (the variance).
        Owen (1956), Annals of Mathematical Statistics 27(4), 1075-1090 (two negatives below).

    Examples:
        >>> round(normal_variance(0.8, 40, 60), 6)
        0.001992
    """
    from scipy.special import ndtr, ndtri, owens_t

    height = float(ndtri(auc))
    both_in_order = float(ndtr(height) - 2 * owens_t(height, 1 / sqrt(3)))
    of_images = (n_positive + n_negative - 2) * (both_in_order - auc**2)
    return (auc * (1 - auc) + of_images) / (n_positive * n_negative)


VARIANCES: Mapping[VarianceName, Callable[[float, float, float], float]] = {
    "obuchowski": obuchowski_variance,
    "hanley_mcneil": hanley_mcneil_variance,
    "normal": normal_variance,
}
"""What the variance of an AUC is taken to be, from the AUC and the independent images."""
