"""Commands that put a model under stress: subgroups of photographs, and shortcuts."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import (
    auc_fields,
    auc_text,
    print_cautions,
    print_json,
    print_line,
    progress,
)
from fundus_core.domain.bounds import FINITE
from fundus_core.errors import TargetError
from fundus_core.io.workspace import find_workspace
from fundus_core.stats.class_tests import FEWEST_UNITS_TO_TEST
from fundus_core.stats.inference import TESTED_UNITS
from fundus_core.stats.proportions import Share
from fundus_core.stats.subgroups import GroupTest, Subgroup
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.evaluation.shortcut_strata import USUAL_STRATA, Survival, survivals
from fundus_core.workflows.evaluation.shortcuts import (
    ShortcutComparison,
    ShortcutProbe,
    shortcuts_of,
)
from fundus_core.workflows.evaluation.subgroups import (
    NO_THRESHOLD,
    USUAL_BANDS,
    GroupedRun,
    grouping_columns,
    subgroups_of,
)
from fundus_core.workflows.models.runs import load_run

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Run id, or its beginning.")]
ClassOption = Annotated[
    str | None, typer.Option("--class", help="Of several classes, the one to ask about.")
]


def subgroups(
    run: RunArgument,
    by: Annotated[
        str, typer.Option("--by", help="Column of the table; without it, they are listed.")
    ] = "",
    class_name: ClassOption = None,
    threshold: Annotated[
        float | None,
        options.number(
            FINITE,
            help="Called positive from this score on, in every group. [0.5; none by words alone]",
        ),
    ] = None,
    bands: Annotated[int, typer.Option(min=2, max=10, help="Bands that numbers are cut into.")] = (
        USUAL_BANDS
    ),
    min_patients: Annotated[
        int,
        options.number(TESTED_UNITS, help="Fewest patients of each class that a tested group has."),
    ] = FEWEST_UNITS_TO_TEST,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Measures a model in each group of photographs and tests whether groups differ."""
    place = find_workspace(workspace)
    chosen = load_run(place, run)
    if not by:
        offered = grouping_columns(place, stored_dataset(place, chosen.dataset_id), chosen.target)
        raise TargetError(
            "No column was named to group by.",
            hint=f"Name one by --by: {', '.join(one.name for one in offered) or 'none'}.",
        )
    found = subgroups_of(
        place,
        chosen,
        by,
        class_name,
        threshold=threshold,
        bands=bands,
        min_patients=min_patients,
    )
    if as_json:
        print_json(describe_subgroups(found))
    else:
        _print_subgroups(found)


