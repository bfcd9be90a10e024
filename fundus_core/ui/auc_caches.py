"""AUCs, ROC curves and comparisons as the dashboard remembers them: `wiring` for evaluation."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.io.workspace import Workspace
from fundus_core.plots.roc import RocTrace
from fundus_core.stats.classes import ClassAucs
from fundus_core.stats.roc import roc_curve
from fundus_core.ui import wiring
from fundus_core.workflows.evaluation import classes as of_classes
from fundus_core.workflows.evaluation import compare
from fundus_core.workflows.evaluation import mean_colour as of_colour
from fundus_core.workflows.evaluation.aucs import aucs_of
from fundus_core.workflows.evaluation.mean_colour import MeanColour
from fundus_core.workflows.evaluation.roc_traces import roc_trace


def roc(run_id: str, class_name: str = "") -> RocTrace:
    """Returns a run's ROC curve for one class against the rest, with its band and its AUC."""
    place = wiring.workspace()
    return _roc(place, run_id, class_name, wiring.run_token(run_id))


def baseline_roc(run_id: str, class_name: str = "") -> RocTrace | None:
    """Returns the ROC curve of the mean colour in the folds of a run; None where there is none."""
    place = wiring.workspace()
    return _baseline_roc(place, run_id, class_name, wiring.run_token(run_id))


def class_rocs(run_id: str) -> tuple[tuple[RocTrace, ...], ClassAucs]:
    """Returns a ROC curve, without band, for each class of a run that has one, and all AUCs."""
    place = wiring.workspace()
    return _class_rocs(place, run_id, wiring.run_token(run_id))


def baseline_classes(run_id: str) -> ClassAucs | None:
    """Returns the AUCs of the mean colour in the folds of a run; None where there are none."""
    place = wiring.workspace()
    return _baseline_classes(place, run_id, wiring.run_token(run_id))


def class_comparison(run_ids: Sequence[str], *, common: bool = False) -> of_classes.ClassComparison:
    """Compares evaluated models on all of their classes."""
    place = wiring.workspace()
    return _class_comparison(place, tuple(run_ids), common, wiring.runs_token())


def comparison(
    run_ids: Sequence[str],
    class_name: str = "",
    *,
    common: bool = False,
    aggregate: str | None = None,
) -> compare.Comparison:
    """Compares evaluated models on one class, photograph by photograph or patient by patient."""
    place = wiring.workspace()
    token = wiring.runs_token()
    return _comparison(place, tuple(run_ids), class_name, common, aggregate, token)


def mean_colours(
    run_ids: Sequence[str], class_name: str = "", *, aggregate: str | None = None
) -> dict[str, MeanColour]:
    """Returns what the mean colour reaches in the folds of each run, where they are compared."""
    place = wiring.workspace()
    return _mean_colours(place, tuple(run_ids), class_name, aggregate, wiring.runs_token())


@st.cache_data(show_spinner="Resampling for the band of the curve…", max_entries=64)
def _roc(place: Workspace, run_id: str, class_name: str, token: object) -> RocTrace:
    return roc_trace(wiring.predictions(run_id).binary(class_name or None), with_band=True)


@st.cache_data(show_spinner=False, max_entries=64)
def _baseline_roc(place: Workspace, run_id: str, class_name: str, token: object) -> RocTrace | None:
    found = wiring.baseline(run_id)
    if found is None:
        return None
    return roc_trace(found.binary(class_name or None))


@st.cache_data(show_spinner=False, max_entries=64)
def _class_rocs(
    place: Workspace, run_id: str, token: object
) -> tuple[tuple[RocTrace, ...], ClassAucs]:
    said = wiring.predictions(run_id)
    found = aucs_of(said)
    curves = tuple(
        RocTrace(
            row.class_name, roc_curve(said.y_true[:, index], said.y_score[:, index]), row.interval
        )
        for index, row in enumerate(found.classes)
        if row.interval is not None
    )
    return curves, found


@st.cache_data(show_spinner=False, max_entries=64)
def _baseline_classes(place: Workspace, run_id: str, token: object) -> ClassAucs | None:
    found = wiring.baseline(run_id)
    return None if found is None else aucs_of(found)


@st.cache_data(show_spinner="Comparing AUCs…", max_entries=64)
def _class_comparison(
    place: Workspace, run_ids: tuple[str, ...], common: bool, token: object
) -> of_classes.ClassComparison:
    return of_classes.compare_classes(place, run_ids, common=common)


@st.cache_data(show_spinner="Comparing AUCs…", max_entries=64)
def _comparison(
    place: Workspace,
    run_ids: tuple[str, ...],
    class_name: str,
    common: bool,
    aggregate: str | None,
    token: object,
) -> compare.Comparison:
    return compare.compare(
        place, run_ids, class_name=class_name or None, common=common, aggregate=aggregate
    )


@st.cache_data(show_spinner=False, max_entries=64)
def _mean_colours(
    place: Workspace,
    run_ids: tuple[str, ...],
    class_name: str,
    aggregate: str | None,
    token: object,
) -> dict[str, MeanColour]:
    return of_colour.mean_colours(
        place, run_ids, class_name=class_name or None, aggregate=aggregate
    )
