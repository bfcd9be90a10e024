"""AUC intervals and tests: against R's numbers, at their edges, and as properties of any input."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import t

from fundus_core.errors import NoVarianceError, ScoresError, SingleClassError, TargetError
from fundus_core.stats.delong import (
    AucComparison,
    AucInterval,
    auc_interval,
    compare_paired,
    compare_unpaired,
)
from fundus_core.stats.placements import covariance, placements

Y_TRUE = np.array([0, 0, 0, 0, 1, 1, 1])
SCORE = np.array([1.0, 5.0, 3.0, 4.0, 2.0, 6.0, 7.0])
PERFECT = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
CONSTANT = np.full(7, 0.5)

# R 4.2.2, pROC 1.18.0, direction "<", on tables drawn by `_draw`: n, seed, K, then what R says.
# sum_a and sum_b check the drawing itself.
FROM_R: list[dict[str, Any]] = [
    {
        "n": 60,
        "seed": 1,
        "k": 3,
        "n_pos": 18,
        "sums": (82, 65),
        "auc": (0.81944444444444453, 0.79563492063492069),
        "var": (0.002580853931455148, 0.0028975795376867996),
        "cov": -3.1968523633482253e-05,
        "z": 0.3198180211244489,
        "p": 0.74910628566724391,
        "difference": (-0.12210410854816253, 0.1697231561672102),
        "unpaired": (0.32167885456448736, 117.60691504082037, 0.74826702758105212),
    },
    {
        "n": 200,
        "seed": 42,
        "k": 5,
        "n_pos": 59,
        "sums": (524, 469),
        "auc": (0.81019353287654772, 0.73758865248226957),
        "var": (0.00099684396857293071, 0.0013445470436295008),
        "cov": 6.7909202913070518e-05,
        "z": 1.5459844978222366,
        "p": 0.12210831177846723,
        "difference": (-0.019441935647590058, 0.16465169643614636),
        "unpaired": (1.5004752660172729, 389.41226188915101, 0.13430166236642521),
    },
    {
        "n": 1000,
        "seed": 7,
        "k": 10,
        "n_pos": 296,
        "sums": (5510, 5070),
        "auc": (0.75554505144348894, 0.67850218826781328),
        "var": (0.00026339831077296284, 0.00031960141984970522),
        "cov": -4.6834859340287883e-06,
        "z": 3.165461932213292,
        "p": 0.0015483692110594635,
        "difference": (0.029340113838048597, 0.12474561251330293),
        "unpaired": (3.1907901097778781, 1979.6023675617289, 0.0014410673882656673),
    },
    {
        "n": 10000,
        "seed": 2024,
        "k": 100,
        "n_pos": 2965,
        "sums": (593250, 551002),
        "auc": (0.77296188294854329, 0.68022781778891617),
        "var": (2.4030784915105851e-05, 3.2750868096172539e-05),
        "cov": -2.3336426107395383e-07,
        "z": 12.256252274980769,
        "p": 1.5552805116413853e-34,
        "difference": (0.077904456256758403, 0.10756367406249584),
        "unpaired": (12.306520586914147, 19537.225867765759, 1.1231064923809808e-34),
    },
    {
        "n": 500,
        "seed": 99,
        "k": 1000000,
        "n_pos": 157,
        "sums": (297822275, 286131377),
        "auc": (0.75469350615587449, 0.66990399435479375),
        "var": (0.00050127884553620244, 0.00064319073921828443),
        "cov": -1.3043474896769528e-05,
        "z": 2.4782546962921992,
        "p": 0.013202686159167695,
        "difference": (0.017732485884621813, 0.15184653771753989),
        "unpaired": (2.5063401252029394, 982.88761727846543, 0.012359396774320979),
    },
]


def _draw(n: int, seed: int, k: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Labels and two scores from a generator that is exact in doubles, in R and in Python alike."""
    state, draws = seed, []
    for _ in range(3 * n):
        state = 16807 * state % 2147483647
        draws.append(state / 2147483647)
    u = np.array(draws)
    y_true = u[:n] < 0.3
    score_a = np.floor(k * u[n : 2 * n]) + y_true * np.floor(k / 3 + 0.5)
    score_b = np.floor(k * u[2 * n :]) + y_true * np.floor(k / 5 + 0.5)
    return y_true, score_a, score_b


