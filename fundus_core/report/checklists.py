"""What reporting guidelines ask for, and which of it a report can answer.

Numbers and names of the items are written from memory, in words of our own, and were not checked
against the publications: a journal wants the published form.

References:
    Collins et al. (2024), BMJ 385, e078378 (TRIPOD+AI).
    Tejani et al. (2024), Radiology: Artificial Intelligence 6(4), e240300 (CLAIM, 2024 update).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

AUTHORS = "to be completed by the authors"

Answer = Literal["filled", "in part", "authors"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a guideline asks for."""

    number: str
    section: str
    """Part of a paper it belongs to."""

    asks: str
    """In a few words."""

    answer: str = ""
    """Key of what a report has to say to it; empty where only the authors can."""

    whole: bool = False
    """Whether that is all that the item asks for."""


@dataclass(frozen=True, slots=True)
class Guideline:
    """A checklist."""

    name: str
    reference: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class AnsweredItem:
    """An item with what the report says to it."""

    item: Item
    answer: Answer
    text: str
    """What the report says, or that the authors have to."""


def answered(
    guideline: Guideline, answers: Mapping[str, str], partly: Collection[str] = ()
) -> tuple[AnsweredItem, ...]:
    """Returns each item with its answer.

    Args:
        guideline: Of `GUIDELINES`.
        answers: Key of an answer -> its text; what is missing or empty is left to the authors.
        partly: Keys of answers that leave something to the authors, also where an item would be
            answered in whole.
    """
    return tuple(
        _answered(item, answers.get(item.answer, ""), whole=item.answer not in partly)
        for item in guideline.items
    )


def _answered(item: Item, text: str, *, whole: bool) -> AnsweredItem:
    if not text:
        return AnsweredItem(item, "authors", AUTHORS[0].upper() + AUTHORS[1:] + ".")
    if item.whole and whole:
        return AnsweredItem(item, "filled", text)
    return AnsweredItem(item, "in part", f"{text} The rest is {AUTHORS}.")


TRIPOD_AI = Guideline(
    "TRIPOD+AI",
    "Collins et al. (2024), BMJ 385, e078378",
    (
        Item("1", "Title", "Says it is a prediction model study, of whom and of what", "title"),
        Item("2", "Abstract", "Structured abstract", "summary"),
        Item("3a", "Introduction", "Health care context and reasons for the model"),
        Item("3b", "Introduction", "Target population, intended use and users"),
        Item("3c", "Introduction", "Known inequalities in health care"),
        Item("4", "Introduction", "Aims: development, evaluation, or both", "aim"),
        Item("5a", "Methods: data", "Where the data come from, and how well they fit", "source"),
        Item("5b", "Methods: data", "Dates of the data"),
        Item("6a", "Methods: participants", "Setting, number and place of centres", "sites"),
        Item("6b", "Methods: participants", "Who was eligible"),
        Item("6c", "Methods: participants", "Treatments, where they matter"),
        Item("7", "Methods: data", "Preparation and quality checks of the data", "preparation"),
        Item("8a", "Methods: outcome", "The outcome, when and how it was judged", "outcome"),
        Item("8b", "Methods: outcome", "Who judged it, with which training"),
        Item("8c", "Methods: outcome", "Whether judges were blinded"),
        Item("9a", "Methods: predictors", "Why these predictors", "predictors"),
        Item("9b", "Methods: predictors", "Each predictor and how it is measured", "predictors"),
        Item("9c", "Methods: predictors", "Judgement of predictors, where it is needed"),
        Item("10", "Methods: sample size", "How the size came about, and whether it suffices"),
        Item("11", "Methods: missing data", "What was done about missing data", "missing"),
        Item("12a", "Methods: analysis", "Use of the data, partitioning", "partition", whole=True),
        Item("12b", "Methods: analysis", "How predictors enter", "preparation", whole=True),
        Item("12c", "Methods: analysis", "Model, training, tuning, validation", "model", True),
        Item("12d", "Methods: analysis", "Differences between clusters", "heterogeneity"),
        Item("12e", "Methods: analysis", "Measures and plots of performance", "measures", True),
        Item("12f", "Methods: analysis", "Updating of the model", "recalibration"),
        Item("12g", "Methods: analysis", "How predictions were computed", "prediction", True),
        Item("13", "Methods: imbalance", "What was done about rare classes", "imbalance"),
        Item("14", "Methods: fairness", "What was done about fairness, and why", "fairness"),
        Item("15", "Methods: output", "What the model gives; thresholds and why", "output"),
        Item("16", "Methods", "Differences of training and evaluation data", "inside_outside"),
        Item("17", "Methods: ethics", "Ethics approval and consent"),
        Item("18a", "Open science", "Funding"),
        Item("18b", "Open science", "Conflicts of interest"),
        Item("18c", "Open science", "Protocol"),
        Item("18d", "Open science", "Registration"),
        Item("18e", "Open science", "Availability of the data", "data_availability"),
        Item("18f", "Open science", "Availability of the code", "code_availability"),
        Item("19", "Patients and public", "Their involvement"),
        Item("20a", "Results: participants", "Flow of participants, with and without", "flow"),
        Item("20b", "Results: participants", "Characteristics, missing values", "flow"),
        Item("20c", "Results: participants", "Development against evaluation", "inside_outside"),
        Item(
            "21", "Results: development", "Participants and events in each analysis", "events", True
        ),
        Item("22", "Results: model", "The model in full, or access to it", "rerun"),
        Item("23a", "Results: performance", "Performance with intervals, subgroups", "performance"),
        Item("23b", "Results: performance", "Differences between clusters", "heterogeneity"),
        Item("24", "Results: updating", "Results of updating", "recalibration"),
        Item("25", "Discussion", "Interpretation, fairness, earlier studies"),
        Item("26", "Discussion", "Limitations", "limitations"),
        Item("27a", "Discussion: use", "Poor or missing input when in use", "missing"),
        Item("27b", "Discussion: use", "What users must do and know"),
        Item("27c", "Discussion: use", "Next steps for research"),
    ),
)

