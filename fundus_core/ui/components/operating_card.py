"""What a model does at a threshold: the confusion matrix and the two shares it leads to."""

import pandas as pd
import streamlit as st

from fundus_core.stats.operating import OperatingPoint
from fundus_core.ui import text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.evaluation.operating import OperatingResult
from fundus_core.workflows.evaluation.operating_words import (
    interval_text,
    rule_text,
    threshold_text,
)
from fundus_core.workflows.models.run_record import Run


def pick_model(picked: PickedRuns, label: str = "Threshold, errors and baseline of") -> Run:
    """Returns the one model looked at closely: the only one, or the one chosen in a menu.

    Args:
        picked: To choose from.
        label: Of the menu.
    """
    if len(picked.runs) == 1:
        return picked.runs[0]
    by_id = {run.id: run for run in picked.runs}
    chosen = st.selectbox(
        label,
        list(by_id),
        format_func=picked.names.__getitem__,
        key="roc.model",
    )
    return by_id[chosen]


def operating_card(result: OperatingResult, class_label: str) -> None:
    """Draws the confusion matrix with sensitivity and specificity, and where they come from.

    Args:
        result: What to draw.
        class_label: The class whose presence counts as positive.
    """
    point, name = result.point, text.escaped(class_label)
    left, right = st.columns(2)
    left.metric(
        "Sensitivity",
        f"{point.sensitivity:.3f}",
        help=f"Share of the {result.unit}s with {name} that are called positive.",
    )
    left.caption(_interval(point.sensitivity_low, point.sensitivity_high, point.confidence))
    right.metric(
        "Specificity",
        f"{point.specificity:.3f}",
        help=f"Share of the {result.unit}s without {name} that are called negative.",
    )
    right.caption(_interval(point.specificity_low, point.specificity_high, point.confidence))
    st.table(confusion_frame(point, class_label), alt=_confusion_sentence(point))
    said = f"{source_sentence(result)} {interval_text(point, result.unit)}"
    st.caption(said)
    downloads.table(
        point_frame(result, class_label),
        name="operating-point",
        caption=f"{result.label} at a threshold, {class_label}: {_rows(result)}.",
        methods=f"{said} Wilson (1927); design effect: Rao & Scott (1992).",
        cautions=result.cautions,
    )


def confusion_frame(point: OperatingPoint, class_label: str) -> pd.DataFrame:
    """Returns the counts: a row per true label, a column per call."""
    name = text.escaped(class_label)
    return pd.DataFrame(
        {
            "Called positive": [f"{point.n_true_positive:,}", f"{point.n_false_positive:,}"],
            "Called negative": [f"{point.n_false_negative:,}", f"{point.n_true_negative:,}"],
        },
        index=[name, f"not {name}"],
    )


def point_frame(result: OperatingResult, class_label: str) -> pd.DataFrame:
    """Returns the operating point as a table of one row, for files."""
    point = result.point
    return pd.DataFrame(
        {
            "model": [result.label],
            "class": [class_label],
            "rows": [f"{result.unit}s"],
            "threshold": [threshold_text(point.threshold, result.thresholds)],
            "chosen": [result.source],
            "sensitivity": [point.sensitivity],
            "sensitivity low": [point.sensitivity_low],
            "sensitivity high": [point.sensitivity_high],
            "specificity": [point.specificity],
            "specificity low": [point.specificity_low],
            "specificity high": [point.specificity_high],
            "true positives": [point.n_true_positive],
            "false negatives": [point.n_false_negative],
            "false positives": [point.n_false_positive],
            "true negatives": [point.n_true_negative],
        }
    )


def source_sentence(result: OperatingResult) -> str:
    """Says how the threshold came about, and what that does to the two shares."""
    where = threshold_text(result.point.threshold, result.thresholds)
    rule = "" if result.choice is None else rule_text(result.choice)
    rows = f"{result.unit}s"
    if result.source == "other folds":
        return (
            f"Chosen across folds by {rule}: each fold's threshold on the other folds, {where}; so "
            f"no single point of the curve is marked. None of the {rows} took part in choosing its "
            "own threshold, so the shares are not flattered by the choice."
        )
    if result.source == "inside":
        return (
            f"Chosen by {rule} on the held-out {rows} the model was validated on, {where}, and "
            "applied here as it is."
        )
    if result.source == "same photographs":
        return (
            f"Threshold {where}, sought on these very {rows} by {rule}, which flatters both "
            "shares: confirm it on others."
        )
    return (
        f"Threshold {where}, set by the slider. The intervals hold for a threshold fixed before "
        f"looking at these {rows}; one found by moving the slider flatters both shares."
    )


def _rows(result: OperatingResult) -> str:
    """Says how many rows there are, and of how many patients."""
    rows = text.count(len(result.called), result.unit)
    if result.aggregate is not None or result.n_patients is None:
        return rows
    return f"{rows} of {text.count(result.n_patients, 'patient')}"


def _interval(low: float, high: float, confidence: float) -> str:
    return f"{100 * confidence:g} % CI {low:.3f} to {high:.3f}"


def _confusion_sentence(point: OperatingPoint) -> str:
    return (
        f"{point.n_true_positive} true positives, {point.n_false_negative} false negatives, "
        f"{point.n_false_positive} false positives, {point.n_true_negative} true negatives."
    )
