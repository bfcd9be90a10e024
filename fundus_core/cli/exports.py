"""Commands that hand results to other programs."""

from pathlib import Path
from typing import Annotated

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.cli.places import Replace, require_out
from fundus_core.exports.mlflow_log import log_runs
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.data.result_places import inputs_of
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.embeddings.export import FORMATS, SUFFIXES, require_format, runs_to_log
from fundus_core.workflows.embeddings.export import export as export_content

_FORMATS = "; ".join(f"{name}: {meaning}" for name, meaning in FORMATS.items())


def export(
    source: DataSource,
    choice: BackboneChoice,
    out: Annotated[Path, typer.Option(parser=options.path, help="File or folder to write.")],
    format_name: Annotated[str, typer.Option("--as", help=f"{_FORMATS}.")] = "parquet",
    run: Annotated[
        list[str] | None, typer.Option(help="Add the scores of this run; several times.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--map", help="Add a map: pca, tsne, umap or pacmap; several times."),
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="For atlas: put small pictures into the file.")
    ] = False,
    replace: Replace = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Writes embeddings, maps and scores for pandas, scanpy, FiftyOne or Embedding Atlas."""
    place = find_workspace(workspace)
    require_format(format_name)
    suffix = SUFFIXES.get(format_name)
    require_out(
        place,
        out,
        suffixes=(suffix,) if suffix else (),
        is_folder=suffix is None,
        replace=replace,
        inputs=inputs_of(source),
    )
    resolved = resolve(place, choice)
    dataset = open_dataset(place, source, progress=progress())
    embeddings = embed_resolved(place, dataset, resolved, progress=progress())
    renamed = export_content(
        place,
        dataset,
        resolved,
        embeddings,
        format_name=format_name,
        out=out,
        runs=run or (),
        methods=method or (),
        pictures=pictures,
        progress=progress(),
    )
    n_images = len(embeddings.image_ids)
    if as_json:
        print_json({"out": out, "format": format_name, "n_images": n_images, "renamed": renamed})
        return
    print_line(f"Wrote {n_images} photographs as {format_name}: {out}")
    if renamed:
        names = ", ".join(f"{old!r} is {new!r}" for new, old in renamed.items())
        print_line(f"  columns under another name there: {names}")


def mlflow(
    runs: Annotated[list[str], typer.Argument(metavar="RUN [RUN ...]", help="Run ids.")],
    to: Annotated[
        str,
        typer.Option(
            parser=options.not_empty, metavar="URI", help="Tracking URI, e.g. sqlite:///mlflow.db."
        ),
    ],
    experiment: Annotated[str, typer.Option(help="Its name; made if it is not there.")] = "fundus",
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Logs evaluated models to MLflow: recipe, AUCs with intervals, predictions; each once."""
    told = runs_to_log(find_workspace(workspace), runs)
    logged, known = log_runs(told, uri=to, experiment=experiment)
    if as_json:
        print_json({"logged": logged, "known": known, "to": to, "experiment": experiment})
    else:
        print_line(f"Logged {logged} runs to {experiment} of {to}; {known} were there already.")
