"""The command that runs grids of experiments."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line, progress
from fundus_core.cli.places import Replace, require_out
from fundus_core.domain.axes import AXES
from fundus_core.domain.bounds import WORKERS
from fundus_core.errors import StudyError
from fundus_core.io.read_only import require_writable
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.plots.study_names import (
    RELATIVE_GAIN,
    number_text,
    setting_text,
    value_text,
    varied,
)
from fundus_core.studies.cautions import TAUGHT, has_code, study_cautions
from fundus_core.studies.cells import CellRecord, unfinished
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.estimate import Estimate, estimate
from fundus_core.studies.files import StudySize, read_study, shipped_studies, study_path
from fundus_core.studies.grid import Cell
from fundus_core.studies.obstacles import Obstacle, obstacles
from fundus_core.studies.on_ray import run_on_ray
from fundus_core.studies.replace import on_other_data
from fundus_core.studies.results import study_table
from fundus_core.studies.run import Study, open_study, run_study, run_with_workers
from fundus_core.tables import write_csv
from fundus_core.workflows.embeddings.embed import Engine


def study(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            parser=options.path,
            help="A study file, or the name of one in --list.",
        ),
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Few photographs, small stand-ins: does it run?")
    ] = False,
    small: Annotated[
        bool, typer.Option("--small", help="All photographs, with small stand-ins.")
    ] = False,
    on: Annotated[
        str, typer.Option(help="Other data than the file's: a data set opened before, by its id.")
    ] = "",
    target: Annotated[str, typer.Option(help="With --on: what to predict there.")] = "",
    workers: Annotated[int, options.number(WORKERS, help="Processes that share the cells.")] = 1,
    engine: Annotated[
        str, typer.Option("--engine", help="local, or ray: a cell per GPU or core of a cluster.")
    ] = "local",
    ray_address: options.RayAddress = None,
    skip: Annotated[
        bool, typer.Option("--skip", help="Leave cells out that cannot be run as things are.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be run, and what it takes.")
    ] = False,
    table_only: Annotated[
        bool, typer.Option("--table", help="Only print the results there are.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(parser=options.path, help="Also write the results as a CSV file."),
    ] = None,
    replace: Replace = False,
    listed: Annotated[
        bool, typer.Option("--list", help="List the studies that come with the program.")
    ] = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Runs a grid of experiments: what is stored already is not run again.

    A study that was stopped at any moment, run again, goes on where it was.
    """
    if listed or file is None:
        _print_studies(as_json=as_json)
        return
    place, size = find_workspace(workspace), _size(smoke=smoke, small=small)
    require_out(place, out, suffixes=(".csv",), replace=replace)
    where = options.engine_of(engine, ray_address)
    document = read_study(file, size)
    if on:
        document = on_other_data(place, document, on, target)
    opened = open_study(place, file, size, document=document, progress=progress())
    if not table_only:
        left = unfinished(opened.files, opened.cells)
        blocked = obstacles(opened, left)
        expected = estimate(document, left, opened.files.data)
        if not as_json:
            _print_plan(opened, expected, blocked)
        if dry_run:
            if as_json:
                print_json(_describe_plan(opened, expected, blocked))
            return
        _require_runnable(blocked, skip=skip)
        if left:
            require_writable(opened.files.workspace.root)
        arguments = _arguments(file, size, on, target, place)
        _run(opened, arguments, workers, where, place, quiet=as_json)
    table = study_table(opened)
    if out is not None:
        write_csv(table, out)
    cautions = study_cautions(opened, table)
    if as_json:
        rows = _records(table)
        print_json({"title": document.title, "size": size, "rows": rows, "cautions": cautions})
    else:
        _print_rows(document, table)
        print_cautions(cautions)


def _size(*, smoke: bool, small: bool) -> StudySize:
    if smoke:
        return "smoke"
    return "small" if small else "full"


def _arguments(file: Path, size: StudySize, on: str, target: str, place: Workspace) -> list[str]:
    """Returns the command line that runs the same study in one process."""
    arguments = ["study", str(study_path(file)), "--skip", "--workspace", str(place.root)]
    arguments += [] if size == "full" else [f"--{size}"]
    return [*arguments, *(["--on", on, "--target", target] if on else [])]


def _run(
    opened: Study,
    arguments: Sequence[str],
    workers: int,
    where: Engine,
    place: Workspace,
    *,
    quiet: bool,
) -> None:
    def tell(cell: Cell, record: CellRecord) -> None:
        if not quiet:
            print_line(f"  {cell.title}: {record.problem or f'{record.seconds:.0f} s'}")

    if where.name == "ray":
        run_on_ray(opened, place.root, address=where.address, on_cell=tell, progress=progress())
    elif workers > 1:
        run_with_workers(opened, arguments, workers, progress())
    else:
        run_study(opened, on_cell=tell, progress=progress())


