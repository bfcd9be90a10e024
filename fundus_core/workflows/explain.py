"""Use case: where a trained probe looked in a photograph."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import Backbone
from fundus_core.errors import DataError, SaliencyError, TargetError
from fundus_core.explain.cam import SaliencyMap, saliency_maps
from fundus_core.explain.layers import cam_layer
from fundus_core.io.images import read_image, scan_image
from fundus_core.io.workspace import Workspace
from fundus_core.plots.overlay import blend
from fundus_core.preprocessing import decode_side, prepare
from fundus_core.probes import LinearProbe
from fundus_core.workflows.datasets import stored_dataset
from fundus_core.workflows.embed import load_for, resolve_recipe
from fundus_core.workflows.photographs import photograph
from fundus_core.workflows.runs import Run, load_run, run_predictions, run_probe

SHOWN_SIDE = 1024
"""Longer side of the photograph an overlay is drawn on, in pixels."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A photograph, and where one model looked in it."""

    image_id: str
    path: Path
    photograph: NDArray[np.uint8]
    """Shape (H, W, 3), RGB, upright."""

    saliency: SaliencyMap
    heat: NDArray[np.float32]
    """Shape (H, W), in [0, 1]: the map on the photograph; NaN where the network saw nothing."""

    class_name: str
    """The class explained."""

    score: float
    """The probe's probability of that class, in [0, 1]."""

    held_out: bool
    """True if the probe that is explained never saw this patient."""

    y_true: bool | None
    """Whether the photograph is labelled with the class; None if it has no label."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """A photograph of the run's data set, or one from elsewhere."""

    image_id: str
    path: Path
    fold: int | None
    """The fold that held it out."""

    labels: NDArray[np.bool_] | None
    """Shape (C,), per scored class."""


def explain(
    workspace: Workspace,
    run_id: str,
    image: str,
    *,
    class_name: str | None = None,
    method: str = "grad_cam",
) -> Explanation:
    """Explains one photograph; see `explain_many`.

    Raises:
        SaliencyError: Also if no map comes out.
    """
    outcome = explain_many(workspace, run_id, [image], class_name=class_name, method=method)[0]
    if isinstance(outcome, SaliencyError):
        raise outcome
    return outcome


def explain_many(
    workspace: Workspace,
    run_id: str,
    images: Sequence[str],
    *,
    class_name: str | None = None,
    method: str = "grad_cam",
) -> list[Explanation | SaliencyError]:
    """Shows where the probe of a run looked in photographs.

    A photograph of the run's own data set is explained by the probe of the fold that held it out,
    any other by the probe fitted on all.

    Args:
        workspace: Where the run is.
        run_id: A run of a linear probe.
        images: Paths, or image ids of the run's data set.
        class_name: The class to explain; the positive or the first one by default.
        method: Key of `fundus_core.explain.methods.METHODS`.

    Returns:
        For each image the map, or why there is none: one without does not spoil the others.

    Raises:
        SaliencyError: If the run's model cannot be explained at all.
        DataError: If an image is unknown.
    """
    run = _explainable(workspace, run_id)
    chosen = class_name or run.target.scored_classes[0]
    column, sign = _column_of(run, chosen)
    subjects = _subjects(workspace, run, images)
    resolved = resolve_recipe(workspace, run.embeddings, run.weights_path)
    backbone = load_for(resolved)
    return [
        _explain_one(workspace, run, backbone, subject, chosen, column, sign, method)
        for subject in subjects
    ]


def _explainable(workspace: Workspace, run_id: str) -> Run:
    """Returns the run whose probe is to be explained: for an external run, the one it came from."""
    run = load_run(workspace, run_id)
    if run.kind == "external":
        run = load_run(workspace, run.trained_as)
    if run.kind == "finetune":
        raise SaliencyError(
            f"Run {run.id} is a fine-tuned network, whose weights are not kept: it cannot be "
            "explained yet.",
            hint="Fit a linear probe on the same backbone and explain that one.",
        )
    if run.probe != "logistic":
        raise SaliencyError(
            f"Run {run.id} was scored by {run.probe}: its score is no weighted sum of features, "
            "and only such sums can be explained yet.",
            hint="Fit a logistic probe on the same embeddings and explain that one.",
        )
    return run


