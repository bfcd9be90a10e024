"""Fine-tuned networks as runs keep them: in one file, what training changed of each fold's copy.

What it did not change is read again from the weights the training started from, so that a run whose
head alone moved keeps a few kilobytes, and one that moved everything keeps whole networks.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.networks import load_network
from fundus_core.compute import choose_device
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.embedding import Photograph
from fundus_core.errors import StoreError
from fundus_core.finetune.classifier import Classifier, Normalisation
from fundus_core.finetune.squares import Squares, read_squares
from fundus_core.finetune.strategies import StrategyOptions
from fundus_core.io.files import write_atomically
from fundus_core.io.read_only import is_read_only
from fundus_core.io.square_store import SquareStore
from fundus_core.io.tensors import save_tensors
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.embeddings.backbone_choice import ResolvedChoice, resolve_recipe
from fundus_core.workflows.embeddings.embed import squares_for
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import NETWORKS, run_folder

if TYPE_CHECKING:
    from torch import Tensor


def fresh_classifier(
    resolved: ResolvedChoice,
    *,
    n_outputs: int,
    head: str,
    head_weights: Path | None,
    strategy: str,
    options: StrategyOptions,
    seed: int,
) -> Classifier:
    """Returns a copy of a backbone with a new head, as a strategy trains it.

    Args:
        resolved: What to start from.
        n_outputs: Scored classes.
        head: Key of `HEADS`.
        head_weights: What a head that is a network itself starts from; None for random weights.
        strategy: Key of `STRATEGIES`.
        options: Its settings.
        seed: Of the new weights.
    """
    recipe = resolved.recipe
    classifier = Classifier(
        load_network(resolved.spec, resolved.weights, recipe.image_size, recipe.seed),
        Normalisation(recipe.mean, recipe.std),
        n_outputs=n_outputs,
        image_size=recipe.image_size,
        device=choose_device(),
        seed=seed,
        head=head,
        head_weights=head_weights,
    )
    classifier.prepare(strategy, options)
    return classifier


def write_changes(path: Path, classifier: Classifier, moved: Collection[str]) -> None:
    """Writes the entries of a network that training changed, and all of its head."""
    from safetensors.torch import save

    kept = {
        name: value.cpu().contiguous()
        for name, value in classifier.module.state_dict().items()
        if name in moved or name.startswith(classifier.HEAD_PREFIX)
    }
    data = save(kept)
    write_atomically(path, lambda file: file.write(data))


def gather_changes(folds: Sequence[Path], target: Path) -> None:
    """Joins the files of `write_changes`, one per fold, in one."""
    from safetensors.torch import load_file

    save_tensors(
        target,
        {
            f"{fold}/{name}": value
            for fold, path in enumerate(folds)
            for name, value in load_file(path).items()
        },
    )


def kept_folds(workspace: Workspace, run: Run) -> tuple[int, ...]:
    """Returns the folds whose networks a run keeps."""
    from safetensors import safe_open

    path = run_folder(workspace, run) / NETWORKS
    if not path.is_file():
        return ()
    with safe_open(path, framework="pt") as file:
        return tuple(sorted({int(name.partition("/")[0]) for name in file.keys()}))  # noqa: SIM118


def fine_tuned(workspace: Workspace, run: Run, resolved: ResolvedChoice, fold: int) -> Classifier:
    """Returns the network of a run that held a fold out.

    Raises:
        StoreError: If the run does not keep it.
        WeightsError: If the weights that training started from are no longer at hand.
    """
    about = run.recipe
    classifier = fresh_classifier(
        resolved,
        n_outputs=len(run.target.scored_classes),
        head=about["head"],
        head_weights=None,
        strategy=about["strategy"],
        options=_options(about["options"]),
        seed=about["training"]["seed"],
    )
    changes = _changes(workspace, run, fold)
    module = classifier.module
    left = {name for name in module.state_dict() if name.startswith(classifier.HEAD_PREFIX)}
    unknown = changes.keys() - module.state_dict().keys()
    if unknown or left - changes.keys():
        raise StoreError(
            f"The kept network of run {run.id} does not fit its backbone: {len(unknown)} unknown "
            f"and {len(left - changes.keys())} missing entries.",
            hint="Fine-tune again.",
        )
    module.load_state_dict(changes, strict=False)
    module.eval()
    return classifier


def ensemble_scores(
    workspace: Workspace, run: Run, dataset: FundusDataset, progress: Progress = silent
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Scores a data set by the mean of the networks of a run's folds.

    Returns:
        The ids of the photographs that could be read, and their scores (n, C).

    Raises:
        StoreError: If the run keeps no network.
        WeightsError: If the weights that training started from are no longer at hand.
    """
    folds = kept_folds(workspace, run)
    if not folds:
        raise StoreError(
            f"Run {run.id} does not keep its networks, so they cannot score photographs.",
            hint="Fine-tune again and keep the networks (without --no-checkpoint).",
        )
    resolved = resolve_recipe(workspace, run.embeddings, run.weights_path)
    place = None if is_read_only() else _made(workspace.training)
    with TemporaryDirectory(dir=place, prefix="scoring-") as folder:
        squares = squares_of(
            dataset,
            dataset.image_ids,
            resolved.recipe,
            Path(folder),
            kept=squares_for(workspace, resolved.recipe),
            progress=progress,
        )
        rows = np.arange(len(squares.image_ids))
        scores = []
        for number, fold in enumerate(folds):
            progress(number, len(folds), f"Scoring with network {number + 1} of {len(folds)}")
            network = fine_tuned(workspace, run, resolved, fold)
            scores.append(network.scores(squares, rows, run.target.task))
        return squares.image_ids, np.mean(scores, axis=0)


def squares_of(
    dataset: FundusDataset,
    image_ids: Sequence[str],
    recipe: EmbedRecipe,
    folder: Path,
    *,
    kept: SquareStore | None = None,
    progress: Progress = silent,
) -> Squares:
    """Reads photographs of a data set as a backbone is shown them, into a folder.

    What is among the kept squares is not decoded.
    """
    path_of = dict(zip(dataset.image_ids, dataset.table["path"], strict=True))
    return read_squares(
        [Photograph(image_id, Path(path_of[image_id])) for image_id in image_ids],
        recipe.image_size,
        recipe.preprocessing,
        folder=folder,
        kept=kept,
        progress=progress,
    )


def _changes(workspace: Workspace, run: Run, fold: int) -> "dict[str, Tensor]":
    """Reads what training changed of the network of one fold."""
    from safetensors import safe_open

    prefix = f"{fold}/"
    if fold not in kept_folds(workspace, run):
        raise StoreError(
            f"Run {run.id} does not keep the network of fold {fold + 1}.",
            hint="Fine-tune again and keep the networks (without --no-checkpoint).",
        )
    with safe_open(run_folder(workspace, run) / NETWORKS, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


def _options(values: Mapping[str, Any]) -> StrategyOptions:
    known = {each.name for each in fields(StrategyOptions)}
    return StrategyOptions(**{name: value for name, value in values.items() if name in known})


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
