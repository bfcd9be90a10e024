"""Commands that mark vessels, disc or lesions, and say how well."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import typer

from fundus_core.cli import options
from fundus_core.cli.options import Epochs, LearningRate, Patience, WeightDecay, number
from fundus_core.cli.output import print_json, print_line, progress
from fundus_core.cli.places import Replace, require_out
from fundus_core.cli.segment_words import (
    describe_comparison,
    describe_scored,
    describe_trained,
    print_comparison,
    print_scored,
)
from fundus_core.compute import Precision
from fundus_core.domain.bounds import (
    BATCH,
    FOLDS,
    MARKED_SIDE,
    PATCH,
    PATCHES,
    SEED,
    SHARE,
    ZERO_TO_ONE,
)
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.finetune.state import Epoch
from fundus_core.io.files import write_atomically
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import find_workspace
from fundus_core.segmentation.augment import AUGMENTATIONS
from fundus_core.segmentation.channels import parse_channels
from fundus_core.segmentation.kinds import NETWORKS
from fundus_core.segmentation.loop import SegmentationTraining
from fundus_core.segmentation.losses import LOSSES
from fundus_core.segmentation.ready import READY
from fundus_core.segmentation.scoring import THRESHOLD
from fundus_core.segmentation.summaries import compare_scores
from fundus_core.tables import write_csv
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.result_places import inputs_of
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.segmenting import segmentation_scores as scoring
from fundus_core.workflows.segmenting.marking import mark_photographs, with_measures
from fundus_core.workflows.segmenting.masks import Truth, mask_columns, usual_column
from fundus_core.workflows.segmenting.segmentation import train_segmenter
from fundus_core.workflows.segmenting.segmentation_choice import SegmentationChoice
from fundus_core.workflows.segmenting.segmenter_store import list_segmenters, segmenters_store
from fundus_core.workflows.segmenting.segmenters import ready_file

segment_app = typer.Typer(
    help="Marks vessels, disc or lesions: train, predict, score.", no_args_is_help=True
)

_TRAINING = SegmentationTraining()
_CHOICE = SegmentationChoice()

Masks = Annotated[
    str | None,
    typer.Option(
        "--masks",
        help="Column of masks, or folder beside the photographs, files named like them; by default "
        "a column named like the channel, else `mask`.",
    ),
]
Field = Annotated[
    str,
    typer.Option(
        "--field", help="Column or folder of fields of view; where none is, they are found."
    ),
]
Channels = Annotated[
    str,
    typer.Option(
        "--channels",
        help="NAME for all marked pixels, NAME=BITS for those with any of the bits; by commas.",
    ),
]
Threshold = Annotated[float, number(ZERO_TO_ONE, help="Shares from here on are marked.")]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A name of `fundus segment models`, or its beginning; NAME@SIDE shows photographs at "
        "another side in pixels, so that vessels are as wide as in its training.",
    ),
]


def _truth(dataset: FundusDataset, channels: str, masks: str | None, field: str) -> Truth:
    asked = parse_channels(channels)
    return Truth(asked, masks or usual_column(mask_columns(dataset), asked), field)


def train(
    source: DataSource,
    masks: Masks = None,
    field: Field = "fov",
    channels: Channels = "vessel",
    network: Annotated[str, typer.Option(help=f"{', '.join(NETWORKS)}.")] = _CHOICE.network,
    backbone: options.BackboneId = _CHOICE.backbone.backbone,
    weights: options.Weights = None,
    size: Annotated[
        int, number(MARKED_SIDE, help="Side of the square that holds the field, in pixels.")
    ] = _CHOICE.size,
    clahe: options.Clahe = False,
    ben_graham: options.BenGraham = False,
    keep_small: Annotated[
        bool, typer.Option("--keep-small", help="Keep marks smaller than a pixel of the square.")
    ] = False,
    mirrors: Annotated[
        bool,
        typer.Option(
            "--mirror/--no-mirror", help="Answer by the mean over four mirror images: slower."
        ),
    ] = _CHOICE.mirrors,
    folds: Annotated[
        int, number(FOLDS, help="Outer folds by patient; 0: learn from all photographs.")
    ] = 0,
    use_split: Annotated[
        bool, typer.Option("--use-split", help="Learn from the table's splits train and val.")
    ] = False,
    fraction: Annotated[float, number(SHARE, help="Share of the patients to learn from.")] = 1.0,
    draw: options.Draw = 0,
    loss: Annotated[str, typer.Option(help=f"{', '.join(LOSSES)}.")] = _TRAINING.loss,
    patch: Annotated[
        int, number(PATCH, help="Side of patches in pixels; 0: whole photographs.")
    ] = _TRAINING.patch,
    patches: Annotated[
        int, number(PATCHES, help="Patches of each photograph in an epoch.")
    ] = _TRAINING.patches,
    epochs: Epochs = _TRAINING.epochs,
    batch_size: Annotated[int, number(BATCH, help="Patches per step.")] = _TRAINING.batch_size,
    learning_rate: LearningRate = _TRAINING.learning_rate,
    weight_decay: WeightDecay = _TRAINING.weight_decay,
    augmentation: Annotated[
        str, typer.Option(help=f"{', '.join(AUGMENTATIONS)}.")
    ] = _TRAINING.augmentation,
    patience: Patience = _TRAINING.patience,
    precision: options.PrecisionOption = "auto",
    train_seed: Annotated[int, number(SEED, help="Of new weights, patches and augmentation.")] = 0,
    seed: Annotated[int, number(SEED, help="Of the folds.")] = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Trains a network on masks; with folds or a split, scores it on patients held out.

    An interrupted call, repeated, goes on from its last whole epoch.
    """
    options.folds_of(folds, use_split=use_split)
    place = find_workspace(workspace)
    dataset = open_dataset(place, source, progress=progress())
    truth = _truth(dataset, channels, masks, field)
    training = SegmentationTraining(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        augmentation=augmentation,
        patience=patience,
        seed=train_seed,
        precision=cast(Precision, precision),
        loss=loss,
        patch=patch,
        patches=patches,
    )
    choice = SegmentationChoice(
        truth=truth,
        network=network,
        backbone=BackboneChoice(backbone, weights=weights),
        size=size,
        preprocessing=PreprocessRecipe(clahe=clahe, ben_graham=ben_graham),
        keep_small=keep_small,
        mirrors=mirrors,
        folds=folds,
        use_split=use_split,
        fraction=fraction,
        draw=draw,
        seed=seed,
        training=training,
    )
    trained = train_segmenter(
        place,
        dataset,
        dataset_id(source),
        choice,
        on_epoch=lambda fold, epoch: _tell(epoch, fold, quiet=as_json),
        progress=progress(),
    )
    scored = None
    if trained.held_out:
        held_out = dataset.select(list(trained.held_out))
        scored = scoring.score_model(
            place, trained.id, held_out, dataset_id(source), truth, progress=progress()
        )
    if as_json:
        held_out_scores = None if scored is None else describe_scored(scored)
        folder = segmenters_store(place).get(trained.id)
        print_json({**describe_trained(trained), "folder": folder, "held_out": held_out_scores})
        return
    print_line(f"{trained.id}: {trained.label}, {trained.seconds:.0f} s")
    if scored is not None:
        print_scored(scored)


