"""Commands that train networks."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from fundus_core.cli import options
from fundus_core.cli.model import describe_external, describe_run, print_external, print_run
from fundus_core.cli.options import (
    BatchSize,
    Epochs,
    LearningRate,
    Patience,
    WeightDecay,
    number,
)
from fundus_core.cli.output import auc_text, print_json, print_line, progress
from fundus_core.compute import Precision
from fundus_core.domain.bounds import SEED
from fundus_core.finetune.curves import CURVE_FILE
from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.losses import AUTO, LOSSES
from fundus_core.finetune.rates import OPTIMISERS, RATE_SCHEDULES
from fundus_core.finetune.state import Epoch
from fundus_core.finetune.strategies import STRATEGIES, StrategyOptions
from fundus_core.io.manifest import DataSource
from fundus_core.io.weights import SCRATCH
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, open_with_target
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.models import pretrain as pretraining
from fundus_core.workflows.models.finetune import FINE_TUNING, FinetuneChoice, finetune_dataset
from fundus_core.workflows.models.predict import ExternalResult, predict
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import NETWORKS, run_curves, run_folder

Augmentation = Annotated[str, typer.Option(help="retina, paper or none.")]
Optimiser = Annotated[str, typer.Option(help=f"{', '.join(OPTIMISERS)}.")]
RateSchedule = Annotated[
    str, typer.Option(help=f"Of the learning rate after the warm-up: {', '.join(RATE_SCHEDULES)}.")
]


def finetune(
    source: DataSource,
    choice: options.TrainableBackbone,
    settings: StrategyOptions,
    target: Annotated[
        str, typer.Option(help="COLUMN, COLUMN=CLASS, or 0/1 columns joined by commas.")
    ],
    strategy: Annotated[
        str, typer.Option(help=f"Which weights move: {', '.join(STRATEGIES)}.")
    ] = "ft",
    head: Annotated[str, typer.Option(help=f"On the embedding: {', '.join(HEADS)}.")] = "linear",
    folds: options.Folds = None,
    use_split: options.UseSplit = False,
    fraction: options.Fraction = 1.0,
    draw: options.Draw = 0,
    loss: Annotated[
        str, typer.Option(help=f"{AUTO} (the task's usual one), {', '.join(LOSSES)}.")
    ] = AUTO,
    epochs: Epochs = FINE_TUNING.epochs,
    batch_size: BatchSize = FINE_TUNING.batch_size,
    learning_rate: LearningRate = FINE_TUNING.learning_rate,
    weight_decay: WeightDecay = FINE_TUNING.weight_decay,
    augmentation: Augmentation = FINE_TUNING.augmentation,
    patience: Patience = FINE_TUNING.patience,
    optimiser: Optimiser = FINE_TUNING.optimiser,
    rate_schedule: RateSchedule = FINE_TUNING.rate_schedule,
    external: Annotated[
        Path | None,
        typer.Option(
            parser=options.path,
            help="Folder or table of another data set, scored by the trained networks.",
        ),
    ] = None,
    checkpoint: Annotated[
        bool,
        typer.Option("--checkpoint/--no-checkpoint", help="Keep the trained networks."),
    ] = True,
    train_seed: Annotated[
        int, number(SEED, help="Of head, order of photographs and augmentation.")
    ] = 0,
    seed: Annotated[int, number(SEED, help="Of the folds; the same as `probe --seed`.")] = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Trains a backbone on the photographs and evaluates it on held-out patients.

    Each fold trains a fresh copy; some of its training patients choose the epoch. An interrupted
    call, repeated, goes on from its last whole epoch.
    """
    if external is not None and not checkpoint:
        raise typer.BadParameter(
            "--external scores by the trained networks, which --no-checkpoint does not keep: leave "
            "one of them out."
        )
    n_folds = options.folds_of(folds, use_split=use_split)
    place = find_workspace(workspace)
    dataset = open_with_target(place, source, target, progress=progress())
    training = TrainingRecipe(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        augmentation=augmentation,
        patience=patience,
        seed=train_seed,
        precision=cast(Precision, choice.precision),
        optimiser=optimiser,
        rate_schedule=rate_schedule,
    )
    run = finetune_dataset(
        place,
        dataset,
        dataset_id(source),
        choice,
        FinetuneChoice(
            Validation(target, n_folds, seed, use_split, fraction, draw),
            strategy,
            settings,
            head,
            loss,
            training,
            keep_weights=checkpoint,
        ),
        on_epoch=lambda fold, epoch: _tell(epoch, quiet=as_json, fold=fold),
        progress=progress(),
    )
    outside = None if external is None else _external(place, run, external)
    if as_json:
        print_json(
            {
                **describe_run(place, run),
                **_describe_training(place, run),
                "external": None if outside is None else describe_external(outside),
            }
        )
        return
    print_run(run)
    if outside is not None:
        print_external(outside)