CLAIM = Guideline(
    "CLAIM (2024 update)",
    "Tejani et al. (2024), Radiology: Artificial Intelligence 6(4), e240300",
    (
        Item("1", "Title", "Says that it is about AI, and of which kind", "title"),
        Item("2", "Abstract", "Structured summary of the study", "summary"),
        Item("3", "Introduction", "Background, intended use and clinical role"),
        Item("4", "Introduction", "Aims and hypotheses", "aim"),
        Item("5", "Methods: design", "Prospective or retrospective"),
        Item("6", "Methods: design", "Goal of the study", "aim"),
        Item("7", "Methods: data", "Sources of the data", "source"),
        Item("8", "Methods: data", "Inclusion and exclusion", "flow"),
        Item("9", "Methods: data", "Preprocessing", "preparation", whole=True),
        Item("10", "Methods: data", "Selection of subsets of the data", "subsets"),
        Item("11", "Methods: data", "De-identification", "privacy"),
        Item("12", "Methods: data", "Missing data", "missing"),
        Item("13", "Methods: data", "How images were acquired", "cameras"),
        Item("14", "Methods: reference standard", "Its definition", "outcome"),
        Item("15", "Methods: reference standard", "Why it was chosen"),
        Item("16", "Methods: reference standard", "Who annotated"),
        Item("17", "Methods: reference standard", "Annotation of the test set"),
        Item("18", "Methods: reference standard", "Variability between and within readers"),
        Item("19", "Methods: partitions", "How data were assigned", "partition", whole=True),
        Item("20", "Methods: partitions", "Level at which they are disjoint", "disjoint", True),
        Item("21", "Methods: testing", "Intended sample size"),
        Item("22", "Methods: model", "The model in detail", "model"),
        Item("23", "Methods: model", "Software and versions", "software", whole=True),
        Item("24", "Methods: model", "Initial parameters", "weights", whole=True),
        Item("25", "Methods: training", "Training in detail", "training", whole=True),
        Item("26", "Methods: training", "How the final model was chosen", "selection"),
        Item("27", "Methods: training", "Ensembles", "ensembles", whole=True),
        Item("28", "Methods: evaluation", "Measures of performance", "measures", whole=True),
        Item("29", "Methods: evaluation", "Uncertainty and significance", "uncertainty", True),
        Item("30", "Methods: evaluation", "Robustness or sensitivity analysis", "robustness"),
        Item("31", "Methods: evaluation", "Explainability", "explainability"),
        Item("32", "Methods: evaluation", "Evaluation on internal data", "internal", whole=True),
        Item("33", "Methods: evaluation", "Testing on external data", "external"),
        Item("34", "Methods: registration", "Registration of a clinical trial"),
        Item("35", "Results: data", "Patients or examinations in and out", "flow"),
        Item("36", "Results: data", "Demographic and clinical characteristics", "sites"),
        Item("37", "Results: performance", "Performance and its uncertainty", "performance", True),
        Item("38", "Results: performance", "Diagnostic performance, precision", "diagnostic"),
        Item("39", "Results: performance", "Failure analysis", "failures"),
        Item("40", "Discussion", "Limitations", "limitations"),
        Item("41", "Discussion", "Implications for practice"),
        Item("42", "Other", "Full protocol"),
        Item("43", "Other", "Availability of software, model and data", "code_availability"),
        Item("44", "Other", "Funding, role of funders"),
    ),
)

GUIDELINES: tuple[Guideline, ...] = (TRIPOD_AI, CLAIM)
