"""Operating points and thresholds."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.operating import operating_point, point_of_calls, youden_threshold

Y_TRUE = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
SCORE = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.35, 0.5, 0.6, 0.7, 0.8])


def test_operating_point__counts_a_score_at_the_threshold_as_positive() -> None:
    point = operating_point(Y_TRUE, SCORE, 0.5)

    assert (point.n_true_positive, point.n_false_negative) == (4, 1)
    assert (point.n_true_negative, point.n_false_positive) == (4, 1)
    assert (point.sensitivity, point.specificity) == (0.8, 0.8)


def test_operating_point__has_wilsons_intervals() -> None:
    # R: prop.test(4, 5, correct = FALSE)$conf.int
    point = operating_point(Y_TRUE, SCORE, 0.5)

    assert (point.sensitivity_low, point.sensitivity_high) == pytest.approx(
        (0.3755, 0.9638), abs=1e-4
    )
    assert (point.specificity_low, point.specificity_high) == pytest.approx(
        (0.3755, 0.9638), abs=1e-4
    )


@pytest.mark.parametrize("threshold", [-np.inf, 0.0, 1.0, np.inf])
def test_operating_point__at_the_ends_has_intervals_with_width(threshold: float) -> None:
    point = operating_point(Y_TRUE, SCORE, threshold)

    assert {point.sensitivity, point.specificity} == {0.0, 1.0}
    assert 0 <= point.sensitivity_low < point.sensitivity_high <= 1
    assert 0 <= point.specificity_low < point.specificity_high <= 1


def test_operating_point__by_patient_does_not_count_a_second_identical_eye() -> None:
    # 40 patients and their identical fellow eyes: worth 40 images, up to I / (I - 1) and what 20
    # patients of a class leave open of how alike eyes are.
    generator = np.random.default_rng(0)
    y_true = np.arange(40) < 20
    score = generator.normal(size=40) + y_true

    one_eye = operating_point(y_true, score, 0.5)
    two_eyes = operating_point(
        np.tile(y_true, 2), np.tile(score, 2), 0.5, patients=np.tile(np.arange(40), 2)
    )

    assert two_eyes.method == "wilson, clustered"
    assert two_eyes.sensitivity == one_eye.sensitivity
    assert (two_eyes.sensitivity_low, two_eyes.sensitivity_high) == pytest.approx(
        (one_eye.sensitivity_low, one_eye.sensitivity_high), abs=0.02
    )
    assert two_eyes.sensitivity_low <= one_eye.sensitivity_low


def test_operating_point__by_patient_is_never_narrower_than_by_image() -> None:
    # One eye right, the other wrong in every patient: negative correlation earns no discount.
    patients = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    y_true = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    score = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]

    by_patient = operating_point(y_true, score, 0.5, patients=patients)
    by_image = operating_point(y_true, score, 0.5)

    assert by_patient.sensitivity_low <= by_image.sensitivity_low
    assert by_patient.specificity_high >= by_image.specificity_high


def test_operating_point__refuses_one_class_and_a_threshold_that_is_no_number() -> None:
    with pytest.raises(SingleClassError):
        operating_point(np.ones(10), SCORE, 0.5)
    with pytest.raises(ValueError, match="threshold"):
        operating_point(Y_TRUE, SCORE, float("nan"))


def test_point_of_calls__is_the_operating_point_where_a_threshold_called() -> None:
    patients = np.arange(10) // 2

    found = point_of_calls(Y_TRUE, SCORE >= 0.5, threshold=0.5, patients=patients)

    assert found == operating_point(Y_TRUE, SCORE, 0.5, patients=patients)
    assert point_of_calls(Y_TRUE, SCORE >= 0.5).threshold is None


def test_point_of_calls__refuses_another_number_of_calls() -> None:
    with pytest.raises(ScoresError, match="9 calls for 10"):
        point_of_calls(Y_TRUE, SCORE[1:] >= 0.5)


def test_youden_threshold__lies_midway_below_the_lowest_positive_call() -> None:
    # 0.5 (sensitivity 0.8, specificity 0.8) and 0.35 (1.0 and 0.6) are equally good: the lower one.
    threshold = youden_threshold(Y_TRUE, SCORE)

    assert threshold == pytest.approx((0.35 + 0.3) / 2)
    assert operating_point(Y_TRUE, SCORE, threshold).sensitivity == 1.0


def test_youden_threshold__splits_scores_that_are_neighbours_in_floating_point() -> None:
    score = np.array([0.3, np.nextafter(0.3, 1)])

    point = operating_point([0, 1], score, youden_threshold([0, 1], score))

    assert (point.sensitivity, point.specificity) == (1.0, 1.0)


def test_youden_threshold__of_a_model_worse_than_chance_is_finite() -> None:
    assert youden_threshold([0, 0, 1, 1], [3, 4, 1, 2]) == 1.0
    assert youden_threshold(Y_TRUE, np.zeros(10)) == 0.0


@pytest.mark.parametrize(
    "name", ["continuous_200", "ties_500", "ties_fine_1000", "rare_2000", "small_30", "weak_5000"]
)
def test_golden__youden(name: str, real_data: Path) -> None:
    folder = real_data / "golden"
    if not folder.is_dir():
        pytest.skip(f"no golden numbers in {folder}")
    table = pd.read_csv(folder / f"{name}.csv")
    expected = json.loads((folder / "proc.json").read_text())[name]["youden_a"]

    point = operating_point(table["y"], table["a"], youden_threshold(table["y"], table["a"]))

    assert point.threshold == pytest.approx(expected["threshold"], abs=1e-10)
    assert point.sensitivity == pytest.approx(expected["sensitivity"], abs=1e-10)
    assert point.specificity == pytest.approx(expected["specificity"], abs=1e-10)
