"""Use case: where a trained probe or network looked in a photograph."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import SaliencyError
from fundus_core.explain.cam import SaliencyMap
from fundus_core.explain.depths import LayerChoice, layer_choices
from fundus_core.io.files import write_atomically
from fundus_core.io.workspace import Workspace
from fundus_core.plots.overlay import blend
from fundus_core.workflows.data.hidden_ids import hides_ids
from fundus_core.workflows.data.photographs import photograph
from fundus_core.workflows.explanations.explained import (
    Asked,
    ModelShelf,
    column_of,
    explainable_run,
)
from fundus_core.workflows.explanations.explained_photographs import Subject, subjects_of
from fundus_core.workflows.explanations.map_store import HeatMaps
from fundus_core.workflows.models.run_record import Run

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
    """The model's probability of that class, in [0, 1]."""

    held_out: bool
    """True if the model that is explained never saw this patient."""

    y_true: bool | None
    """Whether the photograph is labelled with the class; None if it has no label."""

    minus: str = ""
    """The class whose logit was subtracted; empty for none."""

    network_fold: int | None = None
    """Of a fine-tuned run: the fold, from 0, whose network is explained."""


def explain(
    workspace: Workspace,
    run_id: str,
    image: str,
    *,
    class_name: str | None = None,
    minus: str | None = None,
    method: str = "grad_cam",
    layer: str | None = None,
) -> Explanation:
    """Explains one photograph; see `explain_many`.

    Raises:
        SaliencyError: Also if no map comes out.
    """
    outcome = explain_many(
        workspace,
        run_id,
        [image],
        class_name=class_name,
        minus=minus,
        method=method,
        layer=layer,
    )[0]
    if isinstance(outcome, SaliencyError):
        raise outcome
    return outcome


def explain_many(
    workspace: Workspace,
    run_id: str,
    images: Sequence[str],
    *,
    class_name: str | None = None,
    minus: str | None = None,
    method: str = "grad_cam",
    layer: str | None = None,
) -> list[Explanation | SaliencyError]:
    """Shows where the model of a run looked in photographs.

    Maps that were computed before are read from the workspace; where all were, no network is
    loaded. A photograph of the run's own data set is explained by the probe, or the fine-tuned
    network, of the fold that held it out. Any other is explained by the probe fitted on all; of a
    fine-tuned run, which has no such network, by that of its first fold.

    Args:
        workspace: Where the run is.
        run_id: A run of a logistic probe, or of fine-tuning with kept weights.
        images: Paths, or image ids of the run's data set.
        class_name: The class to explain; the positive or the first one by default.
        minus: Explain the difference of the class's logit and this one's.
        method: Key of `fundus_core.explain.methods.METHODS`.
        layer: A layer of `layers_of`; the usual one by default.

    Returns:
        For each image the map, or why there is none: one without does not spoil the others.

    Raises:
        SaliencyError: If the run's model cannot be explained at all.
        TargetError: If the run has no such class.
        DataError: If an image is unknown.
        ImageError: If one cannot be read, or is another photograph than its id says.
    """
    run = explainable_run(workspace, run_id)
    asked = Asked(class_name or run.target.scored_classes[0], minus or "", method, layer)
    column_of(run, asked.class_name)
    maps = HeatMaps(workspace, run, asked)
    found: dict[int, Explanation | SaliencyError] = {}
    subjects = subjects_of(workspace, run, images)
    # Of a fine-tuned run one network is in memory at a time: photographs go by their fold.
    for row in sorted(range(len(subjects)), key=lambda row: subjects[row].fold or 0):
        found[row] = _explain_one(maps, subjects[row])
    return [found[row] for row in range(len(subjects))]


def layers_of(workspace: Workspace, run_id: str) -> tuple[LayerChoice, ...]:
    """Returns the layers that maps of a run's model may be taken from, from early to late.

    Raises:
        SaliencyError: If the run's model cannot be explained, or keeps no places.
    """
    run = explainable_run(workspace, run_id)
    anyone = Subject("", Path(), None, None)
    return layer_choices(ModelShelf(workspace, run).model_for(anyone).backbone)


def _explain_one(maps: HeatMaps, subject: Subject) -> Explanation | SaliencyError:
    # A map may be kept of a photograph whose file holds another one by now, so that is read first.
    picture = photograph(subject.path, image_id=subject.image_id, max_side=SHOWN_SIDE)
    asked, kept = maps.asked, maps.of(subject)
    outcome = kept.outcome(asked)
    if isinstance(outcome, SaliencyError):
        return outcome
    geometry = kept.geometry.at_size(*picture.shape[:2])
    return Explanation(
        subject.image_id,
        subject.path,
        picture,
        outcome,
        geometry.to_original(outcome.values, outside=np.nan),
        asked.class_name,
        kept.score,
        subject.held_out,
        _label(maps.run, subject, asked.class_name),
        asked.minus,
        kept.network_fold,
    )


def _label(run: Run, subject: Subject, class_name: str) -> bool | None:
    if subject.labels is None:
        return None
    column, sign = column_of(run, class_name)
    return bool(subject.labels[column]) is (sign > 0)


def write_overlay(explanation: Explanation, folder: Path, *, opacity: float = 0.6) -> Path:
    """Writes the photograph with the map on it as a PNG named after the two.

    Where names are hidden, its own is not among them.
    """
    from PIL import Image

    asked = (explanation.class_name, explanation.minus, explanation.saliency.method)
    path = _overlay(folder, explanation.path, explanation.image_id, asked)
    picture = Image.fromarray(blend(explanation.photograph, explanation.heat, opacity))
    write_atomically(path, partial(picture.save, format="PNG"))
    return path


def overlays_of(
    workspace: Workspace, run_id: str, images: Sequence[str], asked: Asked, folder: Path
) -> list[Path]:
    """Returns which files `write_overlay` would write for `explain_many`; computes no map.

    Args:
        workspace: Where the run is.
        run_id: As for `explain_many`.
        images: As for `explain_many`.
        asked: Class, class to subtract, and method; the class may be empty for the usual one.
        folder: Where they would lie.

    Raises:
        DataError: If an image is unknown.
    """
    run = explainable_run(workspace, run_id)
    named = (asked.class_name or run.target.scored_classes[0], asked.minus, asked.method)
    return [
        _overlay(folder, one.path, one.image_id, named)
        for one in subjects_of(workspace, run, images)
    ]


def _overlay(folder: Path, shown: Path, image_id: str, asked: Sequence[str]) -> Path:
    stem = "photo" if hides_ids() else shown.stem
    slug = re.sub(r"[^\w.-]+", "_", "_".join(filter(None, (stem, *asked))))
    return folder / f"{slug}_{image_id[:8]}.png"
