"""Studies from the shell: planned, run, printed, refused."""

import shutil
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


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("a\0b", "is no path"),
        ("circle", "lead in a circle"),
        ("a" * 400, "is too long"),
        ("~nobody_here/x", "your own home folder alone"),
    ],
)
@pytest.mark.parametrize("part", ["source", "table"])
def test_study__that_names_no_path_is_refused_in_a_sentence(
    fundus: Fundus, file: Path, data: Path, named: str, said: str, part: str
) -> None:
    for folder in (file.parent, data):
        (folder / "circle").symlink_to("circle")
    described = {"name": "x", "source": data.name, "target": "dr"}
    write_study(file, **ONE, data=[described | {part: named}])

    refused = fundus("study", file, "--dry-run")

    assert refused.exit_code == 2
    assert said in refused.stderr


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
    assert "redness, A, logistic, 64 px; held-out patients: auc 0." in after


def test_study__photographs_that_taught_the_model_are_no_external_test_and_it_says_so(
    fundus: Fundus, file: Path, data: Path, tmp_path: Path
) -> None:
    shutil.copytree(data, data.with_name("copy"))
    copy = {"name": "B", "source": "copy", "target": "dr", "role": "external"}
    write_study(file, **ONE, data=[*TINY["data"], copy])

    done = fundus("study", file, "--json", "--out", tmp_path / "results.csv").json
    said = fundus("study", file, "--table").stdout.splitlines()

    (taught,) = [one for one in done["cautions"] if one["code"] == "FD022"]
    assert taught["text"] == "Row tested on B: 24 of 24 photographs taught the model."
    assert ["FD022" in row["cautions"].split(", ") for row in done["rows"]] == [False, True]
    written = pd.read_csv(tmp_path / "results.csv")
    assert list(written["cautions"]) == [row["cautions"] for row in done["rows"]]
    assert f"  FD022: {taught['text']}" in said
    inside, outside = said[:2]
    assert "; B: auc" in outside
    assert outside.endswith("; no external test (FD022)")
    assert "FD022" not in inside


def test_study__unknown_patients_are_told_once(fundus: Fundus, file: Path, data: Path) -> None:
    table = pd.read_csv(data / "labels.csv")
    table.drop(columns="patient_id").to_csv(data / "labels.csv", index=False)

    fundus("study", file)
    said = fundus("study", file, "--table").stdout

    assert said.count("FD003: None of the 24 photographs names its patient.") == 1


def test_study__draws_seeds_and_shares_are_told_by_name(fundus: Fundus, file: Path) -> None:
    axes = {"strategy": ["ft"], "image_size": [64], "fraction": [0.5, 1.0], "draw": [0, 1]}
    write_study(file, models=TINY["models"][:1], axes=axes | {"seed": [0, 1]})

    said = fundus("study", file, "--table").stdout.splitlines()

    settings = [line.partition("64 px, ")[2].partition(";")[0] for line in said]
    assert settings == [
        "fraction 0.5, draw 0, seed 0",
        "fraction 0.5, draw 0, seed 1",
        "fraction 0.5, draw 1, seed 0",
        "fraction 0.5, draw 1, seed 1",
        "fraction 1, draw 0, seed 0",
        "fraction 1, draw 0, seed 1",
    ]


def test_study__one_draw_that_is_not_the_first_is_told(fundus: Fundus, file: Path) -> None:
    axes = {"strategy": ["ft"], "fraction": [0.5], "draw": [1], "seed": [1], "head": ["linear"]}
    write_study(file, models=TINY["models"][:1], axes=axes)

    said = fundus("study", file, "--table").stdout

    assert "redness, A, ft, fraction 0.5, draw 1, seed 1; held-out patients: not run" in said


def test_study__says_what_a_p_value_is_and_why_there_is_no_value(
    fundus: Fundus, file: Path
) -> None:
    words = TINY["data"][0] | {
        "target": "stage", "column": "grade", "map": {"0": "none", "1": "mild", "2": "severe"},
    }  # fmt: skip
    write_study(
        file, data=[words], axes=ONE["axes"], metrics=["auc", "quadratic_kappa"],
        gain_over={"model": "A"},
    )  # fmt: skip

    done = fundus("study", file, "--json").json["rows"]
    said = fundus("study", file, "--table").stdout

    first, second = said.splitlines()[:2]
    test = done[1]
    assert "nan" not in said
    assert "quadratic_kappa none (its classes are not numbers, so they have no order)" in first
    assert "no order" in test["quadratic_kappa_reason"]
    assert "Holm" not in first
    assert test["p_value"] is None
    assert "; AUC less reference: no test: " in second
    assert test["untested"].endswith("; a test needs 10 of each")
    assert f"; gain {test['relative_gain']:+.1f} %" in second

    write_study(file, axes=ONE["axes"], metrics=["auc"], gain_over={"model": "A"})
    test = fundus("study", file, "--json").json["rows"][1]
    said = fundus("study", file, "--table").stdout
    second = said.splitlines()[1]
    assert test["untested"] == ""
    assert f"; AUC less reference {test['difference']:+.3f} (" in second
    assert f"), p = {test['p_value']:.3g}, Holm p = {test['p_holm']:.3g}; gain " in second
    assert f"; gain {test['relative_gain']:+.1f} %" in second
    assert "Reference: the row of model A, everything else equal." in said
    assert "corrected over 1 test." in said


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
