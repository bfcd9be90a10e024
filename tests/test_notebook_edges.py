"""Numbers and names that no notebook means: refused in a sentence, before anything is computed."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fundus_core as fundus
from fundus_core.domain.recipe import PreprocessRecipe, ProjectRecipe, Recipe
from fundus_core.errors import FundusError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.strategies import StrategyOptions
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.loop import SegmentationTraining
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.embed import Engine
from fundus_core.workflows.models.finetune import FinetuneChoice
from fundus_core.workflows.models.pretrain import PretrainChoice
from fundus_core.workflows.models.probe import ProbeChoice
from fundus_core.workflows.models.run_record import run_from_json
from fundus_core.workflows.reports.bundle import BundleOptions
from fundus_core.workflows.reports.report_subject import ReportOptions
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


FITS = "pad, corner, squash, centre_crop"
EITHER = "True, False"

WORDS: list[tuple[Callable[..., object], str, str]] = [
    (BackboneChoice, "fit", FITS),
    (BackboneChoice, "precision", "auto, fp32, bf16, openvino-fp32, openvino-bf16"),
    (PreprocessRecipe, "fit", FITS),
    (PreprocessRecipe, "decoder", "fast, exact"),
    *((PreprocessRecipe, name, EITHER) for name in ("crop", "clahe", "ben_graham")),
    (TrainingRecipe, "precision", "auto, fp32, bf16"),
    (Engine, "name", "local, ray"),
    *((choice, "use_split", EITHER) for choice in (Validation, ProbeChoice, SegmentationChoice)),
    *((SegmentationChoice, name, EITHER) for name in ("keep_small", "mirrors")),
    *((StrategyOptions, name, EITHER) for name in ("still_norms", "fresh_optimiser")),
    (FinetuneChoice, "keep_weights", EITHER),
    (PretrainChoice, "replace", EITHER),
    (ReportOptions, "file_names", EITHER),
    *((BundleOptions, name, EITHER) for name in ("embeddings", "keep_patient_ids")),
]
NEEDED[FinetuneChoice] = (Validation("dr"),)


@pytest.mark.parametrize(("choice", "name", "known"), WORDS)
def test_choice__takes_no_word_that_it_does_not_know(choice: type, name: str, known: str) -> None:
    needed = NEEDED.get(choice, ())

    for value in ("Squash", "no", "", 0, 1, None if known == EITHER else True, ["pad"]):
        with pytest.raises(FundusError) as refused:
            choice(*needed, **{name: value})
        assert refused.value.message == f"{name} is {value!r}."
        assert refused.value.hint == f"Choose one of {known}."
    for word in (True, False) if known == EITHER else known.split(", "):
        choice(*needed, **{name: word})


SAME: list[tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = [
    (
        ProbeChoice,
        {"folds": np.int64(3), "seed": np.uint8(1), "use_split": np.True_, "probe": np.str_("knn")},
        {"folds": 3, "seed": 1, "use_split": True, "probe": "knn"},
    ),
    (
        Validation,
        {"folds": np.int32(3), "fraction": np.float32(0.5)},
        {"folds": 3, "fraction": 0.5},
    ),
    (
        BackboneChoice,
        {"image_size": np.int64(32), "weights_seed": np.int64(1), "fit": np.str_("squash")},
        {"image_size": 32, "weights_seed": 1, "fit": "squash"},
    ),
    (TrainingRecipe, {"epochs": np.int64(2), "clip": np.float64(2)}, {"epochs": 2, "clip": 2.0}),
    (StrategyOptions, {"lora_rank": np.int64(8), "still_norms": np.True_}, {}),
    (PreprocessRecipe, {"clahe": np.True_}, {"clahe": True}),
    (
        SegmentationChoice,
        {"size": np.int64(64), "mirrors": np.False_},
        {"size": 64, "mirrors": False},
    ),
    (PretrainChoice, {"image_size": np.int64(64), "replace": np.False_}, {"image_size": 64}),
    (
        ProjectRecipe,
        {"seed": np.int64(3), "parameters": (("n", np.int64(5)),)},
        {"seed": 3, "parameters": (("n", 5),)},
    ),
]
NEEDED[ProjectRecipe] = ("e", "i", "pca")
SAME += [(ProjectRecipe, {"seed": np.int64(3)}, {"seed": 3})]
SAME += [
    (
        ProjectRecipe,
        {"seed": 0, "parameters": (("n", np.int64(5)),)},
        {"seed": 0, "parameters": (("n", 5),)},
    )
]


@pytest.mark.parametrize(("choice", "given", "plain"), SAME)
def test_choice__numbers_of_numpy_are_the_same_numbers(
    choice: type, given: dict[str, Any], plain: dict[str, Any]
) -> None:
    needed = NEEDED.get(choice, ())
    made, usual = choice(*needed, **given), choice(*needed, **plain)

    assert made == usual
    assert json.dumps(asdict(made)) == json.dumps(asdict(usual))
    if isinstance(made, Recipe):
        assert made.fingerprint() == usual.fingerprint()


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
    "open, nobody's": lambda place, folder: fundus.open_data("~nobody-at-all/x"),
    "open, a zero": lambda place, folder: fundus.open_data("a\0b"),
    "open, nothing": lambda place, folder: fundus.open_data(None),  # type: ignore[arg-type]
    "open, there": lambda place, folder: fundus.open_data(folder, "~nobody-at-all/x"),
    "open, columns": lambda place, folder: fundus.open_data(
        folder / "photographs", columns={"patients": "id"}
    ),
    "draw, a zero": lambda place, folder: fundus.draw_demo("a\0b"),
    "embed, fit": lambda place, folder: place.embed("resnet18", weights="scratch", fit="Squash"),
    "roc, nothing": lambda place, folder: place.roc_figure([]),
    "compare, one": lambda place, folder: place.compare("a.csv"),
    "compare, numbers": lambda place, folder: place.compare([1, 2]),  # type: ignore[list-item]
    "open, a number": lambda place, folder: fundus.open_data(
        folder / "photographs",
        columns={"patient": 3},  # type: ignore[dict-item]
    ),
    "embed, nothing": lambda place, folder: place.embed(None),  # type: ignore[arg-type]
    "embed, weights": lambda place, folder: place.embed("resnet18", weights=3),
    "embed, option": lambda place, folder: place.embed("resnet18", weihgts="scratch"),
    "probe, nothing": lambda place, folder: place.probe(
        "mean_colour",
        None,  # type: ignore[arg-type]
    ),
    "probe, fine-tuning": lambda place, folder: place.probe(
        "mean_colour",
        FinetuneChoice(Validation("disease")),  # type: ignore[arg-type]
    ),
    "finetune, probe": lambda place, folder: place.finetune(
        "resnet18",
        ProbeChoice("disease"),  # type: ignore[arg-type]
    ),
    "report, a zero": lambda place, folder: place.report(["x"], "a\0b.html"),
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


def test_probe__of_numbers_of_numpy_is_the_stored_run(place: fundus.Photographs) -> None:
    usual = place.probe("mean_colour", ProbeChoice("disease", folds=2, seed=1))

    again = place.probe("mean_colour", ProbeChoice("disease", folds=np.int64(2), seed=np.uint8(1)))

    assert again == usual
    assert len(place.runs) == 1
    drawn = place.map_figure("mean_colour", method="pca", seed=np.int64(3))
    assert drawn == place.map_figure("mean_colour", method="pca", seed=3)


def test_run__that_was_stored_under_a_word_nobody_knows_is_left_out(
    place: fundus.Photographs,
) -> None:
    run = place.probe("mean_colour", ProbeChoice("disease", folds=2))
    about = json.loads(json.dumps(asdict(run)))
    about["embeddings"]["preprocessing"]["fit"] = "Squash"

    assert run_from_json(about) is None


def test_open_data__takes_columns_as_a_dictionary_and_paths_of_tables(
    place: fundus.Photographs, tmp_path: Path
) -> None:
    again = fundus.open_data(
        tmp_path / "photographs", place.workspace.root, columns={"patient": "patient_id"}
    )
    run = place.probe("mean_colour", ProbeChoice("disease", folds=2))
    paths = [tmp_path / name for name in ("a.csv", "b.csv")]
    for path in paths:
        place.predictions(run).to_csv(path, index=False)

    found = place.compare(paths)

    assert len(again.table) == len(place.table)
    assert [one.run_id for one in found.runs] == [str(path) for path in paths]
    assert place.predictions(paths[0]).shape == place.predictions(run).shape
    assert place.roc_figure(paths[:1]).data
