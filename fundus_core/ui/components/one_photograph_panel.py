"""What is seen of one photograph before any model is asked: its steps, its quality."""

from math import isinf

import pandas as pd
import streamlit as st

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import FundusError
from fundus_core.ui import messages, photograph_caches, state, text
from fundus_core.workflows.data.datasets import DatasetSummary
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.single.odd_look import OddLook
from fundus_core.workflows.single.one_photograph import QUALITIES, Quality, Received

_SIDE = 224


def known_already(photo: Received, dataset: DatasetSummary, ids: tuple[str, ...]) -> None:
    """Says that the very photograph is in the data set, and opens it there."""
    if photo.image_id not in ids:
        return
    st.info(
        f"This very photograph is in {text.escaped(dataset.name)}. Models of that data set show "
        "the score they gave while they had not seen its patient; those that learned from it, or "
        "start from weights that did, are named below.",
        icon=":material/fingerprint:",
    )
    if st.button("Open it in the data set", key="photograph.known", icon=":material/image:"):
        state.choose(image_id=photo.image_id)
        st.switch_page("pages/data/images.py")


def steps_panel(photo: Received, run: Run | None) -> None:
    """Draws the photograph, its field of view, and what a network is shown of it.

    Args:
        photo: The photograph.
        run: Whose preprocessing is shown; the usual one where there is none.
    """
    recipe = run.embeddings.preprocessing if run else PreprocessRecipe()
    side = run.embeddings.image_size if run else _SIDE
    found = photograph_caches.steps(photo, recipe, side)
    first, second, third = st.columns(3)
    size = f"{photo.scanned.width:,} × {photo.scanned.height:,} px"
    first.image(found.original, alt="The photograph", width="stretch", output_format="JPEG")
    first.caption(f"The photograph, upright, {size}")
    second.image(found.field, alt="Its field of view", width="stretch", output_format="JPEG")
    second.caption(
        "The field of view that was found, framed"
        if found.has_border
        else "**No dark border was found:** the whole picture is taken for the field of view. Is "
        "it a fundus photograph?"
    )
    third.image(found.seen, alt="What the network is shown", width="stretch")
    third.caption(f"What a network of {side} px is shown{_filters(recipe)}")


def quality_panel(photo: Received, dataset: DatasetSummary) -> None:
    """Draws where the photograph's light and sharpness lie among those of the data set."""
    try:
        found, odd = photograph_caches.quality(photo, dataset.id)
    except FundusError as error:
        messages.show_error(error)
        return
    if odd.unlike:
        st.error(odd_sentence(odd, dataset.name), icon=":material/warning:")
    st.dataframe(
        quality_frame(found),
        hide_index=True,
        width="stretch",
        column_config={
            "Percentile": st.column_config.ProgressColumn(
                format="%.0f", min_value=0.0, max_value=100.0
            )
        },
        alt="; ".join(f"{QUALITIES[one.name]}: percentile {one.percentile:.0f}" for one in found),
    )
    st.caption(
        f"Percentile: the share of {found[0].n_images:,} photographs of "
        f"{text.escaped(dataset.name)} with a smaller value. Near 0 or 100 it is unlike them in "
        "this respect. From which value on a model fails is not known, so none is called "
        "good or bad. Noise counts as sharpness. Colours and brightness are means over the field "
        "of view, in [0, 1]; sharpness is the log10 of the variance of the Laplacian at 480 px "
        "(Pech-Pacheco 2000)."
    )


def odd_sentence(odd: OddLook, dataset: str) -> str:
    """Says in markdown in which measure a photograph lies furthest out."""
    far = "where all others agree" if isinf(odd.spreads) else f"{odd.spreads:.1f} spreads out"
    return (
        f"**It looks unlike the photographs of {text.escaped(dataset)}**: {QUALITIES[odd.name]} "
        f"lies {far}, and {100 * odd.share_as_far:.1f} % of {odd.n_images:,} lie as far out in any "
        "measure. Is it a fundus photograph, taken as those were?"
    )


def quality_frame(found: tuple[Quality, ...]) -> pd.DataFrame:
    """Returns a row per measurement."""
    return pd.DataFrame(
        {
            "Measure": [QUALITIES[one.name] for one in found],
            "Value": [f"{one.value:.3g}" for one in found],
            "Percentile": [one.percentile for one in found],
            "90 % of the data set": [f"{one.low:.3g} to {one.high:.3g}" for one in found],
        }
    )


def _filters(recipe: PreprocessRecipe) -> str:
    named = [
        name
        for name, on in (
            ("not cropped", not recipe.crop),
            ("CLAHE", recipe.clahe),
            ("Ben Graham", recipe.ben_graham),
        )
        if on
    ]
    return f" ({', '.join(named)})" if named else ""
