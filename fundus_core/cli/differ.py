"""The command that finds the photographs about which two models differ."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line
from fundus_core.io.workspace import find_workspace
from fundus_core.stats.discordance import Discordance
from fundus_core.workflows.evaluation.errors_that_differ import DifferingErrors, errors_that_differ

_LISTED = 10


def differ(
    first: Annotated[str, typer.Argument(metavar="RUN", help="Run id, or a table.")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="Another one.")],
    class_name: Annotated[
        str | None, typer.Option("--class", help="Of several classes, the one against the rest.")
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="Compare on the photographs both models scored.")
    ] = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Lists the photographs that one model calls rightly and the other wrongly."""
    found = errors_that_differ(
        find_workspace(workspace), first, second, class_name=class_name, common=common
    )
    if as_json:
        print_json(describe_differing(found))
        return
    names = (found.first.label, found.second.label)
    for title, counts in _parts(found):
        print_line(f"{title}: {_counts(counts, names)}")
    for name, ids in zip(names, (found.only_first_right(), found.only_second_right()), strict=True):
        more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
        print_line(f"Only {name} is right about: {', '.join(ids[:_LISTED]) or 'none'}{more}")
    print_cautions(found.cautions)


def describe_differing(found: DifferingErrors) -> dict[str, Any]:
    """Returns what `differ --json` prints."""
    return {
        "first": found.first.run_id,
        "second": found.second.run_id,
        "class": found.first.class_name,
        "n_images": found.n_images,
        "overall": asdict(found.overall),
        "with_class": asdict(found.with_class),
        "without_class": asdict(found.without_class),
        "only_first_right": found.only_first_right(),
        "only_second_right": found.only_second_right(),
        "cautions": found.cautions,
    }


def _parts(found: DifferingErrors) -> tuple[tuple[str, Discordance], ...]:
    return (
        ("All photographs", found.overall),
        ("With the class", found.with_class),
        ("Without the class", found.without_class),
    )


def _counts(counts: Discordance, names: tuple[str, str]) -> str:
    return (
        f"both right {counts.n_both_right}, only {names[0]} {counts.n_only_first}, only "
        f"{names[1]} {counts.n_only_second}, both wrong {counts.n_both_wrong}; "
        f"p = {counts.p_value:.3g}"
    )
