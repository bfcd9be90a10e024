"""What a study file says, checked before anything runs."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from fundus_core.backbones.catalogue import NORMALISATIONS
from fundus_core.domain.axes import AXES, INSIDE
from fundus_core.domain.bounds import FOLDS, SEED, SHARE, SIDE, Bounds
from fundus_core.domain.recipe import Fit
from fundus_core.finetune.augment import AUGMENTATIONS
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.losses import AUTO, LOSSES
from fundus_core.finetune.rates import OPTIMISERS, RATE_SCHEDULES
from fundus_core.finetune.strategies import DEFAULTS, STRATEGIES, StrategyOptions
from fundus_core.io.weights import SCRATCH
from fundus_core.probes import PROBES
from fundus_core.spelling import suggestion
from fundus_core.splits import FEWEST_FOLDS
from fundus_core.stats.scores import METRICS

ColumnRole = Literal["path", "patient", "eye", "split"]
"""What a column of a table may be, beside a target."""

Value = StrictStr | StrictInt | StrictFloat
"""Of an axis."""

_Values = Annotated[list[Value], Field(min_length=1)]
_Name = Annotated[str, Field(min_length=1)]


def _within(bounds: Bounds) -> AfterValidator:
    def require(value: float) -> float:
        if not bounds.holds(value):
            raise ValueError(f"it must be {bounds.text} but is {value}")
        return value

    return AfterValidator(require)


_Side = Annotated[int, _within(SIDE)]
_Share = Annotated[float, _within(SHARE)]
_Seed = Annotated[int, _within(SEED)]

DEMO = "demo"
"""Name of the synthetic photographs that come with the program, as a source."""


class _Part(BaseModel):
    """A part of a study file: unknown keys are mistakes, and nothing changes once it is read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False
    )


class DataPart(_Part):
    """One data set."""

    name: _Name
    source: str = DEMO
    """Folder or table, relative to the study file, with `$NAME` for variables of the environment;
    `demo` for the synthetic photographs."""

    table: str | None = None
    """Table that describes the photographs of the folder, relative to it."""

    columns: dict[ColumnRole, str] = Field(default_factory=dict)
    """What columns are called that have unusual names."""

    target: str
    """What is predicted, as `--target` takes it."""

    column: str | None = None
    """Column the labels are read from, if the target is made of another one by `map`."""

    map: dict[str, str] | None = None
    """Label in `column` -> label of the target; labels not named here are left out."""

    metric: str = ""
    """What relative gains are measured in; the study's first metric by default."""

    where: dict[str, str] = Field(default_factory=dict)
    """Photographs to take: column -> value, all of which must agree."""

    role: Literal["train", "external"] = "train"
    """`external`: only tested on, by the models of every data set of the same target."""


class BackboneChoicePart(_Part):
    """A backbone with its weights."""

    backbone: str
    weights: str | None = None
    """File, `scratch`, or nothing for the backbone's own."""

    pooling: str | None = None
    normalisation: str | None = None
    fit: Fit | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.normalisation is not None:
            _require_known("normalisation", [self.normalisation], NORMALISATIONS)
        return self


class ModelPart(BackboneChoicePart):
    """One row of the grid of models."""

    name: _Name
    weights_name: str = ""
    """What tables call the weights, e.g. `ImageNet`."""

    backbone_at: dict[int, str] = Field(default_factory=dict)
    """Side of the input -> the backbone there, where each size has weights of its own."""

    stand_in: BackboneChoicePart | None = None
    """What takes its place in the small sizes of the study."""

    stood_in: bool = False
    """True where the stand-in has taken its place."""

    @property
    def weights_shown(self) -> str:
        """Returns what tables call the weights."""
        return self.weights_name or self.weights or "own"

    @property
    def shown(self) -> str:
        """Returns the name for tables, which says what stands in for what."""
        random = ", random weights" if self.weights == SCRATCH else ""
        return f"{self.name} (stand-in: {self.backbone}{random})" if self.stood_in else self.name


class PreprocessingPart(_Part):
    """How photographs are prepared."""

    name: _Name = "usual"
    crop: bool = True
    clahe: bool = False
    ben_graham: bool = False


