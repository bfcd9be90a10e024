"""Curves and tests as the dashboard remembers them between reruns: `wiring` for their panels.

A row stands for all photographs of a patient where `aggregate` names how their scores are put
together; it is None for photographs.
"""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import xxhash

from fundus_core.io.workspace import Workspace
from fundus_core.plots import roc as plots
from fundus_core.plots.roc import RocTrace
from fundus_core.stats.fixed_rates import FixedRate
from fundus_core.stats.hand_till import HandTillAuc
from fundus_core.stats.partial_auc import Axis, PartialAuc
from fundus_core.stats.roc import RocBand
from fundus_core.ui import operating_caches, wiring
from fundus_core.workflows.evaluation import curves as workflow
from fundus_core.workflows.evaluation import other_tests
from fundus_core.workflows.evaluation.curves import PartialRange, PrecisionRecall
from fundus_core.workflows.evaluation.other_tests import OtherSettings, OtherTests


def _content(trace: RocTrace) -> str:
    """Returns what changes with anything that is drawn of a curve, every corner of it included."""
    found = xxhash.xxh3_128(repr((trace.name, trace.interval, trace.marked)).encode())
    for part in (trace.curve, trace.band):
        for field in () if part is None else fields(part):
            value = getattr(part, field.name)
            is_array = isinstance(value, np.ndarray)
            found.update(value.tobytes() if is_array else repr(value).encode())
    return found.hexdigest()


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs={RocTrace: _content})
def roc_figure(traces: tuple[RocTrace, ...], baseline: RocTrace | None) -> go.Figure:
    """Returns ROC curves as a figure, which takes longer to make than to send; do not change it."""
    return plots.roc_figure(traces, baseline)


def simultaneous_band(run_id: str, class_name: str, aggregate: str | None = None) -> RocBand:
    """Returns the band that holds the whole ROC curve of a run.

    Raises:
        FundusError: If there are not both kinds, or patients are asked for and unknown.
    """
    return _simultaneous_band(wiring.workspace(), run_id, class_name, aggregate, _token(run_id))


def precision_recall(run_id: str, class_name: str, aggregate: str | None = None) -> PrecisionRecall:
    """Returns the precision-recall curve of a run with its band and average.

    Raises:
        FundusError: As `simultaneous_band` does.
    """
    return _precision_recall(wiring.workspace(), run_id, class_name, aggregate, _token(run_id))


def partial(
    run_id: str, class_name: str, axis: Axis, part: PartialRange, aggregate: str | None = None
) -> tuple[PartialAuc, FixedRate]:
    """Returns a partial AUC of a run, and the other rate at the lower end of its range.

    Raises:
        FundusError: As `simultaneous_band` does.
    """
    place = wiring.workspace()
    return _partial(place, run_id, class_name, axis, part, aggregate, _token(run_id))


def hand_till(run_id: str) -> HandTillAuc:
    """Returns Hand and Till's AUC of a run of several classes that exclude one another."""
    return _hand_till(wiring.workspace(), run_id, _token(run_id))


def compared(
    run_ids: Sequence[str],
    test: str,
    settings: OtherSettings,
    class_name: str = "",
    *,
    common: bool = False,
) -> OtherTests:
    """Tests all pairs of runs in one way.

    Raises:
        FundusError: If they cannot be tested so.
    """
    place = wiring.workspace()
    token = wiring.runs_token()
    return _compared(place, tuple(run_ids), test, settings, class_name, common, token)


def _token(run_id: str) -> object:
    return wiring.run_token(run_id)


@st.cache_resource(show_spinner="Resampling for the band of the curve…", max_entries=64)
def _simultaneous_band(
    place: Workspace, run_id: str, class_name: str, aggregate: str | None, token: object
) -> RocBand:
    said = operating_caches.model_at(run_id, class_name, aggregate).predictions
    return workflow.band_of(said, "simultaneous")


@st.cache_resource(show_spinner="Resampling for precision and recall…", max_entries=64)
def _precision_recall(
    place: Workspace, run_id: str, class_name: str, aggregate: str | None, token: object
) -> PrecisionRecall:
    said = operating_caches.model_at(run_id, class_name, aggregate).predictions
    return workflow.precision_recall_of(said)


@st.cache_resource(show_spinner="Resampling for the partial area…", max_entries=256)
def _partial(
    place: Workspace,
    run_id: str,
    class_name: str,
    axis: Axis,
    part: PartialRange,
    aggregate: str | None,
    token: object,
) -> tuple[PartialAuc, FixedRate]:
    said = operating_caches.model_at(run_id, class_name, aggregate).predictions
    return workflow.partial_of(said, axis, part), workflow.rate_of(said, axis, part.start)


@st.cache_resource(show_spinner="Resampling patients…", max_entries=32)
def _hand_till(place: Workspace, run_id: str, token: object) -> HandTillAuc:
    return workflow.hand_till_of(wiring.predictions(run_id))


@st.cache_resource(show_spinner="Drawing patients anew…", max_entries=64)
def _compared(
    place: Workspace,
    run_ids: tuple[str, ...],
    test: str,
    settings: OtherSettings,
    class_name: str,
    common: bool,
    token: object,
) -> OtherTests:
    return other_tests.run_test(
        place, run_ids, test, class_name=class_name or None, common=common, settings=settings
    )
