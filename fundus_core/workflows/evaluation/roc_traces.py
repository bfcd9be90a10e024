"""Use case: what is drawn of a model's ROC curve, on a page, in a report and in a notebook."""

from fundus_core.domain.predictions import Predictions
from fundus_core.plots.roc import RocTrace
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.roc import roc_band, roc_curve
from fundus_core.workflows.evaluation.curves import columns


def roc_trace(predictions: Predictions, *, name: str = "", with_band: bool = False) -> RocTrace:
    """Returns the curve of binary predictions with its AUC, by patient where patients are known.

    Args:
        predictions: Of one class.
        name: For the legend; the model's own if empty.
        with_band: Also resample patients for the 95 % band of each point by itself.

    Raises:
        SingleClassError: If there are not both kinds.
    """
    y_true, y_score = columns(predictions)
    patients = predictions.patient_ids
    return RocTrace(
        name or predictions.model,
        roc_curve(y_true, y_score),
        auc_interval(y_true, y_score, patients=patients),
        roc_band(y_true, y_score, patients=patients) if with_band else None,
    )
