"""What is said beside a heat map: whose score it explains, and how the map was made."""

from typing import TYPE_CHECKING

from fundus_core.domain.predictions import Predictions
from fundus_core.explain.methods import METHODS
from fundus_core.ui import text, wiring
from fundus_core.workflows.explanations.explained import column_of
from fundus_core.workflows.models.run_record import Run

if TYPE_CHECKING:
    from fundus_core.workflows.explanations.explain import Explanation


def score_sentence(found: "Explanation", run: Run, class_label: str) -> str:
    """Says the score and whether the model had been fitted on this photograph."""
    tuned = found.network_fold is not None
    model = "network" if tuned else "probe"
    if found.held_out:
        by = f"by the {model} of the fold that **held this photograph out**"
    elif tuned:
        by = (
            ":material/warning: by the network of the first fold, **which may have seen this "
            "photograph**"
        )
    elif run.kind == "external":
        by = "by the probe fitted on all photographs of **another data set**"
    else:
        by = (
            ":material/warning: by the probe of all training photographs, **which may include this "
            "one**"
        )
    return f"Score for {text.escaped(class_label)}: **{found.score:.3f}**, {by}."


def stored_score_sentence(run: Run, image_id: str, class_name: str, class_label: str) -> str:
    """Says the score that a run's evaluation gave a photograph; empty where it took no part."""
    said = wiring.predictions(run.id)
    if image_id not in said.image_ids:
        return ""
    column, sign = column_of(run, class_name)
    score = float(said.y_score[said.image_ids.index(image_id), column])
    score = score if sign > 0 else 1 - score
    return f"Score for {text.escaped(class_label)} in the evaluation: **{score:.3f}**."


def source_sentence(found: "Explanation") -> str:
    """Says by which method, from which layer, and how coarse the map is."""
    rows, columns = found.saliency.values.shape
    layer = f" of layer {text.code(found.saliency.layer)}" if found.saliency.layer else ""
    minus = f" For this class rather than {text.escaped(found.minus)}." if found.minus else ""
    return (
        f"{METHODS[found.saliency.method].label}{layer}: {rows} × {columns} cells, drawn smoothly; "
        f"its peak before scaling was {found.saliency.peak:.3g}.{minus}"
    )


def label_sentence(predictions: Predictions, image_id: str, class_label: str) -> str:
    """Says how a photograph is labelled.

    Args:
        predictions: Of one class.
        image_id: Which photograph.
        class_label: The class, as menus call it.
    """
    if image_id not in predictions.image_ids:
        return "This photograph took no part in the evaluation; its label is not known here."
    name = text.escaped(class_label)
    is_positive = bool(predictions.y_true[predictions.image_ids.index(image_id), 0])
    return f"Labelled **{name}**." if is_positive else f"Labelled **not {name}**."
