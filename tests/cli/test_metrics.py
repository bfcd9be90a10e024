"""`fundus metrics`: what people and machines read."""

import json
from dataclasses import replace
from pathlib import Path

from fundus_core.io.workspace import Workspace
from tests.cli.conftest import Fundus
from tests.workflows.evaluation.test_metrics import DISEASES, DR, FOLD, STAGE, held_out, stored

SHORT = ("--resamples", 100)


def test_metrics__print_the_interval_and_every_fold(fundus: Fundus, tmp_path: Path) -> None:
    stored(Workspace(tmp_path / "workspace"), DR, held_out(DR))

    report = fundus("metrics", "run", *SHORT, "--json").json
    told = fundus("metrics", "run", *SHORT).stdout

    auc = report["metrics"][0]
    assert auc["metric"] == "auc"
    assert auc["low"] < auc["value"] < auc["high"]
    assert len(auc["folds"]) == 4
    assert [one["fold"] for one in report["thresholds"]] == [1, 2, 3, 4]
    assert {one["class"] for one in report["thresholds"]} == {"1"}
    assert report["method"] == "BCa bootstrap of patients, stratified, 100 resamples"
    folds = ", ".join(f"{value:.3f}" for value in auc["folds"])
    interval = f"{auc['low']:.3f} to {auc['high']:.3f}"
    assert f"AUC: {auc['value']:.3f} (95 % CI {interval}); folds {folds}" in told
    assert "Youden's J on the other folds" in told


def test_metrics__say_what_is_left_out_and_why(fundus: Fundus, tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    stored(place, STAGE, held_out(STAGE), run_id="stages")
    stored(place, DISEASES, held_out(DISEASES), run_id="diseases")

    stages = fundus("metrics", "stages", *SHORT).stdout
    diseases = fundus("metrics", "diseases", *SHORT).stdout

    assert "quadratic kappa: none, its classes are not numbers" in stages
    assert "The class with the highest score is decided for." in stages
    assert "Averages are over 2 of 3 classes: dr, amd." in diseases
    assert "one half where there is nothing to choose them on" in diseases


def test_metrics__of_a_perfect_model_have_no_interval(fundus: Fundus, tmp_path: Path) -> None:
    said = held_out(DR)
    perfect = replace(said, y_score=said.y_true * 0.8 + FOLD[:, None] * 0.01)
    stored(Workspace(tmp_path / "workspace"), DR, perfect)

    told = fundus("metrics", "run", *SHORT)
    report = fundus("metrics", "run", *SHORT, "--json").stdout

    assert "AUC: 1.000 (no interval: all resamples give the same value)" in told.stdout
    assert json.loads(report)["metrics"][0]["low"] is None


def test_metrics__of_an_unknown_run_say_what_there_is(fundus: Fundus) -> None:
    outcome = fundus("metrics", "nothing")

    assert outcome.exit_code == 2
    assert "There is no run 'nothing'" in outcome.stderr
