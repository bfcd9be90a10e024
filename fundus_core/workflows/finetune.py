"""Use case: how well a backbone does on a data set after it was trained on it, per patient."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.networks import load_network, require_trainable
from fundus_core.compute import choose_device
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import Recipe
from fundus_core.embedding import Photograph
from fundus_core.errors import TargetError
from fundus_core.finetune.classifier import Classifier, Normalisation, fine_tune
from fundus_core.finetune.curves import CURVE_FILE, CurveFile
from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.squares import Squares, read_squares
from fundus_core.finetune.state import Epoch
from fundus_core.finetune.strategies import STRATEGIES, StrategyOptions
from fundus_core.io.workspace import Workspace
from fundus_core.splits import Fold, held_out_groups
from fundus_core.workflows.embed import BackboneChoice, ResolvedChoice, resolve
from fundus_core.workflows.held_out import (
    HeldOut,
    Labelled,
    Validation,
    evaluated_run,
    labelled_photographs,
    run_id,
    shortcut_predictions,
    stored_run,
)
from fundus_core.workflows.runs import Run, save_run

if TYPE_CHECKING:
    from torch import nn

_SUFFIX = {"ft": "fine-tuned"}
"""What labels call a strategy, where it is not its short name."""

INNER_SHARE = 0.15
"""Share of the training patients by whom the best epoch is chosen."""

FINE_TUNING = TrainingRecipe(epochs=10, batch_size=16, learning_rate=3e-4, patience=4)
"""Our defaults; the papers' own values are unverified."""


@dataclass(frozen=True, slots=True)
class FinetuneChoice:
    """What the user asks for."""

    validation: Validation
    strategy: str = "ft"
    """Key of `STRATEGIES`."""

    options: StrategyOptions = field(default_factory=StrategyOptions)
    head: str = "linear"
    """Key of `HEADS`."""

    training: TrainingRecipe = field(default_factory=lambda: FINE_TUNING)


@dataclass(frozen=True, slots=True)
class FinetuneRecipe(Recipe):
    """Everything that determines the held-out scores."""

    dataset: str
    """Fingerprint of image ids, labels, patients and (if used) splits."""

    backbone: str
    """Fingerprint of the `EmbedRecipe`: architecture, weights, input."""

    target: str
    positive: str
    strategy: str
    options: StrategyOptions
    head: str
    folds: int
    """Outer folds; 0 when the table's own split is used."""

    fold_seed: int
    training: TrainingRecipe


def finetune_dataset(
    workspace: Workspace,
    dataset: FundusDataset,
    dataset_id: str,
    backbone: BackboneChoice,
    choice: FinetuneChoice,
    *,
    on_epoch: Callable[[int, Epoch], None] = lambda fold, epoch: None,
    progress: Progress = silent,
) -> Run:
    """Fine-tunes and evaluates a backbone; an equal run that is stored is returned as it is.

    A call that was interrupted goes on from its last whole epoch when it is repeated.

    Args:
        workspace: Where results are kept.
        dataset: The photographs.
        dataset_id: The id they are remembered by.
        backbone: What to start from.
        choice: What to predict, and how to train.
        on_epoch: Told the number of the fold, from 0, and what an epoch gave.
        progress: Told after every batch.

    Raises:
        TargetError: If the target cannot be learned.
        BackboneError: If the backbone cannot be trained.
        FoldError: If there are too few patients of a class.
        TrainingError: If the training cannot go on.
    """
    _require_known("strategy", choice.strategy, STRATEGIES)
    _require_known("head", choice.head, HEADS)
    resolved = resolve(workspace, backbone)
    require_trainable(resolved.spec)
    labelled = labelled_photographs(dataset, dataset.image_ids, choice.validation)
    recipe = _recipe(labelled, resolved, choice)
    name = run_id(resolved, labelled.target, recipe, suffix=choice.strategy)
    if stored := stored_run(workspace, name):
        return stored

    label = f"{resolved.label}, {_SUFFIX.get(choice.strategy, choice.strategy)}"
    label += "" if choice.head == "linear" else f", {choice.head} head"
    folder = workspace.training / recipe.fingerprint()
    written = CurveFile(
        folder / CURVE_FILE, f"{label}, {labelled.target.name}", choice.training.epochs
    )

    def after(fold: int, epoch: Epoch) -> None:
        written.add(epoch, fold)
        on_epoch(fold, epoch)

    squares = _squares(labelled, resolved, folder, progress)
    readable = labelled_photographs(dataset, squares.image_ids, choice.validation)
    held_out = _cross_validated(readable, squares, resolved, choice, folder, after, progress)
    baseline = shortcut_predictions(workspace, readable)
    run = evaluated_run(
        name,
        dataset_id,
        readable,
        resolved,
        held_out,
        baseline,
        kind="finetune",
        method=choice.strategy,
        label=label,
    )
    everything = readable.predictions(held_out.y_score, held_out.fold, label)
    save_run(
        workspace,
        run,
        everything.select(held_out.fold >= 0),
        baseline=baseline,
        curves=written.curves,
    )
    shutil.rmtree(folder, ignore_errors=True)
    return run


