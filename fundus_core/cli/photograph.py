"""The command that looks at one photograph that belongs to no data set."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.checks import Caution
from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line
from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError, FundusError
from fundus_core.io.left_out import hint_with_left_out
from fundus_core.io.scratch_folders import sweep_scratch
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.workflows.data.datasets import list_datasets, stored_dataset
from fundus_core.workflows.models.run_names import names_by_target
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, load_run
from fundus_core.workflows.single import one_photograph
from fundus_core.workflows.single.odd_look import odd_look
from fundus_core.workflows.single.one_photograph_scores import (
    MEANING,
    PhotographScore,
    score_photograph,
)
from fundus_core.workflows.single.out_of_distribution import (
    NOT_SHOWN,
    Distance,
    distance_of,
    surroundings_of,
)


def photograph(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", parser=options.path, help="A photograph.")
    ],
    dataset: Annotated[
        str | None, typer.Option(help="Id of the data set to compare with. [the latest]")
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option("--run", help="Only this run; may be given several times.")
    ] = None,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Scores one photograph by every model of a data set; nothing of it is stored."""
    place = find_workspace(workspace)
    name = dataset or _latest(place)
    opened = stored_dataset(place, name)
    runs = [load_run(place, one) for one in run or []] or list_runs(place, dataset_id=name)
    sweep_scratch()
    received = one_photograph.receive(_content(file))
    try:
        others = one_photograph.measurements_of(place, opened)
        quality = one_photograph.quality_of(received.path, others)
        odd = odd_look({one.name: one.value for one in quality}, others)
        names = names_by_target(runs)
        models = [
            {"run_id": one.id, "name": names[one.id]} | _model(place, opened, one, received.path)
            for one in runs
        ]
    finally:
        received.forget()
    found = {
        "image_id": received.image_id,
        "in_data_set": received.image_id in opened.image_ids,
        "data_set": name,
        "synthetic": opened.synthetic,
        "quality": [asdict(one) for one in quality],
        "odd_look": asdict(odd) | {"unlike": odd.unlike},
        "models": models,
        "statement": one_photograph.STATEMENT,
    }
    if as_json:
        print_json(found)
    else:
        _print(found)


def _latest(workspace: Workspace) -> str:
    known = list_datasets(workspace)
    if not known:
        raise DataError(
            "No data set was opened in this workspace, so there is nothing to compare with.",
            hint=hint_with_left_out(
                "Open one by `fundus check FOLDER`, or the demo by `fundus app`.",
                workspace.root,
                "datasets",
            ),
        )
    return known[0].id


def _content(file: Path) -> bytes:
    if not file.is_file():
        raise DataError(f"There is no file {file}.", hint="Give the path of a photograph.")
    with file.open("rb") as opened:
        return opened.read(one_photograph.MAX_MEGABYTES * 1_000_000 + 1)


def _model(workspace: Workspace, dataset: FundusDataset, run: Run, path: Path) -> dict[str, Any]:
    """Returns what is printed of one model; one that cannot score says why."""
    about: dict[str, Any] = {"label": run.label, "target": run.target.name}
    problems = []
    try:
        vector = one_photograph.vector_of(workspace, run.embeddings, path, run.weights_path)
        around = surroundings_of(workspace, dataset, run.embeddings)
        about["distance"] = describe_distance(distance_of(vector, around))
    except FundusError as error:
        vector = None
        problems.append(f"{error.message} {error.hint}")
    try:
        about["score"] = describe_score(score_photograph(workspace, run.id, path, vector=vector))
    except FundusError as error:
        problems.append(f"{error.message} {error.hint}")
    return about | {"problems": list(dict.fromkeys(problems))}


def describe_distance(found: Distance) -> dict[str, Any]:
    """Returns what `photograph --json` prints of how unlike a photograph is."""
    kept = asdict(found)
    return kept | {"unlike": found.unlike, "percentile": found.percentile}


def describe_score(found: PhotographScore) -> dict[str, Any]:
    """Returns what `photograph --json` prints of one model's score."""
    return asdict(found)


def _print(found: dict[str, Any]) -> None:
    print_line(found["statement"])
    if found["in_data_set"]:
        print_line(f"This very photograph is in {found['data_set']}.")
    for one in found["quality"]:
        print_line(
            f"{one_photograph.QUALITIES[one['name']]}: {one['value']:.3g}, percentile "
            f"{one['percentile']:.0f} of {one['n_images']} photographs"
        )
    if found["odd_look"]["unlike"]:
        print_line(f"It looks UNLIKE the data set: {found['odd_look']['name']}")
    for model in found["models"]:
        print_line(f"{model['name']}, {model['target']}")
        for line in _lines(model):
            print_line(f"  {line}")
        print_cautions([Caution(**one) for one in model.get("score", {}).get("cautions", ())])
    if any(one["probability"] is not None for model in found["models"] for one in _classes(model)):
        print_line(MEANING)
    print_line(NOT_SHOWN)


def _classes(model: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Returns what a model says of each class; nothing where it cannot score."""
    classes: Sequence[dict[str, Any]] = model.get("score", {}).get("classes", ())
    return classes


def _lines(model: dict[str, Any]) -> list[str]:
    lines = []
    if distance := model.get("distance"):
        warning = "UNLIKE what the model was fitted on" if distance["unlike"] else "as usual"
        lines.append(f"distance: percentile {distance['percentile']:.1f}, {warning}")
    for one in _classes(model):
        if one["probability"] is None:
            lines.append(f"{one['class_name']}: score {one['score']:.3f}; {one['reason']}")
            continue
        ends = "no interval" if one["low"] is None else f"{one['low']:.3f} to {one['high']:.3f}"
        lines.append(
            f"{one['class_name']}: probability {one['probability']:.3f} (95 % CI {ends}), score "
            f"{one['score']:.3f}"
        )
    return lines + list(model["problems"])
