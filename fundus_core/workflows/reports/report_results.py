"""Sections of a report on what came out: AUCs, and whether models differ."""

from collections.abc import Sequence

from fundus_core.checks import Caution
from fundus_core.errors import FundusError
from fundus_core.plots.labels import NO_BREAK
from fundus_core.plots.roc import roc_figure
from fundus_core.report.content import Block, CautionList, Figure, Section, Table, Words
from fundus_core.stats.classes import average_name, over_text
from fundus_core.stats.delong import AucComparison, AucInterval, auc_interval
from fundus_core.stats.patient_level import AGGREGATES
from fundus_core.workflows.evaluation.classes import AdjustedTest, compare_classes, model_classes
from fundus_core.workflows.evaluation.compare import (
    Comparison,
    compare,
    degrees_text,
    statistic_name,
)
from fundus_core.workflows.evaluation.curves import columns
from fundus_core.workflows.evaluation.mean_colour import MeanColour, mean_colour
from fundus_core.workflows.evaluation.roc_traces import roc_trace
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.reports.report_statistics import MOST_BANDS
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.report_words import NONE, auc_text, count, ends, p_text

_FEWER = (
    "An average over fewer classes, for want of patients with the others, does not stand beside "
    "one over all: compare averages only over the same classes."
)
_MOST_FIGURES = 4
"""Models whose classes are drawn, a figure each."""


def auc_of(subject: Subject, run: Run) -> AucInterval:
    """Returns the AUC that a report gives of a run: of its class, or the macro average."""
    if not subject.one_class:
        return model_classes(subject.workspace, run.id).aucs.macro
    said = subject.said(run)
    return auc_interval(*columns(said), patients=said.patient_ids)


def averaged_over(subject: Subject, run: Run) -> str:
    """Says over how many classes the macro average of a run is; empty where over all."""
    found = model_classes(subject.workspace, run.id).aucs
    return over_text(found.n_averaged, len(found.classes))


def colour_of(subject: Subject, run: Run) -> MeanColour | None:
    """Returns what the mean colour reaches where a report looks at a run, see `auc_of`."""
    return mean_colour(
        subject.workspace,
        run,
        class_name=subject.classes[0] if subject.one_class else None,
        aggregate=subject.options.aggregate,
    )


def discrimination_section(subject: Subject) -> Section:
    """Returns the table of AUCs and the ROC curves."""
    blocks: list[Block] = [_auc_table(subject)]
    if subject.one_class:
        blocks.append(_roc(subject))
    else:
        blocks.append(_class_table(subject))
        blocks += [_class_roc(subject, run) for run in subject.runs[:_MOST_FIGURES]]
    return Section("discrimination", "Discrimination", tuple(blocks))


def _auc_table(subject: Subject) -> Table:
    rows = []
    fewer = False
    for run in subject.runs:
        found = auc_of(subject, run)
        colour = colour_of(subject, run)
        over = "" if subject.one_class else averaged_over(subject, run)
        fewer = fewer or bool(over)
        patients = NONE if found.n_patients is None else f"{found.n_patients:,}"
        rows.append(
            (
                subject.names[run.id],
                f"{found.auc:.3f}{f' ({over})' if over else ''}",
                ends(found.low, found.high),
                f"{found.n_positive:,} / {found.n_positive + found.n_negative:,}",
                patients,
                NONE if colour is None else auc_text(colour.auc),
                p_text(None if colour is None else colour.p_value),
            )
        )
    what = f"for {subject.label(subject.classes[0])}"
    what = what if subject.one_class else "macro averages over the classes"
    way = subject.options.aggregate
    level = "" if way is None else f"; a row is a patient, scored by {AGGREGATES[way].label}"
    return Table(
        f"AUC of each model, {what}{level}.",
        (
            "Model",
            "AUC",
            "95 % CI",
            f"Positive / all {subject.unit}s",
            "Patients",
            "Mean colour alone (95 % CI)",
            "p against it",
        ),
        tuple(rows),
        interval_method([auc_of(subject, run) for run in subject.runs])
        + " Mean colour: a logistic regression on the mean red, green and blue of each photograph, "
        "validated in the same way, where a model was fitted on these photographs; a model that is "
        "not better may have learned no disease." + (f" {_FEWER}" if fewer else ""),
    )


