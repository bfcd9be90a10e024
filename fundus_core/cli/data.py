"""Commands about photographs and what is known of them."""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from fundus_core.checks import dataset_cautions
from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line, progress
from fundus_core.domain.bounds import DRAWN_PATIENTS, DRAWN_SIDE, SEED, ZERO_TO_ONE
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import find_workspace, unmade_workspace
from fundus_core.spelling import spelt_alike
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.demo import (
    N_PATIENTS,
    count_rows,
    make_demo,
    require_demo_place,
)
from fundus_core.workflows.data.look_alikes import dataset_look_alikes


def demo(
    out_dir: Annotated[
        Path,
        typer.Argument(metavar="OUT_DIR", parser=options.path, help="Made if it is not there."),
    ],
    patients: Annotated[
        int,
        options.number(DRAWN_PATIENTS, help="Two photographs each; every fourth comes twice."),
    ] = N_PATIENTS,
    image_size: Annotated[int, options.number(DRAWN_SIDE, help="Side in pixels.")] = 512,
    seed: Annotated[int, options.number(SEED, help="Equal seeds give equal photographs.")] = 0,
    healthy_share: Annotated[
        float | None,
        options.number(ZERO_TO_ONE, help="Share of patients without disease, 0 to 1. [about 0.5]"),
    ] = None,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain", help="Plant no near-duplicates, wrong labels and unreadable files."
        ),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Draw over another demo that is there already.")
    ] = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Draws the synthetic demo photographs and their manifest.csv."""
    require_demo_place(unmade_workspace(workspace), out_dir, replace=replace)
    manifest = make_demo(
        out_dir,
        n_patients=patients,
        image_size=image_size,
        seed=seed,
        healthy_share=healthy_share,
        plants=not plain,
        replace=replace,
        progress=progress(),
    )
    n_images = count_rows(manifest)
    if as_json:
        print_json({"manifest": manifest, "n_images": n_images, "synthetic": True})
    else:
        print_line(f"Drew {n_images} synthetic photographs: {manifest}")


def check(
    source: DataSource,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Reads a set of photographs and says what is in it, what was rejected, and what to mind."""
    dataset = open_dataset(find_workspace(workspace), source, progress=progress())
    report = describe(dataset) | {"dataset_id": dataset_id(source)}
    if as_json:
        print_json(report)
        return
    patients = "unknown" if dataset.n_patients is None else str(dataset.n_patients)
    print_line(f"{dataset.name}: {len(dataset)} photographs, patients: {patients}")
    for target in report["targets"]:
        counts = ", ".join(f"{name} {count}" for name, count in target["counts"].items())
        print_line(f"  {target['name']} ({target['task']}): {counts}")
    if left_out := ", ".join(dataset.columns_left_out):
        print_line(f"  left out while names are hidden, may tell patients apart: {left_out}")
    if report["splits"]:
        counts = ", ".join(f"{name} {count}" for name, count in report["splits"].items())
        none = int(dataset.table["split"].isna().sum())
        print_line(f"  split: {counts}{f', none {none}' if none else ''}")
    if alike := spelt_alike(dataset, "patient_id"):
        print_line(f"  patients spelt alike: {alike[0][0]!r} and {alike[0][1]!r}")
    for row in dataset.rejected:
        print_line(f"  rejected {row.path}: {row.reason} - {row.detail}")
    print_cautions(dataset_cautions(dataset))


def look_alikes(
    source: DataSource,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Lists photographs that show the same: copies that were brightened, cut or saved again."""
    place = find_workspace(workspace)
    dataset = open_dataset(place, source, progress=progress())
    pairs = dataset_look_alikes(place, dataset, progress=progress())
    about = dataset.table.set_index("image_id")
    rows: list[dict[str, Any]] = [
        {
            "path_a": about.loc[pair.image_a, "path"],
            "path_b": about.loc[pair.image_b, "path"],
            "similarity": pair.similarity,
            "same_patient": _same_patient(about.loc[[pair.image_a, pair.image_b], "patient_id"]),
        }
        for pair in pairs
    ]
    if as_json:
        print_json(rows)
        return
    words = {True: "same patient", False: "DIFFERENT patients", None: "patients unknown"}
    for row in rows:
        print_line(
            f"{row['similarity']:.3f} {row['path_a']} and {row['path_b']}: "
            f"{words[row['same_patient']]}"
        )
    if not rows:
        print_line(f"No two of {len(dataset)} photographs show the same.")


def _same_patient(patients: "pd.Series[str]") -> bool | None:
    """Says whether two photographs name the same patient; None where one names none."""
    return None if patients.isna().any() else patients.nunique() == 1


def describe(dataset: FundusDataset) -> dict[str, Any]:
    """Returns what `check --json` prints."""
    splits = dataset.table["split"].dropna()
    return {
        "name": dataset.name,
        "n_images": len(dataset),
        "n_patients": dataset.n_patients,
        "splits": {str(name): int(count) for name, count in splits.value_counts().items()},
        "targets": [_describe_target(dataset, target) for target in dataset.targets],
        "n_rejected": len(dataset.rejected),
        "rejected": list(dataset.rejected),
        "cautions": list(dataset_cautions(dataset)),
    }


def _describe_target(dataset: FundusDataset, target: Target) -> dict[str, Any]:
    values = dataset.table[target.columns[0]].dropna().value_counts()
    return {
        "name": target.name,
        "task": target.task,
        "classes": list(target.classes),
        "counts": {name: int(values.get(name, 0)) for name in target.classes},
        "unlabelled": int(dataset.table[target.columns[0]].isna().sum()),
    }