def _require_runnable(blocked: Sequence[Obstacle], *, skip: bool) -> None:
    if not blocked or skip:
        return
    first = blocked[0]
    raise StudyError(
        f"{len(blocked)} cells cannot be run, the first ({first.cell.title}) because: "
        f"{first.error.message}",
        hint=f"{first.error.hint} Or leave such cells out by --skip.",
    )


def _print_studies(*, as_json: bool) -> None:
    files = [(path, read_study(path)) for path in shipped_studies()]
    if as_json:
        print_json(
            [
                {"name": path.stem, "title": read.title, "question": read.question}
                for path, read in files
            ]
        )
        return
    for path, read in files:
        print_line(f"{path.stem}: {read.title} ({read.reference})")
        print_line(f"    {read.question}")


def _describe_plan(
    opened: Study, expected: Estimate, blocked: Sequence[Obstacle]
) -> dict[str, Any]:
    return {
        "title": opened.document.title,
        "size": opened.size,
        "n_cells": len(opened.cells),
        "estimate": expected,
        "cells": [cell.values() for cell in opened.cells],
        "obstacles": [
            {"cell": one.cell.title, "message": one.error.message, "hint": one.error.hint}
            for one in blocked
        ],
    }


def _print_plan(opened: Study, expected: Estimate, blocked: Sequence[Obstacle]) -> None:
    document = opened.document
    print_line(f"{document.title} ({opened.size}): {document.question}")
    stored = len(opened.cells) - expected.n_cells
    print_line(f"  {len(opened.cells)} cells, {stored} of them stored already")
    print_line(f"  {expected.text()}")
    for one in blocked[:5]:
        print_line(f"  cannot be run: {one.cell.title}: {one.error.message} {one.error.hint}")
    if len(blocked) > 5:
        print_line(f"  and {len(blocked) - 5} more that cannot be run")


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): row[name] for name in table} for row in table.to_dict("records")]


def _print_rows(document: StudyDocument, table: pd.DataFrame) -> None:
    axes = _axes_shown(table)
    for row in _records(table):
        name = f"{', '.join(_setting(axis, row[axis]) for axis in axes)}; {row['tested_on']}"
        if row["status"] != "done":
            print_line(f"  {name}: {row['problem'] or row['status']}")
            continue
        values = [f"{metric} {_value(row, metric)}" for metric in document.metrics[:4]]
        print_line(f"  {name}: {'; '.join([', '.join(values), *_compared(row)])}")
    if n_tests := int(table["p_holm"].count()):
        print_line(
            f"  Reference: the row of {_rule(document.against)}, everything else equal. Holm's p "
            f"is corrected over {n_tests} test{'s' if n_tests > 1 else ''}."
        )
    if table[RELATIVE_GAIN].notna().any():
        print_line(f"  Gain: over the row of {_rule(document.gain_over)}, everything else equal.")


def _axes_shown(table: pd.DataFrame) -> list[str]:
    """Returns the axes that name a row: those that vary, or have another value than usual."""
    apart, first = varied(table), table.iloc[0]
    return [
        axis
        for axis in AXES
        if axis in apart or axis not in _USUAL or not _is_usual(axis, first[axis])
    ]


def _is_usual(axis: str, value: Any) -> bool:
    return bool(pd.isna(value) if _USUAL[axis] is None else value == _USUAL[axis])


def _setting(axis: str, value: Any) -> str:
    return f"fraction {value:g}" if axis == "fraction" else setting_text(axis, value)


def _value(row: Mapping[str, Any], metric: str) -> str:
    reason = row[f"{metric}_reason"]
    return value_text(row, metric) + (f" ({reason})" if reason else "")


def _compared(row: Mapping[str, Any]) -> list[str]:
    """Returns what a row's figures are beside others, and whether they are of an external test."""
    said = []
    if not pd.isna(row["p_value"]):
        said.append(
            f"AUC less reference {row['difference']:+z.3f} ({row['difference_low']:+z.3f} to "
            f"{row['difference_high']:+z.3f}), p = {row['p_value']:.3g}, "
            f"Holm p = {row['p_holm']:.3g}"
        )
    if row["untested"]:
        said.append(f"AUC less reference: no test: {row['untested']}")
    if not pd.isna(row[RELATIVE_GAIN]):
        said.append(f"gain {number_text(RELATIVE_GAIN, row[RELATIVE_GAIN])}")
    if has_code(row["cautions"], TAUGHT):
        said.append(f"no external test ({TAUGHT})")
    return said


def _rule(rule: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in rule.items())


_USUAL: dict[str, Any] = {
    "head": "linear",
    "image_size": None,
    "preprocessing": "usual",
    "fraction": 1.0,
    "draw": 0,
    "seed": 0,
}
"""Axis -> the value that is not named where every row has it."""