def _require_known(what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise TargetError(
            f"There is no {what} called {name!r}.", hint=f"Choose one of {', '.join(known)}."
        )


def _recipe(labelled: Labelled, resolved: ResolvedChoice, choice: FinetuneChoice) -> FinetuneRecipe:
    validation = choice.validation
    return FinetuneRecipe(
        dataset=labelled.fingerprint(),
        backbone=resolved.recipe.fingerprint(),
        target=labelled.target.name,
        positive=labelled.positive,
        strategy=choice.strategy,
        options=choice.options,
        head=choice.head,
        folds=0 if validation.use_split else validation.folds,
        fold_seed=validation.seed,
        training=choice.training,
    )


def _squares(
    labelled: Labelled, resolved: ResolvedChoice, folder: Path, progress: Progress
) -> Squares:
    path_of = dict(zip(labelled.dataset.image_ids, labelled.dataset.table["path"], strict=True))
    return read_squares(
        [Photograph(image_id, Path(path_of[image_id])) for image_id in labelled.image_ids],
        resolved.recipe.image_size,
        resolved.recipe.preprocessing,
        folder=folder,
        progress=progress,
    )


def _cross_validated(
    labelled: Labelled,
    squares: Squares,
    resolved: ResolvedChoice,
    choice: FinetuneChoice,
    folder: Path,
    on_epoch: Callable[[int, Epoch], None],
    progress: Progress,
) -> HeldOut:
    """Trains a fresh copy of the backbone per fold and scores the patients held out."""
    n_folds = len(labelled.folds)
    y_score = np.full(labelled.y_true.shape, np.nan)
    fold_of = np.full(len(labelled.y_true), -1, dtype=np.int64)
    for number, fold in enumerate(labelled.folds):

        def tell(done: int, total: int, message: str, number: int = number) -> None:
            whole = f"Fold {number + 1} of {n_folds}: {message[:1].lower()}{message[1:]}"
            progress(number * total + done, n_folds * total, whole)

        def after(epoch: Epoch, number: int = number) -> None:
            on_epoch(number, epoch)

        y_score[fold.test] = _fold_scores(
            labelled,
            squares,
            resolved,
            choice,
            fold,
            state_file=folder / f"fold-{number}.safetensors",
            on_epoch=after,
            progress=tell,
        )
        fold_of[fold.test] = number
    return HeldOut(y_score, fold_of)


def _fold_scores(
    labelled: Labelled,
    squares: Squares,
    resolved: ResolvedChoice,
    choice: FinetuneChoice,
    fold: Fold,
    *,
    state_file: Path,
    on_epoch: Callable[[Epoch], None],
    progress: Progress,
) -> NDArray[np.float64]:
    device = choose_device()
    learn, choose = held_out_groups(
        fold.train, labelled.patients, share=INNER_SHARE, seed=choice.training.seed
    )
    recipe = resolved.recipe
    classifier = Classifier(
        _network(resolved),
        Normalisation(recipe.mean, recipe.std),
        n_outputs=labelled.y_true.shape[1],
        image_size=recipe.image_size,
        device=device,
        seed=choice.training.seed,
        head=choice.head,
    )
    tuned = fine_tune(
        classifier,
        squares,
        labelled.y_true,
        labelled.target.task,
        train_rows=learn,
        validation_rows=choose,
        test_rows=fold.test,
        recipe=choice.training,
        device=device,
        strategy=choice.strategy,
        options=choice.options,
        groups=labelled.patients,
        state_file=state_file,
        on_epoch=on_epoch,
        progress=progress,
    )
    return tuned.y_score


def _network(resolved: ResolvedChoice) -> "nn.Module":
    """Returns a fresh copy of the backbone a choice starts from."""
    recipe = resolved.recipe
    return load_network(resolved.spec, resolved.weights, recipe.image_size, recipe.seed)
