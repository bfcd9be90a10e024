"""Sections of a report that a clinic asks for: calibration, operating points, confusion."""

from fundus_core.errors import FundusError
from fundus_core.plots.calibration import ReliabilityTrace, reliability_figure
from fundus_core.plots.confusion import confusion_figure
from fundus_core.report.content import Block, CautionList, Figure, Heading, Section, Table, Words
from fundus_core.stats.threshold_rules import RuleChoice
from fundus_core.workflows.evaluation.calibration import ModelCalibration, calibration_of
from fundus_core.workflows.evaluation.confusion import confusion
from fundus_core.workflows.evaluation.operating import OperatingResult, operate
from fundus_core.workflows.evaluation.operating_words import (
    estimate_text,
    interval_or_reason,
    interval_text,
    level_text,
    rule_text,
    share_text,
    threshold_text,
)
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.report_words import count, interval, listed, percent

RULES = (RuleChoice("youden"), RuleChoice("specificity", 0.9))
"""Operating points of a report."""

_SOURCES = {
    "fixed": "fixed beforehand",
    "other folds": "each fold's on the other folds",
    "inside": "on the photographs the model was validated on",
    "same photographs": "sought on these very photographs, which flatters (FD017)",
}

_CALIBRATION_NOTE = (
    "Intercept (0 is right) and slope (1 is right) of the logit, with errors by patient where "
    "patients are known; Brier score, lower is better; ECE beside what chance alone gives a "
    "perfect model of so many photographs. By photograph."
)


def calibration_section(subject: Subject) -> Section:
    """Returns whether probabilities are what they claim to be: a table, and a figure of a class."""
    found: dict[str, ModelCalibration] = {}
    refusals: list[Block] = []
    for run in subject.runs:
        one = subject.classes[0] if subject.one_class else None
        try:
            found[run.id] = calibration_of(subject.workspace, run.id, one)
        except FundusError as error:
            refusals.append(Words(f"{subject.names[run.id]}: {error.message}", "note"))
    blocks: list[Block] = []
    if found:
        blocks.append(_calibration_table(subject, found))
    if found and subject.one_class:
        blocks.append(_reliability(subject, found))
    return Section("calibration", "Calibration", (*blocks, *refusals))


def _calibration_table(subject: Subject, found: dict[str, ModelCalibration]) -> Table:
    rows = []
    for run_id, model in found.items():
        for one in model.classes:
            said, line = one.before, one.before.line
            rows.append(
                (
                    subject.marks[run_id],
                    *(() if subject.one_class else (subject.label(one.class_name),)),
                    f"{percent(said.mean_predicted)} / {percent(said.mean_observed)}",
                    interval(line.intercept, 2, signed=True),
                    interval(line.slope, 2),
                    interval(said.brier),
                    f"{said.errors.ece:.3f} ({said.errors.ece_by_chance:.3f})",
                )
            )
    return Table(
        "Calibration of the scores as they are, by photograph.",
        (
            "Model",
            *(() if subject.one_class else ("Class",)),
            "Predicted / observed",
            "Intercept (95 % CI)",
            "Slope (95 % CI)",
            "Brier (95 % CI)",
            "ECE (by chance)",
        ),
        tuple(rows),
        _CALIBRATION_NOTE,
    )


def _reliability(subject: Subject, found: dict[str, ModelCalibration]) -> Figure:
    label = subject.label(subject.classes[0])
    traces = [
        ReliabilityTrace(
            subject.names[run_id],
            model.classes[0].before.curve,
            model.classes[0].before.line.curve,
            model.classes[0].histogram,
            band=len(found) == 1,
        )
        for run_id, model in found.items()
    ]
    alt = "; ".join(
        f"{subject.names[run_id]}: {percent(one.classes[0].before.mean_predicted)} predicted on "
        f"average, {percent(one.classes[0].before.mean_observed)} observed"
        for run_id, one in found.items()
    )
    return Figure(
        reliability_figure(traces, class_label=label),
        f"Observed over predicted shares of {label} in bins of equally many photographs, with "
        "95 % intervals and the logistic calibration curve; below, how often which probability "
        "is predicted. On the diagonal predictions are right.",
        f"Reliability curves. {alt}.",
    )


def operating_section(subject: Subject) -> Section:
    """Returns what models do at thresholds, what a call is worth, and what is taken for what."""
    blocks: list[Block] = []
    if not subject.one_class and subject.target.task == "multiclass":
        for run in subject.runs:
            blocks += _confusion(subject, run)
        return Section("operating", "Decisions", tuple(blocks))
    points: list[tuple[Run, str, OperatingResult]] = []
    for run in subject.runs:
        for name in subject.classes:
            for rule in RULES:
                try:
                    points.append((run, name, _operate(subject, run, name, rule)))
                except FundusError as error:
                    blocks.append(Words(f"{subject.names[run.id]}: {error.message}", "note"))
    if points:
        blocks = [
            _shares(subject, points),
            *([_worth(subject, points)] if subject.one_class else []),
            *([_counts(subject, points)]),
            *blocks,
        ]
        flattered = [one for _, _, found in points for one in found.cautions if one.code == "FD017"]
        if flattered:
            blocks.append(CautionList(tuple(dict.fromkeys(flattered))))
    return Section("operating", "Operating points", tuple(blocks))