def shortcuts(
    run: RunArgument,
    class_name: ClassOption = None,
    strata: Annotated[int, typer.Option(min=2, max=20, help="Strata of each shortcut.")] = (
        USUAL_STRATA
    ),
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Holds a model against probes on colour, light, geometry, file size and camera."""
    place = find_workspace(workspace)
    found = shortcuts_of(place, load_run(place, run), class_name, progress=progress())
    left = survivals(found, n_strata=strata)
    if as_json:
        print_json(describe_shortcuts(found, left))
    else:
        _print_shortcuts(found, left)


def describe_subgroups(found: GroupedRun) -> dict[str, Any]:
    """Returns what `subgroups --json` prints."""
    result = found.result
    return {
        "run_id": found.run_id,
        "label": found.label,
        "class": found.class_name,
        "n_images": found.n_images,
        "n_patients": found.n_patients,
        "by": asdict(found.column),
        "edges": found.edges,
        "threshold": None if found.ranks_only else result.threshold,
        "min_patients": result.fewest,
        "overall": _describe_group(result.overall),
        "groups": [_describe_group(one) for one in result.groups],
        "tests": {
            "auc": result.auc_test,
            "sensitivity": result.sensitivity_test,
            "specificity": result.specificity_test,
        },
        "left_out": {test.figure.lower(): test.left_out for test in found.tests},
        "no_auc_test": result.reason,
        "cautions": found.cautions,
    }


def describe_shortcuts(found: ShortcutComparison, left: tuple[Survival, ...]) -> dict[str, Any]:
    """Returns what `shortcuts --json` prints."""
    return {
        "run_id": found.run_id,
        "label": found.label,
        "class": found.class_name,
        "n_images": len(found.predictions.image_ids),
        "n_unreadable": found.n_unreadable,
        "folds_from": found.folds_from,
        **auc_fields(found.auc),
        "shortcuts": [_describe_probe(one) for one in found.probes],
        "within_strata": [_describe_survival(one) for one in left],
        "cautions": found.cautions,
    }


def _describe_group(one: Subgroup) -> dict[str, Any]:
    return {
        "group": one.name,
        "n_images": one.n_images,
        "n_positive": one.n_positive,
        "n_patients": one.n_patients,
        "units": one.units,
        **auc_fields(one.auc),
        "sensitivity": one.sensitivity and one.sensitivity._asdict(),
        "specificity": one.specificity and one.specificity._asdict(),
        "tested": one.tested,
        "reason": one.reason,
        "against_rest": one.against_rest,
    }


def _describe_probe(one: ShortcutProbe) -> dict[str, Any]:
    return {
        "shortcut": one.key,
        "label": one.label,
        **auc_fields(one.auc),
        "model_minus_shortcut": one.result,
        "p_holm": one.p_holm,
        "beaten": one.beaten,
        "reason": one.reason,
    }


def _describe_survival(one: Survival) -> dict[str, Any]:
    result = one.result
    if result is None:
        return {"shortcut": one.key, "reason": one.reason}
    return {
        "shortcut": one.key,
        "n_strata": result.n_strata,
        "n_images": result.n_images,
        "n_pairs": result.n_pairs,
        **auc_fields(result.auc),
        "difference": result.difference,
        "difference_low": result.low,
        "difference_high": result.high,
        "surviving": result.surviving,
        "reason": "",
    }


def _print_subgroups(found: GroupedRun) -> None:
    result = found.result
    patients = "unknown" if found.n_patients is None else str(found.n_patients)
    print_line(f"{found.label}, {found.class_name}, by {found.column.name}")
    print_line(f"{found.n_images} photographs, patients: {patients}")
    for one in (result.overall, *result.groups):
        print_line(f"  {one.name} ({one.n_images} photographs, {one.n_positive} with it)")
        shares = (
            f", sensitivity {_share_text(one.sensitivity)}, "
            f"specificity {_share_text(one.specificity)}"
        )
        auc = "none" if one.auc is None else auc_text(one.auc)
        print_line(f"    AUC {auc}{'' if found.ranks_only else shares}")
        left_out = [test.figure for test in found.tests if one.name in test.left_out]
        if one.reason and left_out:
            print_line(f"    not tested for {', '.join(left_out)}, {one.reason}")
        if rest := one.against_rest:
            print_line(
                f"    less the rest: {rest.difference:+z.3f} "
                f"({rest.low:+z.3f} to {rest.high:+z.3f}), p = {rest.p_value:.3g}, "
                f"Holm p = {rest.p_holm:.3g}"
            )
    for test in found.tests:
        print_line(f"  Equal {test.figures}: {_test_text(test)}")
    if found.ranks_only:
        print_line(f"  {NO_THRESHOLD}")
    else:
        print_line(f"  Threshold {result.threshold:g} in every group.")
    print_cautions(found.cautions)


def _print_shortcuts(found: ShortcutComparison, left: tuple[Survival, ...]) -> None:
    print_line(f"{found.label}, {found.class_name}: {len(found.predictions.image_ids)} photographs")
    print_line(f"  Model: AUC {auc_text(found.auc)}")
    for one in found.probes:
        if one.auc is None:
            print_line(f"  {one.label}: none, {one.reason}")
            continue
        said = one.reason
        if one.result is not None and one.p_holm is not None:
            said = f"model minus it {one.result.difference:+z.3f}, Holm p = {one.p_holm:.3g}"
        print_line(f"  {one.label}: AUC {auc_text(one.auc)}; {said}")
    print_line(f"  Probes learned in {found.folds_from}.")
    for kept in left:
        if kept.result is None:
            print_line(f"  Within strata of {kept.label}: none, {kept.reason}")
            continue
        share = kept.result.surviving
        survives = "" if share is None else f", {share:.0%} of what is above 0.5 survives"
        print_line(f"  Within strata of {kept.label}: AUC {auc_text(kept.result.auc)}{survives}")
    print_cautions(found.cautions)


def _share_text(share: Share | None) -> str:
    return "none" if share is None else f"{share.value:.3f} ({share.low:.3f}–{share.high:.3f})"


def _test_text(test: GroupTest) -> str:
    if test.result is None:
        return f"no test, {test.reason}"
    without = f"; without {', '.join(test.left_out)}" if test.left_out else ""
    return (
        f"chi-square {test.result.statistic:.2f} on {test.result.degrees_of_freedom}, p = "
        f"{test.result.p_value:.3g} ({test.result.n_groups} groups, {test.result.shared_units} "
        f"shared patients{without})"
    )
