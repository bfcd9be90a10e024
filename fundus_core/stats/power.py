"""How many patients a study of AUCs takes, and what a study of a given size can find.

Power is the chance that the two-sided test at `alpha` rejects in the right direction when the AUCs
are what one expects. Everything here is planning: it rests on AUCs nobody knows yet, on scores that
are normal given the label, and on the normal distribution of the test.
"""

from dataclasses import dataclass
from math import ceil, sqrt

from fundus_core.domain.bounds import CHANCE, ZERO_TO_ONE, Bounds
from fundus_core.errors import ScoresError
from fundus_core.stats.planned_variance import VARIANCES, VarianceName

FEWEST, MOST = 2, 1_000_000_000
"""Patients of either class below which no test can be made, and above which none is planned."""

PATIENTS = Bounds(FEWEST, MOST)
AUC = Bounds(1e-6, 1 - 1e-6)
"""A perfect one needs no planning."""

CORRELATION = Bounds(-1.0, 0.9999)
"""Of two models' estimated AUCs: with 1 they would not differ."""

IMAGES = Bounds(1.0, 10_000.0)
"""Of a patient, on average."""

HEALTHY_PER_DISEASED = Bounds(1e-6, 1e6)

NO_CORRELATION = 0.0
EVEN = 1.0
"""As many healthy as diseased patients."""


@dataclass(frozen=True, slots=True)
class PatientImages:
    """How many images a patient has, and how far they repeat each other."""

    images: float = 1.0
    """Images per patient on average, at least 1; all with the patient's label."""

    correlation: float = NO_CORRELATION
    """Of the placements of two images of one patient, given the label, in [0, 1]; a little below
    the correlation of their scores. 1: a second image adds nothing."""

    @property
    def design_effect(self) -> float:
        """By how much the variance exceeds that of as many independent images; at least 1."""
        return 1 + (self.images - 1) * self.correlation

    @property
    def worth(self) -> float:
        """Independent images that one patient's are worth, at least 1."""
        return self.images / self.design_effect


ONE_IMAGE = PatientImages()


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """A study of AUCs: its size and its power."""

    power: float
    """Chance to reject, in [0, 1], at the whole numbers of patients below."""

    alpha: float
    """Two-sided level."""

    n_diseased: int
    """Diseased patients."""

    n_healthy: int
    """Healthy patients."""

    n_positive: int
    """Images of the diseased."""

    n_negative: int
    """Images of the healthy."""

    standard_error: float
    """Expected, of the AUC or of the difference of two."""

    exact_positive: float
    """Independent positive images that the formula asks for, before rounding up to patients; of a
    given size, how many its positive images are worth."""

    @property
    def n_patients(self) -> int:
        """All patients."""
        return self.n_diseased + self.n_healthy


@dataclass(frozen=True, slots=True)
class OneAuc:
    """Is a model better than `null`?"""

    auc: float
    """Expected, in (0, 1)."""

    null: float = 0.5
    """The AUC to be ruled out, in (0, 1)."""

    variance: VarianceName = "obuchowski"

    def effect(self) -> float:
        """Returns the difference that is to be found."""
        return abs(self.auc - self.null)

    def errors(self, n_positive: float, n_negative: float) -> tuple[float, float]:
        """Returns the standard errors without and with the difference."""
        variance = VARIANCES[self.variance]
        return (
            sqrt(variance(self.null, n_positive, n_negative)),
            sqrt(variance(self.auc, n_positive, n_negative)),
        )


@dataclass(frozen=True, slots=True)
class TwoAucs:
    """Do two models scored on the same images differ?"""

    auc_a: float
    """Expected, in (0, 1)."""

    auc_b: float
    """Expected, in (0, 1)."""

    correlation: float = 0.5
    """Of the two estimated AUCs, below 1: how far the models err on the same images. A pilot study,
    or a comparison of earlier models, tells it."""

    variance: VarianceName = "obuchowski"

    def effect(self) -> float:
        """Returns the difference that is to be found."""
        return abs(self.auc_a - self.auc_b)

    def errors(self, n_positive: float, n_negative: float) -> tuple[float, float]:
        """Returns the standard errors of the difference without and with a difference."""
        variance = VARIANCES[self.variance]
        middle = variance((self.auc_a + self.auc_b) / 2, n_positive, n_negative)
        of_a, of_b = (variance(auc, n_positive, n_negative) for auc in (self.auc_a, self.auc_b))
        shared = 2 * self.correlation * sqrt(of_a * of_b)
        return sqrt(2 * middle * (1 - self.correlation)), sqrt(of_a + of_b - shared)


Question = OneAuc | TwoAucs


def power_of(
    question: Question,
    *,
    n_diseased: int,
    n_healthy: int,
    per_patient: PatientImages = ONE_IMAGE,
    alpha: float = 0.05,
) -> StudyPlan:
    """Returns what a study of this many patients can find.

    Args:
        question: The AUCs one expects.
        n_diseased: Patients, at least 2.
        n_healthy: Patients, at least 2.
        per_patient: Their images.
        alpha: Two-sided level, in (0, 1).

    Raises:
        ScoresError: If an AUC, a number of patients or a correlation is out of range, or there is
            no difference to be found.

    References:
        Obuchowski & McClish (1997), Statistics in Medicine 16(13), 1529-1542.
        Obuchowski (1997), Biometrics 53(2), 567-578 (several images of a patient).

    Examples:
        >>> round(power_of(OneAuc(0.8), n_diseased=40, n_healthy=60).power, 6)
        0.99988
    """
    _check(question, per_patient, alpha)
    if not (PATIENTS.holds(n_diseased) and PATIENTS.holds(n_healthy)):
        raise ScoresError(
            f"{n_diseased} diseased and {n_healthy} healthy patients; a test needs at least "
            f"{FEWEST} of each, and there are not more than {MOST:,}.",
            hint="Give other numbers of patients.",
        )
    return _plan(question, n_diseased, n_healthy, per_patient, alpha, None)


