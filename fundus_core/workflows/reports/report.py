"""Use case: all that is known of some runs, as one report that can be sent and made again."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from fundus_core.caution_codes import LOUD
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import FundusError
from fundus_core.io.workspace import Workspace
from fundus_core.report.content import (
    Block,
    Figure,
    Listing,
    Pictures,
    Report,
    Section,
    Table,
    Words,
    rewritten,
)
from fundus_core.report.privacy import Discretion
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.reports.report_checklist import answers_of, checklist_section
from fundus_core.workflows.reports.report_clinical import calibration_section, operating_section
from fundus_core.workflows.reports.report_facts import caution_section, data_section, model_section
from fundus_core.workflows.reports.report_images import image_section
from fundus_core.workflows.reports.report_judged import judged_alike
from fundus_core.workflows.reports.report_methods import methods_section, reference_section
from fundus_core.workflows.reports.report_results import (
    auc_of,
    averaged_over,
    colour_of,
    compared,
    difference_section,
    discrimination_section,
)
from fundus_core.workflows.reports.report_stress import (
    shortcut_section,
    subgroup_section,
    trust_section,
)
from fundus_core.workflows.reports.report_subject import ReportOptions, Subject, subject_of
from fundus_core.workflows.reports.report_words import auc_text, count, listed, p_text, percent
from fundus_core.workflows.reports.rerun_commands import commands_of
from fundus_core.workflows.reports.rerun_manifest import Manifest
from fundus_core.workflows.reports.rerun_record import manifest_of

_SIGNIFICANT = 0.05
_COUNTED = {"FD001", "FD022", "FD025"}
"""Cautions of `LOUD` whose figures are told too."""


def make_report(
    workspace: Workspace,
    references: Sequence[str],
    options: ReportOptions | None = None,
    *,
    progress: Progress = silent,
) -> Report:
    """Returns a report on stored runs of one target.

    It holds no patient ids, no paths and no file names; photographs, and the names of their files,
    only where `options` ask for them.

    Args:
        workspace: Where the runs are.
        references: Run ids, or their beginnings; in the order of the report.
        options: What is looked at, and shown.
        progress: Told after every section.

    Raises:
        FundusError: As `subject_of` does.
    """
    subject = subject_of(workspace, references, options or ReportOptions())
    title = subject.options.title or _title(subject)
    made = _sections(subject, progress)
    manifest = manifest_of(workspace, subject.runs, title=title, options=asdict(subject.options))
    shown = image_section(subject)
    present = {
        one.key: one.title for one in (*made, shown) if one is not None and _has_figures(one)
    }
    sections = [
        *made,
        methods_section(subject, present),
        checklist_section(subject, answers_of(subject, present, title)),
        _again_section(manifest),
        reference_section(subject),
    ]
    report = Report(
        title,
        _subtitle(subject),
        f"Made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on Python {platform.python_version()}.",
        _summary(subject),
        tuple(sections),
        manifest.to_dict(),
    )
    discreet = rewritten(report, Discretion(_paths(subject)))
    return discreet if shown is None else _with_photographs(discreet, shown)


def _has_figures(section: Section) -> bool:
    """Says whether a section shows something, and not only why it does not."""
    return any(isinstance(block, Figure | Pictures | Table) for block in section.blocks)


def _sections(subject: Subject, progress: Progress) -> list[Section]:
    makers = (
        data_section,
        discrimination_section,
        difference_section,
        calibration_section,
        operating_section,
        subgroup_section,
        shortcut_section,
        trust_section,
        model_section,
        caution_section,
    )
    found = []
    for number, make in enumerate(makers):
        progress(number, len(makers), "Writing the report")
        section = make(subject)
        if section is not None:
            found.append(section)
    progress(len(makers), len(makers), "Writing the report")
    return found


def _with_photographs(report: Report, shown: Section) -> Report:
    """Puts photographs behind the results; their captions alone may name files."""
    place = next(i for i, one in enumerate(report.sections) if one.key == "models")
    sections = (*report.sections[:place], shown, *report.sections[place:])
    return Report(
        report.title,
        report.subtitle,
        report.made_at,
        report.summary,
        sections,
        report.manifest,
    )


def _paths(subject: Subject) -> set[str]:
    """Returns the places that a report must not tell."""
    found = {str(subject.workspace.root)}
    for dataset in subject.datasets.values():
        found |= {dataset.source, *map(str, dataset.table["path"])}
        found |= {row.path for row in dataset.rejected}
    return found


def _title(subject: Subject) -> str:
    what = subject.label(subject.classes[0]) if subject.one_class else subject.target.name
    return f"{count(len(subject.runs), 'model')} for {what}"


def _subtitle(subject: Subject) -> str:
    sets = listed(list(dict.fromkeys(run.dataset_name for run in subject.runs)))
    synthetic = "synthetic " if any(run.synthetic for run in subject.runs) else ""
    judged = {
        f"{run.n_images:,} {synthetic}photographs, "
        + ("patients unknown" if run.n_patients is None else count(run.n_patients, "patient")): None
        for run in subject.runs
    }
    return f"{sets}: {' and '.join(judged)}"


def _summary(subject: Subject) -> tuple[str, ...]:
    said = [_best(subject)]
    if len(subject.runs) > 1 and subject.one_class:
        said.append(_differences(subject))
    if any(run.synthetic for run in subject.runs):
        said.append(
            "The photographs are synthetic: a program drew them, and no figure says anything "
            "about patients."
        )
    if loud := [told for code in LOUD if (told := _loud(subject, code))]:
        said.append(f"To be minded: {'; '.join(loud)}. See section Cautions.")
    return tuple(one for one in said if one)


def _loud(subject: Subject, code: str) -> str:
    """Says one caution in the words of a summary, and of which models; empty where it is of none.

    Figures are told where they are the same for all of them.
    """
    found = {run.id: one.text for run in subject.runs for one in run.cautions if one.code == code}
    if not found:
        return ""
    told = LOUD[code]
    if code in _COUNTED and len(set(found.values())) == 1:
        told += f" ({next(iter(found.values())).rstrip('.')})"
    if len(found) == len(subject.runs):
        return told
    models = [subject.plain_names[name] for name in found]
    return f"for {listed(models)}, {told}"


def _best(subject: Subject) -> str:
    """Says what the best model reached on each set of photographs that models were judged on."""
    groups = judged_alike(subject)
    said = [_best_of(subject, runs) for runs in groups]
    if len(groups) > 1:
        said.append("AUCs of different photographs are not ranked.")
    return " ".join([*said, "Brackets hold 95 % intervals."])


def _best_of(subject: Subject, runs: Sequence[Run]) -> str:
    """Says what the best of some models reached on the same photographs; see `auc_of`."""
    aucs = {run.id: auc_of(subject, run) for run in runs}
    best = max(aucs, key=lambda name: aucs[name].auc)
    run = next(one for one in runs if one.id == best)
    found = aucs[best]
    what = subject.label(subject.classes[0]) if subject.one_class else subject.target.name
    over = "" if subject.one_class else averaged_over(subject, run)
    average = "" if subject.one_class else f" (macro average{f' of {over}' if over else ''})"
    total = found.n_positive + found.n_negative
    where = f"{total:,} {subject.unit}s" if subject.one_class else count(run.n_images, "photograph")
    if found.n_patients is not None and subject.unit == "photograph":
        where += f" of {count(found.n_patients, 'patient')}"
    if subject.one_class:
        where += f", {percent(found.n_positive / total)} of them with {what}"
    said = f"On {where}, {subject.plain_names[best]} reached an AUC{average} of {auc_text(found)}"
    if len(runs) > 1:
        on_them = "" if len(runs) == len(subject.runs) else " judged on them,"
        said += f", the highest of {len(runs)} models{on_them} as observed"
    if subject.one_class and (colour := colour_of(subject, run)) is not None:
        said += f"; the mean colour alone reaches {colour.auc.auc:.3f}"
    return f"{said}."


def _differences(subject: Subject) -> str:
    """Says which models differ from the best after Holm's correction."""
    try:
        found = compared(subject)
    except FundusError:
        return ""
    if found.untested:
        return f"The models are not tested: {found.untested}."
    best = max(found.runs, key=lambda one: one.auc.auc).run_id
    surely: list[str] = []
    perhaps: list[str] = []
    for pair in found.pairs:
        if best not in {pair.run_a, pair.run_b}:
            continue
        other = pair.run_b if pair.run_a == best else pair.run_a
        p = p_text(pair.p_holm)
        said = f"{subject.plain_names[other]} (p {p if p.startswith('<') else f'= {p}'})"
        (surely if pair.p_holm < _SIGNIFICANT else perhaps).append(said)
    corrected = f"After Holm's correction over {count(len(found.pairs), 'pair')}"
    if len(found.pairs) == 1:
        corrected = "By the paired test" if found.paired else "By the unpaired test"
    who = "its AUC" if found.paired else f"the AUC of {subject.plain_names[best]}"
    parts = [f"{who} is higher than that of {listed(surely)}"] if surely else []
    if perhaps:
        it = "it" if found.paired or surely else who
        parts.append(f"{it} is not shown to differ from {listed(perhaps)}")
    alike = " Patients of the same ids are on both sides of a pair: see FD023."
    alike = alike if "FD023" in {one.code for one in found.cautions} else ""
    return f"{corrected}, {', and '.join(parts)}.{alike}"


