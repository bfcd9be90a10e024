"""`fundus power`: how many patients, or what so many can find."""

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from fundus_core.cli.power import Variance, power
from fundus_core.errors import ScoresError
from fundus_core.stats.planned_variance import (
    VARIANCES,
)

APP = typer.Typer()
APP.command("power")(power)


def said(*options: object) -> str:
    """Returns what the command prints; lets its errors through."""
    outcome = CliRunner().invoke(APP, [*map(str, options)], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


def report(*options: object) -> Any:
    return json.loads(said(*options, "--json"))


def test_power__one_auc_is_planned_as_r_plans_it() -> None:
    planned = report("--auc", 0.7, "--power", 0.9)

    assert planned["exact_positive"] == pytest.approx(40.213690169781906, abs=1e-9)
    assert (planned["n_diseased"], planned["n_healthy"], planned["n_patients"]) == (41, 41, 82)


def test_power__of_a_given_study() -> None:
    found = report("--auc", 0.8, "--diseased", 40, "--healthy", 60)

    assert found["power"] == pytest.approx(0.9998799785243871, abs=1e-9)
    assert "power 1.000" in said("--auc", 0.8, "--diseased", 40, "--healthy", 60)


def test_power__two_models_with_both_eyes() -> None:
    options = ("--auc", 0.9, "--auc-b", 0.85, "--correlation", 0.6, "--healthy-per-diseased", 4)

    one_eye = report(*options)
    both_eyes = report(*options, "--images-per-patient", 2, "--within-patient", 0.6)

    assert both_eyes["design_effect"] == pytest.approx(1.6)
    assert both_eyes["n_healthy"] == 4 * both_eyes["n_diseased"]
    assert both_eyes["n_patients"] < one_eye["n_patients"] < 2 * both_eyes["n_patients"]
    assert "design effect 1.60" in said(
        *options, "--images-per-patient", 2, "--within-patient", 0.6
    )


def test_power__choices_are_those_of_the_statistics() -> None:
    assert {one.value for one in Variance} == set(VARIANCES)
    assert (
        report("--auc", 0.8, "--variance", "normal")["n_patients"]
        <= (report("--auc", 0.8)["n_patients"])
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--auc", 0.8, "--null", 0.6, "--auc-b", 0.7), "exclude each other"),
        (("--auc", 0.8, "--diseased", 20), "Only one of"),
    ],
)
def test_power__says_what_does_not_fit(options: tuple[object, ...], message: str) -> None:
    with pytest.raises(ScoresError, match=message):
        said(*options)
