"""Studies from the shell: planned, run, printed, refused."""

from pathlib import Path

import pandas as pd
import pytest

from fundus_core.io.read_only import VARIABLE
from tests.cli.conftest import Fundus
from tests.studies.conftest import TINY, write_study

ONE = {"models": TINY["models"][:1], "axes": {"strategy": ["logistic"], "image_size": [64]}}


@pytest.fixture
def file(data: Path) -> Path:
    """A study of one probe, beside its photographs."""
    return write_study(data.parent / "one.yaml", **ONE)


def test_study__runs_and_prints_a_row_per_cell(fundus: Fundus, file: Path, tmp_path: Path) -> None:
    outcome = fundus("study", file, "--json", "--out", tmp_path / "results.csv")

    assert outcome.exit_code == 0, outcome.stderr
    (row,) = outcome.json["rows"]
    assert (row["model"], row["strategy"], row["status"]) == ("A", "logistic", "done")
    assert row["auc_low"] <= row["auc"] <= row["auc_high"]
    assert row["difference"] is None
    written = pd.read_csv(tmp_path / "results.csv")
    assert written["auc"].iloc[0] == pytest.approx(row["auc"])
    listed = fundus("runs", "--json").json
    assert row["run_id"] in {run["run_id"] for run in listed}


def test_study__plan_says_what_it_takes_and_runs_nothing(fundus: Fundus, file: Path) -> None:
    plan = fundus("study", file, "--dry-run", "--json").json

    assert (plan["n_cells"], plan["estimate"]["n_cells"], plan["obstacles"]) == (1, 1, [])
    assert fundus("runs", "--json").json == []
    said = fundus("study", file, "--dry-run").stdout
    assert "1 cells, 0 of them stored already" in said


def test_study__what_cannot_be_run_is_refused_before_anything_runs(
    fundus: Fundus, file: Path
) -> None:
    missing = {"name": "B", "backbone": "resnet50"}
    write_study(file, **{**ONE, "models": [*ONE["models"], missing]})

    refused = fundus("study", file)
    skipped = fundus("study", file, "--skip", "--json")

    assert refused.exit_code == 2
    assert "1 cells cannot be run" in refused.stderr
    assert "--skip" in refused.stderr
    assert [row["status"] for row in skipped.json["rows"]] == ["done", "failed"]


def test_study__a_backbone_that_nobody_knows_is_told_in_the_plan(
    fundus: Fundus, file: Path
) -> None:
    write_study(file, **{**ONE, "models": [*ONE["models"], {"name": "B", "backbone": "resent50"}]})

    plan = fundus("study", file, "--dry-run", "--json").json

    (obstacle,) = plan["obstacles"]
    assert "no backbone 'resent50'" in obstacle["message"]
    assert plan["estimate"]["n_cells"] == 2


def test_study__can_be_asked_of_other_data(fundus: Fundus, file: Path, data: Path) -> None:
    opened = fundus("check", data, "--json").json["dataset_id"]
    write_study(file, **ONE, data=[{"name": "nowhere", "source": "gone", "target": "x"}])

    refused = fundus("study", file, "--on", opened)
    done = fundus("study", file, "--on", opened, "--target", "dr", "--json")

    assert "--target" in refused.stderr
    assert [row["status"] for row in done.json["rows"]] == ["done"]


def test_study__table_shows_what_there_is(fundus: Fundus, file: Path) -> None:
    before = fundus("study", file, "--table", "--json").json["rows"]

    fundus("study", file)
    after = fundus("study", file, "--table").stdout

    assert [row["status"] for row in before] == ["not run"]
    assert "redness, A, logistic, 64; held-out patients: auc 0." in after


@pytest.mark.parametrize("options", [(), ("--workers", "2"), ("--engine", "ray")])
def test_study__only_to_be_looked_at_it_is_planned_and_printed_and_not_run(
    fundus: Fundus, file: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    fundus("study", file, "--dry-run")
    monkeypatch.setenv(VARIABLE, "1")

    planned = fundus("study", file, "--dry-run", "--json")
    printed = fundus("study", file, "--table", "--json")
    refused = fundus("study", file, *options)

    assert planned.json["n_cells"] == 1
    assert [row["status"] for row in printed.json["rows"]] == ["not run"]
    assert refused.exit_code == 2
    assert refused.stderr.count("shared for looking only") == 1


def test_study__lists_those_that_come_with_the_program(fundus: Fundus) -> None:
    names = {one["name"] for one in fundus("study", "--list", "--json").json}

    assert names == {
        "finetuning_strategies", "flair_hypertensive", "fundus_foundation", "natural_foundation"
    }  # fmt: skip
    assert "Which strategy suits which network" in fundus("study", "--list").stdout


def test_study__mistakes_in_the_file_are_named(fundus: Fundus, file: Path) -> None:
    write_study(file, **ONE, metrics=["beauty"])

    outcome = fundus("study", file)

    assert outcome.exit_code == 2
    assert "'beauty' is unknown" in outcome.stderr
