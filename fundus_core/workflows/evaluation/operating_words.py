"""Sentences about thresholds and calls, the same on pages and on the command line."""

from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.decisions import Threshold
from fundus_core.stats.operating import OperatingPoint
from fundus_core.stats.patient_level import AGGREGATES
from fundus_core.stats.predictive_values import Estimate, PredictiveValues
from fundus_core.stats.threshold_rules import RULES, RuleChoice

PER_DISEASED, PER_SCREENED = 100, 1000
"""Natural frequencies are of so many."""


def rule_text(choice: RuleChoice) -> str:
    """Returns what a rule seeks, with its numbers.

    Examples:
        >>> rule_text(RuleChoice("specificity", 0.9))
        'specificity of at least 0.9'
    """
    said = RULES[choice.name].label.format(number=choice.number)
    return said if choice.prevalence is None else f"{said}, prevalence {choice.prevalence:g}"


def level_text(aggregate: str | None) -> str:
    """Returns what a row is, and how a patient came by a score.

    Examples:
        >>> level_text(None)
        'photographs'
    """
    if aggregate is None:
        return "photographs"
    return f"patients, each with {AGGREGATES[aggregate].label}"


def threshold_number(threshold: float) -> str:
    """Returns a threshold in three decimals, or in as many as it has: a rounded one calls others.

    Examples:
        >>> threshold_number(0.5), threshold_number(0.59545)
        ('0.500', '0.59545')
    """
    rounded = f"{threshold:.3f}"
    return rounded if float(rounded) == threshold else repr(float(threshold))


def threshold_text(threshold: float | None, thresholds: tuple[Threshold, ...]) -> str:
    """Returns the threshold, or where the thresholds of folds lie, and how many are a makeshift.

    Examples:
        >>> threshold_text(0.5, ())
        '0.500'
        >>> threshold_text(None, (Threshold(0, 0, 0.41, "other folds"),
        ...                       Threshold(1, 0, 0.5, "one half")))
        '0.410 to 0.500 in 2 folds (0.5 in 1 of them, which had nothing to choose on)'
    """
    n_halves = sum(one.rule == "one half" for one in thresholds)
    if threshold is not None:
        return threshold_number(threshold) + (
            " (there was nothing to choose on)" if n_halves else ""
        )
    values = [one.value for one in thresholds]
    said = f"{min(values):.3f} to {max(values):.3f} in {len(values)} folds"
    if n_halves:
        said += f" (0.5 in {n_halves} of them, which had nothing to choose on)"
    return said


def found_sentence(values: PredictiveValues, unit: str) -> str:
    """Says of how many diseased how many are found.

    Args:
        values: Of a model at a threshold.
        unit: `photograph` or `patient`.
    """
    found = PER_DISEASED * (values.found.value or 0.0)
    counts = _together(found, PER_DISEASED - found)
    ends = _ends(values.found, PER_DISEASED)
    return (
        f"Of {PER_DISEASED} {unit}s with the disease, {counts[0]} ({ends}) are found and "
        f"{counts[1]} are missed."
    )


def screened_sentence(values: PredictiveValues, unit: str) -> str:
    """Says of how many screened how many are called, and how many of those are diseased.

    Args:
        values: Of a model at a threshold, at the prevalence of those who are screened.
        unit: `photograph` or `patient`.
    """
    diseased = PER_SCREENED * values.prevalence
    called = _whole(PER_SCREENED * (values.called.value or 0.0))
    whom = "whom" if unit == "patient" else "which"
    return (
        f"Of {PER_SCREENED:,} {unit}s screened where {100 * values.prevalence:g} % have the "
        f"disease ({_whole(diseased)} of them), {called} "
        f"({_ends(values.called, PER_SCREENED)}) are called, of {whom} "
        f"{_whole(diseased * (values.found.value or 0.0))} have it."
    )


def estimate_text(one: Estimate) -> str:
    """Returns a number with its interval, or why there is none.

    Examples:
        >>> estimate_text(Estimate(0.9123, 0.8, 0.95)), estimate_text(Estimate(12.0, 4.0, 36.5))
        ('0.912 (0.800 to 0.950)', '12.0 (4.00 to 36.5)')
        >>> estimate_text(Estimate(None, None, None, "no image is called positive"))
        'none: no image is called positive'
    """
    if one.value is None:
        return f"none: {one.reason}"
    if one.low is None or one.high is None:
        return f"{_number(one.value)} (no interval: {one.reason})"
    return f"{_number(one.value)} ({_number(one.low)} to {_number(one.high)})"


def interval_or_reason(found: Interval) -> str:
    """Returns a bootstrapped number with its interval, or why there is none."""
    if found.value is None:
        return f"none, {found.reason}"
    if found.low is None or found.high is None:
        return f"{found.value:.3f} (no interval: {found.reason})"
    return share_text(found.value, found.low, found.high)


def share_text(value: float, low: float, high: float) -> str:
    """Returns a share with its interval in three decimals."""
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def interval_text(point: OperatingPoint, unit: str) -> str:
    """Says how the intervals at a threshold were made.

    Args:
        point: Of photographs or patients.
        unit: `photograph` or `patient`.
    """
    if unit == "patient":
        return "Wilson's intervals; each patient counts once."
    if "clustered" in point.method:
        return (
            "Wilson's intervals; patients, not photographs, count as independent (design effect)."
        )
    return "Wilson's intervals; photographs count as independent; two eyes of one patient are not."


def _ends(share: Estimate, of: int) -> str:
    if share.low is None or share.high is None:
        return f"no interval: {share.reason}"
    return f"95 % CI {_whole(of * share.low)} to {_whole(of * share.high)}"


def _together(found: float, missed: float) -> tuple[str, str]:
    """Returns two counts that still add up once rounded: to tenths where one of them is small."""
    digits = 1 if 0.05 <= min(found, missed) < 9.95 else 0
    return f"{found:.{digits}f}", f"{missed:.{digits}f}"


def _whole(number: float) -> str:
    """Returns a count without decimals, a small one with one."""
    return f"{number:,.0f}" if number >= 9.95 or number < 0.05 else f"{number:.1f}"


def _number(value: float) -> str:
    if value == float("inf"):
        return "infinity"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value > 1 else f"{value:.3f}"
