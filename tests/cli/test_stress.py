"""`fundus subgroups` and `fundus shortcuts`: what people and machines read."""

from pathlib import Path

import pytest

from fundus_core.io.workspace import Workspace
from tests.cli.conftest import Fundus
from tests.workflows.stressed import stored_run, write_table


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    folder = write_table(tmp_path / "data", shortcut=True)
    return stored_run(Workspace(tmp_path / "workspace"), folder, strength=0.5).id


def test_subgroups__are_printed_with_their_tests(fundus: Fundus, run_id: str) -> None:
    report = fundus("subgroups", run_id, "--by", "age", "--bands", 3, "--json").json
    told = fundus("subgroups", run_id, "--by", "site", "--threshold", 0.4).stdout
    few = fundus("subgroups", run_id, "--by", "age", "--bands", 2).stdout

    assert report["by"]["name"] == "age"
    assert len(report["groups"]) == 4
    assert report["groups"][-1]["group"] == "not stated"
    assert sum(one["n_images"] for one in report["groups"]) == report["n_images"] == 96
    assert report["overall"]["auc_low"] < report["overall"]["auc"]
    assert "north (48 photographs, 24 with it)" in told
    assert "Equal AUCs: chi-square" in told
    assert len(report["left_out"]["sensitivity"]) == 4
    assert "without not stated)" in few
    assert "without" not in told.partition("Equal AUCs")[2]
    assert "not tested for AUC, sensitivity, specificity, too few: 1 patient with it" in few
    assert "Threshold 0.4 in every group." in told


def test_subgroups__without_a_column_list_the_columns(fundus: Fundus, run_id: str) -> None:
    outcome = fundus("subgroups", run_id)

    assert outcome.exit_code == 2
    assert "Name one by --by: site, camera, eye, age" in outcome.stderr


def test_shortcuts__are_printed_with_the_caution(fundus: Fundus, run_id: str) -> None:
    report = fundus("shortcuts", run_id, "--json").json
    told = fundus("shortcuts", run_id).stdout

    assert {one["shortcut"] for one in report["shortcuts"]} >= {"colour", "light", "camera"}
    assert report["folds_from"] == "the model's folds"
    assert "FD006" in {one["code"] for one in report["cautions"]}
    assert all("surviving" in one for one in report["within_strata"])
    assert "Probes learned in the model's folds." in told
    assert "Within strata of brightness and sharpness: AUC" in told
    assert "FD006: Not shown to be better than" in told


def test_subgroups__of_words_alone_give_no_sensitivity(fundus: Fundus, tmp_path: Path) -> None:
    folder = write_table(tmp_path / "data", shortcut=True)
    name = stored_run(Workspace(tmp_path / "workspace"), folder, folds=0, kind="zero_shot").id

    told = fundus("subgroups", name, "--by", "site").stdout
    report = fundus("subgroups", name, "--by", "site", "--json").json
    page = tmp_path / "report.html"
    written = fundus("report", name, "--out", page)

    assert "0.5 is no threshold" in told
    assert "sensitivity 0" not in told
    assert (report["threshold"], report["tests"]["sensitivity"]) == (None, None)
    assert written.exit_code == 0, written.stderr
    assert "0.5 is no threshold" in page.read_text(encoding="utf-8")
    assert "at a threshold of 0.5 in every group" not in page.read_text(encoding="utf-8")