def predict(
    model: Model,
    source: DataSource,
    out: Annotated[
        Path | None,
        typer.Option(
            parser=options.path,
            help="Folder of a PNG per photograph and channel, shares from 0 to 255.",
        ),
    ] = None,
    table_out: Annotated[
        Path | None,
        typer.Option(
            parser=options.path,
            help="The data set's table with the measures: .csv or .parquet.",
        ),
    ] = None,
    replace: Replace = False,
    field: Field = "fov",
    threshold: Threshold = THRESHOLD,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Marks photographs and measures the marks: density, fractal dimension, tortuosity, widths."""
    place, needed = find_workspace(workspace), inputs_of(source)
    if out is not None or table_out is None:
        require_out(place, out, is_folder=True, replace=replace, inputs=needed)
    if table_out is not None:
        suffixes = (".csv", ".parquet")
        require_out(place, table_out, suffixes=suffixes, replace=replace, inputs=needed)
    dataset = open_dataset(place, source, progress=progress())
    found = mark_photographs(
        place,
        model,
        dataset,
        dataset_id(source),
        threshold=threshold,
        field=field,
        out=out,
        progress=progress(),
    )
    if table_out is not None:
        joined = with_measures(dataset, found)
        if table_out.suffix.lower() == ".parquet":
            write_atomically(table_out, lambda file: joined.to_parquet(file, index=False))
        else:
            write_csv(joined, table_out)
    if as_json:
        rows = found.table.astype(object).where(found.table.notna(), None).to_dict("records")
        print_json({**asdict(found.about), "marks": out, "table": table_out, "measures": rows})
        return
    print_line(f"{found.about.title}: {found.about.n_images} photographs marked")
    for column in found.table.columns.drop("image_id"):
        values = found.table[column]
        print_line(f"  {column}: median {values.median():.4g}, known for {int(values.count())}")
    if found.about.unreadable:
        print_line(f"  {len(found.about.unreadable)} photographs could not be read.")


def score(
    model: Model,
    source: DataSource,
    against: Annotated[
        str | None, typer.Option(help="Another model, or masks:COLUMN, on the same photographs.")
    ] = None,
    masks: Masks = None,
    field: Field = "fov",
    channels: Channels = "vessel",
    threshold: Threshold = THRESHOLD,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Scores a model inside the field of view, with intervals by patient; or two, with a test.

    MODEL may be masks:COLUMN, for another observer's masks.
    """
    place = find_workspace(workspace)
    dataset = open_dataset(place, source, progress=progress())
    truth = _truth(dataset, channels, masks, field)
    found = [
        scoring.score_model(
            place,
            name,
            dataset,
            dataset_id(source),
            truth,
            threshold=threshold,
            progress=progress(),
        )
        for name in (model, against)
        if name is not None
    ]
    compared = compare_scores(found[0].table, found[1].table) if len(found) > 1 else ()
    if as_json:
        print_json(
            {
                "models": [describe_scored(one) for one in found],
                "comparison": [describe_comparison(one) for one in compared],
            }
        )
        return
    for one in found:
        print_scored(one)
    print_comparison(compared)


def models(as_json: options.Json = False, workspace: options.WorkspaceOption = None) -> None:
    """Lists the models that mark photographs: published ones, and those trained here."""
    place = find_workspace(workspace)
    trained = list_segmenters(place)
    if as_json:
        print_json(
            {
                "ready": [
                    {"name": name, **asdict(model), "file": ready_file(place, name)}
                    for name, model in READY.items()
                ],
                "trained": [describe_trained(one) for one in trained],
            }
        )
        return
    print_line("frangi: Frangi's filter, Otsu's threshold")
    for name, model in READY.items():
        here = "" if ready_file(place, name) else f"; needs {model.files[0]}"
        print_line(f"{name}: {model.title}{here}")
    for one in trained:
        print_line(f"{one.id}: {one.label}")


segment_app.command("train")(options.with_options(train))
segment_app.command("predict")(options.with_options(predict))
segment_app.command("score")(options.with_options(score))
segment_app.command("models")(models)


def _tell(epoch: Epoch, fold: int, *, quiet: bool) -> None:
    """Prints what an epoch gave."""
    if quiet:
        return
    held_out = "" if epoch.validation_loss is None else f", held out {epoch.validation_loss:.4f}"
    where = f"network {fold + 1}, epoch {epoch.number}"
    print_line(f"  {where}: loss {epoch.train_loss:.4f}{held_out}, {epoch.seconds:.0f} s")
