"""Where a model looked in a photograph: the overlay, and what it does not show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import FundusError, ImageError
from fundus_core.explain.methods import METHODS
from fundus_core.plots.overlay import blend
from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import error_gallery
from fundus_core.ui.components.gallery import alt_of
from fundus_core.workflows.runs import Run

if TYPE_CHECKING:
    from fundus_core.workflows.explain import Explanation

NOT_SHOWN = (
    "A heat map shows which cells of one layer raised this probe's score, to first order. It does "
    "not show that these places are diseased, nor what the score would be without them, and "
    "nothing finer than one cell. Each map is scaled to its own maximum: colours cannot be "
    "compared between models or photographs."
)
"""What every reader of a heat map must know; shown below each."""

NO_FINE_TUNED = (
    "Fine-tuned models cannot be explained yet: their weights are not kept, only their "
    "predictions. Nor can zero-shot scores: there is no probe behind them."
)

HOW_TO_READ = (
    "Cyan: raised the score most; violet: less; where the photograph is clear, the place raised it "
    "not at all or lowered it. "
)
"""What the colours of `fundus_core.plots.overlay` stand for."""

_FIRST_OPACITY = 0.6


def explainable(runs: Sequence[Run]) -> list[Run]:
    """Returns the runs of probes, linear ones first; ends the page where there are none.

    Fine-tuned runs are left out, which the page says: they keep no weights to explain.
    """
    left_out = unexplainable(runs)
    probes = [run for run in runs if run not in left_out]
    if not probes:
        st.info(f"{NO_FINE_TUNED} Fit a linear probe on the same backbone to see where it looks.")
        messages.next_step(
            "pages/model/linear_probe.py", "Fit a linear probe", ":material/linear_scale:"
        )
        st.stop()
    if left_out:
        st.caption(
            f":material/info: {NO_FINE_TUNED} They are not in the menu; those chosen stay chosen "
            "on other pages."
        )
    return sorted(probes, key=lambda run: run.probe != "logistic")


def unexplainable(runs: Sequence[Run]) -> list[Run]:
    """Returns the runs without a probe: fine-tuned ones, and those that words alone scored."""
    return [run for run in runs if run.kind in {"finetune", "zero_shot"}]


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


def pick_drawing() -> tuple[str, float]:
    """Draws the menu of methods and the slider of opacity; returns both choices."""
    left, right = st.columns(2)
    method: str = left.selectbox(
        "Method", list(METHODS), format_func=lambda key: METHODS[key].label, key="grad_cam.method"
    )
    opacity: float = right.slider(
        "Opacity of the map", 0.0, 1.0, _FIRST_OPACITY, step=0.05, key="grad_cam.opacity"
    )
    if not METHODS[method].class_specific:
        st.info("This method draws the same map whichever class, and whichever probe, is asked.")
    return method, opacity


def photograph_alone(row: "pd.Series[Any]") -> None:
    """Draws the photograph without a map, or says why its file can no longer be read."""
    try:
        st.image(wiring.photograph(str(row["path"])), alt=alt_of(row), width="stretch")
    except ImageError as error:
        messages.show_error(error)
    st.markdown("**Photograph**")


def explained(
    run: Run, name: str, row: "pd.Series[Any]", class_name: str, *, method: str, opacity: float
) -> None:
    """Draws one model's map, or says why there is none; other models are drawn all the same.

    Args:
        run: The model.
        name: As menus call it.
        row: Of the data set's table.
        class_name: The class to explain.
        method: Key of `METHODS`.
        opacity: How much of the photograph the hottest place hides, in [0, 1].
    """
    title = f"**{text.escaped(name)}**"  # below the map: titles of two lines would shift it
    # A run on other photographs knows those of its own data set by id only.
    image = str(row["path"] if run.kind == "external" else row.name)
    try:
        found = wiring.explanation(run.id, image, class_name, method=method)
    except FundusError as error:
        st.markdown(title)
        st.info(
            f"**No map.** {text.escaped(error.message)}\n\n{text.escaped(error.hint)}",
            icon=":material/visibility_off:",
        )
        return
    st.image(
        blend(found.photograph, found.heat, opacity),
        alt=f"Heat map of {name} for {class_name} over the photograph",
        width="stretch",
    )
    st.markdown(title)
    st.markdown(score_sentence(found, run, text.class_label(run.target, class_name)))
    st.caption(source_sentence(found))


def score_sentence(found: "Explanation", run: Run, class_label: str) -> str:
    """Says the score and whether the probe had been fitted on this photograph."""
    if found.held_out:
        probe = "by the probe of the fold that **held this photograph out**"
    elif run.kind == "external":
        probe = "by the probe fitted on all photographs of **another data set**"
    else:
        probe = (
            ":material/warning: by the probe of all training photographs, **which may include this "
            "one**"
        )
    return f"Score for {text.escaped(class_label)}: **{found.score:.3f}**, {probe}."


def source_sentence(found: "Explanation") -> str:
    """Says by which method, from which layer, and how coarse the map is."""
    rows, columns = found.saliency.values.shape
    return (
        f"{METHODS[found.saliency.method].label} of layer {text.code(found.saliency.layer)}: "
        f"{rows} × {columns} cells, drawn smoothly; its peak before scaling was "
        f"{found.saliency.peak:.3g}."
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
