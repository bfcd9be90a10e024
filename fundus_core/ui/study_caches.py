"""Studies as the dashboard remembers them between reruns: `wiring` for one page."""

import pandas as pd
import streamlit as st

from fundus_core.checks import Caution
from fundus_core.io.workspace import Workspace
from fundus_core.studies.cautions import study_cautions as cautions_of_study
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.obstacles import Obstacle, obstacles
from fundus_core.studies.results import convergence
from fundus_core.studies.results import study_table as table_of_study
from fundus_core.studies.run import Study, open_study
from fundus_core.ui import wiring
from fundus_core.ui.study_wiring import (
    FILES,
    StudyChoice,
    StudyListing,
    StudyPlan,
    document_of,
    inputs_token,
    list_studies,
    planned,
    results_token,
)


def studies() -> tuple[StudyListing, ...]:
    """Returns the studies that come with the program, and the reader's own."""
    place = wiring.workspace()
    return _studies(place, wiring.token_of(place.studies / FILES))


def study_document(choice: StudyChoice) -> StudyDocument:
    """Returns what a study says at the chosen size, of the chosen data.

    Raises:
        FundusError: If it cannot be run.
    """
    place = wiring.workspace()
    token = (*wiring.token_of(choice.path, deep=False), *wiring.token_of(place.datasets))
    return _study_document(place, choice, token)


def study(choice: StudyChoice) -> Study:
    """Returns a study with its data sets opened; do not change their tables.

    Raises:
        FundusError: If it, or its data, cannot be read.
    """
    return _study(wiring.workspace(), choice, _inputs_token(choice))


def study_plan(choice: StudyChoice) -> StudyPlan:
    """Returns what running a study would take, and what stands in the way.

    Raises:
        FundusError: As `study` does.
    """
    place = wiring.workspace()
    token = (
        *_inputs_token(choice),
        *wiring.token_of(place.weights),
        *study_results_token(choice),
    )
    return _study_plan(place, choice, token)


def study_table(choice: StudyChoice) -> pd.DataFrame:
    """Returns the results of a study as far as they are stored.

    Raises:
        FundusError: As `study` does.
    """
    return _study_table(
        wiring.workspace(), choice, (*_inputs_token(choice), *study_results_token(choice))
    )


def study_cautions(choice: StudyChoice) -> tuple[Caution, ...]:
    """Returns what limits the results of a study as far as they are stored.

    Raises:
        FundusError: As `study` does.
    """
    token = (*_inputs_token(choice), *study_results_token(choice))
    return _study_cautions(wiring.workspace(), choice, token)


def study_curves(choice: StudyChoice) -> pd.DataFrame:
    """Returns the learning curves of a study as far as they are stored.

    Raises:
        FundusError: As `study` does.
    """
    token = (*_inputs_token(choice), *study_results_token(choice))
    return _study_curves(wiring.workspace(), choice, token)


def study_results_token(choice: StudyChoice) -> tuple[object, ...]:
    """Returns what changes whenever a cell of a study was run."""
    return results_token(wiring.workspace(), choice)


def _inputs_token(choice: StudyChoice) -> tuple[object, ...]:
    return inputs_token(wiring.workspace(), choice, study_document(choice))


@st.cache_resource(show_spinner=False, max_entries=2)
def _studies(place: Workspace, token: object) -> tuple[StudyListing, ...]:
    return list_studies(place)


@st.cache_resource(show_spinner=False, max_entries=16)
def _study_document(place: Workspace, choice: StudyChoice, token: object) -> StudyDocument:
    return document_of(place, choice)


@st.cache_resource(show_spinner="Opening the study…", max_entries=8)
def _study(place: Workspace, choice: StudyChoice, token: object) -> Study:
    return open_study(place, choice.path, choice.size, document=study_document(choice))


@st.cache_resource(show_spinner="Adding up the cells…", max_entries=16)
def _study_plan(place: Workspace, choice: StudyChoice, token: object) -> StudyPlan:
    blocked = _obstacles(place, choice, (*_inputs_token(choice), *wiring.token_of(place.weights)))
    found = planned(study(choice), blocked)
    wiring.spare_the_collector()
    return found


@st.cache_resource(show_spinner="Looking at the networks…", max_entries=16)
def _obstacles(place: Workspace, choice: StudyChoice, token: object) -> tuple[Obstacle, ...]:
    opened = study(choice)
    return obstacles(opened, opened.cells)


@st.cache_data(show_spinner="Reading the results…", max_entries=16)
def _study_table(place: Workspace, choice: StudyChoice, token: object) -> pd.DataFrame:
    return table_of_study(study(choice))


@st.cache_data(show_spinner=False, max_entries=16)
def _study_cautions(place: Workspace, choice: StudyChoice, token: object) -> tuple[Caution, ...]:
    return cautions_of_study(study(choice), study_table(choice))


@st.cache_data(show_spinner="Reading the learning curves…", max_entries=16)
def _study_curves(place: Workspace, choice: StudyChoice, token: object) -> pd.DataFrame:
    return convergence(study(choice), study_table(choice))