def _again_section(manifest: Manifest) -> Section:
    """Returns the one command, the commands one by one, and what they need."""
    drawn = all(one.drawn_with for one in manifest.data) and manifest.data
    needs = (
        "The photographs are drawn again by the program."
        if drawn
        else "DATA is the folder, or table, of photographs; it must be the one whose fingerprint "
        "stands in section Data."
    )
    several = len(manifest.data) > 1 and not drawn
    data = "" if drawn else " --data DATA"
    if several:
        data = "".join(f" --data {one.id}=DATA" for one in manifest.data)
    commands = commands_of(manifest)
    lost = [f"{run.label}: {run.reason}." for run in manifest.runs if run.reason]
    blocks: list[Block] = [
        Words(
            "This file holds a manifest: the fingerprint of the data, the recipe of every run, "
            "seeds, versions, and a fingerprint of every score. One command reads it from this "
            "very file, makes every run again in an empty workspace, and compares:"
        ),
        Listing(f"fundus rerun REPORT.html{data}"),
        Words(
            f"{needs} Weights are found by their hash. Results are the same to the last digit on "
            "the same versions and the same kind of machine; elsewhere the command says by how "
            "much they differ."
        ),
    ]
    if commands:
        blocks += [
            Words("The same, step by step (files of weights are named without their ending):"),
            Listing("\n\n".join(commands)),
        ]
    if lost:
        blocks.append(Words(f"Not made again: {' '.join(lost)}", "note"))
    versions = ", ".join(f"{name} {said}" for name, said in manifest.versions.items())
    blocks.append(Words(f"Versions: {versions}.", "note"))
    return Section("again", "Running it again", tuple(blocks))
