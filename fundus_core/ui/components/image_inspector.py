"""The photograph opened on a map: what it is, what it resembles, what a model says and why."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.ui import state, text
from fundus_core.ui.components import image_panel, neighbour_groups, saliency_panel
from fundus_core.ui.components.map_colours import ColourChoice
from fundus_core.ui.components.saliency_choice import Drawing
from fundus_core.workflows.data.similar import Neighbourhoods
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.models.run_names import run_names
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.weights.labels import distinct_labels


def inspector(
    dataset: FundusDataset,
    backbones: Sequence[EmbeddingSummary],
    choice: ColourChoice,
    both: Neighbourhoods | None = None,
) -> None:
    """Draws the open photograph; nothing where none is open.

    Args:
        dataset: Where it is listed.
        backbones: Whose neighbours are shown.
        choice: Of a run, whose prediction is shown.
        both: Its neighbours under two backbones, if there are two.
    """
    image_id = state.current().image_id
    if not image_id:
        return
    row = image_panel.row_of(dataset, image_id)
    if row is None:
        st.warning(
            f"The address names photograph {text.code(image_id)}, which is not in this data set."
        )
        return
    image_panel.header(row)
    picture, facts = st.columns(2)
    with picture:
        image_panel.photograph(row)
    with facts:
        if choice.run is not None:
            image_panel.prediction(choice.run, image_id)
        image_panel.facts(row)
    if choice.run is not None:
        _explain(choice.run, row, choice.class_name)
    if both is not None:
        labels = distinct_labels([one.recipe for one in backbones])
        names = [labels[one.fingerprint] for one in backbones]
        neighbour_groups.lists(dataset, both, backbones, names)
        return
    for place, summary in zip(st.columns(len(backbones)), backbones, strict=True):
        with place:
            image_panel.neighbours(dataset, summary, image_id)


def _explain(run: Run, row: image_panel.Row, class_name: str) -> None:
    """Draws the button that asks where the model looked, and the answer."""
    asked = st.button(
        "Where did the model look? (Grad-CAM)",
        key=f"inspect.explain.{run.id}.{row['image_id']}",
        icon=":material/center_focus_strong:",
    )
    if asked:
        name = run_names([run])[run.id]
        with st.container(width=520):
            saliency_panel.explained(run, name, row, class_name, Drawing())
        st.caption(saliency_panel.NOT_SHOWN)
