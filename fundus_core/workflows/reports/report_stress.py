"""Sections of a report that try to make a model look worse: groups, shortcuts, heat maps."""

from collections import defaultdict

import numpy as np

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import FundusError, SaliencyError
from fundus_core.explain.trust import NOT_SHOWN, TrustLight
from fundus_core.io.store import ArtifactStore
from fundus_core.plots.shortcuts import shortcut_forest
from fundus_core.plots.subgroups import auc_by_group
from fundus_core.report.content import Block, Figure, Heading, Section, Table, Words
from fundus_core.stats.proportions import Share
from fundus_core.stats.subgroups import GroupTest
from fundus_core.workflows.data.measured import stored_measurements
from fundus_core.workflows.evaluation.shortcuts import ShortcutComparison, shortcuts_of
from fundus_core.workflows.evaluation.subgroups import (
    NO_THRESHOLD,
    GroupedRun,
    grouping_columns,
    subgroups_of,
)
from fundus_core.workflows.explanations.explained import Asked
from fundus_core.workflows.explanations.model_trust import LIGHTS, NO_MAP, summed_up
from fundus_core.workflows.explanations.trust import stored_light
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions
from fundus_core.workflows.reports.report_subject import Subject
from fundus_core.workflows.reports.report_words import (
    NONE,
    auc_text,
    count,
    interval,
    listed,
    p_text,
)

_USUAL = ("site", "camera", "eye", "sex", "age")
"""Columns that a report groups by, where the table has them."""

_TRUST = "trust"


def subgroup_section(subject: Subject) -> Section:
    """Returns each model in the groups of the usual columns, or of those asked for."""
    blocks: list[Block] = []
    for run in subject.runs:
        found, refusals = _grouped(subject, run)
        if found:
            blocks += [
                Heading(subject.names[run.id]),
                *(_group_table(subject, one) for one in found),
            ]
            blocks += [_group_figure(subject, one) for one in found[:1]]
        blocks += refusals
    if not blocks:
        blocks = [
            Words(
                f"The table has none of the columns {', '.join(_USUAL)}, so no groups were "
                "compared."
            )
        ]
    else:
        blocks.append(
            Words(
                "Tests of single columns are not corrected for one another. A difference says "
                "that there is one, not why; a large p-value does not show that groups are equal.",
                "note",
            )
        )
    return Section("subgroups", "Subgroups", tuple(blocks))


def columns_of(subject: Subject, dataset: FundusDataset, run: Run) -> tuple[str, ...]:
    """Returns the columns that a run is grouped by; none that would name single patients."""
    if subject.options.by:
        return subject.options.by
    offered = grouping_columns(subject.workspace, dataset, run.target)
    return tuple(
        one.name
        for one in offered
        if one.name in _USUAL and not (one.kind == "names" and one.n_values == dataset.n_patients)
    )


def _grouped(subject: Subject, run: Run) -> tuple[list[GroupedRun], list[Block]]:
    dataset = subject.datasets.get(run.dataset_id)
    if dataset is None:
        return [], []
    found: list[GroupedRun] = []
    refusals: list[Block] = []
    for column in columns_of(subject, dataset, run):
        try:
            found.append(subgroups_of(subject.workspace, run, column, subject.classes[0]))
        except FundusError as error:
            refusals.append(Words(f"{column}: {error.message}", "note"))
    return found, refusals


def _group_table(subject: Subject, found: GroupedRun) -> Table:
    result = found.result
    rest = any(one.against_rest for one in result.groups)
    rows = tuple(
        (
            one.name,
            f"{one.n_positive:,} / {one.n_images:,}",
            NONE if one.n_patients is None else f"{one.n_patients:,}",
            auc_text(one.auc),
            *([] if found.ranks_only else [_share(one.sensitivity), _share(one.specificity)]),
            *([p_text(one.against_rest.p_holm if one.against_rest else None)] if rest else []),
        )
        for one in (result.overall, *result.groups)
    )
    tests = "; ".join(_test(one) for one in found.tests)
    units = "photographs" if found.n_patients is None else "patients"
    return Table(
        f"By {found.column.name}, for {subject.label(found.class_name)}, by photograph"
        + (
            f". {NO_THRESHOLD}"
            if found.ranks_only
            else "; sensitivity and specificity at a threshold of "
            f"{result.threshold:g} in every group."
        ),
        (
            "Group",
            "Positive / all",
            "Patients",
            "AUC (95 % CI)",
            *([] if found.ranks_only else ["Sensitivity", "Specificity"]),
            *(["p (Holm)"] if rest else []),
        ),
        rows,
        ("p: AUC of the group against that of all others, Holm's correction. " if rest else "")
        + f"Are they equal in all groups that have enough {units}? {tests}.",
    )


def _test(test: GroupTest) -> str:
    """Returns a test with the groups that it leaves out."""
    if test.result is None:
        return f"{test.figures}: not tested ({test.reason.rstrip('.')})"
    p = p_text(test.result.p_value)
    equals = p if p.startswith("<") else f"= {p}"
    without = f", without {listed(list(test.left_out))}" if test.left_out else ""
    return (
        f"{test.figures}: chi-square {test.result.statistic:.2f} on "
        f"{test.result.degrees_of_freedom}, p {equals}{without}"
    )


def _share(share: Share | None) -> str:
    if share is None:
        return "none"
    return f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


def _group_figure(subject: Subject, found: GroupedRun) -> Figure:
    groups = found.result.groups
    alt = "; ".join(f"{one.name}: {auc_text(one.auc)}" for one in groups)
    return Figure(
        auc_by_group(found.result),
        f"AUC of {subject.names[found.run_id]} by {found.column.name}, for "
        f"{subject.label(found.class_name)}, by photograph, with 95 % intervals. "
        "Dotted: all photographs. Grey and open: too few, not tested.",
        f"AUC of each group. {alt}.",
    )


