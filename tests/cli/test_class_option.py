"""`--class` means one thing to every command: a class that the run gives a score, or none."""

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Fundus, Probed
from tests.cli.test_edges import COMMANDS
from tests.pages import evaluated

WORDS: dict[str, tuple[str, ...]] = {
    "calibrate": (),
    "compare": ("other",),
    "curves": (),
    "decision-curve": (),
    "differ": ("other",),
    "explain": ("--image", "p00_OD.jpg"),
    "operating": (),
    "report": ("--out", "report.html"),
    "shortcuts": (),
    "subgroups": ("--by", "eye"),
    "tests": ("other",),
}
"""Command -> what it takes behind the run."""


def test_class__is_tried_of_all_commands_that_take_one() -> None:
    taking = {
        name
        for name, command in COMMANDS.items()
        if any("--class" in one.opts for one in command.params)
    }

    assert taking == set(WORDS)


@pytest.mark.parametrize(
    ("command", "class_name"),
    [
        *((command, "nope") for command in WORDS),
        *((command, "0") for command in WORDS if command != "explain"),  # which explains either
    ],
)
def test_class__that_a_run_gives_no_score_is_refused(
    fundus: Fundus, probed: Probed, tmp_path: Path, command: str, class_name: str
) -> None:
    evaluated.store(
        probed.workspace, "other", evaluated.predictions("other", evaluated.GOOD), baseline=False
    )
    places = {"report.html": tmp_path, "p00_OD.jpg": probed.data / "images"}
    words = [places[one] / one if one in places else one for one in WORDS[command]]

    outcome = fundus(command, probed.run_id, *words, "--class", class_name)

    assert outcome.exit_code == 2
    assert not outcome.stdout
    assert repr(class_name) in outcome.stderr
    assert "1" in outcome.stderr.replace(repr(class_name), "")
    assert "Traceback" not in outcome.stderr


@pytest.fixture
def tables(tmp_path: Path) -> list[str]:
    """What two models say of two diseases of 40 patients: half have dr, eight have amd."""
    paths = []
    for name, noise in (("a", 7), ("b", 11)):
        rows = [
            {
                "image_id": f"i{number}",
                "patient_id": f"P{number}",
                "y_true_dr": int(number < 20),
                "y_score_dr": (number * noise) % 41 - 10 * (number >= 20),
                "y_true_amd": int(number % 5 == 0),
                "y_score_amd": (number * noise) % 37,
            }
            for number in range(40)
        ]
        paths.append(str(tmp_path / f"{name}.csv"))
        pd.DataFrame(rows).to_csv(paths[-1], index=False)
    return paths


@pytest.mark.parametrize("command", ["curves", "operating", "tests", "differ", "compare"])
def test_class__that_a_table_does_not_name_is_refused_with_those_it_does(
    fundus: Fundus, tables: list[str], command: str
) -> None:
    named = tables if command in {"tests", "differ", "compare"} else tables[:1]

    outcome = fundus(command, *named, "--class", "rvo")

    assert outcome.exit_code == 2
    assert "a does not predict 'rvo'; it predicts dr, amd." in outcome.stderr


def test_compare__says_of_which_class_its_figures_are(fundus: Fundus, tables: list[str]) -> None:
    told = fundus("compare", *tables, "--class", "dr")

    assert "; class: dr\n" in told.stdout
    assert "p = " in told.stdout


def test_compare__tests_a_class_by_itself_only_where_it_does_among_others(
    fundus: Fundus, tables: list[str]
) -> None:
    among = fundus("compare", *tables, "--json").json["pairs"][0]["classes"]
    alone = {
        name: fundus("compare", *tables, "--class", name, "--json").json for name in ("dr", "amd")
    }
    told = fundus("compare", *tables, "--class", "amd").stdout
    other = fundus("tests", *tables, "--class", "amd", "--resamples", 200)

    reason = "too few: 8 patients with it, 32 without; a test needs 10 of each"
    assert [one["reason"] for one in among] == ["", reason]
    assert alone["dr"]["pairs"][0]["p_value"] == among[0]["p_value"]
    assert (alone["amd"]["pairs"], alone["amd"]["untested"]) == ([], reason)
    assert alone["amd"]["runs"][0]["auc"] > 0
    assert f"no test: {reason}" in told
    assert "p = " not in told
    assert other.exit_code == 2
    assert reason in other.stderr


def test_models_of_one_name__are_told_apart(fundus: Fundus, probed: Probed) -> None:
    for seed, name in enumerate(("one-11111111", "two-22222222")):
        said = evaluated.diseased("ResNet", 1.5, seed).binary("dr")
        evaluated.store(probed.workspace, name, said, label="ResNet", baseline=False)

    for command in ("compare", "tests", "differ", "decision-curve"):
        told = fundus(command, "one-11111111", "two-22222222")

        assert told.exit_code == 0, told.stderr
        assert "ResNet, 2 folds [11111111]" in told.stdout
        assert "ResNet, 2 folds [22222222]" in told.stdout
