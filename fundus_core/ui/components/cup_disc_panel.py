"""The cup-to-disc ratio of a photograph, beside what models say of glaucoma."""

import streamlit as st

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.errors import FundusError
from fundus_core.segmentation.ready import READY
from fundus_core.segmentation.scoring import THRESHOLD
from fundus_core.ui import segmentation_caches, text, wiring
from fundus_core.workflows.explanations.cup_disc import (
    MODEL,
    concerns_glaucoma,
    drawn_ratio,
    ratio_origin,
)


def asked_for(target: Target, class_name: str) -> bool:
    """Draws the switch that shows the ratio; on from the beginning where glaucoma is asked for."""
    is_about = concerns_glaucoma(class_name, target.name, *target.columns)
    return bool(
        st.toggle(
            "Cup-to-disc ratio",
            value=is_about,
            key=f"grad_cam.cup_disc.{is_about}",
            help="Height of the cup over that of the optic disc, in masks that come with the "
            "photograph, or in the marks of a published model.",
        )
    )


def shown(dataset_id: str, dataset: FundusDataset, image_id: str) -> None:
    """Says the ratio of a photograph with its origin, or why it is not known."""
    try:
        st.caption(_sentence(dataset_id, dataset, image_id))
    except FundusError as error:
        st.caption(
            f"Vertical cup-to-disc ratio: not known. {text.escaped(error.message)}",
            help=text.escaped(error.hint),
        )


def _sentence(dataset_id: str, dataset: FundusDataset, image_id: str) -> str:
    place, model = wiring.workspace(), READY[MODEL]
    origin = ratio_origin(place, dataset, image_id)
    if origin == "masks":
        ratio = drawn_ratio(dataset, image_id)
        by = "in the masks that this synthetic photograph was drawn with"
    elif origin == "model":
        measures = segmentation_caches.photograph_measures(dataset_id, MODEL, image_id, THRESHOLD)
        ratio = measures["vertical_cup_disc_ratio"]
        by = (
            f"in what {text.escaped(model.title)} marks: no hand has measured it, and on another "
            "camera than those it learned from it may be off"
        )
    else:
        return (
            "Vertical cup-to-disc ratio: not known. No masks come with the photograph, and "
            f"{text.escaped(model.title)}, is not here: put {text.code(model.files[0])} into the "
            "weights folder."
        )
    if ratio is None:
        return f"Vertical cup-to-disc ratio: not defined; there is no disc {by}."
    return f"Vertical cup-to-disc ratio: **{ratio:.2f}**, {by}."
