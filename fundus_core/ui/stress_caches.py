"""Subgroups and shortcuts as the dashboard remembers them: `wiring` for the stress page."""

import streamlit as st

from fundus_core.io.workspace import Workspace
from fundus_core.ui import wiring
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.data.measured import FOLDER
from fundus_core.workflows.data.measured import n_unmeasured as still_to_measure
from fundus_core.workflows.evaluation.shortcut_strata import Survival, survival_of
from fundus_core.workflows.evaluation.shortcut_strata import survivals as survivals_of
from fundus_core.workflows.evaluation.shortcuts import ShortcutComparison, shortcuts_of
from fundus_core.workflows.evaluation.subgroups import (
    GroupedRun,
    GroupingColumn,
    grouping_columns,
    subgroups_of,
)
from fundus_core.workflows.models.runs import load_run


def columns(run_id: str) -> tuple[GroupingColumn, ...]:
    """Returns the columns by which the photographs of a run can be grouped."""
    place = wiring.workspace()
    return _columns(place, run_id, _token(place, run_id))


def subgroups(
    run_id: str, column: str, class_name: str, *, threshold: float | None, bands: int
) -> GroupedRun:
    """Returns a run in each group of photographs.

    Raises:
        FundusError: As `subgroups_of` does.
    """
    place = wiring.workspace()
    token = _token(place, run_id)
    return _subgroups(place, run_id, column, class_name, threshold, bands, token)


def n_unmeasured(run_id: str) -> int:
    """Returns how many photographs of a run's data set were not measured yet."""
    place = wiring.workspace()
    return _n_unmeasured(place, run_id, _token(place, run_id))


def shortcuts(run_id: str, class_name: str) -> ShortcutComparison:
    """Returns a run beside its shortcuts; measures the photographs that were not measured yet.

    Raises:
        FundusError: As `shortcuts_of` does.
    """
    place = wiring.workspace()
    return _shortcuts(place, run_id, class_name, _run_token(place, run_id))


def survivals(run_id: str, class_name: str, *, n_strata: int) -> tuple[Survival, ...]:
    """Returns what is left of a run's AUC within the strata of each family of shortcuts."""
    return survivals_of(shortcuts(run_id, class_name), n_strata=n_strata)


def survival(run_id: str, class_name: str, key: str, *, n_strata: int) -> Survival:
    """Returns what is left within the strata of one shortcut."""
    return survival_of(shortcuts(run_id, class_name), key, n_strata=n_strata)


def _run_token(place: Workspace, run_id: str) -> tuple[object, ...]:
    """Returns what changes with the run or its data set."""
    return (
        *wiring.run_token(run_id),
        *wiring.token_of(place.datasets),
    )


def _token(place: Workspace, run_id: str) -> tuple[object, ...]:
    """Returns what changes with the run, its data set, or what was measured."""
    return (*_run_token(place, run_id), *wiring.token_of(place.root / FOLDER))


@st.cache_data(show_spinner=False, max_entries=32)
def _columns(place: Workspace, run_id: str, token: object) -> tuple[GroupingColumn, ...]:
    run = load_run(place, run_id)
    return grouping_columns(place, stored_dataset(place, run.dataset_id), run.target)


@st.cache_resource(show_spinner="Measuring each group…", max_entries=64)
def _subgroups(
    place: Workspace,
    run_id: str,
    column: str,
    class_name: str,
    threshold: float | None,
    bands: int,
    token: object,
) -> GroupedRun:
    run = load_run(place, run_id)
    return subgroups_of(place, run, column, class_name or None, threshold=threshold, bands=bands)


@st.cache_data(show_spinner=False, max_entries=32)
def _n_unmeasured(place: Workspace, run_id: str, token: object) -> int:
    run = load_run(place, run_id)
    return still_to_measure(place, stored_dataset(place, run.dataset_id))


@st.cache_resource(show_spinner="Measuring photographs and fitting the shortcuts…", max_entries=16)
def _shortcuts(place: Workspace, run_id: str, class_name: str, token: object) -> ShortcutComparison:
    found = shortcuts_of(place, load_run(place, run_id), class_name or None)
    wiring.spare_the_collector()
    return found
