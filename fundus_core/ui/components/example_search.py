"""A photograph as a question: which of the data set does a backbone find most like it?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.ui import messages, picture_caches, state, text, wiring
from fundus_core.ui.components import job_progress
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.data.similar import keep_example, known_similar
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.weights.labels import distinct_labels

Example = Literal["none", "open", "upload"]

_EXAMPLES: dict[Example, str] = {
    "none": "No",
    "open": "The open photograph",
    "upload": "A photograph of my own",
}

_GIVEN = "an uploaded photograph"
"""What it is called wherever that is kept: its file may be named after the patient."""

_ENDINGS = ["jpg", "jpeg", "png", "tif", "tiff", "bmp", "webp"]

HOW_TO_READ = (
    ":material/sort: The most alike first, by the cosine of the centred embeddings: it compares "
    "photographs of one backbone, not backbones. Alike can mean the same camera or the same "
    "patient rather than the same disease."
)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the photographs of a data set are to one."""

    cosines: Mapping[str, float]
    """Image id -> cosine, the most alike first; the photograph itself is not among them."""

    origin: str
    """What was asked, in a few words."""


def example_search(summary: DatasetSummary) -> Likeness | None:
    """Draws the choice of a photograph to compare with; returns how alike all others are to it.

    Nothing is drawn where no embeddings are stored. A photograph that no backbone has seen is
    embedded by a job, on request.

    Returns:
        None where nothing is asked, or the answer is still to be computed.
    """
    stored = wiring.embeddings_list(summary.id)
    if not stored:
        return None
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        example: Example = st.segmented_control(
            "Rank by likeness to a photograph",
            list(_EXAMPLES),
            format_func=_EXAMPLES.__getitem__,
            default="none",
            required=True,
            wrap=True,
            key="images.example",
            persist_state="session",
        )
    if example == "none":
        return None
    with right:
        chosen = _pick(stored)
    if example == "open":
        return _like_the_open_one(summary, chosen)
    return _like_an_upload(summary, chosen)


def _pick(stored: Sequence[EmbeddingSummary]) -> EmbeddingSummary:
    by_key = {one.fingerprint: one for one in stored}
    labels = distinct_labels([one.recipe for one in stored])
    held = [key for key in state.current().backbones if key in by_key]
    key = st.selectbox(
        "Judged by",
        list(by_key),
        index=list(by_key).index(held[0]) if held else 0,
        format_func=labels.__getitem__,
        key="images.example_by",
    )
    return by_key[key]


def _like_the_open_one(summary: DatasetSummary, chosen: EmbeddingSummary) -> Likeness | None:
    image_id = state.current().image_id
    if not image_id:
        st.info("Open a photograph below, by the name under it: the others are ranked by it.")
        return None
    found = _known(summary, chosen, image_id)
    if found is None:
        st.info("The open photograph has no embedding by this backbone; choose another one.")
        return None
    return Likeness(found, f"most like photograph {image_id[:8]}")


def _like_an_upload(summary: DatasetSummary, chosen: EmbeddingSummary) -> Likeness | None:
    if wiring.read_only():
        st.info("This dashboard is for looking only: nothing can be uploaded.")
        return None
    given = st.file_uploader(
        "Photograph",
        type=_ENDINGS,
        key="images.upload",
        help="It is kept in the folder `examples` of the workspace, on the machine this runs on, "
        "and its embedding beside those of the data set. It does not become part of the data set.",
    )
    if given is None:
        return None
    with messages.shown_to_user():
        image_id, path = keep_example(wiring.workspace(), given.getvalue(), given.name)
    st.image(
        picture_caches.thumbnail_file(image_id, str(path)),
        alt="The photograph that was given",
        width=160,
    )
    found = _known(summary, chosen, image_id)
    if found is None:
        _offer_to_embed(summary, chosen, str(path))
        return None
    return Likeness(found, f"most like {_GIVEN}")


def _known(
    summary: DatasetSummary, chosen: EmbeddingSummary, image_id: str
) -> Mapping[str, float] | None:
    with messages.shown_to_user():
        vectors = wiring.embeddings(summary.id, chosen.fingerprint)
        return known_similar(wiring.workspace(), chosen.recipe, vectors, image_id)


def _offer_to_embed(summary: DatasetSummary, chosen: EmbeddingSummary, path: str) -> None:
    """Draws a button that has the backbone look at the photograph, and how far that is."""
    if st.button("Look for photographs like it", icon=":material/search:", key="images.embed_one"):
        try:
            arguments = wiring.embedding_arguments(chosen.recipe)
            argv = ["similar", *source_arguments(summary.source), path, *arguments]
            wiring.submit(argv, f"Photographs like {_GIVEN}")
        except FundusError as error:
            messages.show_error(error)
    st.caption(
        f"{text.escaped(chosen.label)} looks at it once, which takes some seconds without a GPU."
    )
    job_progress.watch(("similar",))
    job_progress.last_failure(("similar",))
