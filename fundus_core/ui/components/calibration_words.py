"""What the figures of calibration mean, in sentences."""

from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.calibration import BinnedErrors, Calibration
from fundus_core.stats.probabilities import EDGE
from fundus_core.stats.reliability import ReliabilityCurve, ShiftedShares
from fundus_core.ui import text
from fundus_core.workflows.evaluation.calibration import TopLabel

INTRODUCTION = (
    "A model is **calibrated** if its probabilities mean what they say: of the photographs that it "
    "gives 30 %, 30 % have the disease. Calibration is not discrimination: a model that puts "
    "photographs in the right order (AUC) can still claim far too much or too little."
)


def interval(found: Interval, digits: int) -> str:
    """Returns a value with its interval, as `1.12 (0.91 to 1.33)`; without, the value alone."""
    if found.value is None:
        return "none"
    value = _number(found.value, digits)
    if found.low is None or found.high is None:
        return f"{value} (no interval)"
    return f"{value} ({_number(found.low, digits)} to {_number(found.high, digits)})"


def share(observed: float, low: float, high: float) -> str:
    """Returns a share with its interval in percent.

    Examples:
        >>> share(0.22, 0.153, 0.31)
        '22.0 % (15.3 to 31.0)'
    """
    return f"{100 * observed:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def in_the_large(found: Calibration, class_label: str) -> str:
    """Says whether predictions are too high or too low on the whole."""
    gap = found.line.in_the_large
    said = (
        f"**On the whole:** {100 * found.mean_predicted:.1f} % predicted on average, "
        f"{100 * found.mean_observed:.1f} % of the photographs have {text.escaped(class_label)}. "
    )
    if gap.value is None or gap.low is None or gap.high is None:
        return f"{said}No interval: {gap.reason}."
    if gap.low <= 0 <= gap.high:
        ends = f"{100 * gap.value:+z.1f} points ({100 * gap.low:+z.1f} to {100 * gap.high:+z.1f})"
        return f"{said}The difference of {ends} does not show that predictions are too high or low."
    near, far = sorted((abs(100 * gap.low), abs(100 * gap.high)))
    ends = f"{abs(100 * gap.value):.1f} points ({near:.1f} to {far:.1f})"
    return f"{said}Predictions are **too {'low' if gap.value > 0 else 'high'}**, by {ends}."


def slope(found: Calibration) -> str:
    """Says whether predictions are too extreme or not extreme enough."""
    line = found.line
    if line.slope.value is None:
        return f"**Slope:** none; {text.escaped(line.slope.reason)}."
    said = f"**Slope {interval(line.slope, 2)}**, intercept {interval(line.intercept, 2)}. "
    if line.slope.low is None or line.slope.high is None:
        return f"{said}No interval: {text.escaped(line.slope.reason)}."
    if line.slope.low <= 1 <= line.slope.high:
        return f"{said}A slope of 1 is right, and the interval holds it."
    if line.slope.value < 1:
        return (
            f"{said}Below 1: predictions are **too extreme**, high ones too high and low ones too "
            "low, as after overfitting."
        )
    return f"{said}Above 1: predictions are **not extreme enough**; the model could be surer."


def errors(found: BinnedErrors) -> str:
    """Says how far predictions are off, and how much of that is chance."""
    said = (
        f"**Calibration error (ECE) {found.ece:.3f}:** predictions of a bin are off by "
        f"{100 * found.ece:.1f} points on average. Of these photographs, a model that is right "
        f"would show about {found.ece_by_chance:.3f} by chance alone"
    )
    rest = found.root_mean_square
    if rest.value is None or rest.low is None:
        return f"{said}. Without chance (root mean square): {interval(rest, 3)}, {rest.reason}."
    verdict = (
        "more than chance explains"
        if rest.low > 0
        else "the interval reaches 0, so this figure alone shows no error"
    )
    return f"{said}; without chance (root mean square) it is {interval(rest, 3)}: {verdict}."


def brier(found: Calibration, class_label: str) -> str:
    """Says what the Brier score is, and how far from useless to perfect."""
    parts, scaled = found.parts, found.scaled_brier
    same = f"giving every photograph the share of {text.escaped(class_label)}"
    ends = ""
    if scaled.low is not None and scaled.high is not None:
        ends = f" ({100 * scaled.low:.0f} to {100 * scaled.high:.0f})"
    if scaled.value is None or scaled.value <= 0:
        verdict = f"no better than {same}"
    else:
        verdict = f"{100 * scaled.value:.0f} %{ends} of the way from {same} to perfect"
    return (
        f"**Brier score {interval(found.brier, 3)}**, lower is better: {verdict}. It is "
        f"{parts.uncertainty:.3f} (uncertainty) less {parts.generalised_resolution:.3f} "
        f"(resolution: how well the classes are told apart) plus {parts.reliability:.4f} "
        "(reliability: what calibration loses)."
    )


