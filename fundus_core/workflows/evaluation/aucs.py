"""The AUCs of a model's predictions with their intervals, and how it stands to the mean colour."""

from fundus_core.domain.predictions import Predictions
from fundus_core.errors import NoVarianceError, SingleClassError
from fundus_core.stats.class_tests import FEWEST_UNITS_TO_TEST, compare_classes
from fundus_core.stats.classes import ClassAucs, class_aucs
from fundus_core.stats.delong import AucComparison, AucInterval, auc_interval, compare_paired
from fundus_core.stats.inference import UNITS_FOR_VARIANCE


def aucs_of(predictions: Predictions) -> ClassAucs:
    """Returns the AUC of every class of a model with the averages.

    Raises:
        SingleClassError: If no class has both an image with it and one without.
    """
    return class_aucs(
        predictions.y_true,
        predictions.y_score,
        predictions.class_names,
        patients=predictions.patient_ids,
    )


def overall_auc(predictions: Predictions) -> AucInterval:
    """Returns the AUC of pooled predictions: of the positive class, or the macro average.

    The average is over the classes that `ClassAucs` averages.

    Raises:
        SingleClassError: If no class has both an image with it and one without.
    """
    if predictions.task != "binary":
        return aucs_of(predictions).macro
    return auc_interval(
        predictions.y_true[:, 0], predictions.y_score[:, 0], patients=predictions.patient_ids
    )


def interval_by_class(predictions: Predictions) -> dict[str, AucInterval]:
    """Returns the AUC of each scored class against all others; of those that have one."""
    rows = aucs_of(predictions).classes
    return {row.class_name: row.interval for row in rows if row.interval is not None}


def p_against_baseline(predictions: Predictions, baseline: Predictions) -> float | None:
    """Returns p of the paired test against the mean colour; for several classes of the average.

    None where no class has two patients (images) of each label, or the difference does not vary.
    Averages are tested with two: this p tells a model that is no better than the mean colour, and
    none would say nothing of it.
    """
    try:
        comparison = paired_test(predictions, baseline, fewest=UNITS_FOR_VARIANCE)
    except (NoVarianceError, SingleClassError):  # no reason to lose a model over
        return None
    return None if comparison is None else comparison.p_value


def untested_average(predictions: Predictions) -> str:
    """Says why models are not tested on the average of several classes; empty where they can be."""
    if predictions.task == "binary":
        return ""
    scores = predictions.y_score
    return compare_classes(
        predictions.y_true,
        scores,
        scores,
        predictions.class_names,
        patients=predictions.patient_ids,
    ).reason


def paired_test(
    first: Predictions, second: Predictions, *, fewest: int = FEWEST_UNITS_TO_TEST
) -> AucComparison | None:
    """Returns the paired test of two models' AUCs; for several classes of the macro average.

    Args:
        first: Of one model.
        second: Of another one, on the same photographs in the same order.
        fewest: Patients (images) that each averaged class of several must have of each label.

    Returns:
        None if the average of several classes cannot be tested.

    Raises:
        FundusError: As `compare_paired` and `compare_classes` do.
    """
    if first.task == "binary":
        return compare_paired(
            first.y_true[:, 0],
            first.y_score[:, 0],
            second.y_score[:, 0],
            patients=first.patient_ids,
        )
    return compare_classes(
        first.y_true,
        first.y_score,
        second.y_score,
        first.class_names,
        patients=first.patient_ids,
        fewest=fewest,
    ).macro
