"""Use case: what the demo photographs show, from start to end, as paper 2 tells it.

Does pre-training pay, for a linear probe and for a fine-tuned network; does it order the
photographs; and do heat maps lie on the lesions, which are known here? Every step is stored where
the pages keep theirs, so that each figure can be looked into, and a second call computes nothing.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import DataError
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.demo import demo_source, has_demo, make_demo
from fundus_core.workflows.embeddings.backbone_choice import resolve
from fundus_core.workflows.embeddings.embed import embed
from fundus_core.workflows.embeddings.project import project_embeddings
from fundus_core.workflows.explanations.lesions import LesionStudy, lesion_study
from fundus_core.workflows.models import precomputed
from fundus_core.workflows.models.finetune import finetune_dataset
from fundus_core.workflows.models.probe import probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.story.story_design import (
    CELLS,
    DESIGN,
    MAP,
    STARTS,
    Cell,
    StoryDesign,
)
from fundus_core.workflows.story.story_store import (
    Pictures,
    Story,
    read_story,
    save_story,
    story_store,
)

__all__ = ["Story", "fine_tuned", "prepare_story", "read_story"]

_STEPS = 7


def prepare_story(
    workspace: Workspace,
    progress: Progress = silent,
    *,
    design: StoryDesign = DESIGN,
    fine_tune: bool = False,
    fresh: bool = False,
    scores: Path = precomputed.SHIPPED,
) -> Story:
    """Computes what the story needs and is not stored; draws the demo if there is none.

    Args:
        workspace: Where the demo is, and results are kept.
        progress: Told after every photograph, fold or batch.
        design: How large everything is.
        fine_tune: Fine-tune here, instead of installing the scores that came with the program.
        fresh: Forget what earlier calls stored, and compute it again. Vectors that the two networks
            gave for other photographs are forgotten too, and made again when they are asked for.
        scores: Folder of precomputed scores.

    Raises:
        WeightsError: If the pre-trained weights are not at hand.
        FundusError: Whatever else a step cannot do.
    """
    if fresh:
        _forget(workspace, design)
    previous = None if fresh else read_story(workspace)
    dataset, name = _opened(workspace, _step(progress, 1)), dataset_id(demo_source(workspace))
    for start in STARTS:  # before minutes are spent on the other one
        resolve(workspace, design.backbone(start))
    vectors = {
        start: embed(
            workspace, dataset, design.backbone(start), progress=_step(progress, 2 + number)
        )
        for number, start in enumerate(STARTS)
    }
    for start in STARTS:
        project_embeddings(workspace, vectors[start], method=MAP, progress=_step(progress, 4))
    fingerprints = {start: vectors[start].fingerprint for start in STARTS}
    runs = {
        Cell(start, "probe"): probe_dataset(
            workspace,
            dataset,
            name,
            design.backbone(start),
            design.probing,
            progress=_step(progress, 5),
        )
        for start in STARTS
    }
    explained = runs[Cell("phantom", "probe")]
    study, pictures = _studied(workspace, dataset, explained, previous, design, _step(progress, 6))
    tuned, missing = _at_hand(workspace, dataset, name, previous, design, scores)
    save_story(workspace, name, dataset, {**runs, **tuned}, fingerprints, study, pictures, missing)
    if fine_tune:
        tuned = fine_tuned(workspace, dataset, name, design, _step(progress, 7))
        save_story(workspace, name, dataset, {**runs, **tuned}, fingerprints, study, pictures, "")
    progress(1, 1, "The story is ready")
    return _require_story(workspace)


def fine_tuned(
    workspace: Workspace,
    dataset: FundusDataset,
    name: str,
    design: StoryDesign,
    progress: Progress = silent,
) -> dict[Cell, Run]:
    """Fine-tunes the network from both starts; runs that are stored are returned as they are."""
    n = len(STARTS)

    def tell(number: int) -> Progress:
        def told(done: int, total: int, message: str) -> None:
            progress(number * total + done, n * total, message)

        return told

    return {
        Cell(start, "finetune"): finetune_dataset(
            workspace,
            dataset,
            name,
            design.backbone(start),
            design.fine_tuning,
            progress=tell(number),
        )
        for number, start in enumerate(STARTS)
    }


def _step(progress: Progress, number: int) -> Progress:
    """Returns a progress that says which step it belongs to."""

    def tell(done: int, total: int, message: str) -> None:
        progress(done, total, f"Step {number} of {_STEPS}: {message[:1].lower()}{message[1:]}")

    return tell


def _opened(workspace: Workspace, progress: Progress) -> FundusDataset:
    source = demo_source(workspace)
    if not has_demo(workspace):
        make_demo(source.path, progress=progress)
    return open_dataset(workspace, source, progress=progress)


def _at_hand(
    workspace: Workspace,
    dataset: FundusDataset,
    name: str,
    previous: Story | None,
    design: StoryDesign,
    scores: Path,
) -> tuple[dict[Cell, Run], str]:
    """Returns fine-tuned runs that take no training, and why there are none."""
    cells = [cell for cell in CELLS if cell.way == "finetune"]
    if previous is not None and not previous.precomputed:
        kept = {cell: previous.runs[cell] for cell in cells if cell in previous.runs}
        if len(kept) == len(cells) and _same_weights(workspace, kept, design):
            return kept, ""
    if reason := precomputed.why_not_installable(workspace, design, folder=scores):
        return {}, reason
    try:
        return {
            cell: precomputed.install(workspace, dataset, name, cell.start, design, folder=scores)
            for cell in cells
        }, ""
    except DataError as error:  # the probes stand without them, and the page says this
        return {}, error.message


def _same_weights(workspace: Workspace, runs: Mapping[Cell, Run], design: StoryDesign) -> bool:
    """Says whether runs started from the weights that are here now."""
    return all(
        run.embeddings == resolve(workspace, design.backbone(cell.start)).recipe
        for cell, run in runs.items()
    )


def _studied(
    workspace: Workspace,
    dataset: FundusDataset,
    run: Run,
    previous: Story | None,
    design: StoryDesign,
    progress: Progress,
) -> tuple[LesionStudy, Pictures]:
    if previous is not None and previous.lesions.run_id == run.id:
        return previous.lesions, previous.pictures
    return lesion_study(
        workspace,
        dataset,
        run,
        n_photographs=design.n_explained,
        seed=design.seed,
        progress=progress,
    )


def _forget(workspace: Workspace, design: StoryDesign) -> None:
    """Removes what the story computed, the story itself first."""
    recipes = [resolve(workspace, design.backbone(start)).recipe for start in STARTS]
    fingerprints = {
        key for one in recipes for key in (one.fingerprint(), *one.older_fingerprints())
    }
    story = read_story(workspace)
    story_store(workspace).remove(dataset_id(demo_source(workspace)))
    for run in story.runs.values() if story else ():
        ArtifactStore(workspace.runs).remove(run.id)
    projections = ArtifactStore(workspace.projections)
    for key, about in projections.describe().items():
        if about.get("embeddings") in fingerprints and about.get("method") == MAP:
            projections.remove(key)
    for fingerprint in fingerprints:
        shutil.rmtree(workspace.embeddings / fingerprint, ignore_errors=True)


def _require_story(workspace: Workspace) -> Story:
    story = read_story(workspace)
    if story is None:
        raise DataError(
            "Parts of the story were removed while it was prepared.", hint="Prepare it again."
        )
    return story