@pytest.mark.parametrize("expected", FROM_R, ids=lambda row: f"seed {row['seed']}")
def test_compare_paired__agrees_with_r(expected: dict[str, Any]) -> None:
    y_true, score_a, score_b = _draw(expected["n"], expected["seed"], expected["k"])
    assert (score_a.sum(), score_b.sum()) == expected["sums"]

    found = compare_paired(y_true, score_a, score_b)

    assert (found.auc_a, found.auc_b) == pytest.approx(expected["auc"], abs=1e-12, rel=0)
    assert found.z == pytest.approx(expected["z"], abs=1e-10, rel=0)
    assert found.p_value == pytest.approx(expected["p"], rel=1e-10, abs=0)
    # R's interval takes the variance for certain; ours is a little longer.
    reach = 1.959963984540054 * found.standard_error
    assert (found.difference - reach, found.difference + reach) == pytest.approx(
        expected["difference"], abs=1e-10, rel=0
    )
    assert found.low < expected["difference"][0] < expected["difference"][1] < found.high
    assert (found.method, found.n_images_a) == ("delong", expected["n"])


@pytest.mark.parametrize("expected", FROM_R, ids=lambda row: f"seed {row['seed']}")
def test_covariance__agrees_with_r(expected: dict[str, Any]) -> None:
    y_true, score_a, score_b = _draw(expected["n"], expected["seed"], expected["k"])

    placed = placements(y_true, np.stack([score_a, score_b]))
    found = covariance(placed.deviations, y_true)

    assert np.diag(found) == pytest.approx(expected["var"], rel=1e-10)
    assert found[0, 1] == pytest.approx(expected["cov"], rel=1e-10, abs=1e-16)


@pytest.mark.parametrize("expected", FROM_R, ids=lambda row: f"seed {row['seed']}")
def test_compare_unpaired__agrees_with_r(expected: dict[str, Any]) -> None:
    y_true, score_a, score_b = _draw(expected["n"], expected["seed"], expected["k"])

    found = compare_unpaired(y_true, score_a, y_true, score_b)

    d, degrees_of_freedom, p_value = expected["unpaired"]
    assert found.z == pytest.approx(d, abs=1e-10, rel=0)
    assert found.degrees_of_freedom == pytest.approx(degrees_of_freedom, rel=1e-10)
    assert found.p_value == pytest.approx(p_value, rel=1e-9, abs=0)
    assert found.method == "delong, unpaired"


def test_auc_interval__is_symmetric_on_the_logit_scale() -> None:
    # pROC: AUC 0.75, variance 0.06944..; logit(0.75) -+ t * 0.2635 / (0.75 * 0.25). Of the variance
    # 0.0625 comes from 3 positive images, 0.00694.. from 4 negative ones: 2.46 degrees of freedom.
    found = auc_interval(Y_TRUE, SCORE)

    logits = np.log(np.array([found.low, found.high]) / (1 - np.array([found.low, found.high])))
    from_positive, from_negative = 0.0625, 0.069444444444444448 - 0.0625
    known = 0.069444444444444448**2 / (from_positive**2 / 2 + from_negative**2 / 3)
    reach = t.ppf(0.975, known) * np.sqrt(0.069444444444444448) / (0.75 * 0.25)
    assert found.auc == 0.75
    assert found.standard_error == pytest.approx(np.sqrt(0.069444444444444448))
    assert logits == pytest.approx([np.log(3) - reach, np.log(3) + reach])
    assert found.degrees_of_freedom == pytest.approx(known)
    assert found == replace(found, method="delong", n_positive=3, n_negative=4, n_patients=None)


def test_auc_interval__by_patient_is_wider_when_eyes_agree() -> None:
    y_true, score, patients = np.tile(Y_TRUE, 2), np.tile(SCORE, 2), list("abcdefg") * 2

    by_image = auc_interval(y_true, score)
    by_patient = auc_interval(y_true, score, patients=patients)

    assert by_patient.method == "obuchowski"
    assert by_patient.n_patients == 7
    assert by_patient.standard_error > 1.3 * by_image.standard_error
    assert by_patient.low < by_image.low < by_image.high < by_patient.high


