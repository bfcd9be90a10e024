"""The command that plans studies of AUCs."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.options import number
from fundus_core.cli.output import print_json, print_line
from fundus_core.domain.bounds import CHANCE, ZERO_TO_ONE
from fundus_core.errors import ScoresError
from fundus_core.stats.power import (
    AUC,
    CORRELATION,
    HEALTHY_PER_DISEASED,
    IMAGES,
    PATIENTS,
    OneAuc,
    PatientImages,
    Question,
    StudyPlan,
    TwoAucs,
    patients_for,
    power_of,
)


class Variance(StrEnum):
    """What the variance of an AUC is taken to be; keys of `stats.planned_variance.VARIANCES`."""

    OBUCHOWSKI = "obuchowski"
    HANLEY_MCNEIL = "hanley_mcneil"
    NORMAL = "normal"


def power(
    auc: Annotated[float, number(AUC, help="The AUC expected; of model A where there are two.")],
    null: Annotated[
        float | None, number(AUC, help="One model: the AUC to be ruled out. [0.5]")
    ] = None,
    auc_b: Annotated[
        float | None, number(AUC, help="Two models on the same photographs: the AUC of model B.")
    ] = None,
    correlation: Annotated[
        float, number(CORRELATION, help="Two models: correlation of their estimated AUCs.")
    ] = 0.5,
    target: Annotated[
        float, number(CHANCE, "--power", help="Chance to find it, to be planned for.")
    ] = 0.8,
    diseased: Annotated[
        int | None,
        number(PATIENTS, help="Diseased patients: what can so many find? With --healthy."),
    ] = None,
    healthy: Annotated[
        int | None, number(PATIENTS, help="Healthy patients. With --diseased.")
    ] = None,
    healthy_per_diseased: Annotated[
        float, number(HEALTHY_PER_DISEASED, help="Healthy patients for each diseased one.")
    ] = 1.0,
    images_per_patient: Annotated[
        float, number(IMAGES, help="Photographs of a patient, on average.")
    ] = 1.0,
    within_patient: Annotated[
        float,
        number(ZERO_TO_ONE, help="Correlation of what two photographs of a patient tell, 0 to 1."),
    ] = 0.5,
    alpha: Annotated[float, number(CHANCE, help="Two-sided level of the test.")] = 0.05,
    variance: Annotated[
        Variance,
        typer.Option(help="Of an AUC; obuchowski is on the safe side, normal is the smallest."),
    ] = Variance.OBUCHOWSKI,
    as_json: options.Json = False,
) -> None:
    """Says how many patients a study of AUCs takes, or what a study of given size can find."""
    question = _question(auc, null, auc_b, correlation, variance)
    per_patient = PatientImages(images_per_patient, within_patient)
    if (diseased is None) != (healthy is None):
        raise ScoresError(
            "Only one of --diseased and --healthy was given.",
            hint="Give both for the power of that study, or neither for the size of a study.",
        )
    if diseased is not None and healthy is not None:
        plan = power_of(
            question, n_diseased=diseased, n_healthy=healthy, per_patient=per_patient, alpha=alpha
        )
    else:
        plan = patients_for(
            question,
            power=target,
            healthy_per_diseased=healthy_per_diseased,
            per_patient=per_patient,
            alpha=alpha,
        )
    if as_json:
        print_json(_describe(question, per_patient, plan))
        return
    print_line(_text(question, per_patient, plan))


def _question(
    auc: float, null: float | None, auc_b: float | None, correlation: float, variance: Variance
) -> Question:
    if auc_b is None:
        return OneAuc(auc, 0.5 if null is None else null, variance.value)
    if null is not None:
        raise ScoresError(
            "--null and --auc-b exclude each other: one model is held against a fixed AUC, two "
            "against each other.",
            hint="Leave one of them out.",
        )
    return TwoAucs(auc, auc_b, correlation, variance.value)


def _describe(question: Question, per_patient: PatientImages, plan: StudyPlan) -> dict[str, Any]:
    return {
        **asdict(question),
        "images_per_patient": per_patient.images,
        "within_patient": per_patient.correlation,
        "design_effect": per_patient.design_effect,
        "n_patients": plan.n_patients,
        **asdict(plan),
    }


def _text(question: Question, per_patient: PatientImages, plan: StudyPlan) -> str:
    if isinstance(question, OneAuc):
        what = f"AUC {question.auc:g} against {question.null:g}"
    else:
        what = (
            f"AUC {question.auc_a:g} against {question.auc_b:g} on the same photographs "
            f"(correlation {question.correlation:g})"
        )
    effect = ""
    if per_patient.images > 1:
        effect = f", design effect {per_patient.design_effect:.2f}"
    return (
        f"{what}: {plan.n_patients} patients, {plan.n_diseased} diseased and {plan.n_healthy} "
        f"healthy ({plan.n_positive} and {plan.n_negative} photographs{effect}) give power "
        f"{plan.power:.3f} at the two-sided level {plan.alpha:g}; expected standard error "
        f"{plan.standard_error:.4f}. A plan, by normal approximation: {question.variance} variance."
    )
