"""The AUC within strata: against its definition, one stratum, the bootstrap, and as properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.bootstrap import bootstrap_intervals
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.stratified import Weighting, auc_within_strata


def draw(n_patients: int = 150, *, seed: int = 0) -> tuple[NDArray[np.generic], ...]:
    """Returns labels, scores, strata and patients: a score that is half shortcut."""
    generator = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), 2)
    diseased = generator.random(n_patients) < 0.4
    bright = generator.normal(size=n_patients) + 1.2 * diseased
    stratum = np.digitize(bright, [-0.5, 0.3, 1.0])[patients]
    noise = generator.normal(size=n_patients)[patients] + generator.normal(size=2 * n_patients)
    return diseased[patients], bright[patients] + 0.7 * noise, stratum, patients


def by_pairs(
    y_true: NDArray[np.generic],
    score: NDArray[np.generic],
    stratum: NDArray[np.generic],
    weight: NDArray[np.float64] | None = None,
    weighting: Weighting = "pairs",
) -> float:
    """The definition, pair by pair."""
    weight = np.ones(len(y_true)) if weight is None else weight
    right, total = 0.0, 0.0
    for i in np.flatnonzero(y_true):
        here = np.flatnonzero(~y_true.astype(bool) & (stratum == stratum[i]) & (weight > 0))
        if not len(here) or weight[i] == 0:
            continue
        won = (score[i] > score[here]) + 0.5 * (score[i] == score[here])
        share = float(weight[here] @ won)
        of = float(weight[here].sum())
        right += weight[i] * (share if weighting == "pairs" else share / of)
        total += weight[i] * (of if weighting == "pairs" else 1.0)
    return right / total


@pytest.mark.parametrize("weighting", ["pairs", "positives"])
def test_auc_within_strata__is_what_its_definition_says(weighting: Weighting) -> None:
    y_true, score, stratum, _ = draw(60)
    score = np.round(score, 0)  # ties

    found = auc_within_strata(y_true, score, stratum, weighting=weighting)

    assert found.auc.auc == pytest.approx(by_pairs(y_true, score, stratum, weighting=weighting))
    pairs = [
        int((y_true & (stratum == one)).sum() * (~y_true & (stratum == one)).sum())
        for one in np.unique(stratum)
    ]
    assert found.n_pairs == sum(pairs)
    assert found.n_strata == 4


@pytest.mark.parametrize("weighting", ["pairs", "positives"])
@pytest.mark.parametrize("clustered", [True, False])
def test_auc_within_strata__of_one_stratum_is_the_usual_auc(
    weighting: Weighting, clustered: bool
) -> None:
    y_true, score, _, patients = draw()
    by = patients if clustered else None

    found = auc_within_strata(
        y_true, score, np.zeros(len(y_true)), weighting=weighting, patients=by
    )

    usual = auc_interval(y_true, score, patients=by)
    assert (found.auc.auc, found.auc.low, found.auc.high) == pytest.approx(
        (usual.auc, usual.low, usual.high)
    )
    assert (found.low, found.difference, found.high) == (0.0, 0.0, 0.0)
    assert found.surviving == pytest.approx(1.0)


@pytest.mark.parametrize("weighting", ["pairs", "positives"])
def test_auc_within_strata__varies_as_the_bootstrap_of_patients_says(weighting: Weighting) -> None:
    y_true, score, stratum, patients = draw(120)

    found = auc_within_strata(y_true, score, stratum, weighting=weighting, patients=patients)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        within = [by_pairs(y_true, score, stratum, one, weighting) for one in weights]
        everywhere = [by_pairs(y_true, score, 0 * stratum, one) for one in weights]
        return np.stack([within, np.subtract(within, everywhere)], axis=1)

    labels = {"all": np.ones(len(y_true), bool)}
    auc, difference = bootstrap_intervals(
        statistic, labels, patients=patients, method="percentile", n_resamples=300
    )
    assert auc.low is not None
    assert auc.high is not None
    assert difference.low is not None
    assert difference.high is not None
    assert found.auc.high - found.auc.low == pytest.approx(auc.high - auc.low, rel=0.2)
    assert found.high - found.low == pytest.approx(difference.high - difference.low, rel=0.2)


@pytest.mark.parametrize("weighting", ["pairs", "positives"])
def test_auc_within_strata__its_error_is_that_of_what_each_image_adds(weighting: Weighting) -> None:
    generator = np.random.default_rng(3)
    stratum = np.repeat([0, 1, 2], 20)
    y_true = generator.random(60) < np.array([0.2, 0.5, 0.7])[stratum]
    score = generator.normal(size=60) + y_true * np.array([0.0, 1.0, 3.0])[stratum]

    found = auc_within_strata(y_true, score, stratum, weighting=weighting)

    whole = by_pairs(y_true, score, stratum, weighting=weighting)
    added = []
    for image in range(60):
        heavier = np.ones(60)
        heavier[image] += 1e-6
        changed = by_pairs(y_true, score, stratum, heavier, weighting)
        added.append((changed - whole) / 1e-6)
    squares = [np.sum(np.square(added)[side]) for side in (y_true, ~y_true)]
    factors = [n / (n - 1) for n in (y_true.sum(), (~y_true).sum())]
    assert found.auc.standard_error**2 == pytest.approx(np.dot(squares, factors), rel=1e-4)


def test_auc_within_strata__of_a_shortcut_alone_leaves_chance() -> None:
    y_true, _, stratum, patients = draw(400, seed=1)
    generator = np.random.default_rng(0)

    found = auc_within_strata(
        y_true, stratum + 0.01 * generator.random(len(stratum)), stratum, patients=patients
    )

    assert found.overall.low > 0.65
    assert found.auc.low < 0.5 < found.auc.high
    assert found.high < 0
    assert found.surviving == pytest.approx(0, abs=0.3)


def test_auc_within_strata__of_a_model_without_shortcut_keeps_it_all() -> None:
    y_true, _, _, patients = draw(400, seed=1)
    generator = np.random.default_rng(0)
    score = y_true + generator.normal(size=len(y_true))

    found = auc_within_strata(y_true, score, generator.integers(5, size=len(y_true)))

    assert found.low < 0 < found.high
    assert found.surviving == pytest.approx(1, abs=0.2)
    assert found.auc.n_patients is None
    assert auc_within_strata(y_true, score, patients % 2, patients=patients).auc.n_patients == 400


def test_auc_within_strata__counts_what_has_no_counterpart() -> None:
    found = auc_within_strata(
        [0, 1, 0, 1, 1, 1], [0.1, 0.9, 0.3, 0.2, 0.8, 0.7], [0, 0, 1, 1, 2, 2]
    )

    assert (found.n_strata, found.n_images, found.n_pairs) == (2, 4, 2)
    assert found.auc.auc == 0.5
    assert (found.auc.n_positive, found.auc.n_negative) == (2, 2)


def test_auc_within_strata__of_perfect_scores_claims_no_certainty() -> None:
    y_true = np.tile([False, True], 20)

    found = auc_within_strata(y_true, y_true + 0.0, np.arange(40) // 10)

    assert found.auc.auc == 1.0
    assert found.auc.low == pytest.approx(auc_interval(y_true, y_true + 0.0).low)
    assert found.auc.method.endswith("exact")
    assert found.low < 0 < found.high


def test_auc_within_strata__needs_a_stratum_with_both_classes() -> None:
    with pytest.raises(SingleClassError, match="None of the 2 strata"):
        auc_within_strata([0, 0, 1, 1], [1, 2, 3, 4], [0, 0, 1, 1])
    with pytest.raises(ScoresError, match=r"Strata have shape \(3,\) for 4"):
        auc_within_strata([0, 0, 1, 1], [1, 2, 3, 4], [0, 0, 1])


ROWS = st.lists(
    st.tuples(
        st.booleans(), st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.integers(0, 3), st.integers(0, 9)
    ),
    min_size=4,
    max_size=50,
).filter(lambda rows: any(len({r[0] for r in rows if r[2] == s}) == 2 for s in range(4)))


@settings(deadline=None, max_examples=100)
@given(ROWS, st.sampled_from(["pairs", "positives"]), st.booleans())
def test_auc_within_strata__holds_for_any_rows(
    rows: list[tuple[bool, float, int, int]], weighting: Weighting, clustered: bool
) -> None:
    y_true, score, stratum, patients = (np.array(one) for one in zip(*rows, strict=True))
    by = patients if clustered else None

    found = auc_within_strata(y_true, score, stratum, weighting=weighting, patients=by)

    assert found.auc.auc == pytest.approx(by_pairs(y_true, score, stratum, weighting=weighting))
    assert 0 <= found.auc.low <= found.auc.auc <= found.auc.high <= 1
    assert found.auc.low < found.auc.high
    assert -1 <= found.low <= found.difference <= found.high <= 1
    mapped = auc_within_strata(y_true, np.exp(score), 7 - stratum, weighting=weighting, patients=by)
    assert mapped.auc.auc == pytest.approx(found.auc.auc)
    assert mapped.high == pytest.approx(found.high)
