"""`fundus demo`: draws what was asked for, and says how many photographs that are."""

import csv
import json
from pathlib import Path

from tests.cli.conftest import Fundus

SMALL = ("--patients", 4, "--image-size", 64)


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_demo__counts_the_second_visits(fundus: Fundus, tmp_path: Path) -> None:
    outcome = fundus("demo", tmp_path / "demo", *SMALL, "--json")

    assert outcome.exit_code == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert told["n_images"] == len(_rows(tmp_path / "demo")) == 10
    assert told["synthetic"] is True


def test_demo__healthy_share_and_plain_reach_the_drawing(fundus: Fundus, tmp_path: Path) -> None:
    outcome = fundus("demo", tmp_path / "demo", *SMALL, "--healthy-share", "0", "--plain")

    assert outcome.exit_code == 0, outcome.stderr
    assert "without planted problems" in (tmp_path / "demo" / "README.txt").read_text("utf-8")
    assert sum(int(row["abnormal"]) for row in _rows(tmp_path / "demo")) >= 5


def test_demo__a_share_above_one_is_refused_with_a_hint(fundus: Fundus, tmp_path: Path) -> None:
    outcome = fundus("demo", tmp_path / "demo", *SMALL, "--healthy-share", "1.5")

    assert outcome.exit_code != 0
    assert "'--healthy-share': it is 1.5. Give a number from 0 to 1." in outcome.stderr
    assert not (tmp_path / "demo" / "manifest.csv").exists()


def test_check__masks_of_a_demo_are_no_class_where_its_table_cannot_be_used(
    fundus: Fundus, tmp_path: Path
) -> None:
    fundus("demo", tmp_path / "demo", *SMALL)
    with (tmp_path / "demo" / "manifest.csv").open("a") as table:
        table.write('"open quote,P1\n')

    refused = fundus("check", tmp_path / "demo")
    probed = fundus("probe", tmp_path / "demo", "--backbone", "mean_colour", "--target", "label")
    (tmp_path / "demo" / "manifest.csv").unlink()
    without = fundus("check", tmp_path / "demo", "--json")

    for outcome in (refused, probed):
        assert outcome.exit_code == 2
        assert "manifest.csv cannot be read as a table" in outcome.stderr
    assert without.json["targets"] == []  # neither images nor masks are a class
    reasons = [row["reason"] for row in without.json["rejected"]]
    assert reasons.count("masks") == 2
    assert reasons.count("other_table") == 1  # planted.csv


def test_check__reads_a_demo_drawn_by_the_command(
    fundus: Fundus, tmp_path: Path, workspace: Path
) -> None:
    fundus("demo", tmp_path / "demo", *SMALL)

    outcome = fundus("check", tmp_path / "demo")

    assert outcome.exit_code == 0, outcome.stderr
    assert "demo: 10 photographs, patients: 4" in outcome.stdout
    assert "FD007" in outcome.stdout