class AxesPart(_Part):
    """What is varied beside data sets and models; each axis is a list of values."""

    strategy: list[str] = Field(default_factory=lambda: ["logistic"], min_length=1)
    """Keys of `PROBES` (frozen backbone) and of `STRATEGIES` (trained)."""

    head: list[str] = Field(default_factory=lambda: ["linear"], min_length=1)
    image_size: list[_Side | None] = Field(default=[None], min_length=1)
    """Sides in pixels; nothing for the backbone's own."""

    fraction: list[_Share] = Field(default_factory=lambda: [1.0], min_length=1)
    draw: list[_Seed] = Field(default_factory=lambda: [0], min_length=1)
    """Draws of the patients of a fraction; the whole has only one."""

    seed: list[_Seed] = Field(default_factory=lambda: [0], min_length=1)
    """Of heads, order and augmentation; probes have only one."""

    preprocessing: list[PreprocessingPart] = Field(
        default_factory=lambda: [PreprocessingPart()], min_length=1
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        _require_known("strategy", self.strategy, (*PROBES, *STRATEGIES))
        for axis in type(self).model_fields:
            _require_once(axis, [getattr(one, "name", one) for one in getattr(self, axis)])
        return self


class ValidationPart(_Part):
    """How every cell is validated."""

    folds: Annotated[int, _within(FOLDS)] = Field(default=5, ge=FEWEST_FOLDS)
    seed: _Seed = 0
    use_split: bool = False


class TrainingPart(_Part):
    """How every fine-tuned cell is trained; see `TrainingRecipe`."""

    epochs: int = 10
    batch_size: int = Field(default=16, ge=2)
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    warm_up: float = 0.1
    clip: float = 5.0
    augmentation: str = "retina"
    patience: int = 0
    optimiser: str = "adamw"
    rate_schedule: str = "cosine"
    loss: str = AUTO
    keep_weights: bool = False

    @model_validator(mode="after")
    def _known(self) -> Self:
        _require_known("augmentation", [self.augmentation], AUGMENTATIONS)
        _require_known("optimiser", [self.optimiser], OPTIMISERS)
        _require_known("rate_schedule", [self.rate_schedule], RATE_SCHEDULES)
        _require_known("loss", [self.loss], (AUTO, *LOSSES))
        self.recipe(seed=0)
        return self

    def recipe(self, seed: int) -> TrainingRecipe:
        """Returns the recipe of one training."""
        values = self.model_dump(exclude={"loss", "keep_weights"})
        return TrainingRecipe(**values, seed=seed)


class OptionsPart(_Part):
    """Settings of strategies; see `StrategyOptions`."""

    pull: float = DEFAULTS.pull
    head_decay: float = DEFAULTS.head_decay
    layer_decay: float = DEFAULTS.layer_decay
    block: str = DEFAULTS.block
    still_norms: bool = DEFAULTS.still_norms
    fresh_optimiser: bool = DEFAULTS.fresh_optimiser
    lora_rank: int = DEFAULTS.lora_rank
    lora_alpha: float = DEFAULTS.lora_alpha

    @model_validator(mode="after")
    def _known(self) -> Self:
        self.chosen()
        return self

    def chosen(self) -> StrategyOptions:
        """Returns the settings as strategies take them."""
        return StrategyOptions(**self.model_dump())


class FigurePart(_Part):
    """One figure of a study's results."""

    kind: Literal["heat map", "curve", "forest", "convergence"]
    title: str = ""
    metric: str = "auc"
    rows: str = "model"
    """Column of the table: rows of a heat map."""

    columns: str = "strategy"
    """Columns of a heat map."""

    x: str = "fraction"
    """Of a curve."""

    series: str = "model"
    """What has a line of its own in a curve or in convergence."""

    where: dict[str, Value | _Values] = Field(default_factory=dict)
    """Rows of the table to show: column -> value or values."""


class StudyDocument(_Part):
    """A whole study file."""

    title: str
    question: str
    """What it is to find out, in a sentence."""

    reference: str
    notes: str = ""
    """What the paper does not say and the file had to choose."""

    data: list[DataPart] = Field(min_length=1)
    models: list[ModelPart] = Field(min_length=1)
    axes: AxesPart = Field(default_factory=AxesPart)
    leave_out: list[dict[str, Value | _Values]] = Field(default_factory=list)
    """Cells that are not run: column -> value or values, all of which must agree."""

    validation: ValidationPart = Field(default_factory=ValidationPart)
    training: TrainingPart = Field(default_factory=TrainingPart)
    options: OptionsPart = Field(default_factory=OptionsPart)
    metrics: list[str] = Field(default_factory=lambda: list(METRICS), min_length=1)
    against: dict[str, Value] = Field(default_factory=dict)
    """Column -> value of the cells that all others are compared with, everything else equal."""

    gain_over: dict[str, Value] = Field(default_factory=dict)
    """The cells over which relative gains are reported, everything else equal."""

    figures: list[FigurePart] = Field(default_factory=list)
    photographs: int | None = Field(default=None, ge=8)
    """At most so many of each data set; nothing for all."""

    small: dict[str, Any] = Field(default_factory=dict)
    """What the small size changes: keys of this document."""

    smoke: dict[str, Any] = Field(default_factory=dict)
    """What the smoke size changes, on top of `small`."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _require_once("data", [part.name for part in self.data])
        _require_once("models", [part.name for part in self.models])
        _require_once("metrics", self.metrics)
        if not any(part.role == "train" for part in self.data):
            raise ValueError("data: at least one must have the role train")
        if any(part.name == INSIDE for part in self.data):
            raise ValueError(f"data: {INSIDE!r} is what tables call a cell's own data set")
        _require_known("metrics", self.metrics, METRICS)
        _require_known("metric", [part.metric for part in self.data if part.metric], METRICS)
        rules: list[Mapping[str, Any]] = [*self.leave_out, self.against, self.gain_over]
        for rule in rules:
            _require_known("leave_out, against, gain_over", rule, AXES)
        return self


def _require_once(what: str, values: Sequence[Hashable]) -> None:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        said = "the backbone's own size" if twice[0] is None else repr(twice[0])
        raise ValueError(f"{what}: {said} is named twice; each must differ from the others")


def _require_known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    there = list(known)
    for name in names:
        if name not in there:
            raise ValueError(f"{what}: {name!r} is unknown; {suggestion(name, there)}")
