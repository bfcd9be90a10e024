"""The jackknife: of a mean it is the usual standard error; it stays in range, or says why not."""

import numpy as np
import pytest
from scipy.stats import t

from fundus_core.agreement.jackknife import FISHER_Z, LOGIT, Scale, jackknife_interval

VALUES = np.linspace(0.1, 0.9, 12) ** 2
WITHOUT = (VALUES.sum() - VALUES) / 11
"""Means of all but one."""


@pytest.mark.parametrize(("scale", "slope"), [(LOGIT, "p"), (FISHER_Z, "z")])
def test_jackknife_interval__of_a_mean_is_the_usual_one_on_its_scale(
    scale: Scale, slope: str
) -> None:
    mean = float(VALUES.mean())

    found = jackknife_interval(mean, WITHOUT, scale=scale, by_patient=True)

    error = VALUES.std(ddof=1) / np.sqrt(12)
    reach = t.ppf(0.975, 11) * error / (mean * (1 - mean) if slope == "p" else 1 - mean**2)
    assert found.low is not None
    assert found.high is not None
    ends = scale.forward(np.array([found.low, found.high]))
    assert ends == pytest.approx(scale.forward(np.array(mean)) + np.array([-reach, reach]))


def test_jackknife_interval__never_leaves_its_range() -> None:
    found = jackknife_interval(0.98, WITHOUT, scale=LOGIT, by_patient=False)

    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 0.98 < found.high < 1
    assert found.method == "jackknife of photographs"


@pytest.mark.parametrize(
    ("value", "without", "reason"),
    [
        (0.5, WITHOUT[:9], "9 patients are too few; a jackknife needs 10"),
        (0.5, np.full(12, 0.5), "leaving out patients does not change it"),
        (0.5, np.append(WITHOUT, np.nan), "it is not defined without one of the patients"),
        (1.0, WITHOUT, "it lies at the end of its range"),
        (0.0, WITHOUT, "it lies at the end of its range"),
    ],
)
def test_jackknife_interval__says_why_there_is_none(
    value: float, without: np.ndarray, reason: str
) -> None:
    found = jackknife_interval(value, without, scale=LOGIT, by_patient=True)

    assert (found.low, found.high, found.reason) == (None, None, reason)
