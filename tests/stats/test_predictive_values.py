"""Predictive values and likelihood ratios: by counting, by resampling, and at the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from statsmodels.stats.proportion import proportion_confint

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.predictive_values import PredictiveValues, predictive_values

PREVALENCE = 0.05


def table(hits: int, cases: int, alarms: int, controls: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels and calls with these counts."""
    y_true = np.arange(cases + controls) < cases
    called = np.concatenate([np.arange(cases) < hits, np.arange(controls) < alarms])
    return y_true, called


def test_predictive_values__are_shares_of_a_population_counted_one_by_one() -> None:
    # 1000 people of whom 50 are diseased: 40 of them called, and 95 of the 950 others.
    population = [(person < 50, person < 40 or 50 <= person < 145) for person in range(1000)]
    diseased = [sick for sick, called in population if called]
    healthy = [not sick for sick, called in population if not called]

    found = predictive_values(*table(80, 100, 30, 300), PREVALENCE)

    assert found.positive.value == pytest.approx(np.mean(diseased))
    assert found.negative.value == pytest.approx(np.mean(healthy))
    assert found.called.value == pytest.approx(0.135)
    assert found.found.value == 0.8
    assert found.ratio_positive.value == pytest.approx(8.0)
    assert found.ratio_negative.value == pytest.approx(0.2 / 0.9)


def test_predictive_values__on_the_logit_scale_are_mercaldos() -> None:
    # Mercaldo, Lau & Zhou (2007), their logit interval written out.
    y_true, called = table(80, 100, 30, 300)
    z, sens, spec = ndtri(0.975), 0.8, 0.9

    found = predictive_values(y_true, called, PREVALENCE, method="logit")

    positive = PREVALENCE * sens / (PREVALENCE * sens + (1 - PREVALENCE) * (1 - spec))
    variance = (1 - sens) / sens / 100 + spec / (1 - spec) / 300
    ends = np.log(positive / (1 - positive)) + np.array([-z, z]) * np.sqrt(variance)
    assert (found.positive.low, found.positive.high) == pytest.approx(1 / (1 + np.exp(-ends)))
    negative = (1 - PREVALENCE) * spec / ((1 - PREVALENCE) * spec + PREVALENCE * (1 - sens))
    variance = sens / (1 - sens) / 100 + (1 - spec) / spec / 300
    ends = np.log(negative / (1 - negative)) + np.array([-z, z]) * np.sqrt(variance)
    assert (found.negative.low, found.negative.high) == pytest.approx(1 / (1 + np.exp(-ends)))


def test_predictive_values__found_has_wilsons_interval_as_statsmodels_has_it() -> None:
    found = predictive_values(*table(83, 100, 30, 300), PREVALENCE).found

    assert (found.low, found.high) == pytest.approx(proportion_confint(83, 100, method="wilson"))


@pytest.mark.parametrize("method", ["score", "logit"])
@pytest.mark.parametrize("concordant", [True, False], ids=["eyes alike", "one eye diseased"])
def test_predictive_values__by_patient_are_as_wide_as_patients_drawn_anew_say(
    method: str, concordant: bool
) -> None:
    # Of some patients most photographs are called, be they diseased or not.
    generator = np.random.default_rng(5)
    patients = np.repeat(np.arange(200), 2)
    y_true = np.repeat(np.arange(200) < 100, 2) if concordant else np.tile([True, False], 200)
    eager = np.repeat(2 * generator.normal(size=200), 2)
    called = eager + generator.normal(size=400) + y_true > 0.5

    found = predictive_values(y_true, called, 0.5, patients=patients, method=method)

    drawn = []
    for _ in range(3000):
        units = np.r_[generator.integers(100, size=100), generator.integers(100, 200, size=100)]
        rows = (2 * units[:, None] + [0, 1]).ravel()
        sens, alarm = called[rows][y_true[rows]].mean(), called[rows][~y_true[rows]].mean()
        drawn.append((np.log(sens / alarm), np.log((1 - sens) / (1 - alarm)), (sens + alarm) / 2))
    spread = 2 * ndtri(0.975) * np.std(drawn, axis=0)
    widths = [
        np.log(one.high) - np.log(one.low) for one in (found.ratio_positive, found.ratio_negative)
    ]
    assert [*widths, found.called.high - found.called.low] == pytest.approx(spread, rel=0.1)


def test_predictive_values__by_patient_with_one_image_each_are_the_plain_ones() -> None:
    y_true, called = table(80, 100, 30, 300)

    plain = predictive_values(y_true, called, PREVALENCE)
    by_patient = predictive_values(y_true, called, PREVALENCE, patients=np.arange(400))

    # I / (I - 1), the factor of few patients, is the only difference.
    assert by_patient.positive.low == pytest.approx(plain.positive.low, rel=0.01)
    assert by_patient.positive.low <= plain.positive.low
    assert by_patient.method == "score, clustered"