def farthest(curve: ReliabilityCurve, class_label: str) -> str:
    """Says of which bin the prediction is farthest from what was observed."""
    row = int(abs(curve.observed - curve.predicted).argmax())
    held = curve.low[row] <= curve.predicted[row] <= curve.high[row]
    return (
        f"**Farthest off:** predicted {100 * curve.predicted[row]:.0f} %; in fact "
        f"{share(curve.observed[row], curve.low[row], curve.high[row])} of these "
        f"{curve.n_images[row]:,} photographs have {text.escaped(class_label)}"
        + ("; the interval holds what was predicted." if held else ".")
    )


def shifted(
    curve: ReliabilityCurve, moved: ShiftedShares, prevalence: float, class_label: str
) -> str:
    """Says what a high prediction means at another prevalence."""
    row = len(curve.predicted) - 1
    return (
        f"**At a prevalence of {100 * prevalence:.3g} %** (hollow markers): of the photographs "
        f"that get about {100 * curve.predicted[row]:.0f} %, "
        f"{share(moved.observed[row], moved.low[row], moved.high[row])} would have "
        f"{text.escaped(class_label)}."
    )


def at_edge(found: Calibration) -> str:
    """Says that predictions of 0 and 1 have no logit, and what stands in for it."""
    return (
        f"{text.count(found.line.n_at_edge, 'prediction')} of 0 or 1, or as good as that: "
        f"{EDGE:g} and 1 − {EDGE:g} stand in for them, and slope and intercept hang on that choice."
    )


def top_label(found: TopLabel) -> str:
    """Says how sure a model is of the class it decides for, and how often it is right."""
    return (
        f"**The class decided for:** the highest score is {100 * found.mean_score:.1f} % on "
        f"average, and {100 * found.accuracy:.1f} % of the decisions are right. "
        f"{errors(found.errors)}"
    )


def reading(curve: ReliabilityCurve, found: Calibration, *, several: bool) -> str:
    """Says what is drawn, and how the intervals were made."""
    line = "" if found.line.curve is None else "Line: logistic calibration curve, with its band"
    line += " for the model whose figures are shown. " if line and several else ". " if line else ""
    said = f"Above the dotted line predictions are too low, below it too high. {line}"
    below = "Below: how many photographs get which score. " if several else ""
    return f"{said}{below}Bars: {_of_bins(curve)}, each bin on its own."


def table_sentence(found: Calibration) -> str:
    """Says what the columns of the table are, what is right, and how intervals were made."""
    return (
        "Right are an intercept of 0, a slope of 1, errors of 0. In brackets beside the ECE: what "
        "chance alone gives a model that is right; noise can only raise an ECE, so no interval "
        "around it is honest; the root mean square (RMS) error, which is without that share, has "
        "one. "
        f"Intervals: slope and intercept, {found.line.in_the_large.method}; the others, "
        f"{found.brier.method}."
    )


def methods(found: Calibration) -> str:
    """Returns how the figures were made, for the methods section of a paper."""
    unit = "photographs" if found.n_patients is None else "patients"
    number = "" if found.n_patients is None else f" ({found.n_patients:,})"
    bins = "equal mass" if found.curve.binning == "mass" else "equal width"
    return (
        f"Reliability curve of {len(found.curve.predicted)} bins of {bins}; "
        f"{_of_bins(found.curve)}. Calibration intercept and slope by logistic regression on the "
        f"logit (Cox 1958), with a sandwich variance by {unit}. Root mean squared calibration "
        "error debiased after Kumar et al. (2019). Brier score with decomposition after Stephenson "
        f"et al. (2008). Other intervals by {found.brier.n_resamples:,} bootstrap resamples of "
        f"{unit}{number}, drawn from all; {unit} count as independent."
    )


def _number(value: float, digits: int) -> str:
    """Returns a number with these decimals; what rounds to zero has no sign."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _of_bins(curve: ReliabilityCurve) -> str:
    unit = (
        "by patient (design effect)"
        if "clustered" in curve.method
        else "photographs taken as independent"
    )
    return f"{100 * curve.confidence:g} % Wilson intervals, {unit}"
