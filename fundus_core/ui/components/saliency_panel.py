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
from fundus_core.explain.methods import METHODS
from fundus_core.plots.overlay import blend
from fundus_core.ui import explain_caches, messages, state, text, wiring
from fundus_core.ui.components import error_gallery, trust_light
from fundus_core.ui.components.gallery import alt_of
from fundus_core.ui.components.saliency_choice import Drawing
from fundus_core.workflows.explained import Asked
from fundus_core.workflows.runs import Run

if TYPE_CHECKING:
    from fundus_core.workflows.explain import Explanation

NOT_SHOWN = (
    "A heat map shows which places raised this model's score, to first order or by hiding them. It "
    "does not show that these places are diseased, nor, unless they were hidden one by one, what "
    "the score would be without them, and nothing finer than one cell. Each map is scaled to its "
    "own maximum: colours cannot be compared between models or photographs."
)
"""What every reader of a heat map must know; shown below each."""

LEFT_OUT = (
    "Models that cannot be explained are not in the menu: zero-shot scores have no probe behind "
    "them, and some fine-tuned networks were not kept, or read places by a network of their own."
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


def photograph_alone(row: "pd.Series[Any]") -> None:
    """Draws the photograph without a map, or says why its file can no longer be read."""
    try:
        st.image(wiring.photograph(str(row["path"])), alt=alt_of(row), width="stretch")
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
    with_light: bool = False,
    measure: bool = False,
) -> None:
    """Draws one model's map, or says why there is none; other models are drawn all the same.

    Args:
        run: The model.
        name: As menus call it.
        row: Of the data set's table.
        class_name: The class to explain.
        drawing: How, and from where.
        with_light: Draw the trust light below, if it is known.
        measure: Measure it now, if it is not.
    """
    title = f"**{text.escaped(name)}**"  # below the map: titles of two lines would shift it
    # A run on other photographs knows those of its own data set by id only.
    image = str(row["path"] if run.kind == "external" else row.name)
    asked = Asked(class_name, drawing.minus, drawing.method, drawing.layer_of.get(run.id))
    try:
        found = explain_caches.explanation(run.id, image, asked)
    except FundusError as error:
        st.markdown(title)
        st.info(
            f"**No map.** {text.escaped(error.message)}\n\n{text.escaped(error.hint)}",
            icon=":material/visibility_off:",
        )
        return
    picture = blend(found.photograph, found.heat, drawing.opacity)
    st.image(
        picture,
        alt=f"Heat map of {name} for {class_name} over the photograph",
        width="stretch",
    )
    st.markdown(title)
    if with_light:
        _light(run, name, image, asked, measure=measure)
    st.markdown(score_sentence(found, run, text.class_label(run.target, class_name)))
    st.caption(source_sentence(found))
    if with_light:
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


def score_sentence(found: "Explanation", run: Run, class_label: str) -> str:
    """Says the score and whether the model had been fitted on this photograph."""
    tuned = found.network_fold is not None
    model = "network" if tuned else "probe"
    if found.held_out:
        by = f"by the {model} of the fold that **held this photograph out**"
    elif tuned:
        by = (
            ":material/warning: by the network of the first fold, **which may have seen this "
            "photograph**"
        )
    elif run.kind == "external":
        by = "by the probe fitted on all photographs of **another data set**"
    else:
        by = (
            ":material/warning: by the probe of all training photographs, **which may include this "
            "one**"
        )
    return f"Score for {text.escaped(class_label)}: **{found.score:.3f}**, {by}."


def source_sentence(found: "Explanation") -> str:
    """Says by which method, from which layer, and how coarse the map is."""
    rows, columns = found.saliency.values.shape
    layer = f" of layer {text.code(found.saliency.layer)}" if found.saliency.layer else ""
    minus = f" For this class rather than {text.escaped(found.minus)}." if found.minus else ""
    return (
        f"{METHODS[found.saliency.method].label}{layer}: {rows} × {columns} cells, drawn smoothly; "
        f"its peak before scaling was {found.saliency.peak:.3g}.{minus}"
    )


def label_sentence(predictions: Predictions, image_id: str, class_label: str) -> str:
    """Says how a photograph is labelled.

    Args:
        predictions: Of one class.
        image_id: Which photograph.
        class_label: The class, as menus call it.
    """
    if image_id not in predictions.image_ids:
        return "This photograph took no part in the evaluation; its label is not known here."
    name = text.escaped(class_label)
    is_positive = bool(predictions.y_true[predictions.image_ids.index(image_id), 0])
    return f"Labelled **{name}**." if is_positive else f"Labelled **not {name}**."
