"""Heat maps and their lights as the dashboard remembers them: `wiring` for one page."""

from typing import TYPE_CHECKING

import streamlit as st

from fundus_core.errors import SaliencyError
from fundus_core.explain.trust import TrustLight
from fundus_core.io.workspace import Workspace
from fundus_core.ui import wiring
from fundus_core.workflows.explained import Asked, explainable_run

if TYPE_CHECKING:
    from fundus_core.explain.depths import LayerChoice
    from fundus_core.workflows.explain import Explanation


def refusal(run_id: str) -> str:
    """Returns why a run cannot be explained at all; empty where it can."""
    place = wiring.workspace()
    return _refusal(place, run_id, wiring.token_of(place.runs / run_id, deep=False))


def explanation(run_id: str, image: str, asked: Asked) -> "Explanation":
    """Returns where a model looked on one photograph; takes some seconds the first time.

    Raises:
        FundusError: As `explain` does.
    """
    place = wiring.workspace()
    token = wiring.token_of(place.runs / run_id, deep=False)
    return _explanation(place, run_id, image, asked, token)


def layers(run_id: str) -> "tuple[LayerChoice, ...]":
    """Returns the layers that maps of a run may be taken from; loads its network the first time.

    Raises:
        FundusError: As `layers_of` does.
    """
    place = wiring.workspace()
    return _layers(place, run_id, wiring.token_of(place.runs / run_id, deep=False))


def known_light(run_id: str, image: str, asked: Asked) -> TrustLight | None:
    """Returns the light of a map if it was measured before.

    Raises:
        FundusError: As `stored_light` does.
    """
    from fundus_core.workflows.trust import stored_light

    return stored_light(wiring.workspace(), run_id, image, asked)


def measure_light(run_id: str, image: str, asked: Asked) -> TrustLight | SaliencyError:
    """Measures a map and keeps what came out; takes some seconds to minutes.

    Raises:
        FundusError: As `trust_of` does.
    """
    from fundus_core.workflows.trust import trust_of

    (found,) = trust_of(
        wiring.workspace(),
        run_id,
        [image],
        class_name=asked.class_name,
        minus=asked.minus,
        method=asked.method,
        layer=asked.layer,
    )
    wiring.spare_the_collector()
    return found


@st.cache_data(show_spinner=False, max_entries=64)
def _refusal(place: Workspace, run_id: str, token: object) -> str:
    try:
        explainable_run(place, run_id)
    except SaliencyError as reason:
        return reason.message
    return ""


@st.cache_data(show_spinner="Asking the network where it looked…", max_entries=64)
def _explanation(
    place: Workspace, run_id: str, image: str, asked: Asked, token: object
) -> "Explanation":
    from fundus_core.workflows.explain import explain

    found = explain(
        place,
        run_id,
        image,
        class_name=asked.class_name or None,
        minus=asked.minus,
        method=asked.method,
        layer=asked.layer,
    )
    wiring.spare_the_collector()
    return found


@st.cache_resource(show_spinner="Looking at the network's layers…", max_entries=32)
def _layers(place: Workspace, run_id: str, token: object) -> "tuple[LayerChoice, ...]":
    from fundus_core.workflows.explain import layers_of

    found = layers_of(place, run_id)
    wiring.spare_the_collector()
    return found
