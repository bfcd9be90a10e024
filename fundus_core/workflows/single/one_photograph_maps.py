"""Use case: where models looked in a photograph of which nothing is to be kept.

`workflows.explanations.explain` stores the maps it makes; these are made anew each time and go
with the page.
"""

from pathlib import Path

import numpy as np

from fundus_core.errors import SaliencyError
from fundus_core.explain.cam import map_or_reason, maps_of
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.photographs import photograph
from fundus_core.workflows.explanations.explain import SHOWN_SIDE, Explanation
from fundus_core.workflows.explanations.explained import (
    Asked,
    ModelShelf,
    column_of,
    explainable_run,
)
from fundus_core.workflows.explanations.explained_photographs import shown_to, subjects_of


def explain_unkept(
    workspace: Workspace,
    run_id: str,
    path: Path,
    *,
    class_name: str | None = None,
    method: str = "grad_cam",
) -> Explanation:
    """Shows where the model of a run looked in a photograph, and stores nothing.

    A photograph of the run's own data set is explained by the model of the fold that held it out,
    any other by the probe fitted on all, or by the network of a fine-tuned run's first fold.

    Args:
        workspace: Where the run is.
        run_id: A run of a logistic probe, or of fine-tuning with kept weights.
        path: The photograph.
        class_name: The class to explain; the positive or the first one by default.
        method: Key of `fundus_core.explain.methods.METHODS`.

    Raises:
        SaliencyError: If the run's model cannot be explained, or no map comes out.
        TargetError: If the run has no such class.
        WeightsError: If the weights of the backbone are not at hand.
        ImageError: If the photograph cannot be read.
    """
    run = explainable_run(workspace, run_id)
    asked = Asked(class_name or run.target.scored_classes[0], "", method)
    column_of(run, asked.class_name)
    (subject,) = subjects_of(workspace, run, [str(path)])
    model = ModelShelf(workspace, run).model_for(subject)
    shown, layer = shown_to(run, path, image_id=subject.image_id), model.layer(asked)
    (grid,) = maps_of(model.backbone, shown.batch, model.target(asked), method=method, layer=layer)
    outcome = map_or_reason(
        grid, layer=layer.name if layer else "", method=method, class_name=asked.title
    )
    if isinstance(outcome, SaliencyError):
        raise outcome
    picture = photograph(path, image_id=subject.image_id, max_side=SHOWN_SIDE)
    heat = shown.geometry.at_size(*picture.shape[:2]).to_original(outcome.values, outside=np.nan)
    return Explanation(
        subject.image_id,
        path,
        picture,
        outcome,
        heat,
        asked.class_name,
        model.probability(shown.batch, asked.class_name),
        subject.held_out,
        None,
        "",
        model.network_fold,
    )
