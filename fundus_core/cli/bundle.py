"""Commands that send a data set's results elsewhere without its photographs, and open them."""

from pathlib import Path
from typing import Annotated

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_line
from fundus_core.cli.places import Replace, require_out
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows.reports.bundle import BundleOptions, export_bundle, named_dataset
from fundus_core.workflows.reports.bundle_open import open_bundle
from fundus_core.workflows.reports.report_words import count

bundle_app = typer.Typer(help="Results of a data set without its photographs, as one file.")


@bundle_app.command("export")
def export(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            parser=options.not_empty,
            help="Id, name or folder of an opened data set.",
        ),
    ],
    out: Annotated[Path, typer.Option(parser=options.path, help="Zip file to write.")],
    embeddings: Annotated[
        bool, typer.Option("--embeddings", help="Put embeddings in too, and maps of them.")
    ] = False,
    keep_patient_ids: Annotated[
        bool, typer.Option("--keep-patient-ids", help="Do not replace patient ids by numbers.")
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Column to keep although it may tell patients apart."),
    ] = None,
    replace: Replace = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Writes table, runs and predictions of a data set into one file: no photographs, no paths."""
    place = find_workspace(workspace)
    require_out(place, out, suffixes=(".zip",), replace=replace)
    chosen = BundleOptions(embeddings, keep_patient_ids, tuple(column or ()))
    done = export_bundle(place, named_dataset(place, dataset), out, chosen)
    if as_json:
        print_json(done)
        return
    print_line(
        f"{done.file}: {count(done.n_images, 'row')}, {count(done.n_runs, 'run')}, embeddings of "
        f"{count(done.n_embeddings, 'backbone')}, {done.n_bytes:,} bytes"
    )
    if done.left_out:
        print_line(f"  left out, as they may tell patients apart: {', '.join(done.left_out)}")
    if done.runs_left_out:
        print_line(
            "  left out, as their labels are not in the table, or may tell patients apart: "
            + ", ".join(done.runs_left_out)
        )
    if keep_patient_ids:
        print_line("  patient ids are in it as they are")


@bundle_app.command("open")
def open_file(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", parser=options.path, help="What `bundle export` wrote."),
    ],
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Opens a bundle: pages show everything but photographs."""
    done = open_bundle(find_workspace(workspace), file)
    if as_json:
        print_json(done)
        return
    print_line(
        f"{done.dataset_id}: {done.name}, {count(done.n_images, 'row')} without photographs, "
        f"{count(done.n_runs, 'run')}, embeddings of {count(done.n_embeddings, 'backbone')}; "
        f"patient ids {done.patient_ids}"
    )
    print_line("  nothing in it was computed here: believe it as you believe who sent it")
