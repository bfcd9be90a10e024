"""Agreement of backbones as the dashboard remembers it between reruns: `wiring` for one page."""

from dataclasses import dataclass

import streamlit as st

from fundus_core.agreement.maps import AlignedMap, MapQuality
from fundus_core.errors import StoreError
from fundus_core.io.workspace import Workspace
from fundus_core.projections import Projection
from fundus_core.similarity import Neighbour
from fundus_core.ui import wiring
from fundus_core.workflows.embeddings import agreement as workflow
from fundus_core.workflows.embeddings.agreement import Agreement


@dataclass(frozen=True, slots=True)
class AgreementChoice:
    """What a reader asked to compare."""

    dataset_id: str
    fingerprints: tuple[str, ...]
    k: int
    """Neighbours."""

    others_only: bool
    """Leave photographs of the same patient out of the neighbours."""


def agreement(choice: AgreementChoice) -> Agreement:
    """Returns how far backbones agree; takes some seconds for thousands of photographs.

    Raises:
        FundusError: If they cannot be compared.
    """
    place = wiring.workspace()
    return _agreement(place, choice, _token(place))


def neighbours(
    choice: AgreementChoice, fingerprint: str, image_id: str
) -> tuple[Neighbour, ...] | None:
    """Returns the neighbours of one photograph as compared; None where it was not compared."""
    found = agreement(choice)
    if image_id not in found.image_ids:
        return None
    vectors = wiring.embeddings(choice.dataset_id, fingerprint)
    return workflow.neighbours_of(found, wiring.dataset(choice.dataset_id), vectors, image_id)


def map_quality(dataset_id: str, fingerprint: str, method: str) -> MapQuality:
    """Measures a map that is there on all of its photographs."""
    place = wiring.workspace()
    return _map_quality(place, dataset_id, fingerprint, method, _token(place))


def aligned_onto(
    dataset_id: str, moved: str, onto: str, method: str
) -> tuple[AlignedMap, tuple[str, ...]]:
    """Lays the map of one backbone over that of another; both must be there.

    Returns:
        The aligned map, and the photographs that both show, a row each.
    """
    place = wiring.workspace()
    return _aligned_onto(place, dataset_id, moved, onto, method, _token(place))


def _token(place: Workspace) -> tuple[object, ...]:
    return tuple(
        wiring.token_of(part) for part in (place.datasets, place.embeddings, place.projections)
    )


def _projection(dataset_id: str, fingerprint: str, method: str) -> Projection:
    found = wiring.projection(dataset_id, fingerprint, method)
    if found is None:
        raise StoreError(
            f"The map {method!r} of these embeddings is not there.", hint="Compute it first."
        )
    return found


@st.cache_resource(show_spinner="Comparing the neighbours of every photograph…", max_entries=8)
def _agreement(place: Workspace, choice: AgreementChoice, token: object) -> Agreement:
    dataset = wiring.dataset(choice.dataset_id)
    return workflow.agreement(
        place, dataset, choice.fingerprints, k=choice.k, others_only=choice.others_only
    )


@st.cache_resource(show_spinner="Measuring the map…", max_entries=32)
def _map_quality(
    place: Workspace, dataset_id: str, fingerprint: str, method: str, token: object
) -> MapQuality:
    vectors = wiring.embeddings(dataset_id, fingerprint)
    return workflow.quality_of(vectors, _projection(dataset_id, fingerprint, method))


@st.cache_resource(show_spinner=False, max_entries=32)
def _aligned_onto(
    place: Workspace, dataset_id: str, moved: str, onto: str, method: str, token: object
) -> tuple[AlignedMap, tuple[str, ...]]:
    maps = (_projection(dataset_id, one, method) for one in (moved, onto))
    return workflow.aligned_onto(*maps)