def test_auc_interval__of_a_perfect_model_is_the_exact_bound() -> None:
    # min(3, 4) = 3 disjoint pairs, all in order: 0.292^3 = 0.025.
    found = auc_interval(Y_TRUE, PERFECT)

    assert (found.auc, found.high, found.method) == (1.0, 1.0, "delong, exact")
    assert found.low**3 == pytest.approx(0.025)
    assert found.standard_error > 0


def test_auc_interval__of_a_reversed_model_is_not_turned_round() -> None:
    found = auc_interval(Y_TRUE, -PERFECT)

    assert (found.auc, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 3))


def test_auc_interval__of_a_constant_score_has_width() -> None:
    found = auc_interval(Y_TRUE, CONSTANT)

    assert found.auc == 0.5
    assert 0 < found.low < 0.3
    assert found.high == pytest.approx(1 - found.low)


def test_auc_interval__exact_bound_counts_patients_not_images() -> None:
    # 7 images, but the 3 positive ones are of 2 patients: 2 independent pairs.
    found = auc_interval(Y_TRUE, PERFECT, patients=[1, 2, 3, 4, 5, 5, 6])

    assert found.method == "obuchowski, exact"
    assert found.low**2 == pytest.approx(0.025)


def test_auc_interval__exact_bound_uses_no_patient_twice() -> None:
    # Three patients, each with an eye of either class: only one pair of different patients.
    found = auc_interval([0, 0, 0, 1, 1, 1], range(6), patients=[1, 2, 3, 1, 2, 3])

    assert (found.auc, found.method) == (1.0, "obuchowski, exact")
    assert found.low == pytest.approx(0.025)


def test_auc_interval__three_positives_of_63() -> None:
    y_true = np.arange(63) >= 60
    score = np.arange(63.0)
    score[[58, 61]] = score[[61, 58]]

    found = auc_interval(y_true, score)

    assert 0 < found.low < found.auc < found.high < 1
    assert found.auc == pytest.approx(1 - 3 / 180)
    assert (found.n_positive, found.n_negative) == (3, 60)


def test_auc_interval__one_positive_image_says_next_to_nothing() -> None:
    found = auc_interval([0, 0, 0, 0, 1], [1, 2, 3, 5, 4])

    assert found.auc == 0.75
    assert found.method == "delong, exact"
    assert found.low < 0.1
    assert found.high > 0.98


def test_auc_interval__all_images_of_one_patient_say_next_to_nothing() -> None:
    found = auc_interval(Y_TRUE, PERFECT, patients=["p"] * 7)

    assert (found.low, found.high) == pytest.approx((0.025, 1.0))


def test_auc_interval__takes_the_confidence_as_a_share() -> None:
    assert auc_interval(Y_TRUE, SCORE, confidence=0.9).low > auc_interval(Y_TRUE, SCORE).low
    with pytest.raises(ValueError, match="95"):
        auc_interval(Y_TRUE, SCORE, confidence=95)


def test_compare_paired__identical_models_give_exactly_one() -> None:
    found = compare_paired(Y_TRUE, SCORE, SCORE * 2 + 1)

    assert (found.difference, found.z, found.p_value) == (0.0, 0.0, 1.0)
    assert (found.low, found.high) == pytest.approx((-(1 - 0.05 ** (1 / 3)), 1 - 0.05 ** (1 / 3)))


def test_compare_paired__two_perfect_models_give_exactly_one() -> None:
    found = compare_paired(Y_TRUE, PERFECT, PERFECT[[1, 0, 3, 2, 6, 4, 5]])

    assert (found.auc_a, found.auc_b, found.z, found.p_value) == (1.0, 1.0, 0.0, 1.0)
    assert found.low < 0 < found.high


def test_compare_paired__agrees_with_r_on_seven_images() -> None:
    found = compare_paired(Y_TRUE, PERFECT, SCORE)

    assert (found.z, found.p_value) == pytest.approx((0.94868329805051377, 0.34278171114791139))
    assert found.difference == 0.25


def test_compare_paired__perfect_against_constant_is_refused_in_words() -> None:
    with pytest.raises(NoVarianceError, match=r"differ by \+0\.500") as refusal:
        compare_paired(Y_TRUE, PERFECT, CONSTANT)

    assert "harder images" in refusal.value.hint


