"""Calibration and decision curves as the dashboard remembers them: `wiring` for one page."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.io.workspace import Workspace
from fundus_core.stats.reliability import Binning
from fundus_core.stats.score_maps import Recalibration
from fundus_core.ui import wiring
from fundus_core.workflows.evaluation.calibration import ModelCalibration, calibration_of
from fundus_core.workflows.evaluation.decision_curves import DecisionCurves, decision_curve_of


def calibration(
    run_id: str,
    class_name: str = "",
    *,
    n_bins: int = 10,
    binning: Binning = "mass",
    recalibration: Recalibration | None = None,
    prevalence: float | None = None,
) -> ModelCalibration:
    """Returns the calibration of a run, of one class or of all.

    Raises:
        FundusError: As `calibration_of` does.
    """
    place = wiring.workspace()
    token = wiring.run_token(run_id)
    return _calibration(
        place, run_id, class_name, n_bins, binning, recalibration, prevalence, token
    )


def decisions(
    run_ids: Sequence[str],
    class_name: str,
    *,
    prevalence: float | None = None,
    recalibration: Recalibration | None = None,
    common: bool = False,
) -> DecisionCurves:
    """Returns the decision curves of runs on one class.

    Raises:
        FundusError: As `decision_curve_of` does.
    """
    place = wiring.workspace()
    token = wiring.runs_token()
    return _decisions(place, tuple(run_ids), class_name, prevalence, recalibration, common, token)


@st.cache_data(show_spinner="Resampling patients…", max_entries=64)
def _calibration(
    place: Workspace,
    run_id: str,
    class_name: str,
    n_bins: int,
    binning: Binning,
    recalibration: Recalibration | None,
    prevalence: float | None,
    token: object,
) -> ModelCalibration:
    return calibration_of(
        place,
        run_id,
        class_name or None,
        n_bins=n_bins,
        binning=binning,
        recalibration=recalibration,
        prevalence=prevalence,
    )


@st.cache_data(show_spinner="Resampling patients…", max_entries=32)
def _decisions(
    place: Workspace,
    run_ids: tuple[str, ...],
    class_name: str,
    prevalence: float | None,
    recalibration: Recalibration | None,
    common: bool,
    token: object,
) -> DecisionCurves:
    return decision_curve_of(
        place,
        run_ids,
        class_name or None,
        prevalence=prevalence,
        recalibration=recalibration,
        common=common,
    )