def _operate(subject: Subject, run: Run, name: str, rule: RuleChoice) -> OperatingResult:
    return operate(
        subject.workspace,
        run.id,
        class_name=name,
        aggregate=subject.options.aggregate,
        choice=rule,
    )


def _shares(subject: Subject, points: list[tuple[Run, str, OperatingResult]]) -> Table:
    rows = []
    for run, name, found in points:
        point = found.point
        shares = (
            share_text(point.sensitivity, point.sensitivity_low, point.sensitivity_high),
            share_text(point.specificity, point.specificity_low, point.specificity_high),
        )
        rows.append(
            (
                subject.marks[run.id],
                *(() if subject.one_class else (subject.label(name),)),
                "" if found.choice is None else rule_text(found.choice),
                threshold_text(point.threshold, found.thresholds),
                *shares,
            )
        )
    first = points[0][2]
    sources = listed(sorted({_SOURCES[found.source] for _, _, found in points}))
    return Table(
        f"Sensitivity and specificity of {level_text(subject.options.aggregate)} at thresholds "
        "chosen by rule.",
        (
            "Model",
            *(() if subject.one_class else ("Class",)),
            "Rule",
            "Threshold",
            "Sensitivity (95 % CI)",
            "Specificity (95 % CI)",
        ),
        tuple(rows),
        f"Thresholds: {sources}. {interval_text(first.point, first.unit)} The intervals take the "
        "threshold as given.",
    )


def _worth(subject: Subject, points: list[tuple[Run, str, OperatingResult]]) -> Table:
    rows = []
    for run, _, found in points:
        if found.choice is None or found.choice.name != RULES[0].name:
            continue
        here = found.prevalence
        for prevalence in (here, *subject.options.prevalences):
            values = found.values_at(prevalence)
            rows.append(
                (
                    subject.marks[run.id],
                    percent(prevalence) + (" (as here)" if prevalence == here else ""),
                    estimate_text(values.positive),
                    estimate_text(values.negative),
                    estimate_text(values.ratio_positive),
                    estimate_text(values.ratio_negative),
                )
            )
    return Table(
        f"What a call is worth at the threshold of the {rule_text(RULES[0])}.",
        ("Model", "Prevalence", "PPV (95 % CI)", "NPV (95 % CI)", "LR+ (95 % CI)", "LR- (95 % CI)"),
        tuple(rows),
        "Positive and negative predictive values by Bayes' theorem at the stated prevalence, which "
        "is taken as known; likelihood ratios do not depend on it. Photographs of a study have "
        "more disease than those of a screening programme (FD015).",
    )


def _counts(subject: Subject, points: list[tuple[Run, str, OperatingResult]]) -> Table:
    rows = []
    for run, name, found in points:
        point = found.point
        rows.append(
            (
                subject.marks[run.id],
                *(() if subject.one_class else (subject.label(name),)),
                "" if found.choice is None else rule_text(found.choice),
                f"{point.n_true_positive:,}",
                f"{point.n_false_negative:,}",
                f"{point.n_false_positive:,}",
                f"{point.n_true_negative:,}",
            )
        )
    return Table(
        f"Confusion matrices, in {subject.unit}s.",
        (
            "Model",
            *(() if subject.one_class else ("Class",)),
            "Rule",
            "With it, called",
            "With it, missed",
            "Without it, called",
            "Without it, not called",
        ),
        tuple(rows),
    )


def _confusion(subject: Subject, run: Run) -> list[Block]:
    try:
        found = confusion(subject.workspace, run.id)
    except FundusError as error:
        return [Words(f"{subject.names[run.id]}: {error.message}", "note")]
    labels = [subject.label(one) for one in found.matrix.class_names]
    matrix = found.matrix
    right = [
        f"{label}: {matrix.counts[row, row]} of {matrix.counts[row].sum()} right"
        for row, label in enumerate(labels)
    ]
    name = subject.names[run.id]
    return [
        Heading(name),
        Figure(
            confusion_figure(matrix, labels),
            f"Confusion matrix of {name}, {count(int(matrix.counts.sum()), 'photograph')}: the "
            "class with the highest score is decided for. Rows are the truth; shares of each row "
            "with Wilson's 95 % intervals.",
            f"Confusion matrix, rows are the truth. {'; '.join(right)}.",
        ),
        Table(
            f"Measures of the decisions of {name}.",
            ("Measure", "Value (95 % CI)"),
            tuple(
                (f"{one.label[:1].upper()}{one.label[1:]}", interval_or_reason(one.pooled))
                for one in found.metrics
            ),
            "BCa bootstrap of patients, or of photographs where patients are unknown.",
        ),
    ]
