"""Several models at once: against the definition, R-free special cases, and any input."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2, f

from fundus_core.errors import NoVarianceError, ScoresError, SingleClassError
from fundus_core.stats.contrasts import all_equal, contrast_test
from fundus_core.stats.delong import compare_paired
from fundus_core.stats.placements import covariance, placements
from fundus_core.stats.small_samples import auc_degrees_of_freedom, joint_degrees_of_freedom

Y_TRUE = np.tile([0, 0, 0, 1, 1], 16)
PATIENTS = np.repeat(np.arange(40), 2)
SCORES = np.random.default_rng(8).normal(size=(4, 80)) + np.array([[0.6], [0.8], [1.0], [1.6]]) * (
    Y_TRUE
)


@pytest.mark.parametrize("patients", [None, PATIENTS], ids=["by image", "by patient"])
def test_all_equal__is_the_published_quadratic_form(patients: NDArray[Any] | None) -> None:
    found = all_equal(Y_TRUE, SCORES, patients=patients)

    placed = placements(Y_TRUE == 1, SCORES)
    of_aucs = covariance(placed.deviations, Y_TRUE == 1, patients)
    against_first = np.array([[1, -1, 0, 0], [1, 0, -1, 0], [1, 0, 0, -1]])
    differences = against_first @ placed.auc
    inverse = np.linalg.inv(against_first @ of_aucs @ against_first.T)
    assert found.statistic == pytest.approx(differences @ inverse @ differences)
    assert found.rank == 3
    assert found.chi_square_p == pytest.approx(chi2.sf(found.statistic, 3))
    left = found.degrees_of_freedom - 2
    scaled = found.statistic * left / found.degrees_of_freedom / 3
    assert found.p_value == pytest.approx(f.sf(scaled, 3, left))
    assert found.p_value > found.chi_square_p


@pytest.mark.parametrize("patients", [None, PATIENTS], ids=["by image", "by patient"])
def test_all_equal__of_two_models_is_the_square_of_their_z(patients: NDArray[Any] | None) -> None:
    found = all_equal(Y_TRUE, SCORES[:2], patients=patients)

    pair = compare_paired(Y_TRUE, SCORES[0], SCORES[1], patients=patients)
    assert found.statistic == pytest.approx(pair.z**2)
    assert found.degrees_of_freedom == pytest.approx(pair.interval_degrees_of_freedom)
    if patients is None:
        assert found.chi_square_p == pytest.approx(pair.p_value)
    else:
        assert found.p_value == pytest.approx(pair.p_value)


def test_all_equal__a_model_named_twice_counts_once() -> None:
    three = all_equal(Y_TRUE, SCORES[:3])
    four = all_equal(Y_TRUE, [*SCORES[:3], np.exp(SCORES[1])])

    assert (four.rank, four.statistic) == (2, pytest.approx(three.statistic))
    assert four.p_value == pytest.approx(three.p_value)


def test_all_equal__models_that_are_all_alike_give_exactly_one() -> None:
    found = all_equal(Y_TRUE, [SCORES[0], SCORES[0] + 5, SCORES[0] ** 3])

    assert (found.statistic, found.rank, found.p_value, found.chi_square_p) == (0.0, 0, 1.0, 1.0)


def test_all_equal__perfect_against_constant_is_refused() -> None:
    with pytest.raises(NoVarianceError, match="no test can be made"):
        all_equal(Y_TRUE, [Y_TRUE, np.zeros(80), SCORES[0]])


def test_contrast_test__one_model_against_the_mean_of_the_others() -> None:
    found = contrast_test(Y_TRUE, SCORES[:3], [1, -0.5, -0.5], patients=PATIENTS)

    first, second, third = found.aucs
    assert found.differences == pytest.approx([first - (second + third) / 2])
    assert found.rank == 1


def test_contrast_test__what_follows_from_others_adds_nothing() -> None:
    two = contrast_test(Y_TRUE, SCORES[:3], [[1, -1, 0], [0, 1, -1]])
    three = contrast_test(Y_TRUE, SCORES[:3], [[1, -1, 0], [0, 1, -1], [3, -1, -2]])

    assert (three.rank, three.statistic) == (2, pytest.approx(two.statistic))


@pytest.mark.parametrize(
    ("contrasts", "message"),
    [
        ([[1, -1]], r"shape \(1, 2\) for 3 models"),
        ([[1, 0, 0]], r"add up to \[1.0\], not to 0"),
        ([[np.nan, 0, 0]], "shape"),
    ],
)
def test_contrast_test__refuses_what_is_no_contrast(contrasts: Any, message: str) -> None:
    with pytest.raises(ScoresError, match=message):
        contrast_test(Y_TRUE, SCORES[:3], contrasts)


def test_all_equal__refuses_one_model_and_one_class() -> None:
    with pytest.raises(ScoresError, match="1 models"):
        all_equal(Y_TRUE, SCORES[:1])
    with pytest.raises(SingleClassError):
        all_equal(np.ones(80), SCORES)


@pytest.mark.parametrize("patients", [None, PATIENTS], ids=["by image", "by patient"])
def test_joint_degrees_of_freedom__of_one_difference_are_its_own(
    patients: NDArray[Any] | None,
) -> None:
    row = np.random.default_rng(0).normal(size=80)

    found = joint_degrees_of_freedom(row[np.newaxis], Y_TRUE == 1, patients)

    assert found == pytest.approx(auc_degrees_of_freedom(row, Y_TRUE == 1, patients))


def test_joint_degrees_of_freedom__of_images_are_krishnamoorthy_and_yus() -> None:
    rows = np.random.default_rng(0).normal(size=(3, 80))
    positive = Y_TRUE == 1
    of_mean = [
        rows[:, side] @ rows[:, side].T / side.sum() / (side.sum() - 1)
        for side in (positive, ~positive)
    ]
    root = np.linalg.cholesky(np.linalg.inv(sum(of_mean)))
    whitened = root.T @ rows

    found = joint_degrees_of_freedom(whitened, positive)

    shares = [root.T @ one @ root for one in of_mean]
    squares = [np.trace(one @ one) + np.trace(one) ** 2 for one in shares]
    assert found == pytest.approx(12 / (squares[0] / 31 + squares[1] / 47))


@settings(deadline=None, database=None, derandomize=True, max_examples=60)
@given(
    st.lists(
        st.tuples(st.booleans(), *[st.integers(-2, 2)] * 3, st.integers(0, 9)),
        min_size=6,
        max_size=30,
    ).filter(lambda rows: 2 <= sum(row[0] for row in rows) <= len(rows) - 2),
    st.booleans(),
)
def test_any_family__does_not_depend_on_the_order_of_models_or_their_scales(
    rows: list[tuple[Any, ...]], by_patient: bool
) -> None:
    y_true, a, b, c, patients = (np.array(column) for column in zip(*rows, strict=True))
    known = patients if by_patient else None
    try:
        found = all_equal(y_true, [a, b, c], patients=known)
    except (NoVarianceError, SingleClassError) as refusal:
        with pytest.raises(type(refusal)):
            all_equal(y_true, [c, np.exp(a), 2 * b], patients=known)
        return

    other = all_equal(y_true, [c, np.exp(a), 2 * b], patients=known)

    assert other.rank == found.rank
    assert other.statistic == pytest.approx(found.statistic, rel=1e-6, abs=1e-9)
    assert other.p_value == pytest.approx(found.p_value, rel=1e-6, abs=1e-9)
    assert 0 <= found.chi_square_p <= 1
    assert 0 <= found.p_value <= 1
