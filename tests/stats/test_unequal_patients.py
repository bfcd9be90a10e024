"""One patient with many images: his deviation counts in full, or nothing is resampled."""

import numpy as np
import pytest
from scipy.stats import t

from fundus_core.errors import SingleClassError
from fundus_core.stats.bootstrap import bootstrap_intervals
from fundus_core.stats.calibration_line import calibration_line
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.homogeneity import joint_aucs, shares_equal
from fundus_core.stats.logistic import fit_logistic
from fundus_core.stats.macro import macro_auc
from fundus_core.stats.net_benefit import decision_curve
from fundus_core.stats.precision_recall import precision_band
from fundus_core.stats.predictive_values import predictive_values
from fundus_core.stats.proportions import effective_images, share_of, wilson
from fundus_core.stats.resampled_tests import bootstrap_test, permutation_test
from fundus_core.stats.resampling import FEWEST_UNITS, too_unequal
from fundus_core.stats.roc import roc_band, roc_curve
from fundus_core.stats.unequal_patients import leverage, patients_alike

# Eight diseased patients, of whom the first has 30 of the 44 photographs, and ten healthy ones.
N_IMAGES = np.array([30] + [2] * 17)
PATIENTS = np.repeat(np.arange(18), N_IMAGES)
Y_TRUE = PATIENTS < 8


def scores(seed: int = 0) -> np.ndarray:
    """Returns probabilities that are alike within a patient."""
    generator = np.random.default_rng(seed)
    of_patient = generator.normal(size=18)[PATIENTS]
    logit = Y_TRUE + of_patient + 0.5 * generator.normal(size=len(PATIENTS))
    return np.asarray(1 / (1 + np.exp(-logit)))