def patients_for(
    question: Question,
    *,
    power: float = 0.8,
    healthy_per_diseased: float = EVEN,
    per_patient: PatientImages = ONE_IMAGE,
    alpha: float = 0.05,
) -> StudyPlan:
    """Returns the smallest study that finds the difference with the chance asked for.

    Args:
        question: The AUCs one expects.
        power: Chance to reject, in (alpha, 1).
        healthy_per_diseased: Healthy patients for each diseased one, above 0.
        per_patient: Their images.
        alpha: Two-sided level, in (0, 1).

    Raises:
        ScoresError: If a value is out of range, or there is no difference to be found.

    References:
        See `power_of`.

    Examples:
        >>> plan = patients_for(OneAuc(0.7), power=0.9)
        >>> round(plan.exact_positive, 4), plan.n_diseased, plan.n_patients
        (40.2137, 41, 82)
    """
    _check(question, per_patient, alpha)
    if not alpha < power < 1:
        raise ScoresError(
            f"The power is {power:g}; it lies between the level, {alpha:g}, and 1.",
            hint="Studies are usually planned for 0.8 or 0.9.",
        )
    if not HEALTHY_PER_DISEASED.holds(healthy_per_diseased):
        raise ScoresError(
            f"There are {healthy_per_diseased:g} healthy patients per diseased one.",
            hint=f"{HEALTHY_PER_DISEASED.advice} It is 4 for a prevalence of 20 %.",
        )
    exact = _independent_positives(question, power, healthy_per_diseased, alpha)
    n_diseased = max(ceil(exact / per_patient.worth - 1e-9), FEWEST)
    n_healthy = max(ceil(n_diseased * healthy_per_diseased - 1e-9), FEWEST)
    if max(n_diseased, n_healthy) > MOST:
        raise ScoresError(
            f"It takes {n_diseased:.3g} diseased and {n_healthy:.3g} healthy patients to find a "
            f"difference of {question.effect():.3g}; no study of more than {MOST:,} is planned.",
            hint="Give the smallest difference that would matter.",
        )
    return _plan(question, n_diseased, n_healthy, per_patient, alpha, exact)


def _independent_positives(
    question: Question, power: float, negatives_per_positive: float, alpha: float
) -> float:
    """Returns the independent positive images needed: the root of the power less what is asked."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    z_alpha, z_beta = -float(ndtri(alpha / 2)), float(ndtri(power))

    def too_short(n_positive: float) -> float:
        null, other = question.errors(n_positive, n_positive * negatives_per_positive)
        return z_alpha * null + z_beta * other - question.effect()

    high = 2.0
    while too_short(high) > 0:
        high *= 2
    low = high / 2
    if too_short(low) <= 0:
        return low
    return float(brentq(too_short, low, high, xtol=1e-12, rtol=1e-14))


def _plan(
    question: Question,
    n_diseased: int,
    n_healthy: int,
    per_patient: PatientImages,
    alpha: float,
    exact: float | None,
) -> StudyPlan:
    from scipy.special import ndtr, ndtri

    worth = per_patient.worth
    null, other = question.errors(n_diseased * worth, n_healthy * worth)
    z_beta = (question.effect() + float(ndtri(alpha / 2)) * null) / other
    return StudyPlan(
        float(ndtr(z_beta)),
        alpha,
        n_diseased,
        n_healthy,
        round(n_diseased * per_patient.images),
        round(n_healthy * per_patient.images),
        other,
        n_diseased * worth if exact is None else exact,
    )


def _check(question: Question, per_patient: PatientImages, alpha: float) -> None:
    """Raises a ScoresError with the value that is out of range."""
    if isinstance(question, OneAuc):
        aucs, correlation = {"AUC": question.auc, "null AUC": question.null}, 0.0
    else:
        aucs = {"AUC of model A": question.auc_a, "AUC of model B": question.auc_b}
        correlation = question.correlation
    for name, auc in aucs.items():
        if not AUC.holds(auc):
            raise ScoresError(
                f"The {name} is {auc:g}; it must be above 0 and below 1, by a millionth at least.",
                hint="Give the AUC that you expect; a perfect one needs no planning.",
            )
    if question.effect() == 0:
        raise ScoresError(
            f"Both AUCs are {next(iter(aucs.values())):g}: there is no difference to be found.",
            hint="Give the smallest difference that would matter.",
        )
    ranges = {
        "correlation of the models' AUCs": (correlation, CORRELATION),
        "correlation within a patient": (per_patient.correlation, ZERO_TO_ONE),
        "number of images per patient": (per_patient.images, IMAGES),
        "level": (alpha, CHANCE),
    }
    for name, (value, bounds) in ranges.items():
        if not bounds.holds(value):
            raise ScoresError(f"The {name} is {value:g}.", hint=bounds.advice)