def test_compare_paired__needs_two_patients_of_each_class() -> None:
    with pytest.raises(SingleClassError, match="1 independent positive and 4 negative"):
        compare_paired(Y_TRUE, SCORE, PERFECT, patients=[1, 2, 3, 4, 5, 5, 5])


def test_compare_unpaired__by_patient_counts_patients() -> None:
    twice = {"patients_a": list(range(7)) * 2, "patients_b": list(range(7)) * 2}

    once = compare_unpaired(Y_TRUE, SCORE, Y_TRUE, PERFECT[::-1])
    found = compare_unpaired(
        np.tile(Y_TRUE, 2),
        np.tile(SCORE, 2),
        np.tile(Y_TRUE, 2),
        np.tile(PERFECT[::-1], 2),
        **twice,
    )

    assert found.method == "obuchowski, unpaired"
    assert found.n_images_a == 14
    assert (found.z, found.degrees_of_freedom) == pytest.approx(
        (once.z, once.interval_degrees_of_freedom)
    )
    assert found.high == pytest.approx(once.high)


def test_compare_unpaired__says_when_only_one_set_knows_its_patients() -> None:
    found = compare_unpaired(Y_TRUE, SCORE, Y_TRUE, SCORE, patients_a=range(7))

    assert found.method == "obuchowski and delong, unpaired"
    assert (found.z, found.p_value) == (0.0, 1.0)


def test_compare_unpaired__two_perfect_models_give_one_and_an_interval() -> None:
    found = compare_unpaired(Y_TRUE, PERFECT, Y_TRUE, PERFECT)

    assert (found.z, found.p_value, found.degrees_of_freedom) == (0.0, 1.0, None)
    assert found.low == pytest.approx(-found.high) == pytest.approx(0.025 ** (1 / 3) - 1)


def test_compare_unpaired__perfect_against_constant_is_refused() -> None:
    with pytest.raises(NoVarianceError):
        compare_unpaired(Y_TRUE, PERFECT, Y_TRUE, CONSTANT)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_counted(bad: float) -> None:
    score = SCORE.copy()
    score[[1, 4]] = bad

    with pytest.raises(ScoresError, match="Model B has 2 of 7 scores that are NaN or infinite"):
        compare_paired(Y_TRUE, SCORE, score)
    with pytest.raises(ScoresError, match="2 of 7"):
        auc_interval(Y_TRUE, score)


def test_one_class_is_refused_with_the_counts() -> None:
    with pytest.raises(SingleClassError, match="7 positive and 0 negative images"):
        auc_interval(np.ones(7), SCORE)
    with pytest.raises(SingleClassError, match="0 positive and 0 negative images"):
        auc_interval([], [])


def test_labels_that_are_not_0_or_1_are_refused() -> None:
    with pytest.raises(TargetError, match=r"2 of 7 labels are neither 0 nor 1, the first 2"):
        auc_interval([0, 0, 1, 2, 1, 0, 3], SCORE)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ScoresError, match=r"Model A has scores of shape \(6,\) for 7"):
        compare_paired(Y_TRUE, SCORE[:6], SCORE)
    with pytest.raises(ScoresError, match=r"Patients have shape \(6,\) for 7"):
        auc_interval(Y_TRUE, SCORE, patients=range(6))
    with pytest.raises(TargetError, match=r"shape \(7, 1\)"):
        auc_interval(Y_TRUE[:, np.newaxis], SCORE)


def test_missing_patients_are_counted() -> None:
    with pytest.raises(ScoresError, match="2 of 7 images have no patient id"):
        auc_interval(Y_TRUE, SCORE, patients=["a", None, "b", "c", None, "d", "e"])


# Properties of any input: scores with many ties, patients with images of either class.

ANY_INPUT = st.lists(
    st.tuples(st.booleans(), st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 9)),
    min_size=6,
    max_size=40,
).filter(lambda rows: 2 <= sum(row[0] for row in rows) <= len(rows) - 2)

ANY = settings(deadline=None, database=None, derandomize=True, max_examples=80)


def _columns(rows: list[tuple[bool, int, int, int]]) -> list[NDArray[Any]]:
    return [np.array(column) for column in zip(*rows, strict=True)]


def _values(result: AucInterval | AucComparison) -> list[float]:
    return [value for value in asdict(result).values() if isinstance(value, float)]


