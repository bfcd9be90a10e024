"""Commands that look after an installation and its workspace."""

from pathlib import Path
from typing import Annotated

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.io.workspace import find_workspace
from fundus_core.jobs.health import jobs_check
from fundus_core.workflows.data.doctor import diagnose
from fundus_core.workflows.data.repoint import repoint as repoint_dataset

_EXIT_NOT_IN_ORDER = 3


def doctor(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Move damaged files aside, add missing checksums, remove half-written files.",
        ),
    ] = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Checks versions, device, disk, weights and every stored file; ends with 3 if one is bad."""
    place = find_workspace(workspace)
    checks = (*diagnose(place, repair=repair), jobs_check(place.jobs, repair=repair))
    in_order = all(check.state != "not in order" for check in checks)
    if as_json:
        print_json({"in_order": in_order, "checks": checks})
    else:
        for check in checks:
            print_line(f"{check.name}: {check.state}. {check.text}")
            if check.next_step:
                print_line(f"  -> {check.next_step}")
    if not in_order:
        raise typer.Exit(_EXIT_NOT_IN_ORDER)


def repoint(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Id of an opened data set.")],
    place: Annotated[
        Path,
        typer.Argument(
            metavar="PLACE", parser=options.path, help="Where its folder or table is now."
        ),
    ],
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Tells a data set where its photographs were moved to; they are known by their content."""
    found = repoint_dataset(find_workspace(workspace), dataset, place, progress=progress())
    if as_json:
        print_json({"dataset": dataset, "n_images": len(found), "place": place})
    else:
        print_line(f"{dataset}: all {len(found)} photographs are at {place}.")
