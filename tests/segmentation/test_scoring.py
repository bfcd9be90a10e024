"""Scores against their definitions in loops, and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from fundus_core.errors import ScoresError
from fundus_core.segmentation.scoring import SCORES, centre_line_dice, score_pixels


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([3, 1000]))
def test_score_pixels__is_what_counting_gives(seed: int, n_levels: int) -> None:
    generator = np.random.default_rng(seed)
    shares = generator.integers(0, n_levels, (7, 9)) / n_levels
    truth, field = generator.random((2, 7, 9)) < np.array([0.4, 0.8])[:, None, None]

    found = score_pixels(shares, truth, field)

    hit = miss = alarm = rest = 0
    for share, true, inside in zip(shares.flat, truth.flat, field.flat, strict=True):
        if inside:
            hit += share >= 0.5 and true
            miss += share < 0.5 and true
            alarm += share >= 0.5 and not true
            rest += share < 0.5 and not true
    assert found.dice == pytest.approx(2 * hit / (2 * hit + miss + alarm))
    assert found.iou == pytest.approx(hit / (hit + miss + alarm))
    assert found.sensitivity == pytest.approx(hit / (hit + miss))
    assert found.specificity == pytest.approx(rest / (rest + alarm))
    assert found.auc == pytest.approx(roc_auc_score(truth[field], shares[field]), abs=1e-12)
    expected = average_precision_score(truth[field], shares[field])
    assert found.average_precision == pytest.approx(expected, abs=1e-12)
    assert (found.n_true, found.n_field) == (hit + miss, field.sum())


def test_score_pixels__outside_the_field_nothing_counts() -> None:
    shares, truth = np.array([[0.9, 0.1, 0.9]]), np.array([[True, False, False]])

    inside = score_pixels(shares, truth, np.array([[True, True, False]]))
    outside = score_pixels(np.array([[0.9, 0.1, 0.0]]), truth, np.array([[True, True, False]]))

    assert inside == outside
    assert inside.dice == 1.0


def test_score_pixels__what_is_not_defined_is_none() -> None:
    empty, field = np.zeros((4, 4)), np.ones((4, 4), bool)

    nothing = score_pixels(empty, empty > 0, field)
    alarm = score_pixels(empty + 1, empty > 0, field)

    assert nothing.dice is nothing.iou is nothing.sensitivity is nothing.auc is None
    assert (nothing.specificity, alarm.dice, alarm.specificity) == (1.0, 0.0, 0.0)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_score_pixels__all_scores_lie_between_0_and_1(seed: int) -> None:
    generator = np.random.default_rng(seed)
    shares, truth = generator.random((12, 12)), generator.random((12, 12)) < 0.3

    found = score_pixels(shares, truth, np.ones((12, 12), bool))

    values = [getattr(found, score) for score in SCORES]
    assert all(value is None or 0 <= value <= 1 for value in values)


def test_centre_line_dice__thin_and_wide_vessels_count_by_length() -> None:
    truth = np.zeros((40, 60), bool)
    truth[5:14, 5:55] = True  # wide
    truth[30, 5:55] = True  # thin, as long
    only_wide, only_thin = truth.copy(), truth.copy()
    only_wide[30], only_thin[5:14] = False, False

    by_length = [centre_line_dice(one, truth) for one in (only_wide, only_thin)]

    assert centre_line_dice(truth, truth) == 1.0
    assert by_length[0] == pytest.approx(by_length[1], abs=0.06)
    assert centre_line_dice(truth, np.zeros_like(truth)) is None
    assert centre_line_dice(only_wide, only_thin) == 0.0


def test_score_pixels__refuses_what_does_not_fit() -> None:
    shares, truth = np.zeros((3, 3)), np.zeros((3, 3), bool)

    with pytest.raises(ScoresError, match="3, 3"):
        score_pixels(shares, truth[:2], truth)
    with pytest.raises(ScoresError, match="field of view is empty"):
        score_pixels(shares, truth, truth)
    with pytest.raises(ScoresError, match="9 pixels"):
        score_pixels(shares + np.nan, truth, ~truth)
