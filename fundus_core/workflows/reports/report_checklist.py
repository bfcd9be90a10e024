"""The section of a report that answers reporting guidelines, as far as a program can."""

from collections.abc import Collection, Mapping

from fundus_core.report.checklists import AUTHORS, GUIDELINES, Guideline, answered
from fundus_core.report.content import Block, Heading, Section, Table, Words
from fundus_core.workflows.reports.report_answers import RunAnswers
from fundus_core.workflows.reports.report_methods import software
from fundus_core.workflows.reports.report_stress import columns_of
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.report_words import count, listed

UNCHECKED = (
    "Numbers and names of the items are in words of our own, from memory, and were not checked "
    "against the publications. Use the published forms for a submission; what stands here helps to "
    "fill them in."
)

_ANSWERS = {"filled": "here", "in part": "in part", "authors": "authors"}


def checklist_section(subject: Subject, answers: Mapping[str, str]) -> Section:
    """Returns a table for each guideline: what it asks for, and what this report says to it.

    Args:
        subject: Of the report.
        answers: As `answers_of` gives them.
    """
    blocks: list[Block] = [Words(UNCHECKED, "note")]
    partly = RunAnswers(subject).partly()
    for guideline in GUIDELINES:
        blocks += _of(guideline, answers, partly)
    return Section("checklists", "Reporting checklists", tuple(blocks))


def _of(
    guideline: Guideline, answers: Mapping[str, str], partly: Collection[str]
) -> tuple[Block, ...]:
    rows = answered(guideline, answers, partly)
    numbers = {kind: sum(one.answer == kind for one in rows) for kind in _ANSWERS}
    return (
        Heading(guideline.name),
        Table(
            f"{guideline.name} ({guideline.reference}): of {len(rows)} items this report answers "
            f"{numbers['filled']}, and {numbers['in part']} in part; {numbers['authors']} are "
            f"{AUTHORS}.",
            ("Item", "Part", "Asks for", "Answered", "What this report says"),
            tuple(
                (one.item.number, one.item.section, one.item.asks, _ANSWERS[one.answer], one.text)
                for one in rows
            ),
        ),
    )


def answers_of(subject: Subject, present: Mapping[str, str], title: str) -> dict[str, str]:
    """Returns key of an item's answer -> what the report says; empty where it cannot say it.

    Args:
        subject: Of the report.
        present: Key -> title of the sections that show figures.
        title: Of the report.
    """
    runs = subject.runs
    several = len(runs) > 1
    groups = "section Subgroups" if "subgroups" in present else ""
    grouped = _grouped_by(subject) if groups else set()
    named = _named(subject, ("site", "camera"))
    options = subject.options
    return {
        "title": f"Working title: {title}.",
        "summary": "The summary at the top can serve as results of an abstract.",
        "aim": f"Evaluation of {count(len(runs), 'model')} for {subject.target.name}.",
        "source": f"Section Data: {_sizes(subject)}." if subject.datasets else "",
        "sites": _columns_said(named, grouped),
        "cameras": _columns_said([one for one in named if one == "camera"], grouped),
        "preparation": "Section Methods, Preprocessing and backbones.",
        "outcome": f"{_columns_of_outcome(subject)}; section Data.",
        "predictors": "The pixels of a photograph, through a backbone; section Methods.",
        "missing": f"{_rejected(subject)} Photographs without label take no part.".strip(),
        "measures": "Section Methods, Statistical analysis.",
        "uncertainty": "Section Methods, Statistical analysis: intervals"
        + (", tests, correction." if several else "."),
        "heterogeneity": _sections(present, "subgroups"),
        "recalibration": "None was done"
        + (
            "; section Calibration shows the scores as they are."
            if "calibration" in present
            else "."
        ),
        "fairness": _sections(present, "subgroups"),
        "output": f"Scores in [0, 1]. {_sections(present, 'operating')}".strip(),
        "flow": f"Section Data: {_sizes(subject)}. {_rejected(subject)}"
        if subject.datasets
        else "",
        "performance": _sections(
            present, "discrimination", "calibration", "operating", "subgroups"
        ),
        "diagnostic": _sections(present, "operating"),
        "failures": "Section Example photographs shows the clearest errors."
        if "photographs" in present
        else "",
        "limitations": "Section Cautions holds what the program found.",
        "code_availability": "The program is open source (Apache-2.0); section Running it again.",
        "privacy": "Groups are named by patient, as was asked for."
        if "patient_id" in options.by
        else "This report holds no patient ids and no file names"
        + (", but those asked for below photographs." if options.file_names else "."),
        "software": software(),
        "robustness": _sections(present, "subgroups", "shortcuts"),
        "explainability": _sections(present, "heat-maps"),
        **RunAnswers(subject).said(present),
    }


def _sections(present: Mapping[str, str], *keys: str) -> str:
    """Names those of some sections that show figures; empty where none does."""
    titles = [present[key] for key in keys if key in present]
    return f"Section{'s' if len(titles) > 1 else ''} {listed(titles)}." if titles else ""


def _columns_of_outcome(subject: Subject) -> str:
    """Returns where the labels stand, or which column a study made them of."""
    made = {run.labels.column for run in subject.runs if run.labels and run.labels.column}
    columns = made or set(subject.target.columns)
    how = ", grouped by the `map` of a study file" if made else ""
    return f"The {'column' if len(columns) == 1 else 'columns'} {listed(sorted(columns))}{how}"


def _sizes(subject: Subject) -> str:
    return listed(
        [
            f"{count(len(one), 'photograph')} of "
            + ("unknown patients" if one.n_patients is None else count(one.n_patients, "patient"))
            for one in subject.datasets.values()
        ]
    )


def _rejected(subject: Subject) -> str:
    """Says how many files were rejected; nothing where a data set is not here to be asked."""
    if not {run.dataset_id for run in subject.runs} <= subject.datasets.keys():
        return ""
    number = sum(len(one.rejected) for one in subject.datasets.values())
    if not number:
        return "No file was rejected."
    were = "was" if number == 1 else "were"
    return f"{count(number, 'file')} {were} rejected, counted by reason in section Data."


def _named(subject: Subject, columns: tuple[str, ...]) -> list[str]:
    """Returns those of some columns that a table fills in."""
    tables = [one.table for one in subject.datasets.values()]
    return [
        name
        for name in columns
        if any(name in table.columns and table[name].notna().any() for table in tables)
    ]


def _grouped_by(subject: Subject) -> set[str]:
    return {
        name
        for run in subject.runs
        if (dataset := subject.datasets.get(run.dataset_id)) is not None
        for name in columns_of(subject, dataset, run)
    }


def _columns_said(named: list[str], grouped: Collection[str]) -> str:
    if not named:
        return ""
    where = "; section Subgroups" if set(named) & set(grouped) else ""
    return f"The table names the {listed(named)}{where}."
