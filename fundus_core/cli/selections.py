"""The command about saved selections of photographs."""

from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_left_out, print_line
from fundus_core.cli.query import counts_line, describe_counts, photographs, print_photographs
from fundus_core.io.manifest import DataSource
from fundus_core.io.selections import FOLDER
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.workflows.data.datasets import dataset_id, stored_dataset
from fundus_core.workflows.data.selections import (
    counts_of,
    delete_selection,
    load_selection,
    saved_selections,
)

ACTIONS = ("list", "show", "delete")


def selections(
    source: DataSource,
    action: Annotated[str, typer.Argument(metavar="|".join(ACTIONS))] = "list",
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a selection.")] = "",
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Lists the saved selections of a data set, shows one, or deletes it."""
    if action not in ACTIONS:
        raise typer.BadParameter(f"{action!r} is none of {', '.join(ACTIONS)}.")
    if (action == "list") == bool(name):
        raise typer.BadParameter(f"{action} takes {'no' if action == 'list' else 'a'} NAME.")
    place, data = find_workspace(workspace), dataset_id(source)
    if action == "list":
        _list(place, data, as_json=as_json)
    elif action == "show":
        _show(place, data, name, as_json=as_json)
    else:
        delete_selection(place, data, name)
        _tell({"deleted": name}, f"deleted {name}; no photograph was touched", as_json=as_json)


def _list(place: Workspace, data: str, *, as_json: bool) -> None:
    saved = saved_selections(place, data)
    is_more = print_left_out(place.root, FOLDER)
    if as_json:
        print_json(list(saved))
        return
    for one in saved:
        print_line(f"{one.name}: {one.n_images:,} photographs, saved {one.saved_at} [{one.key}]")
    if not saved and not is_more:
        print_line("No selection is saved for this data set.")


def _show(place: Workspace, data: str, name: str, *, as_json: bool) -> None:
    dataset = stored_dataset(place, data)
    found = load_selection(place, data, name, dataset)
    counts = counts_of(dataset.table, found.image_ids)
    if as_json:
        print_json(
            {
                "name": name,
                "key": found.key,
                "origin": found.origin,
                "n_gone": found.n_gone,
                "counts": describe_counts(counts),
                "photographs": photographs(dataset, found.image_ids),
            }
        )
        return
    print_line(f"{name}: {counts_line(counts)}" + (f"; {found.origin}" if found.origin else ""))
    if found.n_gone:
        are = "is" if found.n_gone == 1 else "are"
        print_line(f"  {found.n_gone:,} {are} no longer in the data set")
    print_photographs(dataset, found.image_ids)


def _tell(value: dict[str, Any], line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        print_line(line)
