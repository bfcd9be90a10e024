"""A ROC curve, the threshold on it, what it does and whom it is wrong about: moved together."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.plots.roc import RocTrace
from fundus_core.ui import messages, operating_caches, outside, text
from fundus_core.ui.components import error_gallery, operating_card, roc_panel
from fundus_core.ui.components.predictive_panel import predictive_panel
from fundus_core.ui.components.run_picker import PickedRuns
from fundus_core.ui.components.threshold_control import pick_point, pick_rule
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.evaluation.operating import OperatingResult
from fundus_core.workflows.models.run_record import Run


@outside.fragment()
def operating_panel(
    dataset: FundusDataset,
    picked: PickedRuns,
    model: Run,
    traces: Mapping[str, RocTrace],
    baseline: RocTrace | None,
    aggregate: str | None,
) -> None:
    """Draws curve, threshold, card, worth of a call and errors; runs alone when one of them moves.

    Args:
        dataset: Where the photographs are listed.
        picked: The models that are drawn.
        model: The one looked at closely.
        traces: Run id -> its curve.
        baseline: What the mean colour reaches in the folds of the model, if that is known.
        aggregate: Key of `AGGREGATES` for patients, None for photographs.
    """
    choice, prevalence = pick_rule()
    drawing_place, card = st.columns([3, 2], gap="large")
    with card:
        result = pick_point(model.id, picked.class_name, aggregate, choice)
        operating_card.operating_card(result, picked.class_label)
    with drawing_place:
        drawn = roc_panel.pick_bands(traces, model.id, picked.class_name, aggregate)
        drawn[model.id] = _marked(drawn[model.id], result)
        roc_panel.roc_panel(list(drawn.values()), baseline, picked)
        st.caption(roc_panel.reading_sentence(drawn[model.id], baseline))
    messages.cautions(picked.further(result.cautions))

    st.subheader("What a call is worth", help=help_for("predictive value"))
    predictive_panel(result, prevalence, picked.class_label)

    st.subheader("What it gets wrong")
    st.markdown(
        f"By {text.escaped(picked.names[model.id])} at this threshold. Choose a photograph by its "
        "name."
    )
    messages.next_step(
        "pages/explain/grad_cam.py", "See where the model looked", ":material/center_focus_strong:"
    )
    photographs = operating_caches.model_at(model.id, picked.class_name, None).predictions
    error_gallery.errors(dataset, result, photographs, picked.class_label)


def _marked(trace: RocTrace, result: OperatingResult) -> RocTrace:
    """Returns a curve with the operating point on it, where one threshold holds for all."""
    return trace if result.point.threshold is None else replace(trace, marked=result.point)
