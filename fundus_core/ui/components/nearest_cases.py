"""The labelled photographs of other patients that a model's backbone finds most alike."""

import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import FundusError
from fundus_core.ui import text, wiring
from fundus_core.ui.components.gallery import gallery
from fundus_core.workflows.models.run_record import Run

MOST = 5


def nearest_cases(
    dataset_id: str, dataset: FundusDataset, run: Run, scored_class: str, image_id: str
) -> None:
    """Draws the nearest labelled cases of a model, or says why there are none.

    Args:
        dataset_id: Id of the data set.
        dataset: The photographs.
        run: The model.
        scored_class: The class whose labels are shown.
        image_id: The photograph looked at.
    """
    if run.kind == "finetune":
        st.caption("Vectors of the fine-tuned network are not stored; it has no nearest cases.")
        return
    try:
        found = wiring.neighbours(dataset_id, run.embeddings.fingerprint(), image_id)
    except FundusError as error:
        st.caption(text.escaped(error.message))
        return
    labels = wiring.predictions(run.id).binary(scored_class)
    label_of = dict(zip(labels.image_ids, labels.y_true[:, 0], strict=True))
    patient_of = dict(zip(dataset.image_ids, dataset.table["patient_id"], strict=True))
    notes = {
        near.image_id: f"{'with' if label_of[near.image_id] else 'without'} · {near.cosine:.2f}"
        for near in found or ()
        if near.image_id in label_of and _is_other(patient_of, near.image_id, image_id)
    }
    shown = list(notes)[:MOST]
    if not shown:
        st.caption("No labelled photograph of another patient is among the nearest eight.")
        return
    gallery(dataset, shown, key=f"cases.{run.id}", notes=notes, width=70)
    st.caption("Labelled with or without the class · cosine of the centred embeddings.")


def _is_other(patient_of: dict[str, object], one: str, other: str) -> bool:
    """Says whether two photographs are of different patients; unknown patients count as others."""
    first, second = patient_of.get(one), patient_of.get(other)
    return first is None or first != second
