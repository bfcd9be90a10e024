"""Commands that ask in words: zero-shot scores, prototypes, and a search by free text."""

from pathlib import Path
from typing import Annotated

import typer

from fundus_core.cli import options
from fundus_core.cli.model import describe_run, run_auc_text
from fundus_core.cli.output import print_cautions, print_json, print_line, progress
from fundus_core.cli.places import Replace, require_out
from fundus_core.cli.query import print_ranked, ranked
from fundus_core.domain.bounds import RANKED
from fundus_core.io.findings import read_findings
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, open_with_target
from fundus_core.workflows.data.text_search import search_text
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.models.imported_words import imported_words
from fundus_core.workflows.models.prototypes import (
    Reading,
    projected,
    prototypes_of,
    tower_of,
    write_prototypes,
)
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.zero_shot import ZeroShotChoice, zero_shot_dataset


def zero_shot(
    source: DataSource,
    choice: BackboneChoice,
    target: Annotated[
        str, typer.Option(help="COLUMN, COLUMN=CLASS, or 0/1 columns joined by commas.")
    ],
    findings: options.FindingsFile = None,
    prototypes: options.PrototypeKind = "mean",
    tokens: options.Tokens = "published",
    import_prototypes: options.ImportPrototypes = None,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Scores photographs by what is said of each class; nothing is learned from them."""
    place = find_workspace(workspace)
    dataset = open_with_target(place, source, target, progress=progress())
    asked = ZeroShotChoice(target, findings, prototypes, tokens, import_prototypes)
    run = zero_shot_dataset(place, dataset, dataset_id(source), choice, asked, progress=progress())
    imported = imported_words(dataset, run, asked)
    if as_json:
        print_json(describe_run(place, run) | {"imported_words": imported})
        return
    _print_run(run)
    if imported is not None:
        print_line(f"  {imported.sentence()}")


def prototypes(
    out: Annotated[
        Path,
        typer.Argument(metavar="FILE", parser=options.path, help="The .safetensors file to write."),
    ],
    choice: BackboneChoice,
    findings: options.FindingsFile = None,
    kind: options.PrototypeKind = "mean",
    tokens: options.Tokens = "published",
    replace: Replace = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Reads every finding with the text tower, for a machine that cannot."""
    place = find_workspace(workspace)
    require_out(place, out, suffixes=(".safetensors",), replace=replace)
    described = read_findings(findings)
    made = prototypes_of(
        place,
        tower_of(resolve(place, projected(choice))),
        described.findings,
        Reading(described.template, kind, tokens),
        progress=progress(),
    )
    write_prototypes(out, made)
    if as_json:
        print_json(
            {
                "out": out,
                "findings": [one.name for one in described.findings],
                "embed_dim": len(made[0].vector),
                "weights_sha256": made[0].recipe.weights_sha256,
            }
        )
    else:
        print_line(f"{out}: prototypes of {len(made)} findings, {len(made[0].vector)} numbers each")


def search(
    source: DataSource,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="In quotes: 'macular hole'.")],
    choice: BackboneChoice,
    top: Annotated[int, options.number(RANKED, help="How many photographs.")] = 20,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Ranks photographs by how near they are to free text."""
    place = find_workspace(workspace)
    dataset = open_dataset(place, source, progress=progress())
    found = search_text(place, dataset, choice, words, count=top, progress=progress())
    rows = ranked(dataset, found.cosines)
    if as_json:
        print_json(
            {
                "words": found.words,
                "label": found.label,
                "n_images": found.n_images,
                "photographs": rows,
            }
        )
        return
    print_line(f"{found.label}: {found.n_images} photographs, nearest to {found.words!r} first")
    print_ranked(rows)


def _print_run(run: Run) -> None:
    """Prints what words alone reached."""
    patients = "unknown" if run.n_patients is None else str(run.n_patients)
    print_line(f"{run.label} on {run.target.name}: {run_auc_text(run)}")
    if run.target.task != "binary":
        print_line(f"  `fundus roc {run.id}` prints the AUC of each class")
    print_line(f"  {run.n_images} photographs, patients: {patients}; run {run.id}")
    print_line("  Words alone gave the scores: they rank photographs and are not calibrated.")
    print_cautions(run.cautions)
