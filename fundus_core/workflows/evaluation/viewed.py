"""What of a model is looked at: one class, and photographs or patients."""

from dataclasses import replace

from fundus_core.stats.patient_level import patient_level
from fundus_core.workflows.evaluation.aligned import ScoredModel


def viewed(model: ScoredModel, class_name: str | None, aggregate: str | None) -> ScoredModel:
    """Returns one class of a model, its rows photographs or patients.

    Raises:
        TargetError: If a class must be chosen, or is not predicted.
        ScoresError: If patients are to be judged and are unknown.
    """
    predictions = model.predictions.binary(class_name)
    if aggregate is not None:
        predictions = patient_level(predictions, aggregate)
    return replace(model, predictions=predictions)
