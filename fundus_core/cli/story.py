"""The command that prepares the demo's story and prints what it found."""

from typing import Annotated, Any

import typer

from fundus_core.cli import options
from fundus_core.cli.output import auc_text, print_json, print_line, progress
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows.story.story import Story, prepare_story
from fundus_core.workflows.story.story_design import CELLS, Cell
from fundus_core.workflows.story.story_store import Contrast


def story(
    fine_tune: Annotated[
        bool,
        typer.Option(
            "--fine-tune", help="Fine-tune here, instead of using the scores that come along."
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what was stored, and compute it again.")
    ] = False,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Tells on the synthetic demo what pre-training is worth: maps, AUCs, and where a model looks.

    Draws the demo photographs if there are none. What is stored is not computed again.
    """
    place = find_workspace(workspace)
    told = prepare_story(place, progress(), fine_tune=fine_tune, fresh=fresh)
    if as_json:
        print_json(describe(told))
    else:
        _print(told)


def describe(story: Story) -> dict[str, Any]:
    """Returns what `story --json` prints."""
    study = story.lesions
    return {
        "synthetic": True,
        "dataset_id": story.dataset_id,
        "n_images": story.n_images,
        "n_patients": story.n_patients,
        "embeddings": dict(story.embeddings),
        "runs": {
            cell.key: {"run_id": run.id, "auc": run.auc, "label": run.label}
            for cell, run in story.runs.items()
        },
        "contrasts": [_describe(contrast) for contrast in story.contrasts],
        "not_fine_tuned": story.not_fine_tuned,
        "lesions": {
            "n_photographs": len(study.photographs),
            "n_without_lesion": study.n_without_lesion,
            "n_without_map": study.n_without_map,
            "n_above_chance": study.n_above_chance,
            "n_above_others": study.n_above_others,
            "n_hits": study.n_hits,
            **{
                f"median_{figure}": study.median(figure)
                for figure in ("share", "chance", "share_near", "chance_near", "by_others")
            },
        },
    }


def _describe(contrast: Contrast) -> dict[str, Any]:
    result = contrast.result
    return {
        "first": contrast.first.key,
        "second": contrast.second.key,
        "difference": result.difference,
        "low": result.low,
        "high": result.high,
        "z": result.z,
        "degrees_of_freedom": result.degrees_of_freedom,
        "p_value": result.p_value,
        "p_holm": contrast.p_holm,
        "method": result.method,
    }


def _print(story: Story) -> None:
    print_line(f"{story.n_images} synthetic photographs of {story.n_patients} patients")
    for cell in CELLS:
        if cell in story.runs:
            print_line(f"  {_name(cell)}: AUC {auc_text(story.runs[cell].auc)}")
    if story.not_fine_tuned:
        print_line(f"  Not fine-tuned. {story.not_fine_tuned}")
    for one in story.contrasts:
        print_line(
            f"  {_name(one.first)} minus {_name(one.second)}: {one.result.difference:+z.3f} "
            f"({one.result.low:+z.3f} to {one.result.high:+z.3f}), p (Holm) {one.p_holm:.3g}"
        )
    study = story.lesions
    n = len(study.photographs)
    print_line(
        f"  Heat on lesions, {n} photographs: median {study.median('share'):.1%}, by chance "
        f"{study.median('chance'):.1%}; above chance in {study.n_above_chance}, above the maps of "
        f"other photographs in {study.n_above_others}; maximum on a lesion in {study.n_hits}"
    )


def _name(cell: Cell) -> str:
    start = "pre-trained" if cell.start == "phantom" else "scratch"
    return f"{start}, {'fine-tuned' if cell.way == 'finetune' else 'linear probe'}"
