"""A photograph as a question: which of the data set does a backbone find most like it?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fundus_core.errors import FundusError
from fundus_core.ui import messages, outside, state, text, wiring
from fundus_core.ui.components import job_progress
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.data.photographs import photograph
from fundus_core.workflows.data.similar import forget_example, keep_example, known_similar
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

_KEPT = "images.example_kept"
_FORGOTTEN = "images.examples_forgotten"
"""How many were: each gets a field of its own, which a browser cannot fill with the last one."""

_SHOWN_SIDE = 192

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


@dataclass(frozen=True, slots=True)
class _Kept:
    """An upload that was kept, once: what is deleted from the workspace does not come back."""

    upload: str
    """Which upload."""

    image_id: str
    path: Path

    picture: NDArray[np.uint8]
    """Shape (H, W, 3): small, and only in the memory of this tab."""


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
        key=f"images.upload.{summary.id}.{state.kept(_FORGOTTEN) or 0}",
        help="It is kept in the folder `examples` of the workspace, on the machine this runs on, "
        "with what is computed of it, until you forget it here. It does not become part of the "
        "data set.",
    )
    if given is None:
        return None
    kept = _keep_once(given.file_id, given.getvalue(), given.name)
    if not kept.path.is_file():
        st.info("This photograph was deleted from the workspace. To ask again, upload it again.")
        return None
    st.image(kept.picture, alt="The photograph that was given", width=160)
    _offer_to_forget(kept.image_id)
    image_id, path = kept.image_id, kept.path
    found = _known(summary, chosen, image_id)
    if found is None:
        _offer_to_embed(summary, chosen, str(path))
        return None
    return Likeness(found, f"most like {_GIVEN}")


def _keep_once(upload: str, content: bytes, name: str) -> _Kept:
    """Returns what was kept of an upload; keeps it the first time."""
    kept: _Kept | None = state.kept(_KEPT)
    if kept is None or kept.upload != upload:
        with messages.shown_to_user():
            image_id, path = keep_example(wiring.workspace(), content, name)
            picture = photograph(path, image_id=image_id, max_side=_SHOWN_SIDE)
        kept = _Kept(upload, image_id, path, picture)
        state.keep(_KEPT, kept)
    return kept


def _offer_to_forget(image_id: str) -> None:
    """Draws a button that deletes the photograph and what was computed of it."""
    st.button(
        "Forget it",
        icon=":material/delete:",
        key="example.forget",
        disabled=bool(job_progress.under_way(("similar",))),
        help="Deletes the photograph from the workspace, with what was computed of it. Not while "
        "a backbone looks at it.",
        on_click=outside.callback(_forget),
        args=(image_id,),
    )


def _forget(image_id: str) -> None:
    forget_example(wiring.workspace(), image_id)
    state.keep(_KEPT, None)
    state.keep(_FORGOTTEN, (state.kept(_FORGOTTEN) or 0) + 1)


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
