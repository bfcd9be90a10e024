"""The selection as the dashboard remembers it between reruns: `wiring` for what is selected."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from fundus_core.domain.query import QueryAnswer
from fundus_core.io.selections import NamedSelection, SelectionFiles, key_of
from fundus_core.io.workspace import Workspace
from fundus_core.ui import state, wiring
from fundus_core.workflows.data import selections as workflow
from fundus_core.workflows.data import similar
from fundus_core.workflows.data.selections import Counts
from fundus_core.workflows.data.similar import Neighbourhoods


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is selected of the open data set."""

    image_ids: tuple[str, ...]
    """In the data set's order."""

    members: frozenset[str]
    """The same, to ask whether one is among them."""

    counts: Counts
    n_gone: int
    """Selected once, and no longer in the data set."""

    def __bool__(self) -> bool:
        """Says whether anything is selected."""
        return bool(self.image_ids)


NOTHING = Chosen((), frozenset(), Counts(0, None, None, 0, 0), 0)


def chosen() -> Chosen:
    """Returns what is selected of the open data set; nothing where none is open."""
    session = state.current()
    known = {summary.id for summary in wiring.datasets()}
    if not session.selection or session.dataset_id not in known:
        return NOTHING
    place, key = wiring.workspace(), session.selection_key or key_of(session.selection)
    token = wiring.token_of(place.datasets)
    return _chosen(place, session.dataset_id, key, session.selection, token)


def all_counts(dataset_id: str) -> Counts:
    """Returns how many photographs, eyes and patients a data set has."""
    place = wiring.workspace()
    return _all_counts(place, dataset_id, wiring.token_of(place.datasets))


def saved(dataset_id: str) -> tuple[NamedSelection, ...]:
    """Returns the saved selections of a data set in the order of their names."""
    place = wiring.workspace()
    token = wiring.token_of(SelectionFiles(place, dataset_id).names)
    return _saved(place, dataset_id, token)


def asked(dataset_id: str, expression: str) -> tuple[tuple[str, ...], QueryAnswer]:
    """Returns the photographs that an expression asks for.

    Raises:
        QueryError: If it cannot be read, or does not fit the table.
    """
    place = wiring.workspace()
    return _asked(place, dataset_id, expression, wiring.token_of(place.datasets))


def neighbourhoods(
    dataset_id: str, first: str, second: str, image_id: str, k: int
) -> Neighbourhoods | None:
    """Returns the neighbours of a photograph under two backbones; None where one lacks it."""
    place = wiring.workspace()
    token = tuple(wiring.token_of(place.embeddings / name, deep=False) for name in (first, second))
    data = wiring.token_of(place.datasets)
    return _neighbourhoods(place, dataset_id, first, second, image_id, k, (*token, data))


@st.cache_resource(show_spinner=False, max_entries=16)
def _chosen(
    place: Workspace, dataset_id: str, key: str, _image_ids: Sequence[str], token: object
) -> Chosen:
    dataset = wiring.dataset(dataset_id)
    found = workflow.in_dataset(_image_ids, dataset)
    counts = workflow.counts_of(dataset.table, found.image_ids)
    return Chosen(found.image_ids, frozenset(found.image_ids), counts, found.n_gone)


@st.cache_data(show_spinner=False, max_entries=8)
def _all_counts(place: Workspace, dataset_id: str, token: object) -> Counts:
    return workflow.counts_of(wiring.dataset(dataset_id).table)


@st.cache_data(show_spinner=False, max_entries=8)
def _saved(place: Workspace, dataset_id: str, token: object) -> tuple[NamedSelection, ...]:
    return workflow.saved_selections(place, dataset_id)


@st.cache_resource(show_spinner=False, max_entries=16)
def _asked(
    place: Workspace, dataset_id: str, expression: str, token: object
) -> tuple[tuple[str, ...], QueryAnswer]:
    return workflow.query_dataset(wiring.dataset(dataset_id), expression)


@st.cache_data(show_spinner="Looking for neighbours…", max_entries=32)
def _neighbourhoods(
    place: Workspace,
    dataset_id: str,
    first: str,
    second: str,
    image_id: str,
    k: int,
    token: object,
) -> Neighbourhoods | None:
    here, there = (wiring.embeddings(dataset_id, name) for name in (first, second))
    return similar.neighbourhoods(here, there, image_id, k=k)
