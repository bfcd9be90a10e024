"""How a model does in each group of images: by site, camera, eye, age band, sex.

N is the number of images, G of groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.bounds import FINITE
from fundus_core.errors import NoVarianceError
from fundus_core.stats.class_tests import FEWEST_UNITS_TO_TEST
from fundus_core.stats.delong import AucInterval, auc_interval
from fundus_core.stats.grouping import in_groups
from fundus_core.stats.homogeneity import (
    Homogeneity,
    auc_difference,
    aucs_equal,
    joint_aucs,
    shares_equal,
)
from fundus_core.stats.inference import TESTED_UNITS
from fundus_core.stats.inputs import (
    IndependentUnits,
    checked_scores,
    independent_units,
    require_confidence,
)
from fundus_core.stats.multiplicity import holm
from fundus_core.stats.proportions import Share, share_of

ALL = "all"
"""Name of all images together."""

_FEWEST_GROUPS = 2


@dataclass(frozen=True, slots=True)
class AgainstRest:
    """One group's AUC held against that of all other images."""

    rest_auc: float
    """AUC of all images outside of the group, in [0, 1]."""

    difference: float
    """The group's AUC less that of the rest; negative where the model does worse in the group."""

    low: float
    """Lower end of the interval of the difference, in [-1, 1]."""

    high: float
    """Upper end, in [-1, 1]."""

    p_value: float
    """Two-sided, in [0, 1]."""

    p_holm: float
    """`p_value` corrected over all groups that are tested (Holm 1979)."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """A model in one group of images."""

    name: str
    n_images: int
    n_positive: int
    """Positive (diseased) images."""

    n_patients: int | None
    """None where patients are unknown."""

    units: IndependentUnits
    """Patients with each label, or images where patients are unknown."""

    auc: AucInterval | None
    """None where the group has images of one class only."""

    sensitivity: Share | None
    """At the common threshold; None where the group has no positive image."""

    specificity: Share | None
    """Likewise; None where the group has no negative image."""

    tested: bool
    """Whether the group takes part in the test of the AUCs. Those of sensitivity and specificity
    ask for enough patients of the one class alone."""

    reason: str
    """Why it does not; empty where it does."""

    against_rest: AgainstRest | None = None
    """None where there is no test, or where the only other group is the rest."""


@dataclass(frozen=True, slots=True)
class GroupTest:
    """A test of whether a figure is the same in all groups that have enough patients for it."""

    figure: str
    """What is tested: `AUC`, `sensitivity` or `specificity`."""

    result: Homogeneity | None
    """None where there is no test."""

    left_out: tuple[str, ...]
    """Names of the groups that have too few patients for it."""

    reason: str
    """Why there is no test; empty where there is one."""

    @property
    def figures(self) -> str:
        """The figure in the plural."""
        return "AUCs" if self.figure == "AUC" else f"{self.figure.removesuffix('y')}ies"


@dataclass(frozen=True, slots=True)
class Subgroups:
    """A model in every group of images, and whether the groups differ."""

    overall: Subgroup
    """All images together."""

    groups: tuple[Subgroup, ...]
    """G groups in order; every image is in exactly one."""

    auc_test: Homogeneity | None
    """Of equal AUCs in all tested groups; None where fewer than two can be tested."""

    sensitivity_test: Homogeneity | None
    """Of equal sensitivities, likewise."""

    specificity_test: Homogeneity | None
    """Of equal specificities, likewise."""

    reason: str
    """Why there is no test of the AUCs; empty where there is one."""

    threshold: float
    """An image is called positive when its score is at least this, in every group."""

    fewest: int
    """Patients (images, where patients are unknown) of each class that a tested group has."""

    confidence: float
    """Level of all intervals, in (0, 1)."""

    @property
    def tests(self) -> tuple[GroupTest, ...]:
        """The three tests, each with the groups that it leaves out."""
        few = {
            "AUC": [one.name for one in self.groups if not one.tested],
            "sensitivity": [g.name for g in self.groups if g.units.positive < self.fewest],
            "specificity": [g.name for g in self.groups if g.units.negative < self.fewest],
        }
        results = (self.auc_test, self.sensitivity_test, self.specificity_test)
        tests = []
        for (figure, names), result in zip(few.items(), results, strict=True):
            reason = self.reason if figure == "AUC" else ""
            if result is None and not reason:
                left = len(self.groups) - len(names)
                reason = "no variance can be estimated"
                reason = _too_few_groups(left) if left < _FEWEST_GROUPS else reason
            tests.append(GroupTest(figure, result, tuple(names), reason))
        return tuple(tests)

    def frame(self) -> pd.DataFrame:
        """Returns a table with a row for all images and one per group.

        A figure that a group does not have is NaN; one that no group has is no column.
        """
        return pd.DataFrame([_row(one) for one in (self.overall, *self.groups)])


def subgroups(
    y_true: ArrayLike,
    y_score: ArrayLike,
    groups: Sequence[str | None],
    *,
    order: Sequence[str] = (),
    threshold: float = 0.5,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    fewest: int = FEWEST_UNITS_TO_TEST,
) -> Subgroups:
    """Measures a model in each group and tests whether groups differ.

    Images without group form one of their own. Each group's AUC has the interval of `auc_interval`,
    its sensitivity and specificity at the one threshold have Wilson's, clustered by patient. Three
    chi-square tests ask whether AUC, sensitivity and specificity are equal in all groups; see
    `aucs_equal` and `shares_equal`. Groups may share patients (right and left eyes): their
    covariance is taken from the patients' sums. With three groups or more each is also held against
    all other images, with Holm's correction. Groups with fewer than `fewest` patients of a class
    are measured and not tested on what needs that class.

    A difference between groups says that the model orders the images of one worse, not why: the
    groups may differ in how severe or how rare the disease is, in image quality, or in labels.

    Args:
        y_true: Shape (N,), bool or {0, 1}. True marks a positive (diseased) image.
        y_score: Shape (N,). Higher means more likely positive.
        groups: N names; None where missing.
        order: Names of groups in the order wanted; others follow, sorted.
        threshold: On the scale of the scores, fixed beforehand.
        patients: Shape (N,), one id per image; without it images count as independent.
        confidence: In (0, 1).
        fewest: See above; at least 2.

    Raises:
        TargetError: If the labels are not one column of 0 and 1.
        ScoresError: If shapes do not fit, a score is not finite or a patient is missing.
        SingleClassError: If all images are of one class.

    References:
        Obuchowski (1997), Biometrics 53(2), 567-578 (clustered AUCs and their covariance).
        Rao & Scott (1992), Biometrics 48(2), 577-585 (clustered shares).
        Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.

    Examples:
        >>> site = ["a", "a", "a", "a", "b", None]
        >>> found = subgroups([0, 1, 0, 1, 0, 1], [1, 2, 3, 4, 5, 4], site)
        >>> [(one.name, one.n_images, one.tested) for one in found.groups]
        [('a', 4, False), ('b', 1, False), ('not stated', 1, False)]
    """
    require_confidence(confidence)
    FINITE.require("threshold", threshold)
    TESTED_UNITS.require("fewest patients", fewest)
    positive, score, codes = checked_scores(y_true, y_score, patients)
    names, group_of = in_groups(groups, order, n_images=len(positive))
    members = group_of == np.arange(len(names))[:, np.newaxis]  # (G, N)
    measured = _Measured(positive, score, codes, threshold, confidence, fewest)

    found = [measured.group(name, chosen) for name, chosen in zip(names, members, strict=True)]
    tested = np.array([one.tested for one in found])
    auc_test, reason = measured.auc_test(members[tested])
    if len(found) > _FEWEST_GROUPS:
        found = measured.against_rest(found, members)
    return Subgroups(
        measured.group(ALL, np.ones(len(positive), bool)),
        tuple(found),
        auc_test,
        measured.share_test(members, found, of_positive=True),
        measured.share_test(members, found, of_positive=False),
        reason,
        float(threshold),
        measured.fewest,
        confidence,
    )


def without_shares(found: Subgroups) -> Subgroups:
    """Returns the same without sensitivities and specificities: for scores that no threshold suits.

    Their tests are None, too.
    """
    overall, *groups = (
        replace(one, sensitivity=None, specificity=None) for one in (found.overall, *found.groups)
    )
    return replace(
        found,
        overall=overall,
        groups=tuple(groups),
        sensitivity_test=None,
        specificity_test=None,
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """What is measured, and how; M rows of a mask (M, N) are groups."""

    positive: NDArray[np.bool_]
    score: NDArray[np.float64]
    codes: NDArray[np.intp] | None
    threshold: float
    confidence: float
    fewest: int

    def group(self, name: str, chosen: NDArray[np.bool_]) -> Subgroup:
        """Returns one group with its intervals, before it is tested."""
        positive, score = self.positive[chosen], self.score[chosen]
        codes = (
            None if self.codes is None else np.unique(self.codes[chosen], return_inverse=True)[1]
        )
        units = independent_units(positive, codes)
        auc = None
        if 0 < positive.sum() < len(positive):
            auc = auc_interval(positive, score, patients=codes, confidence=self.confidence)
        right = (score >= self.threshold) == positive
        sensitivity, specificity = (
            share_of(
                right[side],
                None if codes is None else codes[side],
                confidence=self.confidence,
            )
            if side.any()
            else None
            for side in (positive, ~positive)
        )
        reason = self._why_not(units)
        return Subgroup(
            name,
            len(positive),
            int(positive.sum()),
            None if codes is None else units.total,
            units,
            auc,
            sensitivity,
            specificity,
            not reason,
            reason,
        )

    def auc_test(self, members: NDArray[np.bool_]) -> tuple[Homogeneity | None, str]:
        """Returns the test of equal AUCs, or why there is none."""
        if len(members) < _FEWEST_GROUPS:
            return None, _too_few_groups(len(members))
        try:
            return aucs_equal(joint_aucs(self.positive, self.score, members, self.codes)), ""
        except NoVarianceError as error:
            return None, error.message

    def share_test(
        self, members: NDArray[np.bool_], found: Sequence[Subgroup], *, of_positive: bool
    ) -> Homogeneity | None:
        """Returns the test of equal sensitivities, or specificities, or None."""
        label = self.positive if of_positive else ~self.positive
        units = [one.units.positive if of_positive else one.units.negative for one in found]
        chosen = members[np.array(units) >= self.fewest] & label
        if len(chosen) < _FEWEST_GROUPS:
            return None
        right = (self.score >= self.threshold) == self.positive
        try:
            return shares_equal(right, chosen, self.codes)
        except NoVarianceError:
            return None

    def against_rest(self, found: Sequence[Subgroup], members: NDArray[np.bool_]) -> list[Subgroup]:
        """Returns the groups, the tested ones held against all other images."""
        tests = {
            index: test
            for index, one in enumerate(found)
            if one.tested and (test := self._one_against_rest(one, members[index]))
        }
        adjusted = dict(zip(tests, holm([one.p_value for one in tests.values()]), strict=True))
        return [
            replace(one, against_rest=replace(tests[index], p_holm=adjusted[index]))
            if index in tests
            else one
            for index, one in enumerate(found)
        ]

    def _one_against_rest(self, one: Subgroup, chosen: NDArray[np.bool_]) -> AgainstRest | None:
        """Returns the test of one group, not yet corrected; None where there is none."""
        rest = self.group(ALL, ~chosen)
        if not rest.tested or rest.auc is None or one.auc is None:
            return None
        joint = joint_aucs(self.positive, self.score, np.stack([chosen, ~chosen]), self.codes)
        try:
            test = aucs_equal(joint)
        except NoVarianceError:
            return None
        difference = auc_difference(one.auc, rest.auc, float(joint.correlation[0, 1]))
        return AgainstRest(rest.auc.auc, *difference, test.p_value, test.p_value)

    def _why_not(self, units: IndependentUnits) -> str:
        if units.rarer >= self.fewest:
            return ""
        noun = "images" if self.codes is None else "patients"
        return f"{units.too_few(noun)}; a test needs {self.fewest} of each"


def _too_few_groups(n_left: int) -> str:
    return f"groups with enough patients to be tested: {n_left}; two are needed"


def _row(one: Subgroup) -> dict[str, object]:
    """Returns a group as plain, well-named values."""
    row: dict[str, object] = {
        "group": one.name,
        "n_images": one.n_images,
        "n_positive": one.n_positive,
        "n_patients": np.nan if one.n_patients is None else one.n_patients,
        "units_positive": one.units.positive,
        "units_negative": one.units.negative,
    }
    if one.auc:
        row |= {"auc": one.auc.auc, "auc_low": one.auc.low, "auc_high": one.auc.high}
    shares = {"sensitivity": one.sensitivity, "specificity": one.specificity}
    for name, share in shares.items():
        if share:
            row |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
    if rest := one.against_rest:
        row |= {
            "less_rest": rest.difference,
            "less_rest_low": rest.low,
            "less_rest_high": rest.high,
            "p_value": rest.p_value,
            "p_holm": rest.p_holm,
        }
    return row | {"tested": one.tested, "reason": one.reason}
