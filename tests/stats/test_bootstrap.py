"""The bootstrap of patients: what a resample is, its intervals, and when there is none."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks import simulate_bootstrap as simulation
from fundus_core.stats import resampling
from fundus_core.stats.bootstrap import Statistic, bootstrap_intervals
from fundus_core.stats.resampling import FEWEST_UNITS, leave_outs, resamples, stratify

PATIENTS = np.repeat(np.arange(20), 2)
GRADE = np.repeat([0] * 8 + [1] * 7 + [2] * 5, 2)
GRADE[[0, 2]] = 2  # two patients whose other eye is healthy
LABELS = {str(grade): grade == GRADE for grade in range(3)}


def mean_of(values: NDArray[np.float64]) -> Statistic:
    """Returns the statistic "weighted mean of the values"."""
    return lambda weights: (weights @ values / weights.sum(axis=1))[:, np.newaxis]


def mean_of_sides(values: NDArray[np.float64], first: NDArray[np.bool_]) -> Statistic:
    """Returns the statistic "mean of the weighted means of either side"."""
    one = mean_of(values)
    return lambda weights: (one(weights * first) + one(weights * ~first)) / 2


def drawn(n_resamples: int, seed: int = 0) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    return np.concatenate(list(resamples(stratify(LABELS, PATIENTS), n_resamples, generator)))


def test_resamples__keep_the_images_of_a_patient_together() -> None:
    weights = drawn(50)

    assert weights.shape == (50, 40)
    assert np.array_equal(weights[:, ::2], weights[:, 1::2])
    assert (weights.sum(axis=1) == 40).all()
    assert {0.0, 2.0} <= set(weights.ravel())


def test_resamples__hold_every_label_and_as_many_patients_of_the_rarest_as_there_are() -> None:
    weights = drawn(300)

    for label in LABELS.values():
        assert (weights @ label > 0).all()
    has_worst = np.repeat(np.logical_or.reduceat(LABELS["2"], np.arange(0, 40, 2)), 2)
    assert (weights @ has_worst == has_worst.sum()).all()


def test_resamples__of_a_label_without_a_stratum_of_its_own_hold_it_all_the_same() -> None:
    # Everyone who has "b" has the rarer "a" as well, and a third of all draws would miss it.
    unit = np.arange(30)
    labels = {"a": unit < 10, "b": unit < 1, "c": unit >= 0}

    strata = stratify(labels)
    weights = np.concatenate(list(resamples(strata, 500, np.random.default_rng(0))))

    assert len(strata.members) == 2
    assert (weights[:, 0] > 0).all()


def test_resamples__are_equal_for_equal_seeds_and_however_many_are_made_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, again, other = drawn(20), drawn(20), drawn(20, seed=1)
    monkeypatch.setattr(resampling, "_CELLS_AT_ONCE", 7 * 40)
    in_parts = list(resamples(stratify(LABELS, PATIENTS), 20, np.random.default_rng(0)))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert [len(part) for part in in_parts] == [7, 7, 6]


def test_stratify__puts_patients_where_their_rarest_label_is() -> None:
    strata = stratify(LABELS, PATIENTS)

    # Grade 1 has 7 patients, grade 2 too (5 and two of the healthy ones), grade 0 has 8.
    named = [sorted(members.tolist()) for members in strata.members]
    assert named == [list(range(8, 15)), [0, 1, 15, 16, 17, 18, 19], [2, 3, 4, 5, 6, 7]]


def test_stratify__forms_no_stratum_too_small_to_vary() -> None:
    patients = np.arange(40)
    labels = {"rare": patients < 3, "common": patients >= 2}

    strata = stratify(labels, patients)

    assert min(map(len, strata.members)) >= FEWEST_UNITS
    assert sum(map(len, strata.members)) == 40


def test_leave_outs__leave_every_patient_out_once() -> None:
    strata = stratify(LABELS, PATIENTS)

    weights, stratum_of = map(
        np.concatenate, zip(*leave_outs(strata, np.random.default_rng(0)), strict=True)
    )

    assert weights.shape == (20, 40)
    assert (weights.sum(axis=0) == 19).all()
    assert (weights.sum(axis=1) == 38).all()
    assert np.bincount(stratum_of).tolist() == [len(members) for members in strata.members]


def test_leave_outs__of_very_many_patients_leave_groups_out_and_know_the_same_skewness() -> None:
    values = np.random.default_rng(0).exponential(size=5000)
    everyone = {"any": np.ones(5000, bool)}

    (found,) = bootstrap_intervals(mean_of(values), everyone, n_resamples=500)
    parts = list(leave_outs(stratify(everyone), np.random.default_rng(0)))

    groups = np.concatenate([weights for weights, _ in parts])
    means = groups @ values / groups.sum(axis=1)
    influence = means.mean() - means
    acceleration = (influence**3).sum() / 6 / (influence**2).sum() ** 1.5
    assert len(groups) == 1000
    assert ((groups == 0).sum(axis=0) == 1).all()
    assert acceleration == pytest.approx(stats.skew(values) / 6 / 5000**0.5, abs=0.002)
    assert found.low is not None


@pytest.mark.parametrize("seed", [0, 1])
def test_bootstrap_intervals__of_a_mean_are_those_of_scipy(seed: int) -> None:
    values = np.random.default_rng(seed).exponential(size=30)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=100_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval

    (found,) = bootstrap_intervals(
        mean_of(values), {"any": np.ones(30, bool)}, n_resamples=100_000, seed=3
    )

    error = values.std() / 30**0.5
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.06 * error)


def test_bootstrap_intervals__of_two_strata_are_those_of_scipy_for_two_samples() -> None:
    generator = np.random.default_rng(4)
    values = np.concatenate([generator.exponential(size=12), generator.normal(2, 1, 40)])
    first = np.arange(52) < 12
    expected = stats.bootstrap(
        (values[first], values[~first]),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        n_resamples=100_000,
        method="BCa",
        rng=np.random.default_rng(2),
    ).confidence_interval

    def difference(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return mean_of(values)(weights * first) - mean_of(values)(weights * ~first)

    (found,) = bootstrap_intervals(
        difference, {"first": first, "second": ~first}, n_resamples=100_000, seed=3
    )

    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.02)


@pytest.mark.parametrize("ties", [True, False], ids=["ties", "no ties"])
def test_bootstrap_intervals__with_strata_are_those_of_the_definition(ties: bool) -> None:
    first = np.arange(36) < 6
    right = np.array([1, 1, 0, 1, 1, 0] + [1, 1, 1, 0, 1] * 6, dtype=float)
    skewed = np.random.default_rng(0).exponential(size=36) * np.where(first, 3, 1)
    balanced = mean_of_sides(right if ties else skewed, first)

    (found,) = bootstrap_intervals(balanced, {"first": first, "second": ~first})

    values = np.concatenate(
        [
            balanced(weights)[:, 0]
            for weights in resamples(
                stratify({"first": first, "second": ~first}), 2000, np.random.default_rng(0)
            )
        ]
    )
    squares = cubes = 0.0
    for side in (first, ~first):
        n = int(side.sum())
        without = np.array([balanced(1.0 - np.eye(36)[[row]])[0, 0] for row in np.where(side)[0]])
        jackknife = (n - 1) * (without.mean() - without)
        squares += (jackknife**2).sum() / n**2
        cubes += (jackknife**3).sum() / n**3
    acceleration = cubes / 6 / squares**1.5
    equal = np.abs(values - found.value) < 1e-12
    bias = stats.norm.ppf(np.mean((values < found.value) & ~equal) + equal.mean() / 2)
    reach = bias + stats.norm.ppf([0.025, 0.975])
    shares = stats.norm.cdf(bias + reach / (1 - acceleration * reach))
    assert equal.any() == ties
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, shares)))


def test_bootstrap_intervals__by_patient_are_those_of_the_patients_means() -> None:
    values = np.random.default_rng(5).normal(size=40)
    of_patient = values.reshape(20, 2).mean(axis=1)

    by_patient = bootstrap_intervals(
        mean_of(values), {"any": np.ones(40, bool)}, patients=PATIENTS, seed=1
    )
    of_means = bootstrap_intervals(mean_of(of_patient), {"any": np.ones(20, bool)}, seed=1)

    assert by_patient[0].low == pytest.approx(of_means[0].low)
    assert by_patient[0].high == pytest.approx(of_means[0].high)
    assert by_patient[0].method == "BCa bootstrap of patients, stratified"
    assert of_means[0].method == "BCa bootstrap of images, stratified"


def test_bootstrap_intervals__by_percentile_are_the_percentiles() -> None:
    values = np.random.default_rng(6).exponential(size=40)

    (found,) = bootstrap_intervals(mean_of(values), LABELS, patients=PATIENTS, method="percentile")

    means = mean_of(values)(drawn(2000))[:, 0]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_bootstrap_intervals__are_refused_where_a_label_has_too_few_patients() -> None:
    positive = np.arange(40) < 8  # four patients

    (found,) = bootstrap_intervals(
        mean_of(np.arange(40.0)), {"dr": positive, "not dr": ~positive}, patients=PATIENTS
    )

    assert found.value == 19.5
    assert (found.low, found.high) == (None, None)
    assert found.reason == "only 4 patients have 'dr'; a bootstrap needs 5"


def test_bootstrap_intervals__are_refused_where_nothing_varies() -> None:
    def constant_and_mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([weights[:, :1] * 0 + 1, mean_of(np.arange(40.0))(weights)], axis=1)

    constant, mean = bootstrap_intervals(constant_and_mean, LABELS, patients=PATIENTS)

    assert (constant.value, constant.low, constant.high) == (1.0, None, None)
    assert constant.reason == "all resamples give the same value"
    assert mean.low is not None
    assert mean.reason == ""


def test_bootstrap_intervals__are_refused_where_they_would_not_hold_the_value() -> None:
    def n_distinct(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return (weights > 0).sum(axis=1, keepdims=True).astype(float)

    for method in ("bca", "percentile"):
        (found,) = bootstrap_intervals(n_distinct, LABELS, patients=PATIENTS, method=method)

        assert found.value == 40
        assert found.low is None
        assert "too far to one side" in found.reason


def test_bootstrap_intervals__say_that_a_statistic_is_not_defined() -> None:
    (found,) = bootstrap_intervals(lambda weights: weights[:, :1] * np.nan, LABELS)

    assert (found.value, found.low, found.reason) == (
        None,
        None,
        "it is not defined on these images",
    )


def test_bootstrap_intervals__refuse_labels_that_name_nothing_and_levels_in_percent() -> None:
    with pytest.raises(ValueError, match="at least one label"):
        bootstrap_intervals(mean_of(np.arange(4.0)), {})
    with pytest.raises(ValueError, match="95"):
        bootstrap_intervals(mean_of(np.arange(40.0)), LABELS, confidence=95)


def test_simulation__by_patient_holds_the_truth_and_by_image_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulation, "RESAMPLES", 400)
    setting = simulation.Setting(60, (0.5, 0.5), eyes=0.8)
    names = ("balanced_accuracy", "quadratic_kappa")

    by_patient = simulation.simulate(setting, names, replicates=300)
    by_image = simulation.simulate(setting, names, replicates=300, by_patient=False)

    # One standard error of a share of 0.95 is 0.013, of 0.85 it is 0.021.
    assert (by_patient > 0.91).all()
    assert (by_image < 0.91).all()


@pytest.mark.slow
@pytest.mark.parametrize("setting", [*simulation.MIXTURES, *simulation.GRADES], ids=str)
def test_simulation__bca_by_patient_keeps_its_level(setting: simulation.Setting) -> None:
    names = simulation.OF_DISEASE if len(setting.shares) == 2 else simulation.OF_GRADES

    held = simulation.simulate(setting, names, replicates=1000)

    # Least for the average precision of twenty patients, and for a grade that six have.
    assert held.min() >= 0.88
    assert held[names.index("balanced_accuracy")] >= 0.90
