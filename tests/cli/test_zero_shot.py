"""Asking in words from the shell, with a tiny checkpoint in FLAIR's layout."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.backbones import catalogue
from fundus_core.io.findings import SHIPPED
from fundus_core.stats.delong import auc_interval
from tests.backbones import tiny_flair
from tests.cli.conftest import Fundus

DR = ("no diabetic retinopathy", "diabetic retinopathy")
TINY = ("--backbone", "tiny_flair", "--precision", "fp32")


@pytest.fixture(autouse=True)
def _checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue.BACKBONES, "tiny_flair", tiny_flair.SPEC)
    tiny_flair.write(tmp_path / "workspace" / "weights")


def test_zero_shot__scores_come_from_photographs_and_words(fundus: Fundus, data: Path) -> None:
    outcome = fundus("zero-shot", data, *TINY, "--target", "dr", "--json")

    assert outcome.exit_code == 0, outcome.stderr
    report = outcome.json
    table = pd.read_parquet(report["predictions"])
    again = auc_interval(table["y_true"], table["y_score"], patients=table["patient_id"])
    assert report["auc"] == pytest.approx(again.auc, abs=1e-12)
    assert (report["n_images"], report["n_patients"], report["folds"]) == (24, 12, [])
    assert report["baseline"] is None
    assert table["y_score"].nunique() > 12
    roc = fundus("roc", report["run_id"], "--json")
    assert roc.json[0]["macro"]["auc"] == pytest.approx(report["auc"], abs=1e-12)


def test_zero_shot__other_words_give_other_scores(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    mine = {"grade zero": "healthy eye", "grade one": "the disc", "grade two": "haemorrhage"}
    findings = {
        name: {"labels": [f"grade={number}"], "descriptions": [text]}
        for number, (name, text) in enumerate(mine.items())
    }
    findings["normal"] = {"descriptions": ["healthy eye without haemorrhage"]}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"findings": findings}), encoding="utf-8")

    outcome = fundus(
        "zero-shot", data, *TINY, "--target", "grade", "--findings", path, "--tokens", "masked"
    )

    assert outcome.exit_code == 0, outcome.stderr
    assert "zero-shot (masked) on grade: macro average of the AUCs 0." in outcome.stdout
    assert "not calibrated" in outcome.stdout


def test_zero_shot__without_words_for_a_class_it_ends_with_2(fundus: Fundus, data: Path) -> None:
    outcome = fundus("zero-shot", data, *TINY, "--target", "grade")

    assert outcome.exit_code == 2
    assert "say nothing of grade=0" in outcome.stderr


def test_prototypes__serve_where_the_text_tower_cannot_run(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    carried = tmp_path / "carried.safetensors"
    made = fundus("prototypes", carried, *TINY, "--json")
    assert made.exit_code == 0, made.stderr
    usual = fundus("zero-shot", data, *TINY, "--target", "dr", "--json").json
    (tmp_path / "workspace" / "weights" / "vocab.txt").unlink()
    other = ("--workspace", tmp_path / "other")
    (tmp_path / "other").mkdir()
    (tmp_path / "workspace" / "weights").rename(tmp_path / "other" / "weights")

    refused = fundus("zero-shot", data, *TINY, "--target", "dr", *other)
    outcome = fundus(
        "zero-shot", data, *TINY, "--target", "dr", "--import-prototypes", carried, "--json", *other
    )

    assert refused.exit_code == 2
    assert "--import-prototypes" in refused.stderr
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.json["run_id"] == usual["run_id"]
    imported = outcome.json["imported_words"]
    assert imported["file"] == "carried.safetensors"
    assert imported == {
        "file": "carried.safetensors",
        "used": list(DR),
        "read_otherwise": [],
        "other_words": [],
    }
    assert usual["imported_words"] is None
    scores = [pd.read_parquet(one["predictions"])["y_score"] for one in (usual, outcome.json)]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize(
    ("made_by", "said"),
    [
        ("findings", "It holds no such words of diabetic retinopathy."),
        ("tokens", f"It holds those of {', '.join(DR)} read otherwise."),
    ],
)
def test_zero_shot__says_which_words_of_a_file_it_did_not_use(
    fundus: Fundus, data: Path, tmp_path: Path, made_by: str, said: str
) -> None:
    mine, carried = tmp_path / "mine.json", tmp_path / "carried.safetensors"
    own = json.loads(SHIPPED.read_text(encoding="utf-8"))
    own["findings"]["diabetic retinopathy"]["descriptions"] = ["haemorrhage in the macula"]
    mine.write_text(json.dumps(own), encoding="utf-8")
    other = ("--findings", mine) if made_by == "findings" else ("--tokens", "masked")
    assert fundus("prototypes", carried, *TINY, *other).exit_code == 0
    asked = ("zero-shot", data, *TINY, "--target", "dr", "--import-prototypes", carried)

    outcome, right = fundus(*asked), fundus(*asked, *other)

    assert outcome.exit_code == 0, outcome.stderr
    assert said in outcome.stdout
    assert "name the --findings, --prototypes and --tokens" in outcome.stdout
    given = DR[0] if made_by == "findings" else "nothing"
    assert f"carried.safetensors gave the words of: {given}." in outcome.stdout
    assert f"carried.safetensors gave the words of: {', '.join(DR)}." in right.stdout
    assert "read on this machine" not in right.stdout


def test_search__lists_the_nearest_photographs(fundus: Fundus, data: Path) -> None:
    outcome = fundus("search", data, "haemorrhage in the macula", *TINY, "--top", "5", "--json")

    assert outcome.exit_code == 0, outcome.stderr
    found = outcome.json
    cosines = [row["cosine"] for row in found["photographs"]]
    assert (found["words"], found["n_images"], len(cosines)) == ("haemorrhage in the macula", 24, 5)
    assert cosines == sorted(cosines, reverse=True)
    assert all(Path(row["path"]).is_file() for row in found["photographs"])


def test_search__a_backbone_without_words_is_refused(fundus: Fundus, data: Path) -> None:
    outcome = fundus("search", data, "drusen", "--backbone", "resnet18")

    assert outcome.exit_code == 2
    assert "resnet18 was not trained on words" in outcome.stderr