def _external(place: Workspace, run: Run, data: Path) -> ExternalResult:
    """Scores another data set by the networks of a run."""
    source = DataSource(data)
    dataset = open_dataset(place, source, progress=progress())
    return predict(place, run.id, dataset, dataset_id(source), progress=progress())


def _describe_training(place: Workspace, run: Run) -> dict[str, Any]:
    """Returns what `finetune --json` prints beside what `probe --json` does."""
    folder = run_folder(place, run)
    curves = run_curves(place, run)
    return {
        "epochs": [list(fold) for fold in curves.folds] if curves else [],
        "curves": folder / CURVE_FILE,
        "checkpoint": folder / NETWORKS if (folder / NETWORKS).is_file() else None,
    }


def strategies(as_json: options.Json = False) -> None:
    """Lists the strategies of fine-tuning: which weights move, and when."""
    rows = [
        {"code": code, "label": each.label, "rule": each.rule, "reference": each.reference}
        for code, each in STRATEGIES.items()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        print_line(f"{row['code']}: {row['label']}: {row['rule']} ({row['reference']})")


def pretrain(
    source: DataSource,
    backbone: options.BackboneId,
    name: Annotated[str, typer.Option(help="Of the weights file to make, without suffix.")],
    initial: Annotated[
        str,
        typer.Option(
            "--from",
            parser=options.not_empty,
            metavar="TEXT",
            help="'scratch', or the weights file to start from.",
        ),
    ] = SCRATCH,
    task: Annotated[str, typer.Option(help="abnormal, diseases or lesions.")] = "lesions",
    labels: Annotated[
        str, typer.Option(help="Columns of 0 and 1, joined by commas. [the phantoms' columns]")
    ] = "",
    image_size: options.ImageSize = None,
    epochs: Epochs = 10,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 1e-3,
    weight_decay: WeightDecay = 0.01,
    augmentation: Augmentation = "retina",
    patience: Patience = 0,
    optimiser: Optimiser = "adamw",
    rate_schedule: RateSchedule = "cosine",
    precision: options.PrecisionOption = "auto",
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over other weights of this name.")
    ] = False,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Makes weights: trains a backbone to tell normal from abnormal photographs, and more.

    Draw photographs for it by `fundus demo FOLDER --plain`. An interrupted call, repeated, goes
    on from its last whole epoch.
    """
    place = find_workspace(workspace)
    dataset = open_dataset(place, source, progress=progress())
    choice = pretraining.PretrainChoice(
        backbone=backbone,
        name=name,
        initial=initial,
        task=task,
        labels=tuple(part.strip() for part in labels.split(",") if part.strip()),
        image_size=image_size,
        training=TrainingRecipe(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            augmentation=augmentation,
            patience=patience,
            seed=seed,
            precision=cast(Precision, precision),
            optimiser=optimiser,
            rate_schedule=rate_schedule,
        ),
        replace=replace,
    )
    made = pretraining.pretrain(
        place,
        dataset,
        choice,
        on_epoch=lambda epoch: _tell(epoch, quiet=as_json),
        progress=progress(),
    )
    if as_json:
        print_json(
            {
                "weights": made.weights,
                "card": made.card,
                "epochs": list(made.epochs),
                "best": made.best,
                "validation": made.validation,
            }
        )
        return
    print_line(f"{made.weights}: weights of epoch {made.best}")
    for label, auc in made.validation.items():
        print_line(f"  {label}, the patients who chose the epoch: AUC {auc_text(auc)}")
    if made.validation:
        print_line("  The epoch was chosen by these patients, so these figures flatter.")


def _tell(epoch: Epoch, *, quiet: bool, fold: int | None = None) -> None:
    """Prints what an epoch gave."""
    if quiet:
        return
    where = "" if fold is None else f"fold {fold + 1}, "
    held_out = "" if epoch.validation_loss is None else f", held out {epoch.validation_loss:.4f}"
    print_line(f"  {where}epoch {epoch.number}: loss {epoch.train_loss:.4f}{held_out}")
