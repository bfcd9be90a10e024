"""Commands that look at what models said."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.classes import describe_class_comparison, print_class_comparison
from fundus_core.cli.model import describe_run
from fundus_core.cli.output import auc_fields, auc_text, print_cautions, print_json, print_line
from fundus_core.errors import SaliencyError
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows import classes
from fundus_core.workflows import compare as comparing
from fundus_core.workflows import explain as explaining
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
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Tests whether models differ, by patient where patients are known."""
    place = find_workspace(workspace)
    if class_name is None and classes.has_several_classes(place, runs[0]):
        of_all = classes.compare_classes(place, runs, common=common)
        if as_json:
            print_json(describe_class_comparison(of_all))
        else:
            print_class_comparison(of_all)
        return
    result = comparing.compare(place, runs, class_name=class_name, common=common)
    if as_json:
        print_json(describe_comparison(result))
        return
    patients = "unknown" if result.n_patients is None else str(result.n_patients)
    print_line(f"{result.n_images} photographs, patients: {patients}")
    for run in result.runs:
        print_line(f"  {run.label}: AUC {auc_text(run.auc)}")
    for pair in result.pairs:
        test = pair.result
        print_line(
            f"  {pair.label_a} minus {pair.label_b}: {test.difference:+.3f} "
            f"({test.low:+.3f} to {test.high:+.3f}), z = {test.z:.2f}, p = {test.p_value:.3g}, "
            f"Holm p = {pair.p_holm:.3g}; {test.method}"
        )
    print_cautions(result.cautions)


def describe_comparison(result: comparing.Comparison) -> dict[str, Any]:
    """Returns what `compare --json` prints."""
    return {
        "class": result.class_name,
        "n_images": result.n_images,
        "n_patients": result.n_patients,
        "paired": result.paired,
        "runs": [
            {
                "run_id": run.run_id,
                "label": run.label,
                **auc_fields(run.auc),
            }
            for run in result.runs
        ],
        "pairs": [_describe_pair(pair) for pair in result.pairs],
        "cautions": list(result.cautions),
    }


def _describe_pair(pair: comparing.ComparedPair) -> dict[str, Any]:
    test = pair.result
    return {
        "run_a": pair.run_a,
        "run_b": pair.run_b,
        "difference": test.difference,
        "difference_low": test.low,
        "difference_high": test.high,
        "z": test.z,
        "p_value": test.p_value,
        "p_holm": pair.p_holm,
        "method": test.method,
        "plain": None if pair.plain is None else asdict(pair.plain),
    }


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
