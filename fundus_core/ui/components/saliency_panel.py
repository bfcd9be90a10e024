"""Where a model looked in a photograph: the overlay, and what it does not show."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import FundusError, ImageError, SaliencyError
from fundus_core.plots.overlay import blend
from fundus_core.ui import explain_caches, messages, picture_caches, state, text
from fundus_core.ui.components import calibrated_score, error_gallery, trust_light
from fundus_core.ui.components.gallery import alt_of
from fundus_core.ui.components.saliency_choice import Drawing, asked_of, image_of
from fundus_core.ui.components.saliency_words import (
    score_sentence,
    source_sentence,
    stored_score_sentence,
)
from fundus_core.workflows.explanations.explained import Asked
from fundus_core.workflows.models.run_record import Run

if TYPE_CHECKING:
    from fundus_core.workflows.explanations.explain import Explanation
NOT_SHOWN = (
    "A heat map shows which places raised this model's score, to first order or by hiding them. It "
    "does not show that these places are diseased, nor, unless they were hidden one by one, what "
    "the score would be without them, and nothing finer than one cell. Each map is scaled to its "
    "own maximum: colours cannot be compared between models or photographs."
)
"""What every reader of a heat map must know; shown below each."""

LEFT_OUT = (
    "Models that cannot be explained are not in the menu: zero-shot scores have no probe behind "
    "them, and some fine-tuned networks were not kept, are damaged, or read places by a network of "
    "their own."
)

HOW_TO_READ = (
    "Cyan: raised the score most; violet: less; where the photograph is clear, the place raised it "
    "not at all or lowered it. "
)
"""What the colours of `fundus_core.plots.overlay` stand for."""


def explainable(runs: Sequence[Run]) -> list[Run]:
    """Returns the runs whose score has a gradient, probes first; ends the page without any."""
    left_out = unexplainable(runs)
    offered = [run for run in runs if run not in left_out]
    if not offered:
        st.info(f"{LEFT_OUT} Fit a linear probe on the same backbone to see where it looks.")
        messages.next_step(
            "pages/model/linear_probe.py", "Fit a linear probe", ":material/linear_scale:"
        )
        st.stop()
    if left_out:
        st.caption(f":material/info: {LEFT_OUT} Those chosen stay chosen on other pages.")
    return sorted(offered, key=lambda run: run.probe != "logistic")


def unexplainable(runs: Sequence[Run]) -> list[Run]:
    """Returns the runs scored by words, and fine-tuned ones that cannot be explained."""
    kinds = {"finetune", "zero_shot"}
    return [run for run in runs if run.kind in kinds and explain_caches.refusal(run.id)]


def pick_photograph(dataset: FundusDataset, predictions: Predictions) -> str:
    """Returns the photograph looked at; until one is chosen, that of the largest error."""
    known = set(dataset.image_ids)
    wanted = state.current().image_id
    if wanted in known:
        return wanted
    if wanted:
        st.warning(f"{text.code(wanted)} is no photograph of this data set; here is another.")
    wrongest = error_gallery.still_listed(error_gallery.ordered(predictions, "errors"), dataset)
    state.choose(image_id=(wrongest or dataset.image_ids)[0])
    return state.current().image_id


def test_button() -> bool:
    """Draws the button that tests the maps shown; returns whether it was pressed."""
    return st.button(
        "Test these maps",
        icon=":material/fact_check:",
        key="grad_cam.test",
        help="Does the score follow the map, does the map follow the weights, does it stay under "
        "noise? Some hundred forward passes per model: seconds for a small network, minutes for a "
        "large one without a GPU. What comes out is kept.",
    )


def photograph_alone(row: "pd.Series[Any]") -> None:
    """Draws the photograph without a map, or says why it can no longer be shown."""
    try:
        pixels = picture_caches.photograph(str(row.name), str(row["path"]))
        st.image(pixels, alt=alt_of(row), width="stretch")
    except ImageError as error:
        messages.show_error(error)
    st.markdown("**Photograph**")


def explained(
    run: Run,
    name: str,
    row: "pd.Series[Any]",
    class_name: str,
    drawing: Drawing,
    *,
    in_full: bool = False,
    with_picture: bool = True,
    measure: bool = False,
) -> None:
    """Draws one model's map, or says why there is none; other models are drawn all the same.

    Args:
        run: The model.
        name: As menus call it.
        row: Of the data set's table.
        class_name: The class to explain.
        drawing: How, and from where.
        in_full: Below, also draw the trust light, if it is known, and what the score stands for.
        with_picture: Draw the overlay; without, what is said of it only.
        measure: Measure the light now, if it is not known.
    """
    title = f"**{text.escaped(name)}**"  # below the map: titles of two lines would shift it
    asked = asked_of(run, class_name, drawing)
    class_label = text.class_label(run.target, class_name)
    try:
        image = image_of(run, row)
        found = explain_caches.explanation(run.id, image, asked)
    except FundusError as error:
        st.markdown(title)
        st.info(
            f"**No map.** {text.escaped(error.message)}\n\n{text.escaped(error.hint)}",
            icon=":material/visibility_off:",
        )
        if in_full:
            st.markdown(stored_score_sentence(run, str(row.name), class_name, class_label))
            calibrated_score.shown(run.id, str(row.name), class_name, class_label=class_label)
        return
    picture = blend(found.photograph, found.heat, drawing.opacity)
    if with_picture:
        alt = f"Heat map of {name} for {class_name} over the photograph"
        st.image(picture, alt=alt, width="stretch")
    st.markdown(title)
    if in_full:
        _light(run, name, image, asked, measure=measure)
    st.markdown(score_sentence(found, run, class_label))
    if in_full:
        calibrated_score.shown(run.id, found.image_id, class_name, class_label=class_label)
    st.caption(source_sentence(found))
    if in_full:
        _save(picture, run, found)


def _light(run: Run, name: str, image: str, asked: Asked, *, measure: bool) -> None:
    """Draws the light of a map, if it is known or to be measured."""
    try:
        light = explain_caches.known_light(run.id, image, asked)
        if light is None and measure:
            with st.spinner("Testing the map: hundreds of forward passes…"):
                outcome = explain_caches.measure_light(run.id, image, asked)
            if isinstance(outcome, SaliencyError):
                trust_light.refused(outcome)
                return
            light = outcome
    except FundusError as error:
        messages.show_error(error)
        return
    if light is None:
        st.caption(":material/radio_button_unchecked: Not tested yet.")
    else:
        trust_light.shown(light, name, key=f"light.{run.id}")


def _save(picture: NDArray[np.uint8], run: Run, found: "Explanation") -> None:
    def as_png() -> bytes:
        file = BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        return file.getvalue()

    st.download_button(
        "PNG",
        as_png,
        file_name=f"{found.image_id[:8]}-{run.id}-{found.saliency.method}.png",
        mime="image/png",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        key=f"save.map.{run.id}",
    )
