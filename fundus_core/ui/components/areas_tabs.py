"""Three ways to say how good a ranking is, each computed when its tab is opened."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.plots.roc import RocTrace
from fundus_core.ui import outside
from fundus_core.ui.components.areas_panel import areas_panel
from fundus_core.ui.components.partial_area_panel import partial_area_panel
from fundus_core.ui.components.precision_recall_panel import precision_recall_panel
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.workflows.models.run_record import Run

WHOLE, PARTS, PRECISION = "Areas under the curves", "Partial areas", "Precision and recall"


@outside.fragment()
def areas_tabs(
    drawn: Sequence[RocTrace], model: Run, picked: PickedRuns, aggregate: str | None
) -> None:
    """Draws the AUCs, the partial AUCs and the precision-recall curves, one behind the other.

    Args:
        drawn: The ROC curves, that of the model looked at among them.
        model: The one looked at closely.
        picked: The models that are drawn.
        aggregate: Key of `AGGREGATES` for patients, None for photographs.
    """
    whole, parts, precision = st.tabs([WHOLE, PARTS, PRECISION], key="roc.areas", on_change="rerun")
    if whole.open:
        with whole:
            areas_panel(drawn, model, picked, aggregate)
    if parts.open:
        with parts:
            partial_area_panel(picked, aggregate)
    if precision.open:
        with precision:
            precision_recall_panel(picked, model, aggregate)
