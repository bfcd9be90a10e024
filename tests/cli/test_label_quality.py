"""`fundus label-errors`: what people and machines read, and the list as a file."""

from pathlib import Path

import pandas as pd

from fundus_core.io.workspace import Workspace
from tests.cli.conftest import Fundus
from tests.workflows.evaluation.test_label_quality import sure
from tests.workflows.evaluation.test_metrics import DR, stored


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


def test_label_errors__of_an_unknown_run_say_what_there_is(fundus: Fundus) -> None:
    outcome = fundus("label-errors", "nothing")

    assert outcome.exit_code == 2
    assert "There is no run 'nothing'" in outcome.stderr
