"""What is worked out of a data set's table, as the dashboard remembers it between reruns."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.checks import Caution, dataset_cautions
from fundus_core.io.workspace import Workspace
from fundus_core.plots.map import Colouring, colouring_by
from fundus_core.ui import wiring

_HIDDEN = ("image_id", "path")


def cautions(dataset_id: str) -> tuple[Caution, ...]:
    """Returns what to know of a data set before trusting figures about it."""
    place = wiring.workspace()
    return _cautions(place, dataset_id, wiring.token_of(place.datasets))


def colour_columns(dataset_id: str) -> tuple[str, ...]:
    """Returns the columns to colour by: labels first, then split, patient, eye, then all others."""
    place = wiring.workspace()
    return _colour_columns(place, dataset_id, wiring.token_of(place.datasets))


def colours(dataset_id: str, column: str, image_ids: Sequence[str]) -> Colouring:
    """Returns the colours of photographs by a column of their table.

    Raises:
        DataError: If the table has no such column.
    """
    place = wiring.workspace()
    # Streamlit would take the hash of each id, which costs more than the colours.
    ids = tuple(image_ids)
    return _colours(place, dataset_id, column, ids, hash(ids), wiring.token_of(place.datasets))


@st.cache_resource(show_spinner=False, max_entries=8)
def _cautions(place: Workspace, dataset_id: str, token: object) -> tuple[Caution, ...]:
    return dataset_cautions(wiring.dataset(dataset_id))


@st.cache_resource(show_spinner=False, max_entries=8)
def _colour_columns(place: Workspace, dataset_id: str, token: object) -> tuple[str, ...]:
    dataset = wiring.dataset(dataset_id)
    labels = [name for target in dataset.targets for name in target.columns]
    ordered = dict.fromkeys([*labels, "split", "patient_id", "eye", *dataset.table.columns])
    return tuple(
        name for name in ordered if name not in _HIDDEN and dataset.table[name].notna().any()
    )


@st.cache_resource(show_spinner=False, max_entries=16)
def _colours(
    place: Workspace,
    dataset_id: str,
    column: str,
    _image_ids: tuple[str, ...],
    ids_hash: int,
    token: object,
) -> Colouring:
    return colouring_by(wiring.dataset(dataset_id), _image_ids, column)
