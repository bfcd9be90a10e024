"""What models find in one photograph: pictures, scores where truth is known, measures."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from fundus_core.errors import FundusError, ScoresError
from fundus_core.plots.overlay import blend
from fundus_core.plots.segmentation import ERRORS, errors_drawn, marks_drawn, swatch
from fundus_core.segmentation.scoring import SCORES
from fundus_core.segmentation.vessels import FIELD_SIDE
from fundus_core.ui import dataset_caches, messages, segmentation_caches, text
from fundus_core.ui.components import downloads
from fundus_core.ui.components.mark_picker import PickedTruth, PickedView
from fundus_core.ui.segmentation_caches import MarkedPhotograph

_KNOWN = {
    "held out": "This photograph was **held out** of the training of the network that marks it.",
    "learned": ":material/warning: The network has **learned from this photograph**: its scores "
    "flatter it.",
    "new": "",
}

MEASURE_TITLES = {
    "vessel_density": "Vessel density, share of the field",
    "vessel_fractal_dimension": "Fractal dimension of centre lines",
    "vessel_tortuosity": "Tortuosity, arc over chord",
    "vessel_width": "Mean vessel width, share of the field's width",
    "artery_vein_width_ratio": "Mean width of arteries over veins",
    "vertical_cup_disc_ratio": "Vertical cup-to-disc ratio",
}
"""Columns of measures with their names for readers."""

MEASURES_SAY = (
    f"Measured with the field of view scaled to {FIELD_SIDE} pixels across. Over the whole field; "
    "none of these is the clinical index of a similar name, and all move with the threshold and "
    "with what the model misses."
)


def drawn(
    dataset_id: str,
    name: str,
    image_id: str,
    truth: PickedTruth,
    view: PickedView,
    *,
    title: str,
) -> None:
    """Draws one model's answer, or says why there is none; other models are drawn all the same."""
    heading = f"**{text.escaped(title)}**"
    try:
        found = segmentation_caches.marked_photograph(dataset_id, name, image_id)
        true = segmentation_caches.truth_of(dataset_id, truth.column, truth.channels, image_id)
        picture = None if view.channel not in found.channels else _picture(found, true, view)
    except FundusError as error:
        st.markdown(heading)
        st.info(
            f"**No marks.** {text.escaped(error.message)}\n\n{text.escaped(error.hint)}",
            icon=":material/visibility_off:",
        )
        return
    if picture is None:
        st.markdown(heading)
        st.info(f"This model does not mark {text.escaped(view.channel)}.")
        return
    st.image(picture, alt=f"{view.channel} by {title} over the photograph", width="stretch")
    st.markdown(heading)
    st.caption(_KNOWN[found.knows])


def _picture(
    found: MarkedPhotograph, truth: dict[str, NDArray[np.bool_]] | None, view: PickedView
) -> NDArray[np.uint8]:
    shares = found.of(view.channel)
    marked = np.asarray(shares >= view.threshold)
    if view.view == "shares":
        return blend(found.photograph, np.clip(shares, 0, 1), view.opacity)
    true = (truth or {}).get(view.channel)
    if view.view == "errors" and true is not None:
        return errors_drawn(found.photograph, marked, true, found.field, kinds=view.kinds)
    return marks_drawn(found.photograph, marked & found.field, view.opacity)


def legend(view: PickedView) -> None:
    """Says what the colours stand for."""
    if view.view != "errors":
        share = (
            "Cyan: a share of 1; violet: small shares."
            if view.view == "shares"
            else (f"Cyan: marked, from a share of {view.threshold:.2f} on.")
        )
        st.caption(share)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind, (colour, words) in ERRORS.items():
            st.image(swatch(colour), width=20, alt=f"Colour of {kind} pixels")
            st.caption(f"{kind.capitalize()}: {words}")


def photograph_scores(
    dataset_id: str,
    names: Sequence[str],
    image_id: str,
    truth: PickedTruth,
    view: PickedView,
    *,
    titles: dict[str, str],
) -> None:
    """Draws a table of the models' scores on one photograph; nothing where no truth is known."""
    columns = {}
    for name in names:
        try:
            found = segmentation_caches.photograph_scores(
                dataset_id, name, image_id, truth.column, truth.channels, view.threshold
            )
        except ScoresError as error:
            messages.show_error(error)
            continue
        except FundusError:
            continue  # said above its picture
        if view.channel in found:
            scores = found[view.channel]
            columns[titles[name]] = [_shown(getattr(scores, score)) for score in SCORES]
    if not columns:
        return
    table = pd.DataFrame({"Score": list(SCORES.values()), **columns})
    st.markdown("**Scores on this photograph, inside the field of view**")
    st.table(table.rename(columns=text.escaped), hide_index=True)
    downloads.table(
        table,
        name="marks-scores-photograph",
        caption=f"Scores of marks of {view.channel} on photograph {image_id}, from a share of "
        f"{view.threshold:.2f} on.",
        methods="Pixels inside the field of view; clDice by Zhang and Suen's thinning (Shit et "
        "al. 2021); AUC and average precision do not depend on the threshold.",
        cautions=dataset_caches.cautions(dataset_id),
    )


def measures(
    dataset_id: str, names: Sequence[str], image_id: str, view: PickedView, titles: dict[str, str]
) -> None:
    """Draws a table of what the marks measure."""
    found = {}
    for name in names:
        try:
            found[titles[name]] = segmentation_caches.photograph_measures(
                dataset_id, name, image_id, view.threshold
            )
        except FundusError:
            continue  # said above its picture
    rows = [key for key in MEASURE_TITLES if any(key in values for values in found.values())]
    if not rows:
        return
    columns = {title: [_shown(values.get(row)) for row in rows] for title, values in found.items()}
    table = pd.DataFrame({"Measure": [MEASURE_TITLES[row] for row in rows], **columns})
    st.markdown("**What the marks measure**")
    st.table(table.rename(columns=text.escaped), hide_index=True)
    st.caption(MEASURES_SAY)
    downloads.table(
        table,
        name="marks-measures",
        caption=f"Measures of marks in photograph {image_id}, from a share of "
        f"{view.threshold:.2f} on.",
        methods=MEASURES_SAY,
        cautions=dataset_caches.cautions(dataset_id),
    )


def _shown(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"