def _compared(*arrays: NDArray[Any], patients: NDArray[Any] | None = None) -> AucComparison | str:
    """The comparison, or the sentence that refuses it."""
    try:
        return compare_paired(*arrays, patients=patients)
    except (NoVarianceError, SingleClassError) as refusal:
        return type(refusal).__name__


@ANY
@given(ANY_INPUT, st.booleans())
def test_any_interval__is_ordered_inside_0_and_1_and_has_width(
    rows: list[tuple[bool, int, int, int]], by_patient: bool
) -> None:
    y_true, score, _, patients = _columns(rows)

    found = auc_interval(y_true, score, patients=patients if by_patient else None)

    assert 0 <= found.low <= found.auc <= found.high <= 1
    assert found.high - found.low > 1e-6
    assert found.standard_error > 0
    assert np.isfinite(_values(found)).all()


@ANY
@given(ANY_INPUT)
def test_any_interval__does_not_change_under_increasing_maps(
    rows: list[tuple[bool, int, int, int]],
) -> None:
    y_true, score, _, patients = _columns(rows)

    found = auc_interval(y_true, np.exp(score / 2.0) + score**3, patients=patients)

    assert found == auc_interval(y_true, score, patients=patients)


@ANY
@given(ANY_INPUT)
def test_any_interval__is_mirrored_when_scores_are(rows: list[tuple[bool, int, int, int]]) -> None:
    y_true, score, _, patients = _columns(rows)

    found = auc_interval(y_true, score, patients=patients)
    mirrored = auc_interval(y_true, -score, patients=patients)

    assert (1 - mirrored.auc, 1 - mirrored.high, 1 - mirrored.low) == pytest.approx(
        (found.auc, found.low, found.high), abs=1e-9
    )


@ANY
@given(ANY_INPUT, st.booleans())
def test_any_comparison__changes_sign_when_models_are_swapped(
    rows: list[tuple[bool, int, int, int]], by_patient: bool
) -> None:
    y_true, score_a, score_b, patients = _columns(rows)
    known = patients if by_patient else None

    found = _compared(y_true, score_a, score_b, patients=known)
    swapped = _compared(y_true, score_b, score_a, patients=known)

    if isinstance(found, str) or isinstance(swapped, str):
        assert found == swapped
        return
    assert (swapped.z, swapped.difference) == (-found.z, -found.difference)
    assert (-swapped.high, -swapped.low) == (found.low, found.high)
    assert swapped.p_value == found.p_value
    assert np.isfinite(_values(found)).all()
    assert -1 <= found.low < found.high <= 1
    assert 0 <= found.p_value <= 1


@ANY
@given(ANY_INPUT)
def test_any_result__by_patient_is_plain_when_each_patient_has_one_image(
    rows: list[tuple[bool, int, int, int]],
) -> None:
    y_true, score_a, score_b, _ = _columns(rows)
    own = np.arange(len(rows))[::-1].copy()

    intervals = [auc_interval(y_true, score_a, patients=known) for known in (None, own)]
    paired = [_compared(y_true, score_a, score_b, patients=known) for known in (None, own)]
    unpaired = [
        compare_unpaired(y_true, score_a, y_true, score_a, patients_a=known, patients_b=known)
        for known in (None, own)
    ]

    assert _values(intervals[1]) == pytest.approx(_values(intervals[0]), rel=1e-9, abs=1e-9)
    _assert_alike_but_for_p(unpaired[0], unpaired[1])
    if isinstance(paired[0], str) or isinstance(paired[1], str):
        assert paired[0] == paired[1]
    else:
        _assert_alike_but_for_p(paired[0], paired[1])


def _assert_alike_but_for_p(plain: AucComparison, by_patient: AucComparison) -> None:
    """All values agree but p, which the plain form takes from the published distribution."""
    found, expected = (
        _values(replace(one, p_value=0.0, degrees_of_freedom=0.0)) for one in (by_patient, plain)
    )

    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    if (known := by_patient.degrees_of_freedom) is None:
        assert by_patient.p_value == plain.p_value
    else:
        assert known == by_patient.interval_degrees_of_freedom
        assert by_patient.p_value == pytest.approx(2 * t.sf(abs(plain.z), known), abs=1e-12)
