"""Numbers and names that no notebook means: refused in a sentence, before anything is computed."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

import fundus_core as fundus
from fundus_core.errors import FundusError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.strategies import StrategyOptions
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.loop import SegmentationTraining
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.finetune import FinetuneChoice
from fundus_core.workflows.models.pretrain import PretrainChoice
from fundus_core.workflows.models.probe import ProbeChoice
from fundus_core.workflows.segmenting.segmentation_choice import SegmentationChoice
from tests.pages import opened

NEVER = (-1, math.nan, math.inf, -math.inf, 10**30)
WHOLE = (*NEVER, 0.5)

CHOICES: list[tuple[Callable[..., object], str, tuple[float, ...]]] = [
    *((Validation, name, WHOLE) for name in ("folds", "seed", "draw")),
    (Validation, "fraction", (*NEVER, 0, 1.5)),
    *((ProbeChoice, name, WHOLE) for name in ("folds", "seed", "draw")),
    (ProbeChoice, "fraction", (*NEVER, 0, 1.5)),
    (BackboneChoice, "image_size", (*WHOLE, 0, 7, 10**9)),
    (BackboneChoice, "weights_seed", WHOLE),
    *((TrainingRecipe, name, (*WHOLE, 0, 10**9)) for name in ("epochs", "batch_size")),
    *((TrainingRecipe, name, WHOLE) for name in ("patience", "seed")),
    (TrainingRecipe, "learning_rate", (*NEVER, 0, 1e300)),
    (TrainingRecipe, "weight_decay", (*NEVER, 1e300)),
    (TrainingRecipe, "warm_up", (*NEVER, 1.5)),
    (TrainingRecipe, "clip", (*NEVER, 0)),
    *((SegmentationTraining, name, WHOLE) for name in ("epochs", "patch", "patches", "patience")),
    *((SegmentationChoice, name, WHOLE) for name in ("size", "folds", "draw", "seed")),
    (SegmentationChoice, "fraction", (*NEVER, 0)),
    *((StrategyOptions, name, (*NEVER, 1e300)) for name in ("pull", "head_decay", "lora_alpha")),
    (StrategyOptions, "layer_decay", (*NEVER, 0, 1.5)),
    (StrategyOptions, "lora_rank", (*WHOLE, 0)),
    (PretrainChoice, "image_size", (*WHOLE, 0, 10**9)),
]
NEEDED: dict[object, tuple[str, ...]] = {
    Validation: ("dr",),
    ProbeChoice: ("dr",),
    BackboneChoice: ("resnet18",),
}
NEEDED[PretrainChoice] = ("resnet18", "mine")


@pytest.mark.parametrize(("choice", "name", "values"), CHOICES)
def test_choice__takes_no_number_that_nothing_is_made_by(
    choice: type, name: str, values: tuple[float, ...]
) -> None:
    needed = NEEDED.get(choice, ())

    choice(*needed)
    for value in values:
        with pytest.raises(FundusError, match=f"but is {value}".replace("+", r"\+")):
            choice(*needed, **{name: value})


@pytest.fixture
def place(workspace: Path, tmp_path: Path) -> fundus.Photographs:
    """Eight photographs, opened."""
    name = opened.open_photographs(workspace, tmp_path / "photographs")
    return fundus.Photographs(
        Workspace(workspace), name, stored_dataset(Workspace(workspace), name)
    )


LONG = "L" * 100_000

CALLS: dict[str, Callable[[fundus.Photographs, Path], object]] = {
    "draw, side": lambda place, folder: fundus.draw_demo(folder / "new", side=10**9),
    "draw, no side": lambda place, folder: fundus.draw_demo(folder / "new", side=0),
    "draw, patients": lambda place, folder: fundus.draw_demo(folder / "new", n_patients=10**9),
    "draw, nobody": lambda place, folder: fundus.draw_demo(folder / "new", n_patients=-1),
    "embed, side": lambda place, folder: place.embed("resnet18", image_size=10**9),
    "embed, name": lambda place, folder: place.embed(LONG),
    "map, seed": lambda place, folder: place.map_figure("mean_colour", method="pca", seed=-1),
    "map, method": lambda place, folder: place.map_figure("mean_colour", method=LONG),
    "map, column": lambda place, folder: place.map_figure(
        "mean_colour", method="pca", colour_by=LONG
    ),
    "probe, target": lambda place, folder: place.probe("mean_colour", LONG),
    "probe, none": lambda place, folder: place.probe("mean_colour", ""),
    "probe, folds": lambda place, folder: place.probe("mean_colour", ProbeChoice("label", folds=0)),
    "finetune, target": lambda place, folder: place.finetune("mean_colour", "''"),
    "finetune, strategy": lambda place, folder: place.finetune(
        "resnet18", FinetuneChoice(Validation("label"), strategy=LONG), weights="scratch"
    ),
    "predictions": lambda place, folder: place.predictions(LONG),
    "roc": lambda place, folder: place.roc_figure(["\udcff\x1b[2J"]),
    "compare, nothing": lambda place, folder: place.compare([]),
    "compare": lambda place, folder: place.compare(["-x", ""]),
    "explain": lambda place, folder: place.explain("", LONG),
    "report, nothing": lambda place, folder: place.report([], folder / "report.html"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_function__says_in_a_sentence_what_it_does_not_take(
    place: fundus.Photographs, tmp_path: Path, call: Callable[[fundus.Photographs, Path], object]
) -> None:
    with pytest.raises(FundusError) as refused:
        call(place, tmp_path)

    assert len(refused.value.message) + len(refused.value.hint) < 2_000
    assert refused.value.hint
    assert not (tmp_path / "new").exists()
