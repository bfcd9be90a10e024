"""`fundus label-errors`: what people and machines read, and the list as a file."""

import shutil
from pathlib import Path

import pandas as pd

from fundus_core.io.workspace import Workspace
from tests.cli.conftest import Fundus, Probed
from tests.workflows.evaluation.test_label_quality import sure
from tests.workflows.evaluation.test_metrics import DR, stored

TINY = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", "64")


def test_label_errors__lists_what_to_look_at_again_and_what_it_is_not(
    fundus: Fundus, tmp_path: Path
) -> None:
    place = Workspace(tmp_path / "workspace")
    stored(place, DR, sure(), run_id="a")
    stored(place, DR, sure(seed=1), run_id="b")

    told = fundus("label-errors", "a", "b", "--out", tmp_path / "review.csv").stdout
    report = fundus("label-errors", "a", "b", "--json").json

    assert "dr: 1 of 80 labels to look at again; 80 photographs, patients: 40" in told
    assert "1. i11: dr given" in told
    assert "flagged by 2 of 2 alone" in told
    assert "no proof that the label is wrong" in told
    assert report["suspects"][0]["image_id"] == "i11"
    assert len(report["disputed"]) == 50
    assert report["n_labels"] == 80
    assert list(pd.read_csv(tmp_path / "review.csv", comment="#")["image_id"]) == ["i11"]


def test_label_errors__of_photographs_that_left_the_data_set_say_how_many(
    fundus: Fundus, probed: Probed, tmp_path: Path
) -> None:
    data = tmp_path / "moved"
    shutil.copytree(probed.data, data)
    run = fundus("probe", data, *TINY, "--target", "dr", "--json").json["run_id"]
    before = fundus("label-errors", run, "--json").json
    (data / "images" / "p00_OD.jpg").unlink()
    fundus("check", data)

    told = fundus("label-errors", run).stdout
    after = fundus("label-errors", run, "--json").json

    assert (before["n_gone"], before["n_images"]) == (0, 24)
    assert (after["n_gone"], after["n_images"]) == (1, 23)
    assert "1 photograph that is no longer in the data set is left out." in told
    assert "nan" not in told
    assert all(row["path"] for row in after["suspects"])


def test_label_errors__of_an_unknown_run_say_what_there_is(fundus: Fundus) -> None:
    outcome = fundus("label-errors", "nothing")

    assert outcome.exit_code == 2
    assert "There is no run 'nothing'" in outcome.stderr
