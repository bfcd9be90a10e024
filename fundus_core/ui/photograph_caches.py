"""One photograph as the dashboard remembers it while its tab is open: `wiring` for one page.

What belongs to a photograph that a reader handed over is kept for that session alone and is told
apart by the hash of the file. What belongs to the data set is shared.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.io.workspace import Workspace
from fundus_core.similarity import Neighbour
from fundus_core.ui import wiring
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.single import one_photograph
from fundus_core.workflows.single.odd_look import OddLook, odd_look
from fundus_core.workflows.single.one_photograph import Quality, Received, Steps

if TYPE_CHECKING:
    from fundus_core.workflows.explanations.explain import Explanation
    from fundus_core.workflows.single.one_photograph_scores import PhotographScore
    from fundus_core.workflows.single.out_of_distribution import Distance, Surroundings

ALIKE = 40
"""Photographs looked at for nearest labelled cases: some have no label of the target."""


def received(data: bytes) -> Received:
    """Returns a photograph in a temporary folder that goes with the session or the next one.

    Raises:
        ImageError: As `one_photograph.receive` does.
    """
    return _received(data)


def steps(photo: Received, recipe: PreprocessRecipe, side: int) -> Steps:
    """Returns what becomes of a photograph until a network of `side` pixels sees it."""
    return _steps(photo.image_id, recipe, side, photo.path)


def quality(photo: Received, dataset_id: str) -> tuple[tuple[Quality, ...], OddLook]:
    """Returns where the photograph's quality lies among a data set's, and how odd that makes it.

    Raises:
        FundusError: As `quality_of` and `measurements_of` do.
    """
    others = _measurements(
        wiring.workspace(), dataset_id, wiring.token_of(wiring.workspace().datasets)
    )
    found = one_photograph.quality_of(photo.path, others)
    return found, odd_look({one.name: one.value for one in found}, others)


def distance(photo: Received, dataset_id: str, run_id: str) -> "Distance":
    """Returns how far the photograph lies from a data set, as the backbone of a run sees both.

    Raises:
        FundusError: If the weights are not at hand, or too few photographs have an embedding.
    """
    from fundus_core.workflows.single.out_of_distribution import distance_of

    place, recipe = wiring.workspace(), wiring.run(run_id).embeddings
    vectors = wiring.token_of(place.embeddings / recipe.fingerprint(), deep=False)
    token = (*wiring.token_of(place.datasets), *vectors)
    return distance_of(
        vector(photo, run_id), _surroundings(place, dataset_id, run_id, recipe.fingerprint(), token)
    )


def vector(photo: Received, run_id: str) -> NDArray[np.float32]:
    """Returns the photograph's embedding (D,) by the backbone of a run.

    Raises:
        WeightsError: If its weights are not at hand.
    """
    fingerprint = wiring.run(run_id).embeddings.fingerprint()
    return _vector(wiring.workspace(), photo.image_id, fingerprint, run_id, photo.path)


def score(photo: Received, run_id: str) -> "PhotographScore":
    """Returns what a run's model says of the photograph, calibrated.

    Raises:
        FundusError: As `score_photograph` does.
    """
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    return _score(place, photo.image_id, run_id, photo.path, token)


def explanation(photo: Received, run_id: str, class_name: str) -> "Explanation":
    """Returns where a run's model looked in the photograph.

    Raises:
        FundusError: As `explain_unkept` does.
    """
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    return _explanation(place, photo.image_id, run_id, class_name, photo.path, token)


def alike(photo: Received, dataset_id: str, run_id: str) -> tuple[Neighbour, ...]:
    """Returns the data set's photographs that the backbone of a run finds most like this one.

    Raises:
        FundusError: If the weights are not at hand, or there are no embeddings.
    """
    from fundus_core.workflows.single.out_of_distribution import alike as most_alike

    fingerprint = wiring.run(run_id).embeddings.fingerprint()
    known: Embeddings = wiring.embeddings(dataset_id, fingerprint)
    return most_alike(known, vector(photo, run_id), count=ALIKE)


@st.cache_resource(
    show_spinner=False, max_entries=1, scope="session", on_release=lambda photo: photo.forget()
)
def _received(data: bytes) -> Received:
    return one_photograph.receive(data)


@st.cache_data(show_spinner=False, max_entries=4, scope="session")
def _steps(image_id: str, recipe: PreprocessRecipe, side: int, _path: Path) -> Steps:
    return one_photograph.steps_of(_path, recipe, side)


@st.cache_data(show_spinner="Measuring photographs to compare with…", max_entries=8)
def _measurements(
    place: Workspace, dataset_id: str, token: object
) -> dict[str, NDArray[np.float64]]:
    return one_photograph.measurements_of(place, stored_dataset(place, dataset_id))


@st.cache_resource(show_spinner="Looking at how far photographs usually lie apart…", max_entries=4)
def _surroundings(
    place: Workspace, dataset_id: str, run_id: str, fingerprint: str, token: object
) -> "Surroundings":
    from fundus_core.workflows.single.out_of_distribution import surroundings_of

    recipe = wiring.run(run_id).embeddings
    return surroundings_of(place, stored_dataset(place, dataset_id), recipe)


@st.cache_data(show_spinner="Embedding the photograph…", max_entries=16, scope="session")
def _vector(
    place: Workspace, image_id: str, fingerprint: str, run_id: str, _path: Path
) -> NDArray[np.float32]:
    run = wiring.run(run_id)
    found = one_photograph.vector_of(place, run.embeddings, _path, run.weights_path)
    wiring.spare_the_collector()
    return found


@st.cache_data(show_spinner="Scoring the photograph…", max_entries=32, scope="session")
def _score(
    place: Workspace, image_id: str, run_id: str, _path: Path, token: object
) -> "PhotographScore":
    from fundus_core.workflows.single.one_photograph_scores import score_photograph

    found = score_photograph(place, run_id, _path)
    wiring.spare_the_collector()
    return found


@st.cache_data(show_spinner="Asking the network where it looked…", max_entries=16, scope="session")
def _explanation(
    place: Workspace, image_id: str, run_id: str, class_name: str, _path: Path, token: object
) -> "Explanation":
    from fundus_core.workflows.single.one_photograph_maps import explain_unkept

    found = explain_unkept(place, run_id, _path, class_name=class_name)
    wiring.spare_the_collector()
    return found
