"""Commands that train networks."""

from typing import Annotated, cast

import typer

from fundus_core.cli import options
from fundus_core.cli.model import describe_run, print_run
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.compute import Precision
from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.state import Epoch
from fundus_core.finetune.strategies import STRATEGIES, StrategyOptions
from fundus_core.io.manifest import DataSource
from fundus_core.io.weights import SCRATCH
from fundus_core.io.workspace import find_workspace
from fundus_core.workflows import pretrain as pretraining
from fundus_core.workflows.datasets import dataset_id, open_dataset, open_with_target
from fundus_core.workflows.embed import BackboneChoice
from fundus_core.workflows.finetune import FINE_TUNING, FinetuneChoice, finetune_dataset
from fundus_core.workflows.held_out import Validation

Epochs = Annotated[int, typer.Option(help="Times every photograph is seen.")]
BatchSize = Annotated[int, typer.Option(help="Photographs per step.")]
LearningRate = Annotated[float, typer.Option(help="The highest, after the warm-up.")]
WeightDecay = Annotated[float, typer.Option(help="Decoupled, as in AdamW.")]
Augmentation = Annotated[str, typer.Option(help="retina, paper or none.")]
Patience = Annotated[int, typer.Option(help="Epochs without improvement before it ends; 0: never.")]


def finetune(
    source: DataSource,
    choice: BackboneChoice,
    settings: StrategyOptions,
    target: Annotated[
        str, typer.Option(help="COLUMN, COLUMN=CLASS, or 0/1 columns joined by commas.")
    ],
    strategy: Annotated[
        str, typer.Option(help=f"Which weights move: {', '.join(STRATEGIES)}.")
    ] = "ft",
    head: Annotated[str, typer.Option(help=f"On the embedding: {', '.join(HEADS)}.")] = "linear",
    folds: Annotated[int, typer.Option(help="Outer folds, grouped by patient.")] = 5,
    use_split: Annotated[
        bool, typer.Option("--use-split", help="Train and test on the table's own split.")
    ] = False,
    epochs: Epochs = FINE_TUNING.epochs,
    batch_size: BatchSize = FINE_TUNING.batch_size,
    learning_rate: LearningRate = FINE_TUNING.learning_rate,
    weight_decay: WeightDecay = FINE_TUNING.weight_decay,
    augmentation: Augmentation = FINE_TUNING.augmentation,
    patience: Patience = FINE_TUNING.patience,
    train_seed: Annotated[
        int, typer.Option(help="Of head, order of photographs and augmentation.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the folds; the same as `probe --seed`.")] = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Trains a backbone on the photographs and evaluates it on held-out patients.

    Each fold trains a fresh copy; some of its training patients choose the epoch. An interrupted
    call, repeated, goes on from its last whole epoch.
    """
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
        precision=choice.precision,
    )
    run = finetune_dataset(
        place,
        dataset,
        dataset_id(source),
        choice,
        FinetuneChoice(
            Validation(target, folds, seed, use_split), strategy, settings, head, training
        ),
        on_epoch=lambda fold, epoch: _tell(epoch, quiet=as_json, fold=fold),
        progress=progress(),
    )
    if as_json:
        print_json(describe_run(place, run))
    else:
        print_run(run)


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
        str, typer.Option("--from", help="'scratch', or the weights file to start from.")
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
    precision: options.PrecisionOption = "auto",
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
        ),
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
        print_line(f"  {label}, held-out patients: AUC {auc.auc:.3f}")


def _tell(epoch: Epoch, *, quiet: bool, fold: int | None = None) -> None:
    """Prints what an epoch gave."""
    if quiet:
        return
    where = "" if fold is None else f"fold {fold + 1}, "
    held_out = "" if epoch.validation_loss is None else f", held out {epoch.validation_loss:.4f}"
    print_line(f"  {where}epoch {epoch.number}: loss {epoch.train_loss:.4f}{held_out}")