def _column_of(run: Run, class_name: str) -> tuple[int, float]:
    """Returns which score speaks for a class, and whether for (+1) or against it (-1)."""
    scored = run.target.scored_classes
    if class_name in scored:
        return scored.index(class_name), 1.0
    if run.target.task == "binary" and class_name == run.target.classes[0]:
        return 0, -1.0
    raise TargetError(
        f"{run.target.name} has no class {class_name!r}; it has {', '.join(run.target.classes)}.",
        hint="Choose one of them.",
    )


def _subjects(workspace: Workspace, run: Run, images: Sequence[str]) -> list[_Subject]:
    predictions = run_predictions(workspace, run)
    row_of = {image_id: row for row, image_id in enumerate(predictions.image_ids)}
    known = _known_paths(workspace, run)
    subjects = []
    for image in images:
        path = known.get(image) or Path(image).expanduser()
        if image not in known and not path.is_file():
            raise DataError(
                f"{image!r} is neither a file nor an image id of {run.dataset_name}.",
                hint="Give the path of a photograph, or an id from the run's predictions.",
            )
        image_id = image if image in known else scan_image(path).image_id
        row = row_of.get(image_id)
        fold = None if row is None or predictions.fold is None else int(predictions.fold[row])
        labels = None if row is None else predictions.y_true[row]
        subjects.append(_Subject(image_id, path, fold, labels))
    return subjects


def _known_paths(workspace: Workspace, run: Run) -> dict[str, Path]:
    """Returns image id -> path of the run's data set; empty if that is no longer remembered."""
    try:
        table = stored_dataset(workspace, run.dataset_id).table
    except DataError:
        return {}
    return {
        image_id: Path(path)
        for image_id, path in zip(table["image_id"], table["path"], strict=True)
    }


def _explain_one(
    workspace: Workspace,
    run: Run,
    backbone: Backbone,
    subject: _Subject,
    class_name: str,
    column: int,
    sign: float,
    method: str,
) -> Explanation | SaliencyError:
    import torch

    probe = run_probe(workspace, run, fold=subject.fold)
    if not isinstance(probe, LinearProbe):
        raise SaliencyError(
            f"The probe of run {run.id} is not linear.", hint="Fit a logistic probe."
        )
    recipe, side = run.embeddings.preprocessing, run.embeddings.image_size
    decoder = cast(Literal["fast", "exact"], recipe.decoder)
    image = read_image(subject.path, min_side=decode_side(side), decoder=decoder)
    prepared = prepare(image, side, recipe)
    batch = torch.from_numpy(np.ascontiguousarray(prepared.pixels.transpose(2, 0, 1)))[None]
    weight, bias = probe.direction(column)
    outcome = saliency_maps(
        backbone,
        batch,
        sign * weight,
        sign * bias,
        class_name=class_name,
        method=method,
        layer=cam_layer(backbone),
    )[0]
    if isinstance(outcome, SaliencyError):
        return outcome
    shown = photograph(subject.path, max_side=SHOWN_SIDE)
    geometry = prepared.geometry.at_size(*shown.shape[:2])
    heat = geometry.to_original(outcome.values, outside=np.nan)
    score = float(probe.score(backbone.embed(batch).numpy())[0, column])
    return Explanation(
        subject.image_id,
        subject.path,
        shown,
        outcome,
        heat,
        class_name,
        score if sign > 0 else 1 - score,
        subject.fold is not None and subject.fold >= 0,
        _label(subject, column, sign),
    )


def _label(subject: _Subject, column: int, sign: float) -> bool | None:
    if subject.labels is None:
        return None
    return bool(subject.labels[column]) is (sign > 0)


def write_overlay(explanation: Explanation, folder: Path, *, opacity: float = 0.6) -> Path:
    """Writes the photograph with the map on it as a PNG named after the photograph."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^\w.-]+", "_", f"{explanation.path.stem}_{explanation.class_name}")
    path = folder / f"{slug}_{explanation.image_id[:8]}.png"
    Image.fromarray(blend(explanation.photograph, explanation.heat, opacity)).save(path)
    return path
