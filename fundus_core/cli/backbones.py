"""Commands about backbones: what there is, getting weights, and making them readable."""

from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.backbones.base import BackboneSpec, Group, LicenceKind
from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.cli.places import Replace
from fundus_core.io.weights import local_weights, weights_state, where_weights_go
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.workflows.data.result_places import require_result_place
from fundus_core.workflows.weights import convert as conversion
from fundus_core.workflows.weights import fetch as fetching

backbones_app = typer.Typer(
    help="Lists the backbones; fetches or converts weights.", invoke_without_command=True
)

BackboneArgument = Annotated[
    str,
    typer.Argument(metavar="ID", help="Id from `fundus backbones`, timm:NAME or open_clip:NAME."),
]

GROUPS: dict[Group, str] = {
    "ours": "Trained by this program on synthetic photographs",
    "retinal": "Trained on photographs of the retina",
    "general": "Trained on everyday pictures",
    "baseline": "Not trained at all",
}
LICENCES: dict[LicenceKind, str] = {
    "open": "open",
    "non-commercial": "non-commercial",
    "gated": "gated: terms to accept",
}
_NAMED_AT_MOST = 5


@backbones_app.callback()
def backbones(
    context: typer.Context,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Lists the backbones, and for each whether its weights are here or how to get them."""
    if context.invoked_subcommand is not None:
        return
    place = find_workspace(workspace)
    rows = [describe(spec, place) for spec in BACKBONES.values()]
    if as_json:
        print_json(rows)
        return
    for group, members in groupby(rows, key=lambda row: row["group"]):
        print_line(f"{GROUPS[group]}:")
        for row in members:
            _print_row(row)
    print_line("Any other network: --backbone timm:NAME or open_clip:NAME")


def describe(spec: BackboneSpec, workspace: Workspace) -> dict[str, Any]:
    """Returns what `backbones --json` prints of one."""
    state = weights_state(spec, workspace)
    found = local_weights(spec, workspace)
    poolings = {pooling.name: pooling.embed_dim for pooling in spec.poolings}
    return {
        "id": spec.id,
        "title": spec.title,
        "group": spec.group,
        "loader": spec.loader,
        "weights": state,
        "weights_file": found,
        "weights_note": f"Weights: {found}" if found else where_weights_go(spec, workspace),
        "licence": spec.licence,
        "licence_kind": spec.licence_kind,
        "embed_dim": spec.embed_dim,
        "poolings": poolings or {spec.pooling: spec.embed_dim},
        "image_size": spec.image_size,
        "size_multiple": spec.size_multiple,
        "reference": spec.reference,
        "used_in": list(spec.used_in),
        "note": spec.note,
    }


def _print_row(row: dict[str, Any]) -> None:
    numbers = ", ".join(
        f"{count} numbers" if len(row["poolings"]) == 1 else f"{count} ({name})"
        for name, count in row["poolings"].items()
    )
    kind = LICENCES[row["licence_kind"]]
    what = f"{row['id']}: {row['title']}; {numbers}; {row['image_size']} px"
    print_line(f"  {what}; licence: {row['licence']} [{kind}]")
    print_line(f"      {_weights_line(row)}")
    if row["note"]:
        print_line(f"      Note: {row['note']}")


def _weights_line(row: dict[str, Any]) -> str:
    """Returns where the weights are, or the shortest way to them."""
    if row["weights_file"]:
        return f"weights {row['weights']}: {row['weights_file']}"
    if row["weights"] == "fetchable":
        return f"weights fetchable: fundus backbones fetch {row['id']}"
    return f"weights {row['weights']}: {row['weights_note']}"


@backbones_app.command("fetch")
def fetch(
    backbone: BackboneArgument,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="You read and accept the licence of these weights."),
    ] = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Downloads a backbone's weights; nothing else in this program uses the network."""
    got = fetching.fetch(
        find_workspace(workspace), backbone, accept_licence=accept_licence, progress=progress()
    )
    if as_json:
        print_json(got)
        return
    done = "was here already" if got.was_here else f"fetched, {got.n_bytes:,} bytes"
    print_line(f"{got.backbone}: {got.path} ({done}; SHA-256 {got.sha256})")
    print_line(f"  Licence: {got.licence}")


@backbones_app.command("convert")
def convert(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", parser=options.path, help="A checkpoint, as published."),
    ],
    backbone: Annotated[str, typer.Option("--as", metavar="ID", help="The backbone it is of.")],
    trust_pickle: Annotated[
        bool,
        typer.Option(
            "--trust-pickle", help="Read it even if that runs code that its maker put into it."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(parser=options.path, help="The new file. [in the workspace's weights folder]"),
    ] = None,
    replace: Replace = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Turns a checkpoint into safetensors that this program reads, every tensor accounted for."""
    place = find_workspace(workspace)
    if out is not None:
        require_result_place(
            place,
            out,
            suffixes=(".safetensors",),
            replace=replace,
            inputs=(file,),
            within=(place.weights,),
        )
    result = conversion.convert(
        place,
        file,
        backbone,
        out=out,
        trust_pickle=trust_pickle,
        replace=replace,
        progress=progress(),
    )
    if as_json:
        print_json(result)
        return
    report = result.report
    print_line(f"{result.backbone}: {result.path} (SHA-256 {result.sha256})")
    print_line(f"  {len(report.matched)} tensors fill the network, none is missing")
    print_line(f"  poolings: {', '.join(result.poolings)}")
    _print_names("belong to other parts", report.left_out)
    _print_names("were not expected and are left out", report.unexpected)


def _print_names(what: str, names: tuple[str, ...]) -> None:
    """Prints how many tensors, and the first of them."""
    if names:
        more = ", ..." if len(names) > _NAMED_AT_MOST else ""
        print_line(f"  {len(names)} {what}: {', '.join(names[:_NAMED_AT_MOST])}{more}")
