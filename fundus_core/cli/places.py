"""The places that people name for results, as commands ask for them and look at them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.result_places import require_result_place

Replace = Annotated[
    bool, typer.Option("--replace", help="Write over a result that is there already.")
]


def require_out(
    workspace: Workspace,
    out: Path | None,
    *,
    replace: bool,
    suffixes: Sequence[str] = (),
    is_folder: bool = False,
    inputs: Iterable[Path] = (),
) -> None:
    """Refuses what `--out` names, see `require_result_place`; nothing is asked for without it.

    Raises:
        typer.BadParameter: If something is to be replaced, and nothing to be written.
        StoreError: If nothing may be written there.
    """
    if out is not None:
        require_result_place(
            workspace, out, suffixes=suffixes, is_folder=is_folder, replace=replace, inputs=inputs
        )
    elif replace:
        raise typer.BadParameter("--replace is only for --out PATH.")
