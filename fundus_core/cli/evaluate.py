"""Commands that look at what models said."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.classes import describe_class_comparison, print_class_comparison
from fundus_core.cli.comparisons import (
    Adjustment,
    describe_comparison,
    print_comparison,
    require_one_class,
)
from fundus_core.cli.model import describe_run
from fundus_core.cli.output import auc_text, print_json, print_line
from fundus_core.errors import SaliencyError
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows import classes
from fundus_core.workflows import compare as comparing
from fundus_core.workflows import explain as explaining
from fundus_core.workflows.margins import against_margin
from fundus_core.workflows.runs import list_runs


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
        typer.Option(
            help="Ask as well whether models are at least as good up to this loss of AUC."
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


def explain(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, or its beginning.")],
    image: Annotated[
        list[str], typer.Option("--image", help="Path or image id; may be given several times.")
    ],
    class_name: Annotated[
        str | None, typer.Option("--class", help="The class to explain; the positive one.")
    ] = None,
    method: Annotated[str, typer.Option(help="See the methods page.")] = "grad_cam",
    out: Annotated[Path, typer.Option(help="Folder of the overlays.")] = Path("explanations"),
    opacity: Annotated[float, typer.Option(min=0.0, max=1.0)] = 0.6,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Draws where a model looked onto the photograph; one PNG per image."""
    outcomes = explaining.explain_many(
        find_workspace(workspace), run, image, class_name=class_name, method=method
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, SaliencyError)]
    if len(refusals) == len(outcomes):
        raise refusals[0]
    rows = [
        _describe_explanation(name, outcome, out, opacity)
        for name, outcome in zip(image, outcomes, strict=True)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        if row["overlay"] is None:
            print_line(f"{row['image']}: {row['refused']}")
        else:
            print_line(f"{row['overlay']}: score {row['score']:.3f} for {row['class']}")


def _describe_explanation(
    image: str, outcome: explaining.Explanation | SaliencyError, out: Path, opacity: float
) -> dict[str, Any]:
    """Writes the overlay and returns what `explain --json` prints of it."""
    if isinstance(outcome, SaliencyError):
        return {"image": image, "overlay": None, "refused": outcome.message}
    return {
        "image": image,
        "image_id": outcome.image_id,
        "path": outcome.path,
        "class": outcome.class_name,
        "score": outcome.score,
        "held_out": outcome.held_out,
        "layer": outcome.saliency.layer,
        "grid": list(outcome.saliency.values.shape),
        "overlay": explaining.write_overlay(outcome, out, opacity=opacity),
    }


def runs(as_json: options.Json = False, workspace: options.WorkspaceOption = None) -> None:
    """Lists the evaluated models."""
    place = find_workspace(workspace)
    found = list_runs(place)
    if as_json:
        print_json([describe_run(place, run) | {"dataset_id": run.dataset_id} for run in found])
        return
    for run in found:
        print_line(f"{run.id}: {run.dataset_name}, {run.target.name}, AUC {auc_text(run.auc)}")
    if not found:
        print_line("No runs yet. Fit one with `fundus probe`.")
