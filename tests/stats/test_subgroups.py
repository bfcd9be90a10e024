"""Subgroups: against definitions, other programs, the bootstrap, and as properties."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import chi2, chi2_contingency

from fundus_core.errors import NoVarianceError
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.grouping import NOT_STATED
from fundus_core.stats.homogeneity import aucs_equal, joint_aucs, shares_equal
from fundus_core.stats.operating import operating_point
from fundus_core.stats.resampling import resamples, stratify
from fundus_core.stats.subgroups import Subgroups, subgroups

Sample = tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.intp]]


def draw(n_patients: int, *, seed: int, together: float = 0.8, images: int = 2) -> Sample:
    """Returns labels, scores and patients of eyes that resemble each other within a patient."""
    generator = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), images)
    diseased = (np.arange(n_patients) % 3 == 0)[patients]
    of_patient = generator.normal(size=n_patients)[patients]
    own = generator.normal(size=len(patients))
    score = diseased + np.sqrt(together) * of_patient + np.sqrt(1 - together) * own
    return diseased, score, patients


def by_site(patients: NDArray[np.intp], n_sites: int) -> list[str]:
    return [f"site {patient // 3 % n_sites}" for patient in patients]


def eyes(patients: NDArray[np.intp]) -> list[str]:
    return ["left" if image % 2 else "right" for image in range(len(patients))]


def members(groups: Sequence[str]) -> NDArray[np.bool_]:
    return np.array(groups) == np.unique(groups)[:, np.newaxis]


def test_subgroups__measures_each_group_as_if_it_stood_alone() -> None:
    y_true, score, patients = draw(120, seed=0)
    groups = by_site(patients, 2)

    found = subgroups(y_true, score, groups, threshold=0.8, patients=patients)

    for one in found.groups:
        rows = np.array(groups) == one.name
        alone = auc_interval(y_true[rows], score[rows], patients=patients[rows])
        point = operating_point(y_true[rows], score[rows], 0.8, patients=patients[rows])
        assert one.auc == alone
        assert one.sensitivity == (
            point.sensitivity,
            point.sensitivity_low,
            point.sensitivity_high,
        )
        assert one.specificity == (
            point.specificity,
            point.specificity_low,
            point.specificity_high,
        )
        assert (one.n_images, one.n_patients) == (120, 60)
        assert one.n_positive == y_true[rows].sum()
    assert found.overall.auc == auc_interval(y_true, score, patients=patients)
    assert sum(one.n_images for one in found.groups) == len(y_true)


@pytest.mark.parametrize("easy", [0.0, 2.0])
def test_subgroups__with_separate_patients_is_the_chi_square_of_independent_aucs(
    easy: float,
) -> None:
    y_true, score, patients = draw(240, seed=1)
    groups = by_site(patients, 3)
    score = score + easy * y_true * (np.array(groups) == "site 0")  # there nearly perfect

    found = subgroups(y_true, score, groups, patients=patients).auc_test

    alone = [
        auc_interval(y_true[rows], score[rows], patients=patients[rows]) for rows in members(groups)
    ]
    values = logit([one.auc for one in alone])
    weights = [(one.auc * (1 - one.auc) / one.standard_error) ** 2 for one in alone]
    assert 0.5 < max(one.auc for one in alone) < 1
    statistic = np.sum(weights * (values - np.average(values, weights=weights)) ** 2)
    assert found is not None
    assert found.statistic == pytest.approx(statistic)
    assert found.p_value == pytest.approx(chi2.sf(statistic, 2))
    assert (found.degrees_of_freedom, found.shared_units) == (2, 0)


def test_subgroups__of_independent_images_is_pearsons_chi_square() -> None:
    y_true, score, patients = draw(300, seed=2, images=1)
    groups = np.array(by_site(patients, 3))

    found = subgroups(y_true, score, groups.tolist(), threshold=0.3)

    for test, label in ((found.sensitivity_test, True), (found.specificity_test, False)):
        here = y_true == label
        table = [
            [int((here & (groups == site) & ((score >= 0.3) == called)).sum()) for called in (0, 1)]
            for site in np.unique(groups)
        ]
        pearson = chi2_contingency(table, correction=False)
        assert test is not None
        assert test.statistic == pytest.approx(pearson.statistic)
        assert test.p_value == pytest.approx(pearson.pvalue)
        assert test.degrees_of_freedom == pearson.dof


def test_joint_aucs__of_groups_with_common_patients_covary_as_the_bootstrap_says() -> None:
    y_true, score, patients = draw(200, seed=3)
    rows = members(eyes(patients))

    joint = joint_aucs(y_true, score, rows, patients)

    strata = stratify({"diseased": y_true, "healthy": ~y_true}, patients)
    drawn = []
    for weights in resamples(strata, 1500, np.random.default_rng(0)):
        drawn += [
            [_weighted_auc(y_true[row], score[row], weight[row]) for row in rows]
            for weight in weights
        ]
    covariance = np.cov(np.array(drawn).T)
    deviations = np.sqrt(joint.variance)
    ours = joint.correlation * np.outer(deviations, deviations)
    assert ours[0, 1] == pytest.approx(covariance[0, 1], rel=0.15)
    assert np.diag(ours) == pytest.approx(np.diag(covariance), rel=0.1)
    assert joint.correlation[0, 1] > 0.6
    assert joint.shared_units == 200


def _weighted_auc(
    y_true: NDArray[np.bool_], score: NDArray[np.float64], weight: NDArray[np.float64]
) -> float:
    """The definition, by all pairs."""
    above = score[y_true][:, np.newaxis] > score[~y_true]
    pairs = np.outer(weight[y_true], weight[~y_true])
    return float((above * pairs).sum() / pairs.sum())


def test_aucs_equal__uses_that_eyes_resemble_each_other() -> None:
    y_true, score, patients = draw(200, seed=4, together=0.9)
    score = score + np.where(np.array(eyes(patients)) == "left", 0.3 * y_true, 0.0)
    rows = members(eyes(patients))

    by_patient = aucs_equal(joint_aucs(y_true, score, rows, patients))
    as_independent = aucs_equal(joint_aucs(y_true, score, rows, None))

    assert by_patient.p_value < 0.01 < as_independent.p_value


def test_shares_equal__of_two_eyes_of_all_patients_is_nearly_mcnemars() -> None:
    generator = np.random.default_rng(5)
    easy = np.repeat(generator.random(400) < 0.6, 2)
    right = np.where(generator.random(800) < 0.2, ~easy, easy)
    patients = np.repeat(np.arange(400), 2)

    found = shares_equal(right, members(eyes(patients)), patients)

    first, second = right[0::2], right[1::2]
    b, c = (first & ~second).sum(), (~first & second).sum()
    assert found.statistic == pytest.approx((b - c) ** 2 / (b + c), rel=0.02)


def test_shares_equal__where_all_are_right_is_p_one() -> None:
    found = shares_equal(np.ones(8, bool), members(["a"] * 4 + ["b"] * 4), None)

    assert (found.statistic, found.p_value) == (0.0, 1.0)


def test_shares_equal__of_a_small_group_without_error_is_not_significant() -> None:
    right = np.concatenate([np.ones(10, bool), np.arange(100) >= 20])

    found = shares_equal(right, members(["a"] * 10 + ["b"] * 100), None)

    assert 0.1 < found.p_value < 0.2  # ten in a row at 80 % has a chance of 0.11


def test_aucs_equal__of_a_small_perfect_group_is_not_significant() -> None:
    y_true, score, _ = draw(300, seed=6, images=1)
    rows = np.arange(300) < 30
    score = np.where(rows, y_true + 0.0, score)
    perfect = np.stack([rows, ~rows])

    found = aucs_equal(joint_aucs(y_true, score, perfect, None))

    assert 0.005 < found.p_value < 0.5


def test_aucs_equal__of_perfect_groups_is_p_one() -> None:
    y_true = np.tile([False, True], 40)

    found = subgroups(y_true, y_true + 0.0, ["a"] * 40 + ["b"] * 40)

    assert found.auc_test is not None
    assert found.auc_test.p_value == 1.0
    assert all(one.auc is not None and one.auc.low < 1 for one in found.groups)


def test_aucs_equal__refuses_groups_that_differ_but_cannot_vary_apart() -> None:
    y_true, score, _ = draw(60, seed=0)
    same = joint_aucs(y_true, score, np.ones((2, len(y_true)), bool), None)
    deviation = 0.1  # on the logit scale
    auc = np.array([0.7, 0.8])
    apart = replace(same, auc=auc, variance=(deviation * auc * (1 - auc)) ** 2)

    found = aucs_equal(same)

    assert (found.degrees_of_freedom, found.p_value) == (0, 1.0)
    with pytest.raises(NoVarianceError, match="cannot vary apart"):
        aucs_equal(apart)


def test_subgroups__leaves_nobody_out_and_tests_no_group_that_is_too_small() -> None:
    y_true, score, patients = draw(120, seed=7)
    groups: list[str | None] = list(by_site(patients, 2))
    groups[:10] = [None] * 10

    found = subgroups(y_true, score, groups, patients=patients)

    unknown = found.groups[-1]
    assert (unknown.name, unknown.n_images, unknown.tested) == (NOT_STATED, 10, False)
    assert unknown.reason == "too few: 2 patients with it, 3 without; a test needs 10 of each"
    assert unknown.auc is not None
    assert unknown.against_rest is None
    assert found.auc_test is not None
    assert found.auc_test.n_groups == 2
    assert [one.tested for one in found.groups] == [True, True, False]


def test_subgroups__of_one_class_have_no_auc() -> None:
    y_true, score, patients = draw(120, seed=7)
    groups = [
        f"{'ill' if y else 'well'} at {s}"
        for y, s in zip(y_true, by_site(patients, 2), strict=True)
    ]

    found = subgroups(y_true, score, groups, patients=patients)

    assert all(one.auc is None and not one.tested for one in found.groups)
    assert [one.sensitivity is None for one in found.groups] == [False, False, True, True]
    assert [one.specificity is None for one in found.groups] == [True, True, False, False]
    assert found.auc_test is None
    assert found.sensitivity_test is not None
    assert found.sensitivity_test.n_groups == 2
    assert found.reason == "groups with enough patients to be tested: 0; two are needed"
    ill, well = ("ill at site 0", "ill at site 1"), ("well at site 0", "well at site 1")
    assert [test.left_out for test in found.tests] == [(*ill, *well), well, ill]
    assert [test.result is None for test in found.tests] == [True, False, False]
    assert found.tests[0].reason == found.reason
    for test in found.tests[1:]:
        assert test.result is not None
        assert test.result.n_groups + len(test.left_out) == len(found.groups)


def test_subgroups__each_against_the_rest_is_corrected_by_holm() -> None:
    y_true, score, patients = draw(300, seed=8)
    groups = by_site(patients, 3)

    found = subgroups(y_true, score, groups, patients=patients)

    tests = [one.against_rest for one in found.groups]
    assert all(test is not None for test in tests)
    p = sorted(test.p_value for test in tests if test)
    assert min(test.p_holm for test in tests if test) == pytest.approx(min(1.0, 3 * p[0]))
    for one in found.groups:
        rest = np.array(groups) != one.name
        test = one.against_rest
        assert test is not None
        assert one.auc is not None
        outside = auc_interval(y_true[rest], score[rest], patients=patients[rest])
        assert test.rest_auc == outside.auc
        assert test.difference == pytest.approx(one.auc.auc - outside.auc)
        assert test.low < test.difference < test.high


def test_subgroups__with_two_groups_makes_one_test() -> None:
    y_true, score, patients = draw(120, seed=9)

    found = subgroups(y_true, score, by_site(patients, 2), patients=patients)

    assert found.auc_test is not None
    assert all(one.against_rest is None for one in found.groups)


def test_subgroups__frame_has_a_row_for_all_and_one_per_group() -> None:
    y_true, score, patients = draw(300, seed=8)

    table = subgroups(y_true, score, by_site(patients, 3), patients=patients).frame()

    assert table["group"].tolist() == ["all", "site 0", "site 1", "site 2"]
    assert table["less_rest"].isna().tolist() == [True, False, False, False]
    assert (table["auc_low"] < table["auc"]).all()


SCORES = st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9])
ROWS = st.lists(
    st.tuples(st.booleans(), SCORES, st.sampled_from("abc"), st.integers(0, 12)),
    min_size=4,
    max_size=60,
).filter(lambda rows: len({row[0] for row in rows}) == 2)


def _of(rows: list[tuple[bool, float, str, int]], rename: dict[str, str], **more: int) -> Subgroups:
    y_true, score, groups, patients = zip(*rows, strict=True)
    return subgroups(
        y_true, score, [rename.get(one, one) for one in groups], patients=patients, **more
    )


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_subgroups__one_group_is_the_whole(rows: list[tuple[bool, float, str, int]]) -> None:
    found = _of(rows, dict.fromkeys("abc", "all"))

    (one,) = found.groups
    assert one == found.overall
    assert found.auc_test is None


@settings(deadline=None, max_examples=60)
@given(ROWS, st.permutations("abc"))
def test_subgroups__other_names_change_nothing(
    rows: list[tuple[bool, float, str, int]], names: list[str]
) -> None:
    rename = dict(zip("abc", names, strict=True))

    found, renamed = _of(rows, {}, fewest=2), _of(rows, rename, fewest=2)

    by_name = {one.name: one for one in renamed.groups}
    for one in found.groups:
        other = by_name[rename[one.name]]
        assert replace(other, name=one.name, against_rest=None) == replace(one, against_rest=None)
    for a, b in (
        (found.auc_test, renamed.auc_test),
        (found.sensitivity_test, renamed.sensitivity_test),
        (found.specificity_test, renamed.specificity_test),
    ):
        assert (a is None) == (b is None)
        if a and b:
            assert a.p_value == pytest.approx(b.p_value, abs=1e-6)
            assert a.degrees_of_freedom == b.degrees_of_freedom
            assert 0 <= a.p_value <= 1


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_subgroups__monotone_maps_of_the_scores_change_nothing(
    rows: list[tuple[bool, float, str, int]],
) -> None:
    cubed = [(label, score**3, group, patient) for label, score, group, patient in rows]

    found, mapped = _of(rows, {}, fewest=2), _of(cubed, {}, fewest=2)

    assert [one.auc for one in found.groups] == [one.auc for one in mapped.groups]
    assert found.auc_test == mapped.auc_test


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_subgroups__intervals_are_ordered_and_inside(
    rows: list[tuple[bool, float, str, int]],
) -> None:
    found = _of(rows, {}, fewest=2)

    for one in found.groups:
        rest = one.against_rest
        if rest:
            assert -1 <= rest.low <= rest.difference <= rest.high <= 1
            assert 0 <= rest.p_value <= rest.p_holm <= 1
