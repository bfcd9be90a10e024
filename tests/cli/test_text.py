"""What people read: every command without `--json`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Fundus
from tests.fakes import write_dataset

TINY = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", "64")


def told(fundus: Fundus, *arguments: object) -> str:
    """Runs a command that must succeed and returns what it printed."""
    outcome = fundus(*arguments)
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.stdout


def test_check__says_what_is_there_and_what_was_rejected(fundus: Fundus, data: Path) -> None:
    (data / "images" / "p00_OD.jpg").write_bytes(b"")

    text = told(fundus, "check", data)

    assert "data: 23 photographs, patients: 12" in text
    assert "dr (binary): 0 11, 1 12" in text
    assert "p00_OD.jpg: unreadable" in text
    assert "FD009" in text


def test_the_line__every_command_says_what_it_found(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    elsewhere = write_dataset(tmp_path / "elsewhere", n_patients=8, side=112)

    embedded = told(fundus, "embed", data, *TINY)
    mapped = told(fundus, "project", data, *TINY)
    fitted = told(fundus, "probe", data, *TINY, "--target", "dr")
    again = told(fundus, "probe", data, *TINY, "--target", "dr", "--probe", "knn")
    listed = told(fundus, "runs")
    ids = [line.partition(":")[0] for line in listed.splitlines()]
    compared = told(fundus, "compare", *ids)
    linear = next(run for run in ids if f"run {run}" in fitted)
    predicted = told(fundus, "predict", linear, elsewhere)
    image = data / "images" / "p00_OD.jpg"
    explained = told(fundus, "explain", linear, "--image", image, "--class", "0", "--out", tmp_path)

    assert "24 of 24 photographs have an embedding" in embedded
    assert "pca: 24 photographs; trustworthiness" in mapped
    assert "mean colour alone:" in fitted
    assert "fold 5: AUC" in fitted
    assert "knn" in again
    assert len(ids) == 2
    assert "Holm p =" in compared
    assert "inside (obuchowski" in predicted
    assert "score" in explained


def test_probe__several_classes_do_not_count_positives(fundus: Fundus, data: Path) -> None:
    text = told(fundus, "probe", data, *TINY, "--target", "grade", "--folds", "2")

    assert "fold 1: AUC" in text
    assert "positive" not in text


def test_predict__without_labels_says_so(fundus: Fundus, data: Path, tmp_path: Path) -> None:
    told(fundus, "probe", data, *TINY, "--target", "dr")
    run = told(fundus, "runs").partition(":")[0]
    elsewhere = write_dataset(tmp_path / "elsewhere", n_patients=4, side=112)
    (elsewhere / "labels.csv").unlink()

    text = told(fundus, "predict", run, elsewhere, "--out", tmp_path / "scores.csv")

    assert "no labels" in text
    assert len((tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()) == 9


def test_lists__are_kind_to_an_empty_workspace(fundus: Fundus) -> None:
    assert "No runs yet" in told(fundus, "runs")
    assert "No jobs yet" in told(fundus, "jobs")
    assert "resnet50: ResNet-50" in told(fundus, "backbones")


def test_demo__says_that_it_is_synthetic(fundus: Fundus, tmp_path: Path) -> None:
    text = told(fundus, "demo", tmp_path / "demo", "--patients", 2, "--image-size", 128)

    assert "4 synthetic photographs" in text


@pytest.mark.parametrize("method", ["pca", "tsne", "umap", "pacmap"])
def test_project__json_is_json_whatever_the_library_says(
    fundus: Fundus, data: Path, method: str
) -> None:
    outcome = fundus("project", data, *TINY, "--method", method, "--json")

    assert outcome.exit_code == 0
    assert len(outcome.json["points"]) == 24


def test_probe__columns_joined_by_commas_are_several_labels(fundus: Fundus, data: Path) -> None:
    labels = (data / "labels.csv").read_text(encoding="utf-8").splitlines()
    rows = [f"{row},{number // 3 % 2}" for number, row in enumerate(labels[1:])]
    (data / "labels.csv").write_text("\n".join([f"{labels[0]},amd", *rows]), encoding="utf-8")

    report = fundus("probe", data, *TINY, "--target", "dr,amd", "--folds", "2", "--json").json

    assert report["classes"] == ["dr", "amd"]
    assert set(report["class_aucs"]) == {"dr", "amd"}