def test_predictive_values__count_two_identical_eyes_once() -> None:
    y_true, called = table(80, 100, 30, 300)

    one_eye = predictive_values(y_true, called, PREVALENCE)
    two_eyes = predictive_values(
        np.tile(y_true, 2), np.tile(called, 2), PREVALENCE, patients=np.tile(np.arange(400), 2)
    )

    for name in ("positive", "negative", "ratio_positive", "called"):
        single, double = getattr(one_eye, name), getattr(two_eyes, name)
        assert (double.low, double.high) == pytest.approx((single.low, single.high), rel=0.01)


def test_predictive_values__without_a_false_alarm_are_bounded_from_below() -> None:
    y_true, called = table(15, 20, 0, 50)

    score = predictive_values(y_true, called, PREVALENCE)
    logit = predictive_values(y_true, called, PREVALENCE, method="logit")

    assert score.positive.value == score.positive.high == 1
    assert 0.05 < score.positive.low < 0.6
    assert np.isinf(score.ratio_positive.value)
    assert logit.positive.value == 1
    assert logit.positive.low is None
    assert logit.positive.reason.startswith("no negative image is called positive")


def test_predictive_values__of_a_model_that_calls_none_say_why_there_are_none() -> None:
    found = predictive_values(*table(0, 20, 0, 50), PREVALENCE)

    assert found.positive.value is None
    assert found.positive.reason == "no image is called positive"
    assert found.negative.value == pytest.approx(1 - PREVALENCE)
    assert found.negative.low < 1 - PREVALENCE < found.negative.high
    assert found.called.value == 0 < found.called.high


def intervals(found: PredictiveValues) -> list[tuple[float, float, float, float]]:
    """Returns low, value, high and the upper end of the range of all that have a value."""
    rows = [
        (found.positive, 1),
        (found.negative, 1),
        (found.found, 1),
        (found.called, 1),
        (found.ratio_positive, np.inf),
        (found.ratio_negative, np.inf),
    ]
    return [(one.low, one.value, one.high, top) for one, top in rows if one.low is not None]


def test_predictive_values__of_patients_whose_calls_are_all_alike_have_no_certain_ratio() -> None:
    y_true, called, patients = [0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 0, 1]

    found = predictive_values(y_true, called, 0.5, patients=patients)

    for one in (found.ratio_positive, found.ratio_negative, found.positive, found.negative):
        assert one.value is not None
        assert one.low is one.high is None
        assert one.reason == "both shares move together in all patients"
    assert found.called.low < found.called.value < found.called.high


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=2, max_size=25
    ).filter(lambda rows: len({label for label, _, _ in rows}) == 2),
    by_patient=st.booleans(),
    prevalence=st.floats(0.001, 0.999),
)
def test_predictive_values__hold_their_value_inside_their_range(
    rows: list[tuple[bool, bool, int]], by_patient: bool, prevalence: float
) -> None:
    y_true, called, patients = (np.array(column) for column in zip(*rows, strict=True))

    found = predictive_values(y_true, called, prevalence, patients=patients if by_patient else None)

    for low, value, high, top in intervals(found):
        assert 0 <= low <= high <= top
        assert low <= value * (1 + 1e-12)
        assert value <= high * (1 + 1e-12)
        assert low < high


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 19), st.integers(1, 19), st.floats(0.01, 0.4))
def test_predictive_values__rise_and_fall_with_the_prevalence(
    hits: int, alarms: int, prevalence: float
) -> None:
    rare, frequent = (
        predictive_values(*table(hits, 20, alarms, 20), one) for one in (prevalence, 2 * prevalence)
    )

    assert rare.positive.value < frequent.positive.value
    assert rare.negative.value > frequent.negative.value
    assert rare.ratio_positive == frequent.ratio_positive


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 20), st.integers(0, 20), st.floats(0.01, 0.99))
def test_predictive_values__of_opposite_labels_and_calls_swap_places(
    hits: int, alarms: int, prevalence: float
) -> None:
    y_true, called = table(hits, 20, alarms, 20)

    found = predictive_values(y_true, called, prevalence)
    opposite = predictive_values(~y_true, ~called, 1 - prevalence)

    if found.positive.value is not None:
        assert found.positive.value == pytest.approx(opposite.negative.value)
        assert found.positive.low == pytest.approx(opposite.negative.low, abs=1e-9)
        assert found.positive.high == pytest.approx(opposite.negative.high, abs=1e-9)


def test_predictive_values__refuse_what_does_not_fit() -> None:
    y_true, called = table(1, 2, 1, 2)
    with pytest.raises(ValueError, match="prevalence"):
        predictive_values(y_true, called, 5)
    with pytest.raises(ScoresError, match="3 calls for 4"):
        predictive_values(y_true, called[1:], PREVALENCE)
    with pytest.raises(SingleClassError):
        predictive_values(np.ones(4), called, PREVALENCE)
