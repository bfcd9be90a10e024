"""Errors that differ as the dashboard remembers them: `wiring` for one panel."""

import streamlit as st

from fundus_core.io.workspace import Workspace
from fundus_core.ui import wiring
from fundus_core.workflows.evaluation.errors_that_differ import DifferingErrors
from fundus_core.workflows.evaluation.errors_that_differ import errors_that_differ as of_models


def errors_that_differ(
    first: str, second: str, class_name: str = "", *, common: bool = False
) -> DifferingErrors:
    """Returns where one of two runs is right and the other one wrong.

    Raises:
        FundusError: As the workflow does.
    """
    place = wiring.workspace()
    return _errors(place, first, second, class_name, common, wiring.runs_token())


@st.cache_data(show_spinner="Holding the models against each other…", max_entries=32)
def _errors(
    place: Workspace, first: str, second: str, class_name: str, common: bool, token: object
) -> DifferingErrors:
    return of_models(place, first, second, class_name=class_name or None, common=common)
