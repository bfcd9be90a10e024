"""Partial areas: against their definition, at their edges, and as properties of any input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.partial_auc import BELOW_CHANCE, Axis, compare_partial_aucs, partial_auc
from fundus_core.stats.roc import roc_curve

FEW = 50

ANY = settings(deadline=None, database=None, derandomize=True, max_examples=40)

ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 9)),
    min_size=6,
    max_size=40,
).filter(lambda rows: 2 <= sum(row[0] for row in rows) <= len(rows) - 2)


def eyes(seed: int = 0, n_patients: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two agreeing eyes per patient: labels, the scores of two models (2, N), patients."""
    generator = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), 2)
    y_true = patients % 3 == 0
    shared = generator.normal(size=(2, n_patients))[:, patients]
    scores = shared + 0.4 * generator.normal(size=(2, 2 * n_patients))
    return y_true, scores + np.outer([1.5, 0.8], y_true), patients


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("start", "end"), [(0.9, 1.0), (0.0, 0.2), (0.33, 0.71)])
def test_partial_auc__is_the_area_of_the_drawn_curve(start: float, end: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    y_true = generator.random(80) < 0.4
    score = generator.integers(0, 9, 80) + 2.0 * y_true
    curve = roc_curve(y_true, score)
    fine = np.linspace(1 - end, 1 - start, 400_001)
    heights = np.interp(fine, curve.false_positive_rate, curve.true_positive_rate)

    found = partial_auc(y_true, score, start=start, end=end, n_resamples=FEW)

    assert found.area.value == pytest.approx(np.trapezoid(heights, fine), abs=1e-5)


@pytest.mark.parametrize("axis", ["specificity", "sensitivity"])
def test_partial_auc__over_everything_is_the_auc_with_about_its_interval(axis: Axis) -> None:
    y_true, scores, patients = eyes()
    whole = auc_interval(y_true, scores[0], patients=patients)

    found = partial_auc(y_true, scores[0], axis=axis, start=0.0, end=1.0, patients=patients)

    assert found.area.value == pytest.approx(whole.auc, abs=1e-12)
    assert found.corrected.value == pytest.approx(whole.auc, abs=1e-12)
    assert (found.area.low, found.area.high) == pytest.approx((whole.low, whole.high), abs=0.03)
    assert found.area.method == "BCa bootstrap of patients, stratified"


def test_partial_auc__of_a_perfect_model_is_the_width_of_the_range() -> None:
    found = partial_auc(np.repeat([0, 1], 10), np.arange(20.0), start=0.8, fewest_beyond=2)

    assert found.area.value == pytest.approx(0.2)
    assert found.corrected.value == pytest.approx(1.0)
    assert (found.area.low, found.area.reason) == (None, "all resamples give the same value")


def test_partial_auc__on_the_chance_line_is_one_half_corrected() -> None:
    found = partial_auc([0, 1] * 10, np.zeros(20), start=0.6, end=0.9, n_resamples=FEW)

    assert found.area.value == pytest.approx(0.3 * (0.1 + 0.4) / 2)
    assert found.corrected.value == pytest.approx(0.5)


def test_partial_auc__below_chance_is_not_corrected() -> None:
    found = partial_auc([0, 0, 1, 1] * 5, [3, 4, 1, 2] * 5, n_resamples=FEW)

    assert found.area.value == 0.0
    assert (found.corrected.value, found.corrected.reason) == (None, BELOW_CHANCE)


@pytest.mark.parametrize(("axis", "side"), [("specificity", 0), ("sensitivity", 1)])
def test_partial_auc__has_no_interval_where_too_few_lie_in_the_range(axis: Axis, side: int) -> None:
    generator = np.random.default_rng(0)
    y_true = np.repeat([side, 1 - side], [99, 300])
    score = y_true + generator.normal(size=399)
    about = {"axis": axis, "n_resamples": FEW}
    patients = np.arange(399)

    found = partial_auc(y_true, score, patients=patients, **about)

    said = f"only 9.9 of the 99 {('healthy', 'diseased')[side]} patients lie beyond a {axis} of 0.9"
    assert found.area.value is not None
    assert (found.area.low, found.area.high) == (None, None)
    assert found.corrected.low is None
    assert said in found.area.reason
    assert partial_auc(y_true, score, start=0.89, **about).area.low is not None
    with pytest.raises(SingleClassError, match=r"Partial areas cannot be tested: only 9\.9"):
        compare_partial_aucs(y_true, score, -score, **about)


def test_partial_auc__weighs_a_patient_with_many_images_as_little() -> None:
    y_true = np.repeat([0, 0, 1], [110, 50, 300])
    patients = np.concatenate([np.arange(110), np.full(50, 110), np.arange(111, 411)])

    found = partial_auc(y_true, np.arange(460.0), patients=patients, n_resamples=FEW)

    assert "0.9 of the 111 healthy patients" in found.area.reason  # 160^2 / (110 + 50^2) are 9.8


def test_partial_auc__by_patient_is_wider_when_eyes_agree() -> None:
    y_true, scores, patients = eyes()

    by_image = partial_auc(y_true, scores[1], start=0.5).area
    by_patient = partial_auc(y_true, scores[1], start=0.5, patients=patients).area

    assert by_image.high - by_image.low < 0.85 * (by_patient.high - by_patient.low)


def test_compare_partial_aucs__finds_the_better_model_and_says_how() -> None:
    y_true, scores, patients = eyes(1, n_patients=150)

    found = compare_partial_aucs(y_true, *scores, start=0.7, patients=patients)

    areas = [partial_auc(y_true, one, start=0.7, n_resamples=FEW).area.value for one in scores]
    assert [found.value_a, found.value_b] == pytest.approx(areas)
    assert found.difference == pytest.approx(areas[0] - areas[1])
    assert found.low < found.difference < found.high
    assert found.p_value < 0.05
    assert found.method == "paired bootstrap of patients, stratified"
    assert "Patients are independent" in found.assumptions


def test_refusals_name_the_range_and_the_counts() -> None:
    with pytest.raises(ValueError, match=r"0\.9 to 0\.9"):
        partial_auc([0, 1], [1, 2], start=0.9, end=0.9)
    with pytest.raises(ValueError, match="90 to 100"):
        compare_partial_aucs([0, 1], [1, 2], [1, 2], start=90, end=100)
    with pytest.raises(SingleClassError, match="0 positive and 3 negative"):
        partial_auc([0, 0, 0], [1, 2, 3])
    with pytest.raises(ScoresError, match="1 NaN, 0 infinite"):
        partial_auc([0, 1, 0], [1, np.nan, 3])


@ANY
@given(ROWS, st.sampled_from(["specificity", "sensitivity"]), st.booleans())
def test_any_partial_area__is_ordered_inside_its_range_and_keeps_under_increasing_maps(
    rows: list[tuple[bool, int, int, int]], axis: Axis, by_patient: bool
) -> None:
    y_true, score, _, patients = (np.array(column) for column in zip(*rows, strict=True))
    known = patients if by_patient else None

    found = partial_auc(y_true, score, axis=axis, start=0.6, patients=known, n_resamples=FEW)
    mapped = partial_auc(
        y_true, np.exp(score) + score, axis=axis, start=0.6, patients=known, n_resamples=FEW
    )

    assert found == mapped
    area = found.area
    assert -1e-12 <= area.value <= 0.4 + 1e-12
    assert (area.low is None) == bool(area.reason)
    if area.low is not None and area.high is not None:
        assert -1e-12 <= area.low <= area.value + 1e-9 <= area.high + 2e-9 <= 0.4 + 1e-8
    if found.corrected.value is not None:
        assert 0.5 - 1e-9 <= found.corrected.value <= 1 + 1e-9


@ANY
@given(ROWS)
def test_any_partial_area__exchanges_its_axes_when_classes_and_scores_are_turned_round(
    rows: list[tuple[bool, int, int, int]],
) -> None:
    y_true, score, _, _ = (np.array(column) for column in zip(*rows, strict=True))

    found = partial_auc(y_true, score, start=0.7, n_resamples=2).area.value
    turned = partial_auc(~y_true, -score, axis="sensitivity", start=0.7, n_resamples=2).area.value

    assert found == pytest.approx(turned, abs=1e-12)
