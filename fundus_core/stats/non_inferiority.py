"""Is a model at least as good as another, up to a margin; and are two as good as each other?

A large p-value of a difference does not show that two models are alike: few patients give large
p-values too. Here the burden of proof is turned round. A margin is stated before looking - the loss
of AUC that one would put up with - and the data have to rule out a larger one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from fundus_core.errors import NoVarianceError, ScoresError
from fundus_core.stats.delong import AucComparison
from fundus_core.stats.inference import lower_tail, two_sided_quantile
from fundus_core.stats.inputs import require_confidence

Question = Literal["non_inferior", "equivalent"]
Verdict = Literal["shown", "not shown", "refuted"]

VERDICTS: Mapping[Verdict, str] = {
    "shown": "the data rule out the margin and anything beyond it",
    "not shown": "the data leave it open, which is no evidence against it",
    "refuted": "the data rule out everything within the margin",
}
"""What each verdict means."""


@dataclass(frozen=True, slots=True)
class MarginTest:
    """A difference of AUCs held against a margin."""

    question: Question
    """"non_inferior": is A less than the margin below B? "equivalent": are they less than the
    margin apart, either way?"""

    difference: float
    """AUC of A less AUC of B, in [-1, 1]."""

    margin: float
    """In (0, 1)."""

    low: float
    """Lower end of the two-sided interval of the difference at `confidence`; the bound that
    non-inferiority is read from: it is shown when `low` is above minus the margin."""

    high: float
    """Upper end; equivalence is shown when it, too, is below the margin."""

    confidence: float
    """1 - 2 alpha: each of the two ends is a one-sided bound at 1 - alpha."""

    statistic: float | None
    """(difference + margin) / standard error; of equivalence the smaller one of both sides.
    Positive inside the margin. None where nothing varies."""

    degrees_of_freedom: float | None
    """Of the t distribution; None where nothing varies."""

    p_value: float
    """One-sided, in [0, 1], of the hypothesis that the difference is the margin or beyond; of
    equivalence the larger one of the two."""

    alpha: float
    """One-sided level of the test, in (0, 0.5)."""

    verdict: Verdict
    """One of `VERDICTS`."""


def non_inferiority(found: AucComparison, *, margin: float, alpha: float = 0.025) -> MarginTest:
    """Tests whether model A is less than the margin below model B in AUC.

    Any comparison will do - paired or not, by patient or by image, macro or micro - for the test
    takes its difference, its standard error and the degrees of freedom of its interval. Two models
    that order every pair of images alike have no standard error: then the exact bound on how far
    they can still differ decides.

    Args:
        found: A compared with B.
        margin: The largest loss of AUC that one would put up with, in (0, 1). State it beforehand
            and for a reason; a margin chosen after looking proves nothing.
        alpha: One-sided level; 0.025 goes with a 95 % interval.

    Raises:
        ScoresError: If the margin is not in (0, 1).
        NoVarianceError: If two separate sets have equal AUCs that do not vary.
        ParameterError: If alpha is not in (0, 0.5).

    References:
        Piaggio et al. (2012), JAMA 308(24), 2594-2604 (how to design and report it).
        Ahn, Park & Park (2012), Korean Journal of Radiology 13(3), 243-252 (of diagnostic tests).
        Liu, Ma, Wu & Tai (2006), Statistics in Medicine 25(7), 1219-1238 (of paired AUCs).

    Examples:
        >>> from fundus_core.stats.delong import compare_paired
        >>> y = [0] * 6 + [1] * 6
        >>> a, b = [1, 2, 3, 4, 7, 6, 5, 8, 9, 10, 11, 12], [1, 2, 3, 9, 7, 6, 5, 4, 8, 10, 11, 12]
        >>> tested = non_inferiority(compare_paired(y, a, b), margin=0.1)
        >>> round(tested.difference, 4), round(tested.p_value, 4), tested.verdict
        (0.1389, 0.0298, 'not shown')
    """
    return _margin_test("non_inferior", found, margin, alpha)


def equivalence(found: AucComparison, *, margin: float, alpha: float = 0.05) -> MarginTest:
    """Tests whether two models are less than the margin apart in AUC: two one-sided tests.

    Args:
        found: A compared with B.
        margin: In (0, 1), stated beforehand.
        alpha: Level of each of the two tests, and of both together; 0.05 goes with a 90 % interval.

    Raises:
        ScoresError: If the margin is not in (0, 1).
        NoVarianceError: If two separate sets have equal AUCs that do not vary.
        ParameterError: If alpha is not in (0, 0.5).

    References:
        Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15(6), 657-680.
    """
    return _margin_test("equivalent", found, margin, alpha)


def _margin_test(
    question: Question, found: AucComparison, margin: float, alpha: float
) -> MarginTest:
    if not 0.0 < margin < 1.0:
        raise ScoresError(
            f"The margin is {margin:g}; it is a difference of AUCs, above 0 and below 1.",
            hint="Give the largest loss of AUC that you would put up with, e.g. 0.05.",
        )
    require_confidence(1 - 2 * alpha)
    held = _against_margin if found.standard_error > 0 else _alike_against_margin
    low, high, statistic, p_value = held(question, found, margin, alpha)
    return MarginTest(
        question,
        found.difference,
        margin,
        low,
        high,
        1 - 2 * alpha,
        statistic,
        found.interval_degrees_of_freedom,
        p_value,
        alpha,
        _verdict(question, low, high, margin),
    )


class _Held(NamedTuple):
    """A difference held against a margin."""

    low: float
    high: float
    statistic: float | None
    p_value: float


def _against_margin(question: Question, found: AucComparison, margin: float, alpha: float) -> _Held:
    known = found.interval_degrees_of_freedom
    room = found.difference + margin
    if question == "equivalent":
        room = min(room, margin - found.difference)
    statistic = room / found.standard_error
    reach = two_sided_quantile(1 - 2 * alpha, known) * found.standard_error
    return _Held(
        max(found.difference - reach, -1.0),
        min(found.difference + reach, 1.0),
        statistic,
        lower_tail(-statistic, known),
    )


def _alike_against_margin(
    question: Question, found: AucComparison, margin: float, alpha: float
) -> _Held:
    """Holds models that order all pairs alike against the margin, by the exact bound.

    Were they to differ on a share of all pairs as large as the margin, k independent pairs would
    all agree with probability (1 - margin)^k: that is p. k is read off the comparison's interval.
    """
    if "unpaired" in found.method:
        raise NoVarianceError(
            "Both AUCs are equal and neither varies over its images, so that no margin can be "
            "tested.",
            hint="Compare the models on more and harder images.",
        )
    n_pairs = np.log1p(-found.confidence) / np.log1p(-found.high)
    reach = float(1 - alpha ** (1 / n_pairs))
    return _Held(-reach, reach, None, float((1 - margin) ** n_pairs))


def _verdict(question: Question, low: float, high: float, margin: float) -> Verdict:
    """Reads the verdict off the interval."""
    if question == "non_inferior":
        return "shown" if low > -margin else "refuted" if high < -margin else "not shown"
    if -margin < low and high < margin:
        return "shown"
    return "refuted" if high < -margin or low > margin else "not shown"
