"""Heat maps and their lights as the dashboard remembers them: `wiring` for one page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from fundus_core.errors import SaliencyError, StoreError
from fundus_core.explain.trust import TrustLight
from fundus_core.io.read_only import require_writable
from fundus_core.io.workspace import Workspace
from fundus_core.ui import wiring
from fundus_core.workflows.evaluation.calibrated import (
    CalibratedProbability,
    calibrated_fold,
    fold_of,
)
from fundus_core.workflows.explanations.explained import Asked, explainable_run
from fundus_core.workflows.explanations.measured_trust import (
    TrustComparison,
    compared_trust,
    measured_trust,
)
from fundus_core.workflows.explanations.model_trust import ModelTrust

if TYPE_CHECKING:
    from fundus_core.explain.depths import LayerChoice
    from fundus_core.workflows.explanations.explain import Explanation


def refusal(run_id: str) -> str:
    """Returns why a run cannot be explained at all; empty where it can."""
    place = wiring.workspace()
    return _refusal(place, run_id, wiring.run_token(run_id))


def explanation(run_id: str, image: str, asked: Asked) -> "Explanation":
    """Returns where a model looked on one photograph; takes some seconds the first time.

    Raises:
        FundusError: As `explain` does.
    """
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    return _explanation(place, run_id, image, asked, token)


def calibrated(run_id: str, image_id: str, class_name: str) -> CalibratedProbability:
    """Returns what a held-out score stands for; the first of a fold takes a moment.

    Raises:
        FundusError: As `fold_of` and `calibrated_fold` do.
    """
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    fold = _fold_of(place, run_id, image_id, class_name, token)
    return _calibrated_fold(place, run_id, class_name, fold, token)[image_id]


def measured(run_id: str, asked: Asked) -> ModelTrust | None:
    """Returns the lights of a model's maps as far as they were measured; None where too few were.

    Raises:
        FundusError: As `measured_trust` does.
    """
    place = wiring.workspace()
    return _measured(place, run_id, asked, _tests_token(place, run_id))


def compared(run_ids: tuple[str, str], asked: tuple[Asked, Asked]) -> TrustComparison | None:
    """Compares the lights of two models on the photographs that both were measured on.

    Raises:
        FundusError: As `compared_trust` does.
    """
    place = wiring.workspace()
    tokens = tuple(_tests_token(place, run_id) for run_id in run_ids)
    return _compared(place, run_ids, asked, tokens)


def layers(run_id: str) -> "tuple[LayerChoice, ...]":
    """Returns the layers that maps of a run may be taken from; loads its network the first time.

    Raises:
        FundusError: As `layers_of` does.
    """
    place = wiring.workspace()
    return _layers(place, run_id, wiring.run_token(run_id))


def known_light(run_id: str, image: str, asked: Asked) -> TrustLight | None:
    """Returns the light of a map if it was measured before.

    Raises:
        FundusError: As `stored_light` does.
    """
    place = wiring.workspace()
    token = (_tests_token(place, run_id), wiring.token_of(place.datasets))
    return _known_light(place, run_id, image, asked, token)


def measure_light(run_id: str, image: str, asked: Asked) -> TrustLight | SaliencyError:
    """Measures a map and keeps what came out; takes some seconds to minutes.

    Raises:
        FundusError: As `trust_of` does.
    """
    from fundus_core.workflows.explanations.trust import trust_of

    require_writable()  # before minutes of work whose result could not be kept
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
    except (SaliencyError, StoreError) as reason:  # the latter: its files are damaged
        return reason.message
    return ""


@st.cache_data(show_spinner="Asking the network where it looked…", max_entries=64)
def _explanation(
    place: Workspace, run_id: str, image: str, asked: Asked, token: object
) -> "Explanation":
    from fundus_core.workflows.explanations.explain import explain

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


def _tests_token(place: Workspace, run_id: str) -> tuple[object, ...]:
    kept = (place.runs / run_id, place.root / "trust", place.root / "heat_maps")
    return tuple(wiring.token_of(folder, deep=False) for folder in kept)


@st.cache_data(show_spinner=False, max_entries=256)
def _known_light(
    place: Workspace, run_id: str, image: str, asked: Asked, token: object
) -> TrustLight | None:
    from fundus_core.workflows.explanations.trust import stored_light

    return stored_light(place, run_id, image, asked)


@st.cache_data(show_spinner="Summing the tests up…", max_entries=32)
def _measured(place: Workspace, run_id: str, asked: Asked, token: object) -> ModelTrust | None:
    return measured_trust(place, run_id, asked)


@st.cache_data(show_spinner="Comparing the models…", max_entries=32)
def _compared(
    place: Workspace, run_ids: tuple[str, str], asked: tuple[Asked, Asked], token: object
) -> TrustComparison | None:
    return compared_trust(place, run_ids, asked)


@st.cache_data(show_spinner=False, max_entries=256)
def _fold_of(place: Workspace, run_id: str, image_id: str, class_name: str, token: object) -> int:
    return fold_of(place, run_id, image_id, class_name)


@st.cache_resource(show_spinner="Asking other patients what the score stands for…", max_entries=64)
def _calibrated_fold(
    place: Workspace, run_id: str, class_name: str, fold: int, token: object
) -> Mapping[str, CalibratedProbability]:
    return calibrated_fold(place, run_id, class_name, fold)


@st.cache_resource(show_spinner="Looking at the network's layers…", max_entries=32)
def _layers(place: Workspace, run_id: str, token: object) -> "tuple[LayerChoice, ...]":
    from fundus_core.workflows.explanations.explain import layers_of

    found = layers_of(place, run_id)
    wiring.spare_the_collector()
    return found
