"""The command that lists labels to look at again."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_cautions, print_json, print_line
from fundus_core.cli.places import Replace, require_out
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows.evaluation.label_quality import (
    NOT_PROOF,
    LabelReview,
    review_labels,
    write_review,
)

_LISTED = 20


def label_errors(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN [RUN ...]", help="Run ids, or tables of predictions."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(parser=options.path, help="Also write the list of suspects as a CSV file."),
    ] = None,
    replace: Replace = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Lists labels that held-out scores do not believe: a reason to look again, no proof."""
    place = find_workspace(workspace)
    require_out(place, out, suffixes=(".csv",), replace=replace, inputs=map(Path, runs))
    review = review_labels(place, runs)
    if out is not None:
        write_review(review, out)
    if as_json:
        print_json(describe_review(review))
        return
    _print_review(review)
    if out is not None:
        print_line(f"The list is in {out}.")


def describe_review(review: LabelReview) -> dict[str, Any]:
    """Returns what `label-errors --json` prints."""
    return {
        "target": review.target,
        "models": review.models,
        "n_images": review.n_images,
        "n_patients": review.n_patients,
        "n_labels": len(review.table),
        "n_left_out": review.n_other,
        "n_gone": review.n_gone,
        "classes_skipped": review.skipped,
        "suspects": review.suspects().to_dict("records"),
        "disputed": review.disputed().to_dict("records"),
        "note": NOT_PROOF,
        "cautions": review.cautions,
    }


def _print_review(review: LabelReview) -> None:
    patients = "unknown" if review.n_patients is None else str(review.n_patients)
    suspects = review.suspects()
    print_line(
        f"{review.target}: {len(suspects)} of {len(review.table)} labels to look at again; "
        f"{review.n_images} photographs, patients: {patients}"
    )
    if review.n_other:
        print_line(f"  {review.n_other} photographs that not all models scored are left out.")
    if review.n_gone:
        gone = "photograph that is" if review.n_gone == 1 else "photographs that are"
        are = "is" if review.n_gone == 1 else "are"
        print_line(f"  {review.n_gone} {gone} no longer in the data set {are} left out.")
    if review.skipped:
        print_line(f"  Not looked at, for one label only: {', '.join(review.skipped)}.")
    for row in suspects.head(_LISTED).to_dict("records"):
        others = f"; {row['other_labels']}" if row["other_labels"] else ""
        print_line(
            f"  {row['rank']}. {row['path'] or row['image_id']}: {row['class']} given "
            f"{row['given']}, suggested {row['suggested']}, quality {row['quality']:.3f}, flagged "
            f"by {row['n_flagging']} of {len(review.models)} alone{others}"
        )
    if len(suspects) > _LISTED:
        print_line(f"  ... and {len(suspects) - _LISTED} more: --out FILE writes all of them.")
    print_line(NOT_PROOF)
    print_cautions(review.cautions)
