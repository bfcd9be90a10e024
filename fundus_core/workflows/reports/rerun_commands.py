"""The command lines that make the runs of a report again, for people to read and to copy."""

import shlex
from pathlib import Path
from typing import Any

from fundus_core.backbones.catalogue import NORMALISATIONS, backbone_spec, with_pooling
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.finetune.strategies import DEFAULTS
from fundus_core.io.weights import SCRATCH
from fundus_core.workflows.reports.rerun_manifest import Manifest, RecordedData, RecordedRun

_TRAINING = {
    "epochs": "--epochs",
    "batch_size": "--batch-size",
    "learning_rate": "--learning-rate",
    "weight_decay": "--weight-decay",
    "augmentation": "--augmentation",
    "patience": "--patience",
    "optimiser": "--optimiser",
    "rate_schedule": "--rate-schedule",
    "seed": "--train-seed",
}
"""Fields of `TrainingRecipe` that `fundus finetune` takes."""


def commands_of(manifest: Manifest) -> tuple[str, ...]:
    """Returns a command line for each run that can be made again, its data called `DATA`."""
    data = {one.id: one for one in manifest.data}
    several = len(data) > 1
    return tuple(
        shlex.join(_command(run, data[run.data], f"DATA-{run.data}" if several else "DATA"))
        for run in manifest.runs
        if not run.reason and run.data in data
    )


def normalisation_of(recipe: EmbedRecipe) -> str | None:
    """Returns the key of `NORMALISATIONS` that a recipe used; None for the backbone's own."""
    spec = with_pooling(backbone_spec(recipe.backbone), recipe.pooling)
    if (recipe.mean, recipe.std) == (spec.mean, spec.std):
        return None
    known = {values: name for name, values in NORMALISATIONS.items()}
    return known.get((recipe.mean, recipe.std))


def _command(run: RecordedRun, data: RecordedData, place: str) -> list[str]:
    source = [place]
    source += ["--table", data.table] if data.table else []
    for column, name in data.columns.items():
        source += [f"--{column}-column", name] if name else []
    source += ["--classes", ",".join(data.classes)] if data.classes else []
    if run.kind == "external":
        if run.column and not data.columns.get("target"):
            source += ["--target-column", run.column]
        return ["fundus", "predict", run.trained_as, *source]
    precision = run.recipe.get("training", {}).get("precision", run.embeddings.precision)
    words = ["fundus", "finetune" if run.kind == "finetune" else "probe", *source]
    words += [*_backbone(run.embeddings, str(precision)), *_validation(run)]
    return words + (_training(run.recipe) if run.kind == "finetune" else ["--probe", run.method])


def _backbone(recipe: EmbedRecipe, precision: str) -> list[str]:
    words = ["--backbone", recipe.backbone]
    words += [] if _is_own(recipe) else ["--weights", recipe.weights]
    words += ["--image-size", f"{recipe.image_size}", "--precision", precision]
    words += ["--weights-seed", f"{recipe.seed}"] if recipe.weights == SCRATCH else []
    words += ["--fit", recipe.preprocessing.fit, "--decoder", recipe.preprocessing.decoder]
    words += ["--pooling", recipe.pooling] if recipe.pooling != "default" else []
    normalisation = normalisation_of(recipe)
    words += ["--normalisation", normalisation] if normalisation else []
    words += [] if recipe.preprocessing.crop else ["--no-crop"]
    words += ["--clahe"] if recipe.preprocessing.clahe else []
    return words + (["--ben-graham"] if recipe.preprocessing.ben_graham else [])


def _is_own(recipe: EmbedRecipe) -> bool:
    """Says whether the weights are those that the backbone takes by itself."""
    own = [Path(name).stem for name in backbone_spec(recipe.backbone).weights_files[:1]]
    return recipe.weights in own or "/" in recipe.weights


def _validation(run: RecordedRun) -> list[str]:
    validation = run.validation
    if validation is None:
        return []
    words = ["--target", validation.target]
    words += ["--use-split"] if validation.use_split else ["--folds", f"{validation.folds}"]
    if validation.fraction != 1:
        words += ["--fraction", f"{validation.fraction:g}", "--draw", f"{validation.draw}"]
    return [*words, "--seed", f"{validation.seed}"]


def _training(recipe: dict[str, Any]) -> list[str]:
    words = ["--strategy", f"{recipe['strategy']}", "--head", f"{recipe['head']}"]
    words += ["--loss", f"{recipe['loss']}"]
    for name, option in _TRAINING.items():
        if name in recipe["training"]:
            words += [option, f"{recipe['training'][name]}"]
    for name, value in recipe["options"].items():
        if value == getattr(DEFAULTS, name, value):
            continue
        option = name.replace("_", "-")
        if name == "still_norms":
            words.append("--moving-norms")
        else:
            words += [f"--{option}"] if value is True else [f"--{option}", f"{value}"]
    return words
