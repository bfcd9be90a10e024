"""Models at thresholds as the dashboard remembers them between reruns: `wiring` for the ROC page.

A patient's row stands for all photographs of the patient where `aggregate` names how their scores
are put together; it is None for photographs.
"""

import streamlit as st

from fundus_core.io.workspace import Workspace
from fundus_core.plots.roc import RocTrace
from fundus_core.stats.patient_level import patient_level
from fundus_core.stats.threshold_rules import RuleChoice, threshold_to_write
from fundus_core.ui import auc_caches, wiring
from fundus_core.workflows.evaluation import confusion as workflow
from fundus_core.workflows.evaluation.aligned import ScoredModel
from fundus_core.workflows.evaluation.operating import OperatingResult, at_threshold, operate
from fundus_core.workflows.evaluation.roc_traces import roc_trace
from fundus_core.workflows.evaluation.viewed import viewed


def model_at(run_id: str, class_name: str, aggregate: str | None) -> ScoredModel:
    """Returns one class of a run, a row per photograph or patient.

    Raises:
        ScoresError: If patients are asked for and are unknown.
    """
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    return _model_at(place, run_id, class_name, aggregate, token)


def photographs(run_id: str) -> frozenset[str]:
    """Returns the ids of the photographs that a run was judged on."""
    place = wiring.workspace()
    return _photographs(place, run_id, wiring.run_token(run_id))


def roc(run_id: str, class_name: str, aggregate: str | None) -> RocTrace:
    """Returns the ROC curve of photographs or patients, with its band and its AUC.

    Raises:
        SingleClassError: If there are not both kinds.
        ScoresError: As `model_at` does.
    """
    if aggregate is None:
        return auc_caches.roc(run_id, class_name)
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    return _patient_roc(place, run_id, class_name, aggregate, token)


def baseline_roc(run_id: str, class_name: str, aggregate: str | None) -> RocTrace | None:
    """Returns the ROC curve of the mean colour in the folds of a run; None where there is none."""
    if aggregate is None:
        return auc_caches.baseline_roc(run_id, class_name)
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    return _patient_baseline_roc(place, run_id, class_name, aggregate, token)


def by_rule(
    run_id: str, class_name: str, aggregate: str | None, choice: RuleChoice
) -> OperatingResult:
    """Returns a run at the thresholds that a rule chooses where it flatters least.

    Raises:
        SingleClassError: If there are not both kinds.
        ScoresError: As `model_at` does.
    """
    place = wiring.workspace()
    return _by_rule(place, run_id, class_name, aggregate, choice, wiring.runs_token())


def sought(run_id: str, class_name: str, aggregate: str | None, choice: RuleChoice) -> float:
    """Returns the threshold that a rule finds on the very rows it is judged on.

    Raises:
        ScoresError: As `model_at` does.
    """
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    return _sought(place, run_id, class_name, aggregate, choice, token)


def at(
    run_id: str,
    class_name: str,
    aggregate: str | None,
    threshold: float,
    sought_by: RuleChoice | None,
) -> OperatingResult:
    """Returns a run at one threshold; see `at_threshold`.

    Raises:
        ScoresError: As `model_at` does.
    """
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    return _at(place, run_id, class_name, aggregate, threshold, sought_by, token)


def confusion(run_id: str) -> workflow.ConfusionResult:
    """Returns the confusion matrix of a run of several classes that exclude one another."""
    place = wiring.workspace()
    return _confusion(place, run_id, wiring.run_token(run_id))


@st.cache_resource(show_spinner=False, max_entries=32)
def _model_at(
    place: Workspace, run_id: str, class_name: str, aggregate: str | None, token: object
) -> ScoredModel:
    run = wiring.run(run_id)
    whole = ScoredModel(run.id, wiring.predictions(run_id), run.cautions)
    return viewed(whole, class_name or None, aggregate)


@st.cache_resource(show_spinner=False, max_entries=32)
def _photographs(place: Workspace, run_id: str, token: object) -> frozenset[str]:
    return frozenset(wiring.predictions(run_id).image_ids)


@st.cache_resource(show_spinner="Resampling for the band of the curve…", max_entries=64)
def _patient_roc(
    place: Workspace, run_id: str, class_name: str, aggregate: str, token: object
) -> RocTrace:
    return roc_trace(model_at(run_id, class_name, aggregate).predictions, with_band=True)


@st.cache_resource(show_spinner=False, max_entries=64)
def _patient_baseline_roc(
    place: Workspace, run_id: str, class_name: str, aggregate: str, token: object
) -> RocTrace | None:
    found = wiring.baseline(run_id)
    if found is None:
        return None
    return roc_trace(patient_level(found.binary(class_name or None), aggregate))


@st.cache_resource(show_spinner=False, max_entries=128)
def _by_rule(
    place: Workspace,
    run_id: str,
    class_name: str,
    aggregate: str | None,
    choice: RuleChoice,
    token: object,
) -> OperatingResult:
    return operate(place, run_id, class_name=class_name or None, aggregate=aggregate, choice=choice)


@st.cache_data(show_spinner=False, max_entries=128)
def _sought(
    place: Workspace,
    run_id: str,
    class_name: str,
    aggregate: str | None,
    choice: RuleChoice,
    token: object,
) -> float:
    said = model_at(run_id, class_name, aggregate).predictions
    return threshold_to_write(said.y_true[:, 0], said.y_score[:, 0], choice)


@st.cache_resource(show_spinner=False, max_entries=128)
def _at(
    place: Workspace,
    run_id: str,
    class_name: str,
    aggregate: str | None,
    threshold: float,
    sought_by: RuleChoice | None,
    token: object,
) -> OperatingResult:
    model = model_at(run_id, class_name, aggregate)
    return at_threshold(model, threshold, aggregate=aggregate, sought_by=sought_by)


@st.cache_resource(show_spinner="Resampling patients…", max_entries=32)
def _confusion(place: Workspace, run_id: str, token: object) -> workflow.ConfusionResult:
    return workflow.confusion(place, run_id)
