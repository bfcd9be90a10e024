"""Use case: scores of fine-tuned networks that were computed before, for the demo photographs.

Fine-tuning takes minutes, so the scores of the demo's two fine-tuned networks come with the
program: a table per network, whose rows are joined by the photograph's path, and `about.json`,
which says how they were made. They are used only for the very photographs they were made of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import Recipe
from fundus_core.errors import DataError
from fundus_core.io.files import checksum, read_json, write_atomically, write_json
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.labelled import Labelled, labelled_photographs
from fundus_core.workflows.data.look_alikes import minding_look_alikes
from fundus_core.workflows.embeddings.backbone_choice import ResolvedChoice, resolve
from fundus_core.workflows.models.held_out import (
    HeldOut,
    evaluated_run,
    run_id,
    shortcut_predictions,
    stored_run,
)
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions, save_run
from fundus_core.workflows.story.story_design import Start, StoryDesign

SHIPPED = Path(__file__).parents[2] / "story"
"""Where the tables that come with the program are."""

SUFFIX = "fine-tuned (precomputed)"
"""End of the label of a run that was installed, not computed."""

_ABOUT = "about.json"
_COLUMNS = ["path", "fold", "y_score"]
_AGAIN = "Fine-tune here instead: `fundus story --fine-tune`, or the button of the story."


@dataclass(frozen=True, slots=True)
class PrecomputedRecipe(Recipe):
    """What determines an installed run."""

    dataset: str
    """Fingerprint of image ids, labels and patients."""

    backbone: str
    """Fingerprint of the `EmbedRecipe` that the network started from."""

    scores: str
    """Checksum of the table."""


def drawn_with(folder: Path) -> str:
    """Returns the line in which a folder of phantoms says how it was drawn; empty without one."""
    readme = folder / "README.txt"
    lines = readme.read_text(encoding="utf-8").splitlines() if readme.is_file() else []
    return next((line for line in reversed(lines) if line.startswith("Drawn with:")), "")


def why_not_installable(
    workspace: Workspace, design: StoryDesign, *, folder: Path = SHIPPED
) -> str:
    """Returns in a sentence why precomputed scores do not fit the demo; empty where they do."""
    about = read_json(folder / _ABOUT)
    if not isinstance(about, dict):
        return "No precomputed scores came with this program."
    here = drawn_with(workspace.demo)
    if about.get("drawn_with") != here:
        return (
            f"The precomputed scores are of other photographs ({about.get('drawn_with')}) than "
            f"these ({here or 'unknown how drawn'})."
        )
    if about.get("design") != _described(design):
        return "The precomputed scores were made with other settings than this program's."
    for start, wanted in _weights(workspace, design).items():
        found = _made_from(about, start)
        if found != wanted:
            return (
                f"The precomputed scores of {start} started from other weights (SHA-256 "
                f"{found[:12] or 'none'}) than those here ({wanted[:12] or 'none'})."
            )
    return ""


def install(
    workspace: Workspace,
    dataset: FundusDataset,
    dataset_id: str,
    start: Start,
    design: StoryDesign,
    *,
    folder: Path = SHIPPED,
) -> Run:
    """Stores precomputed scores as a run; one that was stored before is returned as it is.

    Ask `why_not_installable` first.

    Raises:
        DataError: If the table does not fit the photographs row by row.
    """
    table = folder / f"{start}.csv"
    resolved = resolve(workspace, design.backbone(start))
    labelled = labelled_photographs(dataset, dataset.image_ids, design.validation)
    recipe = PrecomputedRecipe(
        labelled.fingerprint(), resolved.recipe.fingerprint(), checksum(_existing(table))
    )
    name = run_id(workspace, dataset_id, resolved, labelled.target, recipe, suffix="ft-precomputed")
    return stored_run(workspace, name) or _installed(
        workspace, labelled, dataset_id, resolved, name, table
    )


def write_precomputed(
    workspace: Workspace,
    dataset: FundusDataset,
    runs: Mapping[Start, Run],
    design: StoryDesign,
    folder: Path,
    *,
    made: Mapping[str, Any],
) -> None:
    """Writes the scores of fine-tuned runs of the demo as `install` reads them.

    Args:
        workspace: Where the runs and the demo are.
        dataset: The demo.
        runs: One for each start.
        design: What the runs were made with.
        folder: Made if needed.
        made: What else `about.json` is to say: commands, seconds, date.
    """
    path_of = dict(zip(dataset.image_ids, _relative_paths(dataset, workspace.demo), strict=True))
    for start, run in runs.items():
        said = run_predictions(workspace, run)
        if said.fold is None:
            raise DataError(f"Run {run.id} has no folds.", hint="Fine-tune with cross-validation.")
        table = pd.DataFrame(
            {
                "path": [path_of[image_id] for image_id in said.image_ids],
                "fold": said.fold,
                "y_score": said.y_score[:, 0],
            }
        )
        _write_table(folder / f"{start}.csv", table.sort_values("path"))
    about = {
        "synthetic": True,
        "drawn_with": drawn_with(workspace.demo),
        "design": _described(design),
        "weights_sha256": {start: run.embeddings.weights_sha256 for start, run in runs.items()},
        "auc": {start: run.auc.auc for start, run in runs.items() if run.auc},
        "n_images": len(dataset),
        "n_patients": dataset.n_patients,
        "versions": {name: version(name) for name in ("torch", "timm", "numpy")},
        **made,
    }
    write_json(folder / _ABOUT, about)


def _write_table(path: Path, table: pd.DataFrame) -> None:
    content = table.to_csv(index=False, lineterminator="\n").encode()
    write_atomically(path, lambda file: file.write(content))


def is_precomputed(run: Run) -> bool:
    """Says whether a run was installed, not computed here."""
    return run.kind == "finetune" and run.label.endswith(SUFFIX)


def _described(design: StoryDesign) -> dict[str, Any]:
    """Returns of a design what determines the scores of fine-tuned networks."""
    return {
        "target": design.validation.target,
        "image_size": design.image_size,
        "folds": design.folds,
        "seed": design.seed,
        "training": design.training.to_dict(),
    }


def _weights(workspace: Workspace, design: StoryDesign) -> dict[Start, str]:
    starts: tuple[Start, ...] = ("scratch", "phantom")
    return {
        start: resolve(workspace, design.backbone(start)).recipe.weights_sha256 for start in starts
    }


def _made_from(about: Mapping[str, Any], start: Start) -> str:
    return str(about.get("weights_sha256", {}).get(start, ""))


def _existing(table: Path) -> Path:
    if not table.is_file():
        raise DataError(f"{table.name} is missing in {table.parent}.", hint=_AGAIN)
    return table


def _installed(
    workspace: Workspace,
    labelled: Labelled,
    dataset_id: str,
    resolved: ResolvedChoice,
    name: str,
    table: Path,
) -> Run:
    held_out = _joined(table, labelled, workspace.demo)
    baseline = shortcut_predictions(workspace, labelled)
    labelled = minding_look_alikes(workspace, labelled)
    label = f"{resolved.label}, {SUFFIX}"
    run = evaluated_run(
        workspace,
        name,
        dataset_id,
        labelled,
        resolved,
        held_out,
        baseline,
        kind="finetune",
        method="ft",
        label=label,
    )
    predictions = labelled.predictions(held_out.y_score, held_out.fold, label)
    save_run(
        workspace,
        run,
        predictions,
        baseline=baseline,
        trained_on=labelled.taught(labelled.folds),
    )
    return run


def _joined(table: Path, labelled: Labelled, root: Path) -> HeldOut:
    """Returns the scores of a table in the order of the labelled photographs.

    Raises:
        DataError: If photographs and rows are not the same, one to one, or the folds differ.
    """
    read = _read(table)
    labelled_only = labelled.dataset.select(labelled.image_ids)
    paths = _relative_paths(labelled_only, root)
    _require_same(table.name, set(paths), list(read["path"]))
    rows = read.set_index("path").loc[paths]
    fold = rows["fold"].to_numpy(np.int64)
    expected = np.full(len(paths), -1, np.int64)
    for number, one in enumerate(labelled.folds):
        expected[one.test] = number
    differing = int((fold != expected).sum())
    if differing:
        raise DataError(
            f"{table.name} puts {differing} of {len(paths)} photographs into other folds than this "
            "program does.",
            hint=_AGAIN,
        )
    return HeldOut(rows["y_score"].to_numpy(np.float64)[:, None], fold)


def _read(table: Path) -> pd.DataFrame:
    try:
        read = pd.read_csv(table, dtype={"path": str, "fold": np.int64, "y_score": np.float64})
    except (ValueError, OSError) as error:
        raise DataError(f"{table.name} cannot be read: {error}", hint=_AGAIN) from error
    if list(read.columns) != _COLUMNS:
        raise DataError(
            f"{table.name} has the columns {', '.join(map(str, read.columns))}; "
            f"{', '.join(_COLUMNS)} were expected.",
            hint=_AGAIN,
        )
    scores: NDArray[np.float64] = read["y_score"].to_numpy(np.float64)
    impossible = int((~((scores >= 0) & (scores <= 1))).sum())
    if impossible:
        raise DataError(
            f"{table.name} has {impossible} scores that are no probability.", hint=_AGAIN
        )
    return read


def _require_same(name: str, photographs: set[str], rows: list[str]) -> None:
    """Raises unless every photograph has one row and every row a photograph."""
    known = set(rows)
    findings = {
        "photographs have no row": sorted(photographs - known),
        "rows have no photograph": sorted(known - photographs),
        "photographs have several rows": sorted({path for path in rows if rows.count(path) > 1})
        if len(known) < len(rows)
        else [],
    }
    said = [f"{len(paths)} {what} ({paths[0]})" for what, paths in findings.items() if paths]
    if said:
        raise DataError(f"{name} does not fit the demo: {', '.join(said)}.", hint=_AGAIN)


def _relative_paths(dataset: FundusDataset, root: Path) -> list[str]:
    """Returns where the photographs lie in the demo's folder, with forward slashes."""
    return [
        Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else str(path)
        for path in dataset.table["path"]
    ]
