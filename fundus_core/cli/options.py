"""Arguments and options that several commands share, and what they build."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, cast, get_args

import typer

from fundus_core.backbones.blocks import CUT_OFF
from fundus_core.backbones.catalogue import NORMALISATIONS
from fundus_core.backbones.text_reading import READINGS
from fundus_core.compute import EmbedPrecision, Precision
from fundus_core.domain.bounds import (
    ADAPTER_RANK,
    ADAPTER_WEIGHT,
    BATCH,
    EPOCHS,
    FOLDS,
    PATIENCE,
    PRINTED_RESAMPLES,
    RATE,
    SEED,
    SHARE,
    SIDE,
    WEIGHT,
    WORKERS,
    Bounds,
)
from fundus_core.domain.recipe import DecoderName, Fit, PreprocessRecipe
from fundus_core.errors import BackboneError, DataError
from fundus_core.finetune.strategies import DEFAULTS, StrategyOptions
from fundus_core.io.manifest import ColumnMapping, DataSource
from fundus_core.io.typed_paths import typed_path
from fundus_core.stats.patient_level import AGGREGATES
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import Engine
from fundus_core.workflows.models.probe_words import USUAL_WORDS, WordsChoice
from fundus_core.zero_shot import PROTOTYPES

_LEVELS = ("image", "patient")


def path(text: str | Path) -> Path:
    """Returns a path, ~ as the home folder.

    An empty one, as a variable that is not set gives, is not the current folder. Every parameter of
    a command that is a path is read by it.

    Raises:
        typer.BadParameter: If it is no path, see `typed_path`.
    """
    try:
        return typed_path(text)
    except DataError as error:
        raise typer.BadParameter(f"{error.message} {error.hint}") from error


def not_empty(text: str) -> str:
    """Returns what may be a path, an address or an id; refuses an empty text, see `path`.

    Raises:
        typer.BadParameter: If it is empty.
    """
    path(text)
    return text


def within(bounds: Bounds) -> Callable[[Any], Any]:
    """Returns what refuses an option's value that is out of bounds; click's ranges take NaN.

    Of an option that may be given several times, each value is looked at.
    """

    def checked(value: Any) -> Any:
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None and not bounds.holds(one):
                raise typer.BadParameter(f"it is {one:g}. {bounds.advice}")
        return value

    return checked


def number(bounds: Bounds, *names: str, help: str | None = None) -> Any:  # noqa: A002
    """Returns an option that takes the numbers within bounds; whole ones are in its help.

    Args:
        bounds: Of the domain, so that what a command refuses, a notebook does.
        *names: Of the option, where it is not called as the parameter is.
        help: Its help.
    """
    if bounds.is_whole:
        return typer.Option(*names, min=bounds.lowest, max=bounds.highest, help=help)
    return typer.Option(*names, help=help, callback=within(bounds))


Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", parser=path, help="A folder of photographs, or a table of their paths."
    ),
]
WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="PATH",
        parser=path,
        help="Where results are kept. [FUNDUS_WORKSPACE or ./workspace]",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value, for machines.")]
Level = Annotated[str, typer.Option(help="What a row is: image or patient.")]
Aggregate = Annotated[
    str, typer.Option(help=f"A patient's score: {', '.join(AGGREGATES)} of the photographs'.")
]
Table = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        parser=path,
        help="Table that describes the photographs of the folder DATA.",
    ),
]
PathColumn = Annotated[str | None, typer.Option(help="Column of paths.")]
PatientColumn = Annotated[str | None, typer.Option(help="Column of patient ids.")]
EyeColumn = Annotated[str | None, typer.Option(help="Column of eyes (OD/OS, right/left, ...).")]
SplitColumn = Annotated[str | None, typer.Option(help="Column of splits (train/val/test).")]
TargetColumn = Annotated[
    str | None, typer.Option(help="Column of labels, if it is not recognised as one.")
]
Classes = Annotated[
    str, typer.Option(help="The allowed labels, joined by commas; rows with others are rejected.")
]
BackboneId = Annotated[
    str, typer.Option("--backbone", help="Id from `fundus backbones`, timm:NAME or open_clip:NAME.")
]
Weights = Annotated[
    str | None,
    typer.Option(
        parser=not_empty,
        metavar="TEXT",
        help="Weights file, or 'scratch' for random ones. [the backbone's own]",
    ),
]
ImageSize = Annotated[int | None, number(SIDE, help="Side of the input in pixels.")]
PrecisionOption = Annotated[
    str, typer.Option("--precision", help=f"{', '.join(get_args(Precision))}.")
]
EmbedPrecisionOption = Annotated[
    str, typer.Option("--precision", help=f"{', '.join(get_args(EmbedPrecision))}.")
]
WeightsSeed = Annotated[int, number(SEED, help="Of random weights.")]
Seed = Annotated[int, number(SEED, help="Equal seeds give equal results.")]
USUAL_FOLDS = 5
Folds = Annotated[
    int | None, number(FOLDS, help=f"Outer folds, grouped by patient. [{USUAL_FOLDS}]")
]
UseSplit = Annotated[
    bool, typer.Option("--use-split", help="Train and test on the table's own split.")
]
Fraction = Annotated[
    float, number(SHARE, help="Share of each fold's training patients to learn from.")
]
Draw = Annotated[
    int, number(SEED, help="Which patients a fraction takes; those of one draw are nested.")
]
Resamples = Annotated[int, number(PRINTED_RESAMPLES, help="Of the bootstrap of patients.")]
DecodingWorkers = Annotated[int, number(WORKERS, help="Threads that decode.")]
Crop = Annotated[bool, typer.Option("--crop/--no-crop", help="Crop to the field of view first.")]
Clahe = Annotated[bool, typer.Option("--clahe", help="Equalise local contrast.")]
BenGraham = Annotated[bool, typer.Option("--ben-graham", help="Subtract the local mean colour.")]
FitOption = Annotated[
    str | None,
    typer.Option(
        "--fit",
        help=f"How photographs become square: {', '.join(get_args(Fit))}. [the backbone's own]",
    ),
]
PoolingOption = Annotated[
    str | None,
    typer.Option("--pooling", help="One of the backbone's poolings. [its default]"),
]
TruncateAt = Annotated[
    str | None,
    typer.Option(help="Use the output of this block, averaged over all places; drop the rest."),
]
Normalisation = Annotated[
    str | None,
    typer.Option(help=f"{', '.join(NORMALISATIONS)}. [the backbone's own]"),
]
Decoder = Annotated[str, typer.Option(help="fast (scaled JPEG decoding) or exact.")]
FindingsFile = Annotated[
    Path | None,
    typer.Option("--findings", parser=path, help="JSON file of descriptions. [the program's own]"),
]
PrototypeKind = Annotated[
    str, typer.Option("--prototypes", help=f"How prompts are averaged: {', '.join(PROTOTYPES)}.")
]
Tokens = Annotated[
    str,
    typer.Option("--tokens", help=f"How FLAIR's tower averages tokens: {', '.join(READINGS)}."),
]
EngineOption = Annotated[
    str, typer.Option("--engine", help="local, or ray: an embedder per GPU or core of a cluster.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(help="auto or HOST:PORT of a running cluster. [one on this machine alone]"),
]
ImportPrototypes = Annotated[
    Path | None,
    typer.Option(parser=path, help="File of `fundus prototypes`, where the text tower cannot run."),
]


def data_source(
    data: Data,
    table: Table = None,
    path_column: PathColumn = None,
    patient_column: PatientColumn = None,
    eye_column: EyeColumn = None,
    split_column: SplitColumn = None,
    target_column: TargetColumn = None,
    classes: Classes = "",
) -> DataSource:
    """Returns what DATA and its options name."""
    names = tuple(part.strip() for part in classes.split(",") if part.strip())
    columns = ColumnMapping(path_column, patient_column, eye_column, split_column, target_column)
    return DataSource(data, table, columns, names)


def backbone_choice(
    backbone: BackboneId,
    weights: Weights = None,
    image_size: ImageSize = None,
    precision: EmbedPrecisionOption = "auto",
    weights_seed: WeightsSeed = 0,
    crop: Crop = True,
    clahe: Clahe = False,
    ben_graham: BenGraham = False,
    decoder: Decoder = "fast",
    fit: FitOption = None,
    pooling: PoolingOption = None,
    truncate_at: TruncateAt = None,
    normalisation: Normalisation = None,
) -> BackboneChoice:
    """Returns what the backbone's options name.

    Raises:
        BackboneError: If an option has a value it does not know.
    """
    _require("--precision", precision, get_args(EmbedPrecision))
    _require("--decoder", decoder, get_args(DecoderName))
    if fit is not None:
        _require("--fit", fit, get_args(Fit))
    if truncate_at is not None and pooling is not None:
        raise BackboneError(
            f"--truncate-at {truncate_at} and --pooling {pooling} exclude each other: what is cut "
            "off is averaged over all places.",
            hint="Leave one of them out.",
        )
    return BackboneChoice(
        backbone=backbone,
        weights=weights,
        image_size=image_size,
        precision=cast(EmbedPrecision, precision),
        weights_seed=weights_seed,
        preprocessing=PreprocessRecipe(
            crop=crop, clahe=clahe, ben_graham=ben_graham, decoder=cast(DecoderName, decoder)
        ),
        fit=cast(Fit | None, fit),
        pooling=pooling if truncate_at is None else f"{CUT_OFF}{truncate_at}",
        normalisation=normalisation,
    )


TrainableBackbone = NewType("TrainableBackbone", BackboneChoice)
"""A backbone as training takes it: at the precisions that it knows."""


def trainable_backbone(**values: Any) -> TrainableBackbone:
    """Returns what the backbone's options name; see `backbone_choice`.

    Raises:
        BackboneError: If an option has a value it does not know, or training does not.
    """
    _require("--precision", values["precision"], get_args(Precision))
    return TrainableBackbone(backbone_choice(**values))


trainable_backbone.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        one.replace(annotation=PrecisionOption) if one.name == "precision" else one
        for one in inspect.signature(backbone_choice, eval_str=True).parameters.values()
    ]
)

LearningRate = Annotated[float, number(RATE, help="The highest, after the warm-up.")]
WeightDecay = Annotated[float, number(WEIGHT, help="Not on biases and norms.")]
Epochs = Annotated[int, number(EPOCHS, help="Times every photograph is seen.")]
BatchSize = Annotated[int, number(BATCH, help="Photographs per step.")]
Patience = Annotated[
    int, number(PATIENCE, help="Epochs without improvement before it ends; 0: never.")
]


def strategy_options(
    pull: Annotated[
        float, number(WEIGHT, help="L1-SP, L2-SP: weight of the distance to the start.")
    ] = DEFAULTS.pull,
    head_decay: Annotated[
        float, number(WEIGHT, help="L1-SP, L2-SP: weight of the head's squared length.")
    ] = DEFAULTS.head_decay,
    layer_decay: Annotated[
        float, number(SHARE, help="llrd: a block's rate relative to the next one's.")
    ] = DEFAULTS.layer_decay,
    block: Annotated[
        str, typer.Option(help="surgical: the block that moves; ft-from: the first that does.")
    ] = "",
    still_norms: Annotated[
        bool, typer.Option("--still-norms/--moving-norms", help="lp-ft: norms keep statistics.")
    ] = DEFAULTS.still_norms,
    fresh_optimiser: Annotated[
        bool, typer.Option("--fresh-optimiser", help="auto-rgn, g-lf, g-fl: forget moments.")
    ] = DEFAULTS.fresh_optimiser,
    lora_rank: Annotated[
        int, number(ADAPTER_RANK, help="lora: numbers that an adapter passes on.")
    ] = DEFAULTS.lora_rank,
    lora_alpha: Annotated[
        float, number(ADAPTER_WEIGHT, help="lora: weight of the adapters, times their rank.")
    ] = DEFAULTS.lora_alpha,
) -> StrategyOptions:
    """Returns the settings of single strategies."""
    return StrategyOptions(
        pull=pull,
        head_decay=head_decay,
        layer_decay=layer_decay,
        block=block,
        still_norms=still_norms,
        fresh_optimiser=fresh_optimiser,
        lora_rank=lora_rank,
        lora_alpha=lora_alpha,
    )


def words_choice(
    findings: FindingsFile = None,
    prototypes: PrototypeKind = USUAL_WORDS.prototypes,
    tokens: Tokens = USUAL_WORDS.tokens,
    import_prototypes: ImportPrototypes = None,
) -> WordsChoice:
    """Returns what probes that start from words are told."""
    return WordsChoice(findings, prototypes, tokens, import_prototypes)


def folds_of(folds: int | None, *, use_split: bool) -> int:
    """Returns the number of folds.

    Raises:
        typer.BadParameter: If one is given beside the table's own split, which has none.
    """
    if folds and use_split:
        raise typer.BadParameter(
            f"--folds {folds} is not looked at where the table's own split is used (--use-split): "
            "leave one of them out."
        )
    return USUAL_FOLDS if folds is None else folds


def _require(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BackboneError(f"{option} is {value!r}.", hint=f"Choose one of {', '.join(allowed)}.")


def engine_of(engine: str, ray_address: str | None) -> Engine:
    """Returns where embeddings are to be computed.

    Raises:
        BackboneError: If there is no such engine, or an address for one that has none.
    """
    _require("--engine", engine, ("local", "ray"))
    if ray_address is not None and engine != "ray":
        raise BackboneError(
            f"--ray-address {ray_address} is only for --engine ray.",
            hint="Add --engine ray, or leave the address out.",
        )
    return Engine(cast(Literal["local", "ray"], engine), ray_address)


_BUILDERS: dict[Any, Callable[..., Any]] = {
    DataSource: data_source,
    BackboneChoice: backbone_choice,
    TrainableBackbone: trainable_backbone,
    StrategyOptions: strategy_options,
    WordsChoice: words_choice,
}
"""What a command may ask for in one parameter, and the function whose options build it."""


def aggregate_of(level: str, aggregate: str) -> str | None:
    """Returns how a patient comes by a score; None where rows are photographs.

    Raises:
        typer.BadParameter: If there is no such level or aggregate.
    """
    if level not in _LEVELS:
        raise typer.BadParameter(f"--level is {level!r}; choose {' or '.join(_LEVELS)}.")
    if aggregate not in AGGREGATES:
        raise typer.BadParameter(
            f"--aggregate is {aggregate!r}; choose one of {', '.join(AGGREGATES)}."
        )
    return aggregate if level == "patient" else None


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of every `DataSource` or `BackboneChoice` it asks for.

    Typer reads a signature; this one lists the builder's options in place of the parameter, so
    that six commands share them without repeating them.
    """
    own = inspect.signature(command, eval_str=True).parameters
    builders = {
        name: _BUILDERS[p.annotation] for name, p in own.items() if p.annotation in _BUILDERS
    }
    groups = {
        name: inspect.signature(builder, eval_str=True).parameters
        for name, builder in builders.items()
    }

    def run(**values: Any) -> None:
        built = {
            name: builders[name](**{option: values.pop(option) for option in group})
            for name, group in groups.items()
        }
        command(**built, **values)

    listed = [
        option
        for name, parameter in own.items()
        for option in (groups[name].values() if name in groups else [parameter])
    ]
    flat = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in listed]
    run.__doc__ = command.__doc__
    run.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    return run
