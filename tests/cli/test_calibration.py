"""`fundus calibrate` and `fundus decision-curve`: what people and machines read."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fundus_core.io.workspace import Workspace
from tests.cli.conftest import Fundus
from tests.workflows.evaluation.test_metrics import DISEASES, DR, STAGE, held_out, stored

SHORT = ("--resamples", 100)


def test_calibrate__prints_figures_with_intervals_and_what_was_true_of_each_bin(
    fundus: Fundus, tmp_path: Path
) -> None:
    stored(Workspace(tmp_path / "workspace"), DR, held_out(DR))

    (report,) = fundus("calibrate", "run", "--bins", 4, *SHORT, "--json").json
    told = fundus("calibrate", "run", "--bins", 4, *SHORT).stdout

    (one,) = report["classes"]
    slope = one["slope"]
    assert slope["low"] < slope["value"] < slope["high"]
    shown = f"{slope['value']:.3f} (95 % CI {slope['low']:.3f} to {slope['high']:.3f})"
    assert f"slope {shown}" in told
    assert f"ECE {one['ece']:.3f} (by chance alone {one['ece_by_chance']:.3f})" in told
    assert len(one["bins"]) == 4
    first = one["bins"][0]
    assert f"predicted {100 * first['predicted']:5.1f} %: observed" in told
    assert report["recalibration"] is None


def test_calibrate__shows_before_and_after_recalibration_and_the_folds(
    fundus: Fundus, tmp_path: Path
) -> None:
    stored(Workspace(tmp_path / "workspace"), DR, held_out(DR))

    (report,) = fundus("calibrate", "run", "--recalibrate", "platt", *SHORT, "--json").json
    told = fundus("calibrate", "run", "--recalibrate", "platt", *SHORT).stdout

    assert report["recalibration"]["folds"] == 4
    assert {one["n_patients"] for one in report["recalibration"]["maps"]} == {30}
    after = report["classes"][0]["after"]
    assert f"after: slope {after['slope']['value']:.3f}" in told
    assert "each of 4 folds (cross-validation) mapped by the others" in told


def test_calibrate__of_several_classes_says_what_is_left_out_and_why(
    fundus: Fundus, tmp_path: Path
) -> None:
    place = Workspace(tmp_path / "workspace")
    stored(place, DISEASES, held_out(DISEASES), run_id="diseases")
    stored(place, STAGE, held_out(STAGE), run_id="stages")

    diseases = fundus("calibrate", "diseases", "--recalibrate", "isotonic", *SHORT).stdout
    stages = fundus("calibrate", "stages", *SHORT).stdout
    one = fundus("calibrate", "stages", "--class", "mild", *SHORT).stdout

    assert "not recalibrated: Without fold" in diseases
    assert "Class decided for: right" in stages
    assert "Class decided for" not in one


def test_calibrate__says_that_scores_of_zero_and_one_have_no_logit(
    fundus: Fundus, tmp_path: Path
) -> None:
    said = held_out(DR)
    votes = replace(said, y_score=np.round(5 * said.y_score) / 5)
    stored(Workspace(tmp_path / "workspace"), DR, votes)

    told = fundus("calibrate", "run", *SHORT).stdout

    n_certain = np.isin(votes.y_score, (0, 1)).sum()
    assert f"{n_certain} predictions of 0 or 1" in told


def test_calibrate__at_another_prevalence_is_cautioned(fundus: Fundus, tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    stored(place, DR, held_out(DR))
    stored(place, DISEASES, held_out(DISEASES), run_id="diseases")

    told = fundus("calibrate", "run", "--prevalence", 0.05, *SHORT).stdout
    several = fundus("calibrate", "diseases", "--prevalence", 0.05, *SHORT)
    percent = fundus("calibrate", "run", "--prevalence", 5)

    assert "at prevalence 0.05" in told
    assert "FD015" in told
    assert several.exit_code == 2
    assert "Choose the class" in several.stderr
    assert percent.exit_code == 2
    assert "Write 5 % as 0.05" in percent.stderr


def test_calibrate__of_an_unknown_method_says_which_there_are(fundus: Fundus) -> None:
    outcome = fundus("calibrate", "run", "--recalibrate", "magic")

    assert outcome.exit_code == 2
    assert "platt, isotonic, temperature" in outcome.stderr


def test_decision_curve__prints_models_beside_treating_all_and_their_differences(
    fundus: Fundus, tmp_path: Path
) -> None:
    place = Workspace(tmp_path / "workspace")
    stored(place, DR, held_out(DR), run_id="a")
    stored(place, DR, held_out(DR, seed=1), run_id="b")

    report = fundus("decision-curve", "a", "b", *SHORT, "--json").json
    told = fundus("decision-curve", "a", "b", *SHORT).stdout

    at_half = next(row for row in report["models"][0]["curve"] if row["threshold"] == 0.5)
    assert f"threshold 0.50: {100 * at_half['net_benefit']:+.2f} (" in told
    assert f"treating all {100 * at_half['treat_all']:+.2f}, none 0" in told
    other = next(row for row in report["models"][1]["curve"] if row["threshold"] == 0.5)
    difference = report["differences"][0]["curve"][49]
    assert difference["threshold"] == 0.5
    assert abs(difference["difference"] - at_half["net_benefit"] + other["net_benefit"]) < 1e-12
    assert "per 100 photographs" in told


def test_decision_curve__without_intervals_says_why_and_prints_no_nan(
    fundus: Fundus, tmp_path: Path
) -> None:
    said = held_out(DISEASES)  # rvo is had by one patient
    stored(Workspace(tmp_path / "workspace"), DISEASES, said)

    told = fundus("decision-curve", "run", "--class", "rvo", *SHORT).stdout
    report = fundus("decision-curve", "run", "--class", "rvo", *SHORT, "--json").json

    assert "No intervals: only 1 patient with the class" in told
    assert "nan" not in told
    assert report["models"][0]["curve"][0]["net_benefit_low"] is None
