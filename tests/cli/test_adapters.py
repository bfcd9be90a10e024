"""Probes that start from words, from the shell, with a tiny checkpoint in FLAIR's layout."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.adapters import training
from fundus_core.backbones import catalogue
from fundus_core.stats.delong import auc_interval
from tests.backbones import tiny_flair
from tests.cli.conftest import Fundus

TINY = ("--backbone", "tiny_flair", "--precision", "fp32")
ASKED = (*TINY, "--target", "dr", "--folds", "3")


@pytest.fixture(autouse=True)
def _checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue.BACKBONES, "tiny_flair", tiny_flair.SPEC)
    monkeypatch.setattr(training, "_BOTTLENECK_EPOCHS", 4)
    tiny_flair.write(tmp_path / "workspace" / "weights")


@pytest.mark.parametrize("kind", ["tip_adapter", "tip_adapter_f", "clip_adapter"])
def test_probe__starts_from_words_and_is_evaluated_like_any_probe(
    fundus: Fundus, data: Path, kind: str
) -> None:
    outcome = fundus("probe", data, *ASKED, "--probe", kind, "--json")

    assert outcome.exit_code == 0, outcome.stderr
    report = outcome.json
    table = pd.read_parquet(report["predictions"])
    again = auc_interval(table["y_true"], table["y_score"], patients=table["patient_id"])
    assert report["auc"] == pytest.approx(again.auc, abs=1e-12)
    assert report["baseline"] is not None
    assert (report["n_images"], report["n_patients"], len(report["folds"])) == (24, 12, 3)
    logistic = fundus("probe", data, *ASKED, "--json").json
    compared = fundus("compare", report["run_id"], logistic["run_id"], "--json")
    assert compared.exit_code == 0, compared.stderr  # in the same folds


def test_predict__a_probe_that_started_from_words_needs_them_no_more(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    run = fundus("probe", data, *ASKED, "--probe", "tip_adapter", "--json").json["run_id"]
    (tmp_path / "workspace" / "weights" / "vocab.txt").unlink()

    outcome = fundus("predict", run, data, "--json")

    assert outcome.exit_code == 0, outcome.stderr
    scores = [row["y_score"] for row in outcome.json["scores"]]
    assert len(scores) == 24
    assert len(set(scores)) > 12


def test_probe__its_words_can_be_ones_own_and_come_from_elsewhere(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    findings = {
        f"grade {number}": {"labels": [f"grade={number}"], "descriptions": [text]}
        for number, text in enumerate(["healthy eye", "the disc", "haemorrhage"])
    }
    findings["normal"] = {"descriptions": ["healthy eye without haemorrhage"]}
    mine, carried = tmp_path / "mine.json", tmp_path / "carried.safetensors"
    mine.write_text(json.dumps({"findings": findings}), encoding="utf-8")
    grades = (*TINY, "--target", "grade", "--folds", "2", "--findings", mine)
    made = fundus("prototypes", carried, *TINY, "--findings", mine)
    assert made.exit_code == 0, made.stderr
    (tmp_path / "workspace" / "prototypes").rename(tmp_path / "gone")
    (tmp_path / "workspace" / "weights" / "vocab.txt").unlink()

    refused = fundus("probe", data, *grades, "--probe", "tip_adapter")
    outcome = fundus(
        "probe", data, *grades, "--probe", "tip_adapter", "--import-prototypes", carried, "--json"
    )

    assert refused.exit_code == 2
    assert "--import-prototypes" in refused.stderr
    assert outcome.exit_code == 0, outcome.stderr
    assert sorted(outcome.json["imported_words"]["used"]) == ["grade 0", "grade 1", "grade 2"]
    table = pd.read_parquet(outcome.json["predictions"])
    shares = table[["y_score_0", "y_score_1", "y_score_2"]].sum(axis=1)
    np.testing.assert_allclose(shares, 1, atol=1e-9)


def test_probe__a_backbone_without_words_ends_with_2_and_says_what_to_do(
    fundus: Fundus, data: Path
) -> None:
    outcome = fundus(
        "probe", data, "--backbone", "resnet18", "--target", "dr", "--probe", "clip_adapter"
    )

    assert outcome.exit_code == 2
    assert "clip_adapter starts from what words say" in outcome.stderr
    assert "flair" in outcome.stderr


def test_probe__findings_for_a_probe_that_reads_none_are_refused(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    outcome = fundus("probe", data, *ASKED, "--findings", tmp_path / "mine.json")

    assert outcome.exit_code == 2
    assert "'logistic' reads no words" in outcome.stderr


def test_explain__says_that_it_cannot_be_explained_yet(fundus: Fundus, data: Path) -> None:
    run = fundus("probe", data, *ASKED, "--probe", "tip_adapter", "--json").json["run_id"]

    outcome = fundus("explain", run, "--image", data / "images" / "p00_OD.jpg")

    assert outcome.exit_code == 2
    assert "no weighted sum of features" in outcome.stderr