def shortcut_section(subject: Subject) -> Section:
    """Returns each model beside what can be measured without looking at the retina."""
    blocks: list[Block] = []
    for run in subject.runs:
        dataset = subject.datasets.get(run.dataset_id)
        if dataset is None or stored_measurements(subject.workspace, dataset) is None:
            continue
        try:
            found = shortcuts_of(subject.workspace, run, subject.classes[0])
        except FundusError as error:
            blocks.append(Words(f"{subject.names[run.id]}: {error.message}", "note"))
        else:
            blocks += _shortcuts(subject, found)
    if not blocks:
        blocks = [
            Words(
                "Beside the mean colour, which stands in the table of AUCs, no shortcut was "
                "measured of these photographs. `fundus shortcuts RUN` measures light, sharpness, "
                "field of view, file and camera; a report made afterwards holds them."
            )
        ]
    return Section("shortcuts", "Shortcuts", tuple(blocks))


def _shortcuts(subject: Subject, found: ShortcutComparison) -> tuple[Block, ...]:
    name = subject.names[found.run_id]
    rows = tuple(
        (
            one.label,
            auc_text(one.auc),
            NONE if one.result is None else f"{one.result.difference:+z.3f}",
            p_text(one.p_holm),
            "yes" if one.beaten and one.auc else "no" if one.auc else one.reason,
        )
        for one in found.probes
    )
    measured = [(one.label, one.auc, one.beaten) for one in found.probes if one.auc]
    alt = "; ".join(f"{label}: AUC {auc_text(auc)}" for label, auc, _ in measured)
    return (
        Heading(name),
        Table(
            f"{name} (AUC {auc_text(found.auc)} for {subject.label(found.class_name)}, by "
            "photograph) against logistic regressions on what is no sign of disease, "
            f"{count(len(found.predictions.image_ids), 'photograph')}.",
            ("Shortcut", "AUC (95 % CI)", "Model less it", "p (Holm)", "Model shown to be better"),
            rows,
            f"Shortcuts learned in {found.folds_from}. A model that beats them all may still use "
            f"one that was not measured.{_two_colours(subject, found)}",
        ),
        Figure(
            shortcut_forest((name, found.auc), measured),
            f"AUC of {name} and of each shortcut for {subject.label(found.class_name)}, by "
            "photograph, with 95 % intervals. Dotted: one half.",
            f"AUC of the model: {auc_text(found.auc)}. {alt}.",
        ),
    )


def _two_colours(subject: Subject, found: ShortcutComparison) -> str:
    """Says why the mean colour has another AUC here than in the table of AUCs, if it is in both."""
    if all(run.baseline_auc is None for run in subject.runs if run.id == found.run_id):
        return ""
    return (
        " The mean colour here is that of the field of view, with a fixed penalty; the one in the "
        "table of AUCs is of the square that networks are given, its penalty chosen by inner "
        "folds where patients are enough. So their AUCs may differ."
    )


def trust_section(subject: Subject) -> Section | None:
    """Returns the lights of heat maps that were tested before; None where there are none."""
    rows = []
    for run in subject.runs:
        for asked, images in _tested(subject, run).items():
            lights = _lights(subject, run, asked, images)
            if lights:
                rows.append(_light_row(subject, run, asked, lights))
    if not rows:
        return None
    table = Table(
        "Heat maps that were tested in this workspace: shares of lights.",
        ("Model", "Class", "Method", "Photographs", *LIGHTS, NO_MAP),
        tuple(rows),
        "Shares with 95 % intervals by patient. The photographs are those that somebody tested, "
        f"not a random sample. {NOT_SHOWN}",
    )
    return Section("heat-maps", "Heat maps", (table,))


def _tested(subject: Subject, run: Run) -> dict[Asked, list[str]]:
    """Returns what was asked of a run's maps -> the photographs tested."""
    found: dict[Asked, list[str]] = defaultdict(list)
    for about in ArtifactStore(subject.workspace.root / _TRUST).describe().values():
        if about.get("run") == run.id and about.get("seed") == 0:
            layer = about.get("layer") or None
            asked = Asked(about["class_name"], about["minus"], about["method"], layer)
            found[asked].append(about["image"])
    return found


def _lights(
    subject: Subject, run: Run, asked: Asked, images: list[str]
) -> list[tuple[str, TrustLight]]:
    found = []
    for image in images:
        try:
            light = stored_light(subject.workspace, run.id, image, asked)
        except FundusError:
            continue  # of a photograph that is no longer remembered
        if light is not None:
            found.append((image, light))
    return found


def _light_row(
    subject: Subject, run: Run, asked: Asked, lights: list[tuple[str, TrustLight]]
) -> tuple[str, ...]:
    said = run_predictions(subject.workspace, run)
    patients = None
    ids = [image for image, _ in lights]
    if said.patient_ids is not None:
        of = dict(zip(said.image_ids, said.patient_ids, strict=True))
        known = [of.get(image) for image in ids]
        if all(one is not None for one in known):
            patients = np.array(known, dtype=str)
    outcomes: list[TrustLight | SaliencyError] = [light for _, light in lights]
    summed = summed_up(run.id, ids, outcomes, patients)
    shares = [interval(summed.shares[kind], 2) for kind in (*LIGHTS, NO_MAP)]
    return (
        subject.marks[run.id],
        subject.label(asked.class_name),
        asked.method,
        f"{len(lights)}",
        *shares,
    )
