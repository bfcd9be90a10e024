"""`fundus operating`: what people and machines read."""

from dataclasses import replace
from pathlib import Path

import pytest

from fundus_core.io.workspace import Workspace
from tests.cli.conftest import Fundus
from tests.workflows.evaluation.test_metrics import DISEASES, DR, GRADE, held_out, stored


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace with a model of one disease."""
    workspace = Workspace(tmp_path / "workspace")
    stored(workspace, DR, held_out(DR))
    return workspace


def test_operating__prints_shares_with_intervals_and_where_the_threshold_is_from(
    fundus: Fundus, place: Workspace
) -> None:
    report = fundus("operating", "run", "--json").json
    told = fundus("operating", "run").stdout

    point = report["point"]
    ends = f"{point['sensitivity_low']:.3f} to {point['sensitivity_high']:.3f}"
    assert f"sensitivity {point['sensitivity']:.3f} ({ends})" in told
    assert "chosen for each fold on the other folds, by highest sensitivity + specificity" in told
    assert [one["fold"] for one in report["thresholds"]] == [1, 2, 3, 4]
    assert (report["source"], report["rule"], report["values"]) == ("other folds", "youden", None)
    assert (report["n"], report["n_patients"]) == (80, 40)


def test_operating__at_a_prevalence_says_what_a_call_is_worth(
    fundus: Fundus, place: Workspace
) -> None:
    options = ("operating", "run", "--prevalence", 0.05, "--level", "patient")

    report = fundus(*options, "--json").json
    told = fundus(*options).stdout

    assert report["level"] == "patient"
    assert report["n"] == 40
    values = report["values"]
    assert 0 < values["positive"]["low"] < values["positive"]["value"] < values["positive"]["high"]
    assert f"positive predictive value {values['positive']['value']:.3f}" in told
    assert "Of 100 patients with the disease" in told
    assert "Of 1,000 patients screened where 5 % have the disease (50 of them)" in told


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("specificity=0.9", "specificity of at least 0.9"),
        ("sensitivity=0.95", "sensitivity of at least 0.95"),
        ("cost=10", "a miss costing 10 times a false alarm, prevalence 0.1"),
    ],
)
def test_operating__takes_every_rule(
    fundus: Fundus, place: Workspace, rule: str, said: str
) -> None:
    outcome = fundus("operating", "run", "--rule", rule, "--prevalence", 0.1)

    assert outcome.exit_code == 0, outcome.stderr
    assert said in outcome.stdout


def test_operating__sought_on_what_it_judges_is_warned_of(fundus: Fundus, place: Workspace) -> None:
    stored(place, DR, held_out(DR, fold=None), run_id="single")
    there = replace(held_out(DR, seed=1), image_ids=tuple(f"o{row}" for row in range(80)))
    stored(place, DR, there, run_id="there")

    here = fundus("operating", "single").stdout
    elsewhere = fundus("operating", "run", "--on", "there").stdout

    assert "sought on what it is judged on" in here
    assert "FD017" in here
    assert "chosen on the held-out photographs of run" in elsewhere
    assert "FD017" not in elsewhere


def test_operating__at_a_fixed_threshold_says_that_it_is(fundus: Fundus, place: Workspace) -> None:
    told = fundus("operating", "run", "--threshold", 0.4).stdout

    assert "threshold 0.400, fixed beforehand" in told


def test_operating__of_several_classes_prints_the_confusion_matrix(
    fundus: Fundus, place: Workspace
) -> None:
    stored(place, GRADE, held_out(GRADE), run_id="grades")
    stored(place, DISEASES, held_out(DISEASES), run_id="diseases")

    report = fundus("operating", "grades", "--json").json
    told = fundus("operating", "grades").stdout
    one = fundus("operating", "grades", "--class", "2", "--json").json
    refused = fundus("operating", "diseases")

    assert sum(cell["count"] for cell in report["cells"]) == report["n"] == 80
    assert report["metrics"][0]["metric"] == "quadratic_kappa"
    assert "quadratic kappa: " in told
    assert "said 2" in told
    assert one["class"] == "2"
    assert refused.exit_code == 2
    assert "dr, amd, rvo" in refused.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rule", "topleft"), "must be one of youden"),
        (("--rule", "specificity"), "needs a number"),
        (("--rule", "specificity=high"), "high"),
        (("--rule", "specificity=90"), "from 0 to 1"),
        (("--rule", "cost=10"), "prevalence"),
        (("--prevalence", "5"), "Write 5 % as 0.05"),
        (("--level", "eye"), "image or patient"),
        (("--level", "patient", "--aggregate", "median"), "max, mean, any"),
        (("--threshold", "0.5", "--rule", "sensitivity=0.9"), "nothing to choose"),
    ],
)
def test_operating__refuses_what_it_cannot_do(
    fundus: Fundus, place: Workspace, options: tuple[str, ...], said: str
) -> None:
    outcome = fundus("operating", "run", *options)

    assert outcome.exit_code == 2
    assert said in " ".join(outcome.stderr.split())
