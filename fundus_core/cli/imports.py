"""The command that takes over photographs from other programs' formats."""

import os
from pathlib import Path
from typing import Annotated

import typer

from fundus_core.cli import options
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.errors import DataError
from fundus_core.io.bounded import read_bounded
from fundus_core.io.workspace import unmade_workspace
from fundus_core.workflows.data.hidden_ids import hides_ids
from fundus_core.workflows.data.imports import import_photographs
from fundus_core.workflows.data.result_places import require_apart

SECRET_VARIABLE = "FUNDUS_ID_SECRET"

_LONGEST_SECRET = 65_536
"""Bytes of a key."""


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            parser=options.path,
            help="A folder of DICOM files, or a data set of Hugging Face on disk (Parquet shards, "
            "or what save_to_disk wrote); or one such file.",
        ),
    ],
    out_dir: Annotated[
        Path,
        typer.Argument(metavar="OUT_DIR", parser=options.path, help="Must not be there yet."),
    ],
    secret_file: Annotated[
        Path | None,
        typer.Option(
            parser=options.path,
            help="Its content is the key of the patients' pseudonyms: the same one gives the same "
            "pseudonyms, across imports where the same issuers are named. "
            f"Else {SECRET_VARIABLE}; else one that nobody keeps.",
        ),
    ] = None,
    allow_burned_in: Annotated[
        bool,
        typer.Option(
            "--allow-burned-in", help="Take over DICOM pictures with text drawn into them, too."
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Makes a folder of photographs and a manifest from DICOM or a data set of Hugging Face.

    Of DICOM files only the pixels, a pseudonym, eye, age, sex, camera and the number of the visit
    are taken over.
    """
    require_apart(unmade_workspace(), out_dir)
    found = import_photographs(
        source,
        out_dir,
        secret=_secret(secret_file),
        allow_burned_in=allow_burned_in,
        progress=progress(),
    )
    if as_json:
        refused = [{"name": _named(one.name), "reason": one.reason} for one in found.refused]
        print_json(
            {
                "manifest": found.manifest,
                "kind": found.kind,
                "n_images": found.n_imported,
                "refused": refused,
                "remarks": found.remarks,
            }
        )
        return
    print_line(f"{found.kind}: {found.n_imported} photographs, {found.manifest}")
    for remark in found.remarks:
        print_line(f"  {remark}")
    for one in found.refused[:10]:
        print_line(f"  not taken over: {_named(one.name)}: {one.reason}")
    if len(found.refused) > 10:
        print_line(f"  ... and {len(found.refused) - 10} more, in {found.manifest.parent}")


def _named(file: str) -> str:
    """Returns a file as it may be printed: DICOM files are often named after a patient."""
    return "a file that refused.csv names" if hides_ids() else file


def _secret(file: Path | None) -> bytes | None:
    """Returns the key of the pseudonyms; None for one that nobody keeps."""
    if file is None:
        return os.environ.get(SECRET_VARIABLE, "").encode() or None
    try:
        found = read_bounded(file, _LONGEST_SECRET).strip()
    except OSError as error:
        raise DataError(
            f"The secret file {file} cannot be read: {error.strerror}.", hint="Check the path."
        ) from error
    except ValueError as error:
        raise DataError(
            f"The secret file {file} cannot be read: {error}", hint="Put one long line into a file."
        ) from error
    if not found:
        raise DataError(f"The secret file {file} is empty.", hint="Put a long random line into it.")
    return found