def interval_method(of_runs: Sequence[AucInterval]) -> str:
    """Says what the intervals of some AUCs rest on; what differs is told of the first."""
    found = of_runs[0]
    if found.method.endswith("exact"):
        return "No variance can be estimated: the interval is the exact bound on pairs."
    if found.n_patients is None:
        return (
            "Intervals: DeLong's variance on the logit scale; photographs count as independent "
            "because patients are unknown, so that with two eyes per patient they are too narrow."
        )
    same = len({one.n_patients for one in of_runs}) == 1
    who = f"the {count(found.n_patients, 'patient')}" if same else "the patients of each model"
    return (
        "Intervals: Obuchowski's form of DeLong's variance on the logit scale and Student's t; "
        f"{who} are independent, not the photographs."
    )


def _roc(subject: Subject) -> Figure:
    with_bands = len(subject.runs) <= MOST_BANDS
    traces = []
    for run in subject.runs:
        name = subject.names[run.id]
        traces.append(roc_trace(subject.said(run), name=name, with_band=with_bands))
    said_bands = (
        " Bands: 95 % of each point by itself, by resampling patients." if with_bands else ""
    )
    if with_bands and not subject.patients_known:
        said_bands = " Bands: 95 % of each point by itself, by resampling photographs."
    label = subject.label(subject.classes[0])
    alt = "; ".join(f"{one.name}: AUC {auc_text(one.interval)}" for one in traces)
    return Figure(
        roc_figure(traces),
        f"ROC curves for {label}, of {_whose_scores(subject.runs)}, with AUC (95 % CI)."
        f"{said_bands} Dotted: chance.",
        f"ROC curves. {alt}.".replace(NO_BREAK, " "),
    )


def _whose_scores(runs: Sequence[Run]) -> str:
    """Returns in words which scores figures are of."""
    return " and of ".join(dict.fromkeys(_scores_of(run) for run in runs))


def _scores_of(run: Run) -> str:
    if run.kind in _SCORES:
        return _SCORES[run.kind]
    is_split = len(run.folds) == 1
    return "scores of the table's own test split" if is_split else "pooled held-out scores"


_SCORES = {
    "external": "scores of a model that was fitted before",
    "zero_shot": "scores by words alone",
}
"""By the kind of a run."""


def _class_table(subject: Subject) -> Table:
    rows = []
    for run in subject.runs:
        found = model_classes(subject.workspace, run.id).aucs
        name = subject.marks[run.id]
        rows += [
            (
                name,
                subject.label(one.class_name),
                f"{one.n_positive:,}",
                "none" if one.interval is None else f"{one.interval.auc:.3f}",
                NONE if one.interval is None else ends(one.interval.low, one.interval.high),
            )
            for one in found.classes
        ]
        for kind, of in (("macro", found.macro), ("micro", found.micro)):
            average = average_name(kind, found.averaged, subject.target.scored_classes)
            rows.append((name, average, NONE, f"{of.auc:.3f}", ends(of.low, of.high)))
    return Table(
        "AUC of each class against the rest.",
        ("Model", "Class", "Positive", "AUC", "95 % CI"),
        tuple(rows),
        "The micro average is higher where classes are of different frequency, whatever the model "
        "sees.",
    )


def _class_roc(subject: Subject, run: Run) -> Figure:
    traces = []
    for name in subject.target.scored_classes:
        said = subject.said(run, name)
        if not said.y_true.any() or said.y_true.all():
            continue
        traces.append(roc_trace(said, name=subject.label(name)))
    alt = "; ".join(f"{one.name}: AUC {auc_text(one.interval)}" for one in traces)
    return Figure(
        roc_figure(traces),
        f"ROC curves of {subject.names[run.id]}, each class against the rest.",
        f"ROC curves. {alt}.",
    )


def difference_section(subject: Subject) -> Section:
    """Returns all pairs of models with their tests, corrected by Holm's method."""
    blocks: tuple[Block, ...]
    if len(subject.runs) < 2:
        blocks = (Words("One model was reported, so there is no difference to test."),)
    else:
        try:
            blocks = _of_one_class(subject) if subject.one_class else _of_classes(subject)
        except FundusError as error:
            blocks = (Words(f"The models cannot be compared: {error.message} {error.hint}"),)
    return Section("differences", "Differences between models", blocks)


def compared(subject: Subject) -> Comparison:
    """Compares the models of a report on its one class."""
    return compare(
        subject.workspace,
        [run.id for run in subject.runs],
        class_name=subject.classes[0],
        aggregate=subject.options.aggregate,
    )


