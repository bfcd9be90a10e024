"""Commands that look at what models said."""

from typing import Annotated

import typer

from fundus_core.cli import options
from fundus_core.cli.classes import describe_class_comparison, print_class_comparison
from fundus_core.cli.comparisons import (
    Adjustment,
    describe_comparison,
    print_comparison,
    require_one_class,
)
from fundus_core.cli.model import describe_run, run_auc_text
from fundus_core.cli.output import print_json, print_left_out, print_line
from fundus_core.domain.bounds import CHANCE
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows.evaluation import classes
from fundus_core.workflows.evaluation import compare as comparing
from fundus_core.workflows.evaluation.margins import against_margin
from fundus_core.workflows.models.runs import list_runs


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN RUN [RUN ...]", help="Run ids, or tables of predictions."),
    ],
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="Of several classes, the one to compare on; all by default."),
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="Compare on the photographs that all models scored.")
    ] = False,
    level: options.Level = "image",
    aggregate: options.Aggregate = "max",
    margin: Annotated[
        float | None,
        options.number(
            CHANCE, help="Ask as well whether models are at least as good up to this loss of AUC."
        ),
    ] = None,
    adjust: Annotated[
        Adjustment, typer.Option(help="Correction for several pairs; --json holds both.")
    ] = Adjustment.HOLM,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Tests whether models differ, by patient where patients are known."""
    place = find_workspace(workspace)
    if class_name is None and classes.has_several_classes(place, runs[0]):
        require_one_class(margin, adjust)
        of_all = classes.compare_classes(place, runs, common=common)
        if as_json:
            print_json(describe_class_comparison(of_all))
        else:
            print_class_comparison(of_all)
        return
    result = comparing.compare(
        place,
        runs,
        class_name=class_name,
        common=common,
        aggregate=options.aggregate_of(level, aggregate),
    )
    held = () if margin is None else against_margin(result, margin)
    if as_json:
        print_json(describe_comparison(result, held))
    else:
        print_comparison(result, held, adjust)


def runs(as_json: options.Json = False, workspace: options.WorkspaceOption = None) -> None:
    """Lists the evaluated models."""
    place = find_workspace(workspace)
    found = list_runs(place)
    is_more = print_left_out(place.root, "runs", "datasets")
    if as_json:
        print_json([describe_run(place, run) | {"dataset_id": run.dataset_id} for run in found])
        return
    for run in found:
        print_line(f"{run.id}: {run.dataset_name}, {run.target.name}, {run_auc_text(run)}")
    if not found and not is_more:
        print_line("No runs yet. Fit one with `fundus probe`.")
