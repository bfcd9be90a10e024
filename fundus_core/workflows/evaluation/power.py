"""Use case: how many patients would the next study take, by what this one tells?"""

from dataclasses import dataclass

import numpy as np

from fundus_core.stats.power import PatientImages, Question, StudyPlan, power_of
from fundus_core.workflows.evaluation.compare import ComparedPair, ComparedRun, Comparison

_UNKNOWN_CORRELATION = 0.5
_MOST_CORRELATED = 0.95

_CURVE = (0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.25, 1.6, 2.0, 2.5)
"""Sizes of study to draw the power of, in units of the one that is planned."""


@dataclass(frozen=True, slots=True)
class ObservedDesign:
    """What a comparison of two models says about a study of others like them."""

    auc_a: float
    auc_b: float
    correlation: float
    """Of the two estimated AUCs, in [-0.95, 0.95]; 0.5 where nothing varies, 0 for models of
    different photographs."""

    correlation_known: bool
    """False where the figure above is only a usual one."""

    healthy_per_diseased: float
    """Patients without the disease for each patient with it."""

    per_patient: PatientImages
    """Images per patient, and how far a patient's images repeat each other: from how much longer
    the standard error of the difference is by patient than by image."""


def observed_design(found: Comparison, pair: ComparedPair) -> ObservedDesign:
    """Returns what the planner starts from.

    The difference that was found is not part of it: power for a difference just found says no more
    than its p-value (Hoenig & Heisey 2001, The American Statistician 55(1), 19-24).
    """
    runs = {run.run_id: run for run in found.runs}
    correlation = _correlation(runs[pair.run_a], runs[pair.run_b], pair, paired=found.paired)
    diseased = max(found.units.positive, 1)
    healthy = max(found.units.total - found.units.positive, 1)
    return ObservedDesign(
        pair.result.auc_a,
        pair.result.auc_b,
        _UNKNOWN_CORRELATION if correlation is None else correlation,
        correlation is not None,
        healthy / diseased,
        _per_patient(found, pair),
    )


def power_curve(
    question: Question, plan: StudyPlan, *, per_patient: PatientImages
) -> tuple[StudyPlan, ...]:
    """Returns studies from a quarter to two and a half times the size of one that is planned.

    Raises:
        ScoresError: As `power_of` does.
    """
    sizes = {
        (max(round(plan.n_diseased * share), 2), max(round(plan.n_healthy * share), 2))
        for share in _CURVE
    }
    return tuple(
        power_of(
            question,
            n_diseased=n_diseased,
            n_healthy=n_healthy,
            per_patient=per_patient,
            alpha=plan.alpha,
        )
        for n_diseased, n_healthy in sorted(sizes)
    )


def _correlation(
    a: ComparedRun, b: ComparedRun, pair: ComparedPair, *, paired: bool
) -> float | None:
    """Returns the correlation of two AUCs from their standard errors; None where one is exact."""
    if not paired:
        return 0.0
    if "exact" in a.auc.method + b.auc.method:
        return None
    of_a, of_b = a.auc.standard_error, b.auc.standard_error
    shared = of_a**2 + of_b**2 - pair.result.standard_error**2
    return float(np.clip(shared / (2 * of_a * of_b), -_MOST_CORRELATED, _MOST_CORRELATED))


def _per_patient(found: Comparison, pair: ComparedPair) -> PatientImages:
    if found.n_patients is None or found.n_images <= found.n_patients:
        return PatientImages()
    images = found.n_images / found.n_patients
    plain = pair.plain.standard_error if pair.plain else 0.0
    effect = (pair.result.standard_error / plain) ** 2 if plain else 1.0
    return PatientImages(images, float(np.clip((effect - 1) / (images - 1), 0.0, 1.0)))
