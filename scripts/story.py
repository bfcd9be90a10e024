"""Makes fundus_core/story: held-out scores of the networks fine-tuned on the demo photographs.

Run as `make story`, after the pre-trained weights are in place; it takes minutes on a GPU and
longer without one. An interrupted run, repeated, goes on from its last epoch. Other sizes are for
trying the script: the program refuses scores that were not made with its own settings.
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fundus_core.cli.output import auc_text, print_line, progress
from fundus_core.compute import choose_device
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.demo import demo_source, make_demo
from fundus_core.workflows.models.precomputed import SHIPPED, write_precomputed
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_curves
from fundus_core.workflows.story.story import fine_tuned
from fundus_core.workflows.story.story_design import DESIGN, StoryDesign
from scripts.command_line import ROOT


def main(
    patients: Annotated[int, typer.Option(help="Of the demo.")] = 240,
    demo_size: Annotated[int, typer.Option(help="Side of the demo photographs.")] = 512,
    image_size: Annotated[int, typer.Option(help="Side of the network's input.")] = 0,
    epochs: Annotated[int, typer.Option(help="At most; 0 for the program's own.")] = 0,
    folds: Annotated[int, typer.Option(help="0 for the program's own.")] = 0,
    out: Annotated[Path, typer.Option(help="Where the scores are written.")] = SHIPPED,
    workspace: Annotated[Path, typer.Option(help="Where the demo and the runs are.")] = (
        ROOT / "workspace" / "story"
    ),
) -> None:
    """Draws the demo, fine-tunes from both starts, writes the scores."""
    workspace.mkdir(parents=True, exist_ok=True)
    place = Workspace(workspace.resolve())
    design = _design(image_size, epochs, folds)
    make_demo(place.demo, n_patients=patients, image_size=demo_size, progress=progress())
    source = demo_source(place)
    dataset = open_dataset(place, source, progress=progress())
    runs = fine_tuned(place, dataset, dataset_id(source), design, progress())
    by_start = {cell.start: run for cell, run in runs.items()}
    made = {
        "commands": ["make story" + (f' ARGS="{" ".join(sys.argv[1:])}"' if sys.argv[1:] else "")],
        "device": choose_device().type,
        "seconds": {start: _seconds(place, run) for start, run in by_start.items()},
        "date": datetime.now(UTC).date().isoformat(),
    }
    write_precomputed(place, dataset, by_start, design, out, made=made)
    for start, run in by_start.items():
        print_line(f"{start}: AUC {auc_text(run.auc)}")
    print_line(f"Written to {out}")


def _seconds(workspace: Workspace, run: Run) -> float | None:
    """Returns how long a network trained, in all its calls; None where no epochs were kept."""
    curves = run_curves(workspace, run)
    if curves is None:
        return None
    return round(sum(epoch.seconds for fold in curves.folds for epoch in fold), 1)


def _design(image_size: int, epochs: int, folds: int) -> StoryDesign:
    """Returns the program's own design, with what was asked to be otherwise."""
    training = replace(DESIGN.training, epochs=epochs or DESIGN.training.epochs)
    return replace(
        DESIGN,
        image_size=image_size or DESIGN.image_size,
        folds=folds or DESIGN.folds,
        training=training,
    )


if __name__ == "__main__":
    typer.run(main)
