"""Use case: how well a backbone does on a data set after it was trained on it, per patient."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.networks import require_trainable
from fundus_core.compute import choose_device
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.fields import settle_fields
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import Recipe, added_later
from fundus_core.errors import TargetError
from fundus_core.finetune.classifier import fine_tune
from fundus_core.finetune.curves import CURVE_FILE, CurveFile
from fundus_core.finetune.heads import HEADS, head_backbone
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.losses import AUTO, chosen_loss
from fundus_core.finetune.squares import Squares
from fundus_core.finetune.state import Epoch
from fundus_core.finetune.strategies import STRATEGIES, StrategyOptions
from fundus_core.io.weights import file_sha256, local_weights
from fundus_core.io.workspace import Workspace
from fundus_core.splits import Fold, held_out_groups
from fundus_core.workflows.data.labelled import Labelled, Validation, labelled_photographs
from fundus_core.workflows.data.look_alikes import minding_look_alikes
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, ResolvedChoice, resolve
from fundus_core.workflows.embeddings.embed import squares_for
from fundus_core.workflows.models.held_out import (
    HeldOut,
    evaluated_run,
    older_run_ids,
    run_id,
    shortcut_predictions,
    stored_run,
)
from fundus_core.workflows.models.networks import (
    fresh_classifier,
    gather_changes,
    kept_folds,
    squares_of,
    write_changes,
)
from fundus_core.workflows.models.one_training import trained_once
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import save_run

_SUFFIX = {"ft": "fine-tuned"}
"""What labels call a strategy, where it is not its short name."""

INNER_SHARE = 0.15
"""Share of the training patients by whom the best epoch is chosen."""

FEWEST_TO_CHOOSE_BY = 20
"""Training patients below which none are set aside, and the last epoch is kept."""

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

    loss: str = AUTO
    """Key of `LOSSES`, or the usual one of the task."""

    training: TrainingRecipe = field(default_factory=lambda: FINE_TUNING)
    keep_weights: bool = True
    """Keep each fold's network, to score and explain other photographs; no part of the recipe."""

    def __post_init__(self) -> None:
        """Refuses what is neither True nor False.

        Raises:
            ParameterError: With what it is.
        """
        settle_fields(self)


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
    loss: str
    """Key of `LOSSES`."""

    head_weights: str = added_later("")
    """Hash of what a head that is a network starts from; empty for random weights."""


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

    A call that was interrupted goes on from its last whole epoch when it is repeated. An equal call
    at the same time is waited for, and what it stored is returned.

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
    head_weights = _head_weights(workspace, choice.head)
    recipe = _recipe(labelled, resolved, choice, head_weights)
    about = (workspace, dataset_id, resolved, labelled.target, recipe)
    name = run_id(*about, suffix=choice.strategy)
    older = older_run_ids(*about, field="backbone", suffix=choice.strategy)
    asked = _Asked(name, dataset, dataset_id, labelled, resolved, choice, recipe, head_weights)
    return trained_once(
        workspace.training / recipe.fingerprint(),
        lambda: _stored(workspace, (name, *older), choice),
        lambda: _tuned(workspace, asked, on_epoch, progress),
        progress,
    )


