"""Commands that find photographs: by what the table says, by likeness, and by a saved selection."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.domain.bounds import RANKED
from fundus_core.domain.dataset import FundusDataset
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.selections import Counts, counts_of, query_dataset, save_selection
from fundus_core.workflows.data.similar import similar_to_file
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice

_MOST_LINES = 20


def query(
    source: DataSource,
    expression: Annotated[
        str, typer.Argument(metavar="EXPRESSION", help="In quotes: 'age > 60 and site == \"A\"'.")
    ],
    save: Annotated[
        str | None, typer.Option(help="Save the photographs as a selection of this name.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the name from another selection.")
    ] = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Finds photographs by what the table says of them."""
    if replace and save is None:
        raise typer.BadParameter("--replace is only for --save NAME.")
    place = find_workspace(workspace)
    dataset = open_dataset(place, source, progress=progress())
    ids, answer = query_dataset(dataset, expression)
    saved = None
    if save is not None:
        replacing = None if replace else ""
        saved = save_selection(
            place, dataset_id(source), save, ids, origin=answer.expression, replacing=replacing
        )
    replaced = saved.replaced if saved else None
    counts = counts_of(dataset.table, ids)
    if as_json:
        print_json(
            {
                "expression": answer.expression,
                "columns": list(answer.columns),
                "n_undecided": answer.n_undecided,
                "remarks": list(answer.remarks),
                "saved_as": save,
                "n_replaced": replaced.n_images if replaced else None,
                "counts": describe_counts(counts),
                "n_images_in_all": len(dataset),
                "photographs": photographs(dataset, ids),
            }
        )
        return
    print_line(f"{answer.expression}: {counts_line(counts)}, of {len(dataset):,} photographs")
    if answer.n_undecided:
        print_line(f"  {answer.n_undecided:,} undecided, because a value is missing")
    for remark in answer.remarks:
        print_line(f"  {remark}")
    if saved:
        given_up = f", replaced {_a_selection_of(replaced.n_images)}" if replaced else ""
        print_line(f"  saved as {saved.named.name}{given_up}")
    print_photographs(dataset, ids)


def similar(
    source: DataSource,
    image: Annotated[
        Path,
        typer.Argument(metavar="IMAGE", parser=options.path, help="A photograph from anywhere."),
    ],
    choice: BackboneChoice,
    top: Annotated[int, options.number(RANKED, help="How many photographs.")] = 20,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Ranks photographs by how alike a backbone finds them to one."""
    place = find_workspace(workspace)
    dataset = open_dataset(place, source, progress=progress())
    found = similar_to_file(place, dataset, choice, image, count=top, progress=progress())
    rows = ranked(dataset, found.cosines)
    if as_json:
        print_json(
            {
                "image_id": found.image_id,
                "label": found.label,
                "n_images": found.n_images,
                "photographs": rows,
            }
        )
        return
    print_line(f"{found.label}: {found.n_images:,} photographs, the most like {image.name} first")
    print_ranked(rows)


def _a_selection_of(n_images: int) -> str:
    return f"a selection of {n_images:,} {'photograph' if n_images == 1 else 'photographs'}"


def ranked(dataset: FundusDataset, cosines: Mapping[str, float]) -> list[dict[str, Any]]:
    """Returns photographs as JSON lists them, each with its cosine, in the order given."""
    rows = photographs(dataset, tuple(cosines))
    return [{**row, "cosine": round(cosines[row["image_id"]], 6)} for row in rows]


def print_ranked(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints ranked photographs, a line each."""
    for row in rows:
        print_line(f"  {row['cosine']:+z.3f}  {row['path']}")


def photographs(dataset: FundusDataset, image_ids: tuple[str, ...]) -> list[dict[str, Any]]:
    """Returns photographs as JSON lists them, in the given order."""
    paths = dict(zip(dataset.image_ids, dataset.table["path"], strict=True))
    return [{"image_id": name, "path": str(paths[name])} for name in image_ids]


def describe_counts(counts: Counts) -> dict[str, int | None]:
    """Returns counts as JSON names them."""
    return {
        "n_images": counts.n_images,
        "n_eyes": counts.n_eyes,
        "n_patients": counts.n_patients,
        "n_without_patient": counts.n_without_patient,
        "n_without_eye": counts.n_without_eye,
    }


def counts_line(counts: Counts) -> str:
    """Returns counts in a few words."""
    eyes = "unknown" if counts.n_eyes is None else f"{counts.n_eyes:,}"
    patients = "unknown" if counts.n_patients is None else f"{counts.n_patients:,}"
    return f"photographs: {counts.n_images:,}, eyes: {eyes}, patients: {patients}"


def print_photographs(dataset: FundusDataset, image_ids: tuple[str, ...]) -> None:
    """Prints the paths of the first photographs, and how many there are more."""
    for row in photographs(dataset, image_ids[:_MOST_LINES]):
        print_line(f"  {row['path']}")
    if len(image_ids) > _MOST_LINES:
        print_line(f"  and {len(image_ids) - _MOST_LINES:,} more; --json lists all")
