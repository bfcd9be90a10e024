"""The commands that write a report on evaluated models, and make its results again."""

from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import replace as replaced
from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.cli.places import Replace, require_out
from fundus_core.domain.bounds import CHANCE, EXAMPLES
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.report.content import Report
from fundus_core.report.files import ENDINGS, write_report
from fundus_core.report.pdf import require_typst
from fundus_core.workflows.data.result_places import inputs_of
from fundus_core.workflows.reports.report import make_report
from fundus_core.workflows.reports.report_subject import ReportOptions, options_from
from fundus_core.workflows.reports.rerun import rerun as run_again
from fundus_core.workflows.reports.rerun import sources_of
from fundus_core.workflows.reports.rerun_comparison import TOLERANCE, RepeatedRun, Repetition
from fundus_core.workflows.reports.rerun_reading import read_manifest

_NOT_THE_SAME = 2
_UNCOMPARED = ["photographs", "patients", "cautions"]
_COMPARED = (
    "what the manifest inside the file says; the text, tables and pictures of the page were not "
    "looked at"
)


Images = Annotated[
    int,
    options.number(EXAMPLES, help="Example photographs of each kind of answer, errors first."),
]
FileNames = Annotated[
    bool, typer.Option("--file-names", help="Write the files' names below photographs.")
]


def report(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN [RUN ...]", help="Run ids, or their beginnings.")
    ],
    out: Annotated[
        Path,
        typer.Option(parser=options.path, help="File to write: .html, or .pdf where typst is."),
    ],
    title: Annotated[str, typer.Option(help="Of the report. [what was evaluated]")] = "",
    images: Images = 0,
    file_names: FileNames = False,
    class_name: Annotated[
        str, typer.Option("--class", help="Of several classes, the one against the rest.")
    ] = "",
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="Column to group by; site, camera, eye, sex, age if left out."),
    ] = None,
    prevalence: Annotated[
        list[float] | None,
        options.number(CHANCE, help="Share of the diseased where it will be used, such as 0.05."),
    ] = None,
    level: options.Level = "image",
    aggregate: options.Aggregate = "max",
    replace: Replace = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Writes a report on one or more runs as one file that needs no network.

    It holds figures, tables, tests, cautions, methods, checklists, and the manifest from which
    `fundus rerun` makes the results again; no patient ids, no paths, no file names.
    """
    place = find_workspace(workspace)
    _require_writable(place, out, replace=replace)
    asked = ReportOptions(
        title,
        class_name,
        options.aggregate_of(level, aggregate),
        images,
        file_names,
        tuple(by or ()),
        tuple(prevalence or ()),
    )
    made = make_report(place, runs, asked, progress=progress())
    n_bytes = write_report(made, out)
    if as_json:
        print_json(describe_report(made, out, n_bytes))
        return
    for sentence in made.summary:
        print_line(sentence)
    print_line(f"{out}: {len(made.sections)} sections, {n_bytes:,} bytes")


def describe_report(made: Report, out: Path, n_bytes: int) -> dict[str, Any]:
    """Returns what `report --json` prints."""
    return {
        "out": out,
        "bytes": n_bytes,
        "title": made.title,
        "summary": list(made.summary),
        "sections": [{"key": one.key, "title": one.title} for one in made.sections],
        "manifest": made.manifest,
    }


def rerun(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="REPORT", parser=options.path, help="HTML file that `fundus report` wrote."
        ),
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            parser=options.not_empty,
            metavar="TEXT",
            help="Folder or table of the photographs; ID=FOLDER if there are several.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(parser=options.path, help="Also write the report on the new runs."),
    ] = None,
    images: Images = 0,
    file_names: FileNames = False,
    replace: Replace = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Makes the results of a report again, in an empty folder of the workspace, and compares.

    Compared is the manifest inside the file, not the text, tables and pictures of the page. Ends
    with 2 where a run was not made again, an AUC differs by more than 1e-12, or a run's kind,
    label, target, counts or cautions differ. Scores that differ in some digit are told.
    """
    place = find_workspace(workspace)
    sources = sources_of(data or [])
    inputs = [file, *(path for source in sources.values() for path in inputs_of(source))]
    _require_writable(place, out, replace=replace, inputs=inputs)
    done = run_again(place, read_manifest(file), data=sources, progress=progress())
    if as_json:
        print_json(describe_repetition(done, out))
    else:
        _print_repetition(done)
    if out is not None:
        _report_again(done, out, images=images, file_names=file_names)
    if not done.same:
        raise typer.Exit(_NOT_THE_SAME)