def left_out(values: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Returns the means of values without each patient."""
    return np.array([values[patients != one].mean() for one in np.unique(patients)])


def test_leverage__makes_deviations_what_leaving_a_patient_out_changes() -> None:
    values = np.random.default_rng(1).normal(size=len(PATIENTS))
    deviations = values - values.mean()

    sums = np.bincount(PATIENTS, deviations) * leverage(PATIENTS, 18) / len(values)

    changes = values.mean() - left_out(values, PATIENTS)
    np.testing.assert_allclose(sums, changes * (1 - 1 / 18), rtol=1e-12)


def test_leverage__of_patients_alike_and_of_a_single_one_changes_nothing() -> None:
    assert leverage(np.repeat(np.arange(5), 3), 5).tolist() == [1.0] * 5
    assert leverage(np.zeros(4, np.intp), 1).tolist() == [1.0]


def test_patients_alike__is_their_number_where_they_are() -> None:
    assert patients_alike(np.repeat([0, 1, 5], 4)) == pytest.approx(3)
    assert patients_alike(PATIENTS) == pytest.approx(64**2 / (30**2 + 17 * 4))


def test_share_of__is_wilsons_of_the_jackknife_by_patient() -> None:
    hits = np.random.default_rng(2).random(len(PATIENTS)) < 0.7
    share, n = hits.mean(), len(hits)
    variance = 17 / 18 * ((left_out(hits, PATIENTS) - share) ** 2).sum()

    worth = min(share * (1 - share) / variance, n)

    assert effective_images(hits, PATIENTS) == pytest.approx(worth, rel=1e-12)
    worth *= (t.ppf(0.975, n - 1) / t.ppf(0.975, 17)) ** 2
    found = share_of(hits, PATIENTS)
    low, high = wilson(share * worth, worth)
    assert (found.low, found.high) == pytest.approx((float(low), float(high)), rel=1e-9)


def test_share_of__of_one_image_each_is_that_of_images() -> None:
    hits = np.arange(20) < 13

    assert share_of(hits, np.arange(20)) == pytest.approx(share_of(hits, None), abs=0.01)


def test_macro_auc__of_one_class_weighs_patients_as_the_auc_does() -> None:
    one = auc_interval(Y_TRUE, scores(), patients=PATIENTS)

    macro = macro_auc(Y_TRUE[:, None], scores()[:, None], patients=PATIENTS)

    assert macro.standard_error == pytest.approx(one.standard_error, rel=1e-12)


def test_calibration_in_the_large__is_the_jackknife_by_patient() -> None:
    line = calibration_line(Y_TRUE, scores(), patients=PATIENTS)

    gap = Y_TRUE - scores()
    error = (17 / 18 * ((left_out(gap, PATIENTS) - gap.mean()) ** 2).sum()) ** 0.5
    quantile = t.ppf(0.975, 7)
    assert line.in_the_large.low == pytest.approx(gap.mean() - quantile * error, rel=1e-9)


def test_auc_interval__knows_its_variance_as_brunner_and_munzel_say_of_the_jackknife() -> None:
    score = scores()
    parts = []
    for chosen, others in ((Y_TRUE, ~Y_TRUE), (~Y_TRUE, Y_TRUE)):
        placement = (score[chosen][:, None] > score[others]).mean(axis=1)
        changes = left_out(placement, PATIENTS[chosen]) - placement.mean()
        n = len(changes)
        parts.append(((n - 1) / n * (changes**2).sum(), n - 1))
    (a, of_a), (b, of_b) = parts

    found = auc_interval(Y_TRUE, score, patients=PATIENTS)

    assert found.standard_error == pytest.approx((a + b) ** 0.5, rel=1e-12)
    known = (a + b) ** 2 / (a**2 / of_a + b**2 / of_b)
    assert found.degrees_of_freedom == pytest.approx(known, rel=1e-12)


def test_predictive_values__of_shares_that_go_together_in_each_patient() -> None:
    # Everybody has as many diseased as healthy photographs, called alike: the shares' correlation
    # is 1, whatever one patient's share of the photographs.
    patients = np.tile(PATIENTS, 2)
    called = np.tile(np.isin(PATIENTS, [0, 3, 4, 9, 12]), 2)
    positive = np.repeat([True, False], len(PATIENTS))

    found = predictive_values(positive, called, 0.1, patients=patients)

    ratio = found.ratio_positive
    assert ratio.value == 1
    assert ratio.low == pytest.approx(1 / ratio.high)
    assert 1 < ratio.high < 2.5  # 4.3 if the correlation did not know that patient


def test_fit_logistic__makes_up_for_what_a_patient_pulled_the_line_by() -> None:
    ones, target = np.ones((len(Y_TRUE), 1)), Y_TRUE.astype(float)

    found = fit_logistic(ones, target, patients=PATIENTS)

    share = Y_TRUE.mean()  # its variance is that of the share on the logit scale
    variance = 17 / 18 * ((left_out(target, PATIENTS) - share) ** 2).sum()
    assert found is not None
    assert found.covariance[0, 0] == pytest.approx(variance / (share * (1 - share)) ** 2, rel=1e-9)


def test_calibration_slope__is_less_sure_where_one_patient_has_most_photographs() -> None:
    alike = calibration_line(Y_TRUE[28:], scores()[28:], patients=PATIENTS[28:]).slope
    unequal = calibration_line(Y_TRUE, scores(), patients=PATIENTS).slope

    assert unequal.high - unequal.low > 0.8 * (alike.high - alike.low)


def test_joint_aucs__of_eyes_go_together_as_leaving_patients_out_changes_them() -> None:
    score = scores() + 0.3 * np.random.default_rng(3).normal(size=len(PATIENTS))
    eyes = np.arange(len(PATIENTS)) % 2 == np.arange(2)[:, np.newaxis]
    changes = np.array([changes_of_auc(Y_TRUE[eye], score[eye], PATIENTS[eye]) for eye in eyes])

    joint = joint_aucs(Y_TRUE, score, eyes, PATIENTS)

    assert joint.correlation[0, 1] == pytest.approx(cosine(*changes), rel=1e-12)
    variances = (changes**2).sum(axis=1)
    np.testing.assert_allclose(joint.variance, variances, rtol=1e-12)


def changes_of_auc(y_true: np.ndarray, score: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Returns what leaving each patient out changes, in the jackknife's unit."""
    found = []
    above = score[y_true][:, None] > score[~y_true]
    for side, placement in ((y_true, above.mean(axis=1)), (~y_true, above.mean(axis=0))):
        change = left_out(placement, patients[side]) - placement.mean()
        found.append(change * (1 - 1 / len(change)) ** 0.5)
    return np.concatenate(found)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def test_shares_equal__of_eyes_knows_that_one_patients_are_alike() -> None:
    right = np.isin(PATIENTS, [0, 3, 4, 9, 12]) ^ (np.arange(len(PATIENTS)) % 9 == 0)
    eyes = np.arange(len(PATIENTS)) % 2 == np.arange(2)[:, np.newaxis]
    shares = np.array([right[eye].mean() for eye in eyes])
    worth = np.array([effective_images(right[eye], PATIENTS[eye]) for eye in eyes])
    common = worth @ shares / worth.sum()
    together = cosine(*(left_out(right[eye], PATIENTS[eye]) - right[eye].mean() for eye in eyes))

    found = shares_equal(right, eyes, PATIENTS)

    spread = common * (1 - common) * (1 / worth).sum()
    spread -= 2 * together * common * (1 - common) / worth.prod() ** 0.5
    assert found.statistic == pytest.approx((shares[1] - shares[0]) ** 2 / spread, rel=1e-9)
    assert found.shared_units == 18


@pytest.mark.parametrize("test", [bootstrap_test, permutation_test])
def test_resampled_tests__are_refused(test: type) -> None:
    with pytest.raises(SingleClassError, match=r"one patient has 30 of the 44 images") as refusal:
        test(Y_TRUE, scores(), scores(1), patients=PATIENTS, n_resamples=20)

    assert "DeLong" in refusal.value.hint
    found = test(Y_TRUE, scores(), scores(1), n_resamples=20)  # nobody says whose they are
    assert 0 <= found.p_value <= 1


@pytest.mark.parametrize(
    ("n_images", "refused"),
    [((2, 2, 2, 2, 1), False), ((1, 2, 3, 5, 5, 5), False), ((1, 1, 1, 1, 4), True)],
)
def test_too_unequal__few_patients_with_about_as_many_images_are_drawn(
    n_images: tuple[int, ...], refused: bool
) -> None:
    patients = np.repeat(np.arange(len(n_images)), n_images)

    reason = too_unequal({"of all": np.ones(len(patients), bool)}, patients)

    assert bool(reason) == refused


def test_intervals_by_resampling__are_none_and_say_why() -> None:
    curve = decision_curve(Y_TRUE, scores(), patients=PATIENTS, n_resamples=20)
    (mean,) = bootstrap_intervals(
        lambda weights: weights[:, :1],
        {"diseased": Y_TRUE, "healthy": ~Y_TRUE},
        patients=PATIENTS,
        n_resamples=20,
    )

    for reason in (curve.reason, mean.reason):
        assert "one patient has 30 of the 44 images" in reason
        assert f"2.1 patients with equally many; resampling needs {FEWEST_UNITS}" in reason


def test_bands__are_as_wide_as_the_patients_alike_allow() -> None:
    score = scores()
    band = roc_band(Y_TRUE, score, patients=PATIENTS, n_resamples=50)
    precise = precision_band(Y_TRUE, score, patients=PATIENTS, n_resamples=50)

    curve = roc_curve(Y_TRUE, score)
    seen = np.interp(band.false_positive_rate, curve.false_positive_rate, curve.true_positive_rate)
    worth = patients_alike(PATIENTS[Y_TRUE])
    low, high = wilson(seen * worth, worth)
    assert (band.low[:-1] <= low[:-1] + 1e-12).all()
    assert (band.high[:-1] >= high[:-1] - 1e-12).all()
    called = score >= score[Y_TRUE].min()
    worth = patients_alike(PATIENTS[called])
    assert precise.low[-1] <= wilson(Y_TRUE[called].mean() * worth, worth).low + 1e-12
