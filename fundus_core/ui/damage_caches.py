"""A look at the record of every stored result, taken anew only when something was stored."""

import streamlit as st

from fundus_core.io.embedding_store import understood_recipes
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.ui import messages, wiring
from fundus_core.workflows.models.runs import runs_as_stored


def look_at_records() -> None:
    """Reads what is said of each result, so that `left_out` knows of damage to that.

    The results themselves are compared with their checksums only when they are opened.
    """
    place = wiring.workspace()
    stores = (place.datasets, place.runs, place.projections, place.embeddings)
    with messages.shown_to_user():
        _look(place, tuple(wiring.token_of(store) for store in stores))


@st.cache_data(show_spinner=False, max_entries=4)
def _look(place: Workspace, token: object) -> None:
    for root in (place.datasets, place.projections):
        ArtifactStore(root).describe()
    runs_as_stored(place)
    understood_recipes(place.embeddings)