def _stored(workspace: Workspace, names: Sequence[str], choice: FinetuneChoice) -> Run | None:
    """Returns the first run of some ids that is stored whole, with its weights if they are kept."""
    for run in filter(None, (stored_run(workspace, name) for name in names)):
        if not choice.keep_weights or kept_folds(workspace, run):
            return run
    return None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be trained."""

    name: str
    """Id of the run."""

    dataset: FundusDataset
    dataset_id: str
    labelled: Labelled
    resolved: ResolvedChoice
    choice: FinetuneChoice
    recipe: FinetuneRecipe
    head_weights: Path | None
    """What a head that is a network itself starts from."""


def _tuned(
    workspace: Workspace,
    asked: _Asked,
    on_epoch: Callable[[int, Epoch], None],
    progress: Progress,
) -> Run:
    """Fine-tunes, evaluates and stores the run."""
    resolved, choice, recipe = asked.resolved, asked.choice, asked.recipe
    label, labelled = _label(resolved, choice), asked.labelled
    folder = workspace.training / recipe.fingerprint()
    written = CurveFile(
        folder / CURVE_FILE, f"{label}, {labelled.target.name}", choice.training.epochs
    )

    def after(fold: int, epoch: Epoch) -> None:
        written.add(epoch, fold)
        on_epoch(fold, epoch)

    kept = squares_for(workspace, resolved.recipe)
    squares = squares_of(
        asked.dataset, labelled.image_ids, resolved.recipe, folder, kept=kept, progress=progress
    )
    readable = labelled_photographs(asked.dataset, squares.image_ids, choice.validation)
    task = _Task(readable, squares, resolved, choice, recipe, folder, asked.head_weights)
    held_out = task.cross_validate(after, progress)
    baseline = shortcut_predictions(workspace, readable)
    readable = minding_look_alikes(workspace, readable)
    run = evaluated_run(
        workspace,
        asked.name,
        asked.dataset_id,
        readable,
        resolved,
        held_out,
        baseline,
        kind="finetune",
        method=choice.strategy,
        label=label,
    )
    run = replace(run, recipe=recipe.to_dict())
    everything = readable.predictions(held_out.y_score, held_out.fold, label)
    save_run(
        workspace,
        run,
        everything.select(held_out.fold >= 0),
        baseline=baseline,
        curves=written.curves,
        write_networks=task.gather if choice.keep_weights else None,
        trained_on=readable.taught(readable.folds),
    )
    shutil.rmtree(folder, ignore_errors=True)
    return run


def _label(resolved: ResolvedChoice, choice: FinetuneChoice) -> str:
    """Returns the name of a run: what tells it from others of the same backbone."""
    training, validation = choice.training, choice.validation
    parts = [
        resolved.label,
        _SUFFIX.get(choice.strategy, choice.strategy),
        "" if choice.head == "linear" else f"{choice.head} head",
        "" if validation.fraction == 1 else f"{100 * validation.fraction:g} % of patients",
        "" if training.seed == 0 else f"seed {training.seed}",
    ]
    return ", ".join(part for part in parts if part)


def _require_known(what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise TargetError(
            f"There is no {what} called {name!r}.", hint=f"Choose one of {', '.join(known)}."
        )


def _head_weights(workspace: Workspace, head: str) -> Path | None:
    """Returns the checkpoint a head starts from, if it is a network and its weights are here."""
    spec = head_backbone(head)
    return None if spec is None else local_weights(spec, workspace)


def _recipe(
    labelled: Labelled,
    resolved: ResolvedChoice,
    choice: FinetuneChoice,
    head_weights: Path | None,
) -> FinetuneRecipe:
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
        loss=chosen_loss(choice.loss, labelled.target),
        head_weights="" if head_weights is None else file_sha256(head_weights),
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """One cross-validated training."""

    labelled: Labelled
    squares: Squares
    resolved: ResolvedChoice
    choice: FinetuneChoice
    recipe: FinetuneRecipe
    folder: Path
    """Where unfinished work is kept."""

    head_weights: Path | None
    """What a head that is a network itself starts from."""

    def cross_validate(self, on_epoch: Callable[[int, Epoch], None], progress: Progress) -> HeldOut:
        """Trains a fresh copy of the backbone per fold and scores the patients held out."""
        n_folds = len(self.labelled.folds)
        y_score = np.full(self.labelled.y_true.shape, np.nan)
        fold_of = np.full(len(self.labelled.y_true), -1, dtype=np.int64)
        for number, fold in enumerate(self.labelled.folds):

            def tell(done: int, total: int, message: str, number: int = number) -> None:
                whole = f"Fold {number + 1} of {n_folds}: {message[:1].lower()}{message[1:]}"
                progress(number * total + done, n_folds * total, whole)

            def after(epoch: Epoch, number: int = number) -> None:
                on_epoch(number, epoch)

            y_score[fold.test] = self._fold_scores(number, fold, after, tell)
            fold_of[fold.test] = number
        return HeldOut(y_score, fold_of)

    def gather(self, target: Path) -> None:
        """Writes what training changed of every fold's network into one file."""
        gather_changes([self._changes(n) for n in range(len(self.labelled.folds))], target)

    def _fold_scores(
        self,
        number: int,
        fold: Fold,
        on_epoch: Callable[[Epoch], None],
        progress: Progress,
    ) -> NDArray[np.float64]:
        labelled, choice = self.labelled, self.choice
        learn, choose = _inner_split(fold.train, labelled.groups, choice.training.seed)
        classifier = fresh_classifier(
            self.resolved,
            n_outputs=labelled.y_true.shape[1],
            head=choice.head,
            head_weights=self.head_weights,
            strategy=choice.strategy,
            options=choice.options,
            seed=choice.training.seed,
        )
        tuned = fine_tune(
            classifier,
            self.squares,
            labelled.y_true,
            labelled.target.task,
            train_rows=learn,
            validation_rows=choose,
            test_rows=fold.test,
            recipe=choice.training,
            device=choose_device(),
            loss=self.recipe.loss,
            strategy=choice.strategy,
            options=choice.options,
            groups=labelled.groups,
            state_file=self.folder / f"fold-{number}.safetensors",
            on_epoch=on_epoch,
            progress=progress,
        )
        if choice.keep_weights:
            write_changes(self._changes(number), classifier, tuned.moved)
        return tuned.y_score

    def _changes(self, fold: int) -> Path:
        return self.folder / f"changes-{fold}.safetensors"


def _inner_split(
    rows: NDArray[np.intp], patients: NDArray[np.str_] | None, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Sets some patients aside to choose the epoch by; nobody where there are too few to spare."""
    n_patients = len(rows if patients is None else np.unique(patients[rows]))
    if n_patients < FEWEST_TO_CHOOSE_BY:
        return rows, rows[:0]
    return held_out_groups(rows, patients, share=INNER_SHARE, seed=seed)
