"""What of a model is looked at: one class, and photographs or patients."""

from dataclasses import replace

from fundus_core.domain.predictions import Predictions
from fundus_core.errors import TargetError
from fundus_core.stats.patient_level import patient_level
from fundus_core.workflows.evaluation.aligned import ScoredModel


def viewed(model: ScoredModel, class_name: str | None, aggregate: str | None) -> ScoredModel:
    """Returns one class of a model, its rows photographs or patients.

    Raises:
        TargetError: If a class must be chosen, or is not predicted.
        ScoresError: If patients are to be judged and are unknown.
    """
    predictions = _one_class(model.predictions, class_name)
    if aggregate is not None:
        predictions = patient_level(predictions, aggregate)
    return replace(model, predictions=predictions)


def _one_class(predictions: Predictions, class_name: str | None) -> Predictions:
    names = predictions.class_names
    if predictions.task == "binary":
        return predictions.binary()
    if class_name in names:
        return predictions.binary(class_name)
    found = "a threshold is for one of them" if class_name is None else f"not {class_name!r}"
    raise TargetError(
        f"{predictions.model} predicts {', '.join(names)}; {found}.",
        hint="Choose one of them (--class on the command line, a menu on the page).",
    )
