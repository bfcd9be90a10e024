"""The command that tells what acting on predicted probabilities is worth."""

from typing import Annotated, Any

import numpy as np
import typer

from fundus_core.cli import options
from fundus_core.cli.calibration import (
    ClassName,
    Prevalence,
    Recalibrate,
    Runs,
    recalibration_named,
)
from fundus_core.cli.output import print_cautions, print_json, print_line
from fundus_core.io.workspace import find_workspace
from fundus_core.stats.net_benefit import Band, DecisionCurve
from fundus_core.stats.resampling import FEWEST_UNITS
from fundus_core.workflows.evaluation.decision_curves import DecisionCurves, decision_curve_of

_SHOWN_THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Threshold probabilities that people are shown; machines get all of them."""


def decision_curve(
    runs: Runs,
    class_name: ClassName = None,
    prevalence: Prevalence = None,
    recalibrate: Recalibrate = None,
    common: Annotated[
        bool, typer.Option("--common", help="Use the photographs that all models scored.")
    ] = False,
    resamples: options.Resamples = 2000,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    workspace: options.WorkspaceOption = None,
) -> None:
    """Tells what acting on predicted probabilities is worth, beside treating all and none."""
    found = decision_curve_of(
        find_workspace(workspace),
        runs,
        class_name,
        prevalence=prevalence,
        recalibration=recalibration_named(recalibrate),
        common=common,
        n_resamples=resamples,
        seed=seed,
    )
    if as_json:
        print_json(describe_decisions(found))
        return
    _print_decisions(found)


def describe_decisions(found: DecisionCurves) -> dict[str, Any]:
    """Returns what `decision-curve --json` prints."""
    return {
        "class": found.class_name,
        "n_images": found.n_images,
        "n_patients": found.n_patients,
        "paired": found.paired,
        "recalibration": found.recalibration,
        "models": [
            {
                "run_id": one.run_id,
                "label": one.label,
                "prevalence": one.curve.prevalence,
                "observed_prevalence": one.curve.observed_prevalence,
                "method": one.curve.method,
                "reason": one.curve.reason,
                "curve": one.curve.frame().to_dict("records"),
            }
            for one in found.models
        ],
        "no_probabilities": found.no_probabilities,
        "differences": [
            {
                "run_a": one.run_a,
                "run_b": one.run_b,
                "method": one.result.method,
                "curve": one.result.frame().to_dict("records"),
            }
            for one in found.differences
        ],
        "cautions": found.cautions,
    }


def _print_decisions(found: DecisionCurves) -> None:
    patients = "unknown" if found.n_patients is None else str(found.n_patients)
    print_line(f"{found.class_name}: {found.n_images} photographs, patients: {patients}")
    for one in found.models:
        print_line(
            f"  {one.label}: net benefit per 100 photographs at prevalence "
            f"{one.curve.prevalence:.3f}"
        )
        for at in _SHOWN_THRESHOLDS:
            print_line(f"    {_decision(one.curve, at)}")
        if one.curve.reason:
            print_line(f"    No intervals: {one.curve.reason}.")
    for other in found.differences:
        print_line(f"  {other.label_a} less {other.label_b}, per 100 photographs")
        for at in _SHOWN_THRESHOLDS:
            row = int(np.abs(other.result.thresholds - at).argmin())
            print_line(f"    threshold {at:.2f}: {_with_ends(other.result.difference, row)}")
    print_line(
        f"  Intervals: {found.models[0].curve.method}, each threshold on its own; none where fewer "
        f"than {FEWEST_UNITS} patients would be treated differently."
    )
    if found.no_probabilities:
        print_line(f"  {found.no_probabilities}")
    print_cautions(found.cautions)


def _decision(curve: DecisionCurve, at: float) -> str:
    row = int(np.abs(curve.thresholds - at).argmin())
    return (
        f"threshold {at:.2f}: {_with_ends(curve.model, row)}; treating all "
        f"{100 * curve.treat_all.value[row]:+z.2f}, none 0"
    )


def _with_ends(band: Band, row: int) -> str:
    """Returns a value per 100 photographs with its interval, where it has one."""
    value, low, high = (100 * one[row] for one in (band.value, band.low, band.high))
    return f"{value:+z.2f}" if np.isnan(low) else f"{value:+z.2f} ({low:+z.2f} to {high:+z.2f})"
