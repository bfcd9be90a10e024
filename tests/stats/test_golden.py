"""The numbers that R's pROC gives for six tables, kept in a folder beside the repository.

Closed forms must be met to 1e-10. Two figures of power are in `test_power.py`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from fundus_core.stats.delong import compare_paired, compare_unpaired
from fundus_core.stats.fixed_rates import rate_at
from fundus_core.stats.operating import operating_point, youden_threshold
from fundus_core.stats.partial_auc import BELOW_CHANCE, partial_auc
from fundus_core.stats.placements import covariance, placements

TABLES = ("continuous_200", "ties_500", "ties_fine_1000", "rare_2000", "small_30", "weak_5000")

FEW = 10
"""Resamples, where only the value matters."""

WALD = 1.959963984540054


class Golden:
    """One table and what R says of it."""

    def __init__(self, folder: Path, name: str) -> None:
        table = pd.read_csv(folder / f"{name}.csv")
        self.y_true: NDArray[np.bool_] = table["y"].to_numpy() == 1
        self.a: NDArray[np.float64] = table["a"].to_numpy(np.float64)
        self.b: NDArray[np.float64] = table["b"].to_numpy(np.float64)
        self.r: dict[str, Any] = json.loads((folder / "proc.json").read_text())[name]


@pytest.fixture(params=TABLES)
def golden(request: pytest.FixtureRequest, real_data: Path) -> Golden:
    folder = real_data / "golden"
    if not folder.is_dir():
        pytest.skip(f"no golden numbers in {folder}")
    return Golden(folder, request.param)


def close(value: object) -> object:
    return pytest.approx(value, abs=1e-10, rel=1e-10)


def test_golden__size_and_aucs(golden: Golden) -> None:
    found = placements(golden.y_true, np.stack([golden.a, golden.b]))

    assert (len(golden.y_true), golden.y_true.sum()) == (golden.r["n"], golden.r["positives"])
    assert found.auc.tolist() == close([golden.r["auc_a"], golden.r["auc_b"]])


def test_golden__variances_covariance_and_wald_interval(golden: Golden) -> None:
    placed = placements(golden.y_true, np.stack([golden.a, golden.b]))

    found = covariance(placed.deviations, golden.y_true)

    expected = [golden.r["var_a"], golden.r["var_b"], golden.r["cov_ab"]]
    assert found.ravel()[[0, 3, 1]].tolist() == pytest.approx(expected, rel=1e-10, abs=1e-15)
    reach = WALD * np.sqrt(found[0, 0])
    auc = placed.auc[0]
    assert [auc - reach, auc, auc + reach] == close(golden.r["delong_ci_a_wald"])


def test_golden__paired_test(golden: Golden) -> None:
    found = compare_paired(golden.y_true, golden.a, golden.b)

    assert (found.z, found.p_value) == close((golden.r["paired"]["z"], golden.r["paired"]["p"]))


def test_golden__unpaired_test_of_the_halves(golden: Golden) -> None:
    half = len(golden.y_true) // 2

    found = compare_unpaired(
        golden.y_true[:half], golden.a[:half], golden.y_true[half:], golden.a[half:]
    )

    expected = golden.r["unpaired_first_vs_second_half_of_a"]
    assert (found.auc_a, found.auc_b) == close((expected["auc_first"], expected["auc_second"]))
    assert (found.z, found.degrees_of_freedom, found.p_value) == close(
        (expected["d"], expected["df"], expected["p"])
    )


def test_golden__partial_areas(golden: Golden) -> None:
    by_specificity = partial_auc(golden.y_true, golden.a, n_resamples=FEW)
    by_sensitivity = partial_auc(golden.y_true, golden.a, axis="sensitivity", n_resamples=FEW)

    assert by_specificity.area.value == close(golden.r["pauc_specificity_1_to_0.9_a"])
    assert by_sensitivity.area.value == close(golden.r["pauc_sensitivity_1_to_0.9_a"])


def test_golden__corrected_partial_area(golden: Golden) -> None:
    found = partial_auc(golden.y_true, golden.a, n_resamples=FEW).corrected

    expected = golden.r["pauc_specificity_1_to_0.9_a_mcclish"]
    if expected is None:
        assert (found.value, found.reason) == (None, BELOW_CHANCE)
    else:
        assert found.value == close(expected)


def test_golden__sensitivity_at_a_specificity(golden: Golden) -> None:
    found = rate_at(golden.y_true, golden.a, at=0.9, n_resamples=FEW)

    assert found.rate.value == close(golden.r["sensitivity_at_specificity_0.9_a_interpolated"])


def test_golden__youden_point(golden: Golden) -> None:
    threshold = youden_threshold(golden.y_true, golden.a)

    point = operating_point(golden.y_true, golden.a, threshold)
    expected = golden.r["youden_a"]
    assert threshold == close(expected["threshold"])
    assert (point.sensitivity, point.specificity) == close(
        (expected["sensitivity"], expected["specificity"])
    )
