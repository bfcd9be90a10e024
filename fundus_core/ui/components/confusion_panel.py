"""What a model of several classes takes for what: the matrix, and what sums it up."""

import pandas as pd
import streamlit as st

from fundus_core.plots.confusion import confusion_figure
from fundus_core.ui import text
from fundus_core.ui.components import downloads
from fundus_core.workflows.evaluation.confusion import ConfusionResult
from fundus_core.workflows.evaluation.operating_words import interval_or_reason
from fundus_core.workflows.models.run_record import Run


def confusion_panel(found: ConfusionResult, run: Run, name: str) -> None:
    """Draws the confusion matrix of one model, its metrics below.

    Args:
        found: What to draw.
        run: The model.
        name: What the page calls it.
    """
    matrix = found.matrix
    labels = [text.class_label(run.target, one) for one in matrix.class_names]
    figure = confusion_figure(matrix, labels)
    st.plotly_chart(figure, key="confusion.figure", alt=_sentence(found, labels))
    caption = f"Confusion matrix of {name}: {text.count(int(matrix.counts.sum()), 'photograph')}"
    if found.n_patients is not None:
        caption += f" of {text.count(found.n_patients, 'patient')}"
    methods = methods_text(found)
    downloads.figure(
        figure, name="confusion", caption=f"{caption}.", methods=methods, cautions=found.cautions
    )
    metrics = metrics_frame(found)
    st.table(metrics.map(text.escaped), hide_index=True, alt="Metrics of the decisions.")
    st.caption(text.escaped(methods))
    cells = matrix.frame().assign(
        truth=[one for one in labels for _ in labels], said=[*labels] * len(labels)
    )
    downloads.table(
        cells,
        name="confusion-cells",
        caption=f"{caption}, cell by cell.",
        methods=methods,
        cautions=found.cautions,
    )


def metrics_frame(found: ConfusionResult) -> pd.DataFrame:
    """Returns a row per metric: its name and its value with the interval, or why there is none."""
    level = f"Value ({100 * found.matrix.confidence:g} % CI)"
    return pd.DataFrame(
        [
            (f"{one.label[0].upper()}{one.label[1:]}", interval_or_reason(one.pooled))
            for one in found.metrics
        ],
        columns=["Metric", level],
    )


def methods_text(found: ConfusionResult) -> str:
    """Says how decisions, shares and intervals came about."""
    known = found.n_patients is not None
    unit = "patients, not photographs, independent" if known else "photographs independent"
    shown = next((one.pooled for one in found.metrics if one.pooled.method), None)
    method = f"{shown.method}, {shown.n_resamples:,} resamples" if shown else "none"
    return (
        "The class with the highest score is decided for; no threshold is chosen. Shares of each "
        f"row with Wilson's intervals, each for itself, {unit} (design effect; Rao & Scott 1992). "
        f"Metrics: {method} (Efron 1987). Quadratic kappa weighs a disagreement by the square of "
        "its distance (Cohen 1968)."
    )


def _sentence(found: ConfusionResult, labels: list[str]) -> str:
    """Describes the figure to those who do not see it."""
    matrix = found.matrix
    recalls = [
        f"{label}: {matrix.counts[row, row]} of {matrix.counts[row].sum()} right"
        for row, label in enumerate(labels)
    ]
    return f"Confusion matrix, rows are the truth. {'; '.join(recalls)}."
