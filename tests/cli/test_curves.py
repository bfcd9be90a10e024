"""`fundus curves` and `fundus tests`: what people and machines read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fundus_core.io.workspace import Workspace
from tests.cli.conftest import Fundus
from tests.workflows.evaluation.test_metrics import DR, GRADE, held_out, stored

SHORT = ("--resamples", 100)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace with two models of one disease, and one of three grades."""
    workspace = Workspace(tmp_path / "workspace")
    stored(workspace, DR, held_out(DR), run_id="one")
    stored(workspace, DR, held_out(DR, seed=1), run_id="two")
    stored(workspace, GRADE, held_out(GRADE), run_id="grades")
    return workspace


def test_curves__print_areas_and_rates_with_intervals(fundus: Fundus, place: Workspace) -> None:
    part = ("--from", 0.5)
    report = fundus("curves", "one", *SHORT, *part, "--json").json
    told = fundus("curves", "one", *SHORT, *part).stdout

    area = report["partial_aucs"][0]["area"]
    ends = f"{area['value']:.3f} (95 % CI {area['low']:.3f} to {area['high']:.3f})"
    assert f"partial AUC, specificity 0.5 to 1: {ends}; corrected " in told
    rate = report["rates"][0]
    assert f"sensitivity at specificity 0.5: {rate['value']:.3f} (95 % CI" in told
    assert f"prevalence {report['precision_recall']['prevalence']:.3f}" in told
    assert "BCa bootstrap of patients" in told


def test_curves__give_the_points_of_curves_and_bands(fundus: Fundus, place: Workspace) -> None:
    report = fundus("curves", "one", *SHORT, "--json").json

    assert set(report["roc_bands"]) == {"pointwise", "simultaneous"}
    band = report["roc_bands"]["simultaneous"]
    assert len(band["low"]) == len(band["high"]) == len(band["false_positive_rate"]) == 101
    assert report["roc"]["threshold"][0] is None  # +inf
    assert report["roc"]["true_positive_rate"][-1] == 1.0
    assert report["precision_recall"]["recall"][-1] == 1.0
    assert np.all(np.diff(report["precision_band"]["recall"]) > 0)


def test_curves__take_another_range(fundus: Fundus, place: Workspace) -> None:
    report = fundus("curves", "one", *SHORT, "--from", 0.5, "--to", 0.8, "--json").json
    refused = fundus("curves", "one", "--from", 0.8, "--to", 0.5)

    assert {(one["start"], one["end"]) for one in report["partial_aucs"]} == {(0.5, 0.8)}
    assert report["rates"][0]["at"] == 0.5
    assert (refused.exit_code, "from 0.8 to 0.5" in refused.stderr) == (2, True)


def test_curves__of_grades_are_pairs_unless_a_grade_is_named(
    fundus: Fundus, place: Workspace
) -> None:
    report = fundus("curves", "grades", *SHORT, "--json").json
    told = fundus("curves", "grades", *SHORT).stdout
    one = fundus("curves", "grades", "--class", "2", *SHORT, "--json").json

    pairs = [(pair["class_a"], pair["class_b"]) for pair in report["pairs"]]
    assert pairs == [("0", "1"), ("0", "2"), ("1", "2")]
    assert f"over pairs of classes: {report['hand_till']['value']:.3f} (95 % CI" in told
    assert one["class"] == "2"


def test_curves__of_a_perfect_model_say_why_there_is_no_interval(
    fundus: Fundus, tmp_path: Path
) -> None:
    said = held_out(DR)
    noise = np.linspace(0, 0.1, 80)[:, None]
    perfect = replace(said, y_score=said.y_true * 0.8 + noise)
    stored(Workspace(tmp_path / "workspace"), DR, perfect)

    told = fundus("curves", "run", *SHORT, "--from", 0.5).stdout

    assert "0.500 (no interval: all resamples give the same value)" in told


def test_tests__print_difference_method_and_assumptions(fundus: Fundus, place: Workspace) -> None:
    report = fundus("tests", "one", "two", "--test", "sensitivity-at", "--at", 0.7, "--json").json
    told = fundus("tests", "one", "two", "--test", "sensitivity-at", "--at", 0.7).stdout

    (pair,) = report["pairs"]
    assert report["compared"] == "sensitivity at a specificity of 0.7"
    assert told.startswith("Sensitivity at a specificity of 0.7 for 1, on 80 photographs")
    assert f"= {pair['difference']:+.3f} ({pair['low']:+.3f} to {pair['high']:+.3f})" in told
    assert pair["assumptions"] in told
    assert pair["p_holm"] == pair["p_value"]


def test_curves_and_tests__say_that_too_few_patients_lie_in_the_part(
    fundus: Fundus, place: Workspace
) -> None:
    told = fundus("curves", "one", *SHORT).stdout
    refused = fundus("tests", "one", "two", "--test", "partial-auc")

    few = "only 2.0 of the 20 healthy patients lie beyond a specificity of 0.9; 10 are needed"
    assert f"(no interval: {few})" in told
    assert refused.exit_code == 2
    assert f"Partial areas cannot be tested: {few}." in refused.stderr


def test_tests__of_permutations_have_no_interval(fundus: Fundus, place: Workspace) -> None:
    report = fundus("tests", "one", "two", "--test", "permutation", *SHORT, "--json").json
    told = fundus("tests", "one", "two", "--test", "permutation", *SHORT).stdout

    assert report["pairs"][0]["low"] is None
    assert "no interval: a permutation test gives none" in told
    assert "swapping their ranks" in told


def test_tests__of_an_unknown_name_list_the_known_ones(fundus: Fundus, place: Workspace) -> None:
    outcome = fundus("tests", "one", "two", "--test", "wilcoxon")

    assert outcome.exit_code == 2
    assert "no test 'wilcoxon'" in outcome.stderr
    assert "permutation" in outcome.stderr


@pytest.mark.parametrize(
    ("test", "options", "said"),
    [
        ("bootstrap", ("--from", 0.5), "--from 0.5 is not looked at by the test bootstrap"),
        ("permutation", ("--to", 0.5), "--to 0.5 is not looked at by the test permutation"),
        ("partial-auc", ("--at", 0.5), "--at 0.5 is not looked at by the test partial-auc"),
        ("sensitivity-at", ("--from", 0.5), "--from 0.5 is not looked at by the test sensitivity"),
        ("partial-auc", ("--to", 0.5), "The range is from 0.9 to 0.5; it ends before it begins"),
        ("partial-auc", ("--from", 1), "The range is from 1 to 1; it has no width"),
    ],
)
def test_tests__refuses_a_part_of_the_curve_that_is_none_or_that_it_does_not_look_at(
    fundus: Fundus, place: Workspace, test: str, options: tuple[str, float], said: str
) -> None:
    refused = fundus("tests", "one", "two", "--test", test, *options)

    assert refused.exit_code == 2
    assert said in " ".join(refused.stderr.split())
