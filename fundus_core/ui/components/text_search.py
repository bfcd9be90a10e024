"""Free text that ranks the gallery, where embeddings lie in a space that words lie in too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from fundus_core.ui import messages, text, wiring
from fundus_core.ui.components import job_progress
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.data.text_search import known_search
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.models.prototypes import understands_words
from fundus_core.workflows.weights.labels import distinct_labels


@dataclass(frozen=True, slots=True)
class WordSearch:
    """How near the photographs of a data set are to some words."""

    cosines: Mapping[str, float]
    """Image id -> cosine, nearest first."""

    words: str


def search_box(summary: DatasetSummary) -> WordSearch | None:
    """Draws a field for words; returns all photographs with their cosines, nearest first.

    Nothing is drawn where no backbone that understands words has embedded the photographs. Words
    that no text tower has read yet are read by a job, on request.

    Returns:
        None where nothing is looked for, or the words are still to be read.
    """
    stored = [one for one in wiring.embeddings_list(summary.id) if understands_words(one.recipe)]
    if not stored:
        return None
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    words = left.text_input(
        "Rank by words",
        key="images.words",
        placeholder="flame haemorrhage near the disc",
        help="The photographs whose embeddings are nearest to the words come first.",
    )
    with right:
        chosen = _pick(stored)
    if not words.strip():
        return None
    with messages.shown_to_user():
        vectors = wiring.embeddings(summary.id, chosen.fingerprint)
        cosines = known_search(wiring.workspace(), chosen.recipe, vectors, words)
    if cosines is None:
        _offer_to_read(summary, chosen, words)
        return None
    return WordSearch(cosines, " ".join(words.split()))


def ranked(image_ids: Sequence[str], cosines: Mapping[str, float]) -> dict[str, str]:
    """Returns the given photographs that have a cosine, nearest first, with a note on it."""
    wanted = set(image_ids)
    return {name: f"cosine {value:+z.3f}" for name, value in cosines.items() if name in wanted}


def caption(image_ids: Sequence[str], notes: Mapping[str, str]) -> None:
    """Says how to read the order, and how many photographs have no place in it."""
    missing = len(image_ids) - len(notes)
    left_out = (
        f" {text.count(missing, 'photograph')} without embedding left out." if missing else ""
    )
    st.caption(
        ":material/sort: Nearest to the words first. Every photograph has a place, also where none "
        f"shows what the words say; cosines of words and pictures are small by nature.{left_out}"
    )


def _pick(stored: Sequence[EmbeddingSummary]) -> EmbeddingSummary:
    by_key = {one.fingerprint: one for one in stored}
    labels = distinct_labels([one.recipe for one in stored])
    key = st.selectbox(
        "Read by",
        list(by_key),
        format_func=labels.__getitem__,
        key="images.words_by",
    )
    return by_key[key]


def _offer_to_read(summary: DatasetSummary, chosen: EmbeddingSummary, words: str) -> None:
    """Draws a button that has the words read by the text tower, and how far that is."""
    if st.button(
        "Read these words",
        icon=":material/search:",
        key="images.read_words",
        disabled=wiring.read_only(),
    ):
        with messages.shown_to_user():
            arguments = wiring.embedding_arguments(chosen.recipe)
            argv = ["search", *source_arguments(summary.source), *arguments]
            wiring.submit(argv, f"Search: {words}", words=[words])
    st.caption("New words are read by the backbone's text tower once, which takes some seconds.")
    job_progress.watch(("search",))
    job_progress.last_failure(("search",))