def describe_repetition(done: Repetition, out: Path | None = None) -> dict[str, Any]:
    """Returns what `rerun --json` prints."""
    return {
        "same": done.same,
        "compared": _COMPARED,
        "tolerance": TOLERANCE,
        "workspace": done.workspace.root,
        "runs": [_describe(one) for one in done.runs],
        "other_versions": {
            name: {"then": then, "now": now} for name, (then, now) in done.other_versions.items()
        },
        "out": out,
    }


def _describe(one: RepeatedRun) -> dict[str, Any]:
    then = one.recorded.auc
    return {
        "run_id": one.recorded.id,
        "label": one.label,
        "again": one.run_id or None,
        "same": one.same,
        "auc": then,
        "auc_again": one.auc,
        "difference": None if then is None or one.auc is None else one.auc - then,
        "same_auc": one.same_auc,
        "same_scores": one.same_scores,
        "differences": [asdict(each) for each in one.differences],
        "uncompared": _UNCOMPARED if one.uncompared else [],
        "reason": one.reason,
    }


def _print_repetition(done: Repetition) -> None:
    for one in done.runs:
        if one.reason:
            print_line(f"Not made again: {one.label}, because {one.reason}")
        else:
            _print_repeated(one)
    for name, (then, now) in done.other_versions.items():
        print_line(f"  {name} was {then}, here {now}")
    print_line(f"Compared was {_COMPARED}.")
    print_line(f"The new runs are in {done.workspace.root}")


def _print_repeated(one: RepeatedRun) -> None:
    said = "the same" if one.same_auc else "NOT the same"
    scores = "every score the same"
    if not one.same_scores:
        scores = "not every score the same (their fingerprint does not tell by how much)"
    print_line(
        f"{one.label}: AUC {_digits(one.recorded.auc)}, again {_digits(one.auc)}: {said}; {scores}"
    )
    for each in one.differences:
        print_line(f"  {each.what} NOT the same: {each.then} in the manifest, {each.now} here")
    if one.uncompared:
        print_line(f"  {', '.join(_UNCOMPARED)}: not in this manifest, so not compared")


def _digits(auc: float | None) -> str:
    return "none" if auc is None else f"{auc:.12f}"


def _report_again(done: Repetition, out: Path, *, images: int, file_names: bool) -> None:
    """Writes the report on the new runs, with the options of the old one.

    Whether it shows photographs, and names their files, is for whoever writes it to say: the old
    one may be somebody else's.
    """
    again = {one.recorded.id: one.run_id for one in done.runs if one.run_id}
    asked = replaced(
        options_from(done.manifest.options),
        title=done.manifest.title,
        images=images,
        file_names=file_names,
    )
    runs = [again[run_id] for run_id in done.manifest.reported if run_id in again]
    write_report(make_report(Workspace(done.workspace.root), runs, asked), out)


def _require_writable(
    place: Workspace, out: Path | None, *, replace: bool, inputs: Sequence[Path] = ()
) -> None:
    """Refuses a file that could not be written, before anything is computed for it."""
    require_out(place, out, suffixes=ENDINGS, replace=replace, inputs=inputs)
    if out is not None and out.suffix.lower() == ".pdf":
        require_typst()
