"""The paragraph on statistics in the methods of a report."""

from collections.abc import Callable, Collection

from fundus_core.report.method_notes import paper
from fundus_core.stats.patient_level import AGGREGATES
from fundus_core.workflows.reports.report_subject import Subject

Cite = Callable[..., str]

MOST_BANDS = 4
"""Curves up to which bands can be told apart."""


def statistics(subject: Subject, present: Collection[str]) -> str:
    """Returns which figures were estimated and tested how, for what the report holds.

    Args:
        subject: Of the report.
        present: Keys of the sections that show figures.
    """
    cite = subject.references.cite
    said = [
        "Figures are of the scores that Results names; ties count one half, and no AUC was turned "
        f"round{cite(paper('ROC curve and AUC', 'Hanley'))}.",
        _level(subject),
        _intervals(subject, cite),
        _averages(subject, cite),
        _tests(subject, cite) if "differences" in present else "",
        _bands(subject, cite),
        _calibration(cite) if "calibration" in present else "",
        _thresholds(subject, cite) if "operating" in present else "",
        _SUBGROUPS if "subgroups" in present else "",
    ]
    return " ".join(one for one in said if one)


_SUBGROUPS = (
    "AUCs of subgroups were held against each other by a chi-square test of their logits with the "
    "joint covariance of the groups, where two groups or more had patients enough."
)


def _bands(subject: Subject, cite: Cite) -> str:
    if not subject.one_class or len(subject.runs) > MOST_BANDS:
        return ""
    return (
        f"Bands of ROC curves are pointwise, by resampling {_units(subject)} within classes"
        f"{cite(paper('Band of the curve', 'Efron'))}."
    )


def _calibration(cite: Cite) -> str:
    return (
        "Calibration was described by intercept and slope on the logit"
        f"{cite(paper('Calibration', 'Cox'), paper('Calibration', 'Van Calster'))}, the Brier "
        "score and the expected calibration error."
    )


def _units(subject: Subject) -> str:
    return "patients" if subject.patients_known else "photographs"


def _level(subject: Subject) -> str:
    way = subject.options.aggregate
    if way is None:
        return ""
    return (
        f"A patient was scored by {AGGREGATES[way].label}, and counted as positive if any "
        "photograph was; calibration, subgroups and shortcuts are by photograph."
    )


def _intervals(subject: Subject, cite: Cite) -> str:
    note = "Interval of an AUC"
    delong = cite(paper(note, "DeLong"))
    if subject.patients_known:
        return (
            "95 % intervals of AUCs are on the logit scale with Student's t, from DeLong's "
            f"variance{delong} in Obuchowski's form for clustered data"
            f"{cite(paper(note, 'Obuchowski'))}: patients are independent, their photographs are "
            "not."
        )
    return (
        "95 % intervals of AUCs are on the logit scale with Student's t, from DeLong's "
        f"variance{delong}. Patients were unknown, so photographs were taken as independent; "
        "intervals and p-values are too optimistic."
    )


def _averages(subject: Subject, cite: Cite) -> str:
    if subject.one_class:
        return ""
    return (
        "The macro average is the mean of the classes' AUCs, the micro average one AUC over all "
        f"pairs of a photograph and a class{cite(paper('Several diseases at once', 'Hanley'))}."
    )


def _tests(subject: Subject, cite: Cite) -> str:
    if len(subject.runs) < 2:
        return ""
    return (
        "Differences of AUCs were tested two-sided by the corresponding test, paired where models "
        "scored the same photographs; p-values of all pairs were corrected by Holm's method"
        f"{cite(paper('Several tests at once', 'Holm'))}."
    )


def _thresholds(subject: Subject, cite: Cite) -> str:
    if not subject.one_class and subject.target.task == "multiclass":
        return "The class with the highest score was decided for."
    note = "Sensitivity and specificity"
    youden = cite(paper("Decisions and what they give", "Youden"))
    wilson = cite(paper(note, "Wilson"))
    design = f" with the design effect of patients{cite(paper(note, 'Rao'))}"
    return (
        f"Thresholds were chosen by the highest Youden index{youden} and for a specificity of 0.9, "
        "each fold's on the other folds where there are folds; sensitivity and specificity have "
        f"Wilson's intervals{wilson}"
        f"{design if subject.patients_known else ''}; predictive values follow from a stated "
        f"prevalence by Bayes' theorem{cite(paper('What a call is worth', 'Zou'))}."
    )