def _of_one_class(subject: Subject) -> tuple[Block, ...]:
    found = compared(subject)
    if found.untested:
        return (Words(f"The models are not tested: {found.untested}."),)
    rows = tuple(
        (
            _pair(subject, one.run_a, one.run_b),
            f"{one.result.difference:+z.3f}",
            f"{one.result.low:+z.3f} to {one.result.high:+z.3f}",
            f"{one.result.z:+z.2f}",
            degrees_text(one.result),
            p_text(one.result.p_value),
            p_text(one.p_holm),
            p_text(one.plain.p_value) if one.plain else NONE,
        )
        for one in found.pairs
    )
    joint = found.all_equal.result
    said = ""
    if joint is not None:
        said = (
            f" One test of all {len(found.runs)} models at once: statistic {joint.statistic:.2f} "
            f"on {joint.rank} contrasts, p = {p_text(joint.p_value)}."
        ).replace("p = <", "p <")
    table = Table(
        f"Differences of AUC between all pairs of models, for {subject.label(subject.classes[0])}.",
        (
            "Pair",
            "Difference",
            "95 % CI",
            statistic_name(one.result for one in found.pairs),
            "df",
            "p",
            "p (Holm)",
            "p, photographs independent",
        ),
        rows,
        test_method(found.pairs[0].result, paired=found.paired)
        + f" Holm's correction is over the {count(len(rows), 'pair')} of this table.{said} "
        "A large p-value does not show that two models are equal: read the intervals.",
    )
    return (table, *_of_tests(subject, found.cautions))


def _pair(subject: Subject, a: str, b: str) -> str:
    return f"{subject.marks[a]} less {subject.marks[b]}"


def test_method(found: AucComparison, *, paired: bool) -> str:
    """Says which test was made."""
    kind = "paired" if paired else "unpaired"
    if "obuchowski" in found.method:
        return (
            f"DeLong's {kind} test in Obuchowski's clustered form: patients are independent, not "
            "photographs. The last column is the plain test, which takes them as independent."
        )
    return f"DeLong's {kind} test; photographs count as independent."


def _of_tests(subject: Subject, cautions: Sequence[Caution]) -> tuple[Block, ...]:
    """Returns those of a comparison's cautions that its tests gave, and no model by itself."""
    own = tuple(one.text for run in subject.runs for one in run.cautions)
    of_tests = [one for one in cautions if one.code in {"FD018", "FD023"}]
    said = tuple(one for one in of_tests if not one.text.endswith(own))
    return (CautionList(said),) if said else ()


def _of_classes(subject: Subject) -> tuple[Block, ...]:
    found = compare_classes(subject.workspace, [run.id for run in subject.runs])
    rows = []
    reasons: dict[tuple[str, str], None] = {}
    for pair in found.pairs:
        name = _pair(subject, pair.run_a, pair.run_b)
        tests = (pair.macro, pair.micro, *pair.classes)
        reasons |= {(one.name, one.reason): None for one in tests if one.reason}
        rows += [(name, *_test_row(subject, one)) for one in tests]
    return (
        Table(
            "Differences of AUC between all pairs of models, for the averages and each class.",
            ("Pair", "Class", "Difference", "95 % CI", "p", "p (Holm)"),
            tuple(rows),
            "By patient where patients are known. Holm's correction is over all classes and pairs "
            f"together ({count(found.n_tests, 'test')}), and for each average over the pairs."
            + _not_tested(subject, list(reasons)),
        ),
        *_of_tests(subject, found.cautions),
    )


def _not_tested(subject: Subject, reasons: Sequence[tuple[str, str]]) -> str:
    """Says why rows have no test.

    Args:
        subject: What is reported.
        reasons: Class or average, and why.
    """
    if not reasons:
        return ""
    said = "; ".join(f"{_test_name(subject, name)}: {reason}" for name, reason in reasons)
    return f" Not tested: {said}."


def _test_name(subject: Subject, name: str) -> str:
    """Returns what a class or an average is called."""
    return subject.label(name) if name in subject.target.scored_classes else name


def _test_row(subject: Subject, one: AdjustedTest) -> tuple[str, str, str, str, str]:
    name = _test_name(subject, one.name)
    result = one.result
    if result is None:
        return name, "not tested", NONE, NONE, NONE
    return (
        name,
        f"{result.difference:+z.3f}",
        f"{result.low:+z.3f} to {result.high:+z.3f}",
        p_text(result.p_value),
        p_text(one.p_holm),
    )
