"""The section of a report that answers reporting guidelines, as far as a program can."""

from fundus_core.report.checklists import AUTHORS, GUIDELINES, Guideline, answered
from fundus_core.report.content import Block, Heading, Section, Table, Words
from fundus_core.workflows.reports.report_methods import software
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.report_words import count, listed

UNCHECKED = (
    "Numbers and names of the items are in words of our own, from memory, and were not checked "
    "against the publications. Use the published forms for a submission; what stands here helps to "
    "fill them in."
)

_ANSWERS = {"filled": "here", "in part": "in part", "authors": "authors"}


def checklist_section(subject: Subject, answers: dict[str, str]) -> Section:
    """Returns a table for each guideline: what it asks for, and what this report says to it.

    Args:
        subject: Of the report.
        answers: As `answers_of` gives them.
    """
    blocks: list[Block] = [Words(UNCHECKED, "note")]
    for guideline in GUIDELINES:
        blocks += _of(guideline, answers)
    return Section("checklists", "Reporting checklists", tuple(blocks))


def _of(guideline: Guideline, answers: dict[str, str]) -> tuple[Block, ...]:
    rows = answered(guideline, answers)
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


def answers_of(subject: Subject, present: frozenset[str], title: str) -> dict[str, str]:
    """Returns key of an item's answer -> what the report says; empty where it cannot say it.

    Args:
        subject: Of the report.
        present: Keys of the sections that the report has.
        title: Of the report.
    """
    runs = subject.runs
    data = list(subject.datasets.values())
    sizes = listed(
        [
            f"{count(len(one), 'photograph')} of "
            + ("unknown patients" if one.n_patients is None else count(one.n_patients, "patient"))
            for one in data
        ]
    )
    rejected = sum(len(one.rejected) for one in data)
    external = [run for run in runs if run.kind == "external"]
    tuned = any(run.recipe for run in runs)
    folds = "patients" if subject.patients_known else "photographs, because patients are unknown"
    n_columns = {name for one in data for name in ("site", "camera") if name in one.table.columns}
    return {
        "title": f"Working title: {title}.",
        "summary": "The summary at the top can serve as results of an abstract.",
        "aim": f"Evaluation of {count(len(runs), 'model')} for {subject.target.name}.",
        "source": f"Section Data: {sizes}." if data else "",
        "sites": f"The table names {listed(sorted(n_columns))}; section Subgroups."
        if n_columns
        else "",
        "cameras": "The table names the camera; section Subgroups."
        if "camera" in n_columns
        else "",
        "preparation": "Section Methods, Preprocessing and backbones.",
        "outcome": f"The column(s) {listed(list(subject.target.columns))}; section Data.",
        "predictors": "The pixels of a photograph, through a backbone; section Methods.",
        "missing": f"{count(rejected, 'file')} could not be used, counted by reason in section "
        "Data; photographs without label take no part.",
        "partition": "Section Methods, Validation.",
        "disjoint": f"Folds are disjoint by {folds}.",
        "model": "Sections Models and Methods.",
        "training": "Section Methods, Classifiers."
        + ("" if tuned else " Backbones were not trained further."),
        "weights": "Section Models: name, hash and licence of the weights.",
        "measures": "Section Methods, Statistical analysis.",
        "uncertainty": "Section Methods, Statistical analysis: intervals, tests, correction.",
        "prediction": "Section Methods: held-out scores, pooled over folds.",
        "heterogeneity": "Section Subgroups." if "subgroups" in present else "",
        "recalibration": "None was done; section Calibration shows the scores as they are.",
        "imbalance": "Folds are stratified by class; prevalence stands in section Data.",
        "fairness": "Section Subgroups, where the table has the columns.",
        "output": "Scores in [0, 1]; thresholds by rule, section Operating points.",
        "inside_outside": "Sections Data and Differences between models." if external else "",
        "flow": f"Section Data: {sizes}; {count(rejected, 'file')} rejected with reasons."
        if data
        else "",
        "events": "Section Data and the table of AUCs.",
        "performance": "Section Discrimination; also Calibration, Operating points, Subgroups.",
        "diagnostic": "Section Operating points.",
        "failures": "Section Example photographs shows the clearest errors."
        if "photographs" in present
        else "",
        "rerun": "Section Running it again; the weights are named with their hash.",
        "limitations": "Section Cautions holds what the program found.",
        "code_availability": "The program is open source (Apache-2.0); section Running it again.",
        "subsets": "All labelled photographs of the data set.",
        "privacy": "This report holds no patient ids and no file names"
        + (", unless asked for below photographs." if subject.options.file_names else "."),
        "software": software(),
        "selection": "Strength of regularisation by inner folds; no model was chosen by its "
        "figures here.",
        "ensembles": "None within the figures of cross-validation."
        + (" A fine-tuned model scores other data by the mean of its folds." if external else ""),
        "robustness": "Sections Subgroups and Shortcuts.",
        "explainability": "Section Heat maps." if "heat-maps" in present else "",
        "internal": "Sections Discrimination to Operating points.",
        "external": "Runs on another data set are marked so in section Models." if external else "",
    }
