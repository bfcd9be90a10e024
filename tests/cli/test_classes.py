"""Several diseases from the shell: `fundus roc`, `fundus compare`, and a test elsewhere."""

from pathlib import Path

import pandas as pd
import pytest

from fundus_core.stats.delong import auc_interval
from tests.cli.conftest import Fundus
from tests.fakes import write_dataset

TINY = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", "64")


def with_amd(data: Path, period: int) -> Path:
    """Adds a column `amd` to the table: every patient divisible by `period` has it; 0 for none."""
    labels = pd.read_csv(data / "labels.csv")
    patient = labels["patient_id"].str[1:].astype(int)
    labels["amd"] = (patient % period == 0).astype(int) if period else 0
    labels.to_csv(data / "labels.csv", index=False)
    return data


def predictions(path: Path, noise: int) -> Path:
    """Writes predictions of three diseases for 40 photographs of 20 patients; one has rvo."""
    rows = [
        {
            "image_id": f"i{number}",
            "patient_id": f"P{number // 2}",
            "y_true_dr": int(number < 20),
            "y_score_dr": (number * noise) % 41 - 10 * (number >= 20),
            "y_true_rvo": int(number // 2 == 3),
            "y_score_rvo": (number * noise) % 37,
            "y_true_erm": 0,
            "y_score_erm": (number * noise) % 31,
        }
        for number in range(40)
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_roc__prints_every_class_and_both_averages(fundus: Fundus, tmp_path: Path) -> None:
    path = predictions(tmp_path / "a.csv", 7)

    report = fundus("roc", path, "--json").json[0]
    told = fundus("roc", path).stdout

    table = pd.read_csv(path)
    expected = auc_interval(table["y_true_dr"], table["y_score_dr"], patients=table["patient_id"])
    by_name = {row["class"]: row for row in report["classes"]}
    assert by_name["dr"]["auc"] == pytest.approx(expected.auc)
    assert by_name["dr"]["n_positive_patients"] == 10
    assert by_name["erm"]["auc"] is None
    assert by_name["erm"]["reason"] == "0 of 40 images have it"
    assert report["n_averaged"] == 1
    assert report["macro"]["auc"] == by_name["dr"]["auc"]
    assert "micro average of 1 of 3 classes" in told
    assert "none; 0 of 40 images have it" in told


def test_compare__of_several_classes_tests_each_and_the_averages(
    fundus: Fundus, tmp_path: Path
) -> None:
    paths = predictions(tmp_path / "a.csv", 7), predictions(tmp_path / "b.csv", 11)

    report = fundus("compare", *paths, "--json").json
    told = fundus("compare", *paths).stdout

    tests = {test["name"]: test for test in report["pairs"][0]["classes"]}
    assert report["n_tests"] == 1
    assert tests["dr"]["p_holm"] == tests["dr"]["p_value"]
    assert tests["rvo"]["p_value"] is None
    assert "1 patient with it" in tests["rvo"]["reason"]
    assert report["pairs"][0]["macro"]["difference"] == pytest.approx(tests["dr"]["difference"])
    assert "a minus b" in told
    assert "no test" in told


def test_compare__of_several_classes_takes_one_by_name(fundus: Fundus, tmp_path: Path) -> None:
    paths = predictions(tmp_path / "a.csv", 7), predictions(tmp_path / "b.csv", 11)

    report = fundus("compare", *paths, "--class", "dr", "--json").json

    assert report["class"] == "dr"
    assert len(report["pairs"]) == 1


def test_probe__of_several_labels_is_held_against_the_mean_colour(
    fundus: Fundus, data: Path
) -> None:
    with_amd(data, 3)

    report = fundus("probe", data, *TINY, "--target", "dr,amd", "--folds", "2", "--json").json
    shown = fundus("roc", report["run_id"], "--json").json[0]

    assert 0 <= report["baseline_p_value"] <= 1
    assert shown["macro"]["auc"] == pytest.approx(report["auc"])


def test_predict__a_disease_that_is_not_there_is_left_out_and_not_the_whole_test(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    with_amd(data, 3)
    elsewhere = with_amd(write_dataset(tmp_path / "elsewhere", n_patients=8, side=100), 0)
    run = fundus("probe", data, *TINY, "--target", "dr,amd", "--folds", "2", "--json").json

    report = fundus("predict", run["run_id"], elsewhere, "--json").json
    shown = fundus("roc", report["run_id"], "--json").json[0]

    amd = next(row for row in shown["classes"] if row["class"] == "amd")
    assert amd["reason"] == "0 of 16 images have it"
    assert report["auc"] == pytest.approx(shown["macro"]["auc"])
    assert shown["n_averaged"] == 1
    assert (report["n_averaged"], report["averaged"], report["compared"]) == (1, ["dr"], ["dr"])
    alone = next(row for row in fundus("roc", run["run_id"], "--json").json[0]["classes"])
    assert report["inside"]["auc"] == pytest.approx(alone["auc"])
    assert report["comparison"] is None
    assert report["untested"] == (
        "dr, too few: 4 patients with it, 4 without; a test needs 10 of each"
    )
    told = fundus("predict", run["run_id"], elsewhere).stdout
    assert "macro average of the AUCs of 1 of 2 classes" in told
    assert "inside (of 1 of 2 classes (dr), macro obuchowski)" in told
    assert "outside against inside: no test: dr, too few" in told
    (listed,) = [one for one in fundus("runs").stdout.splitlines() if "-on-" in one]
    assert "of 1 of 2 classes" in listed
