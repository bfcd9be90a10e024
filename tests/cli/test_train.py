"""Training from the shell: what is printed, stored, refused."""

from pathlib import Path

import pandas as pd
import pytest

from fundus_core.stats.delong import auc_interval
from tests.cli.conftest import Fundus

TINY = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", "64")
SHORT = ("--epochs", "1", "--batch-size", "8", "--augmentation", "none", "--precision", "fp32")


def finetune(fundus: Fundus, data: Path, *more: str) -> dict:
    """Fine-tunes and returns what was printed."""
    outcome = fundus(
        "finetune", data, *TINY, *SHORT, "--target", "dr", "--folds", "2", "--json", *more
    )
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.json


def test_finetune__prints_what_a_probe_prints(fundus: Fundus, data: Path) -> None:
    report = finetune(fundus, data)

    probe = fundus("probe", data, *TINY, "--target", "dr", "--folds", "2", "--json").json
    assert report.keys() == probe.keys()
    table = pd.read_parquet(report["predictions"])
    again = auc_interval(table["y_true"], table["y_score"], patients=table["patient_id"])
    assert report["auc"] == pytest.approx(again.auc, abs=1e-12)
    assert (report["n_images"], report["n_patients"]) == (24, 12)


def test_finetune__has_the_folds_of_the_probe(fundus: Fundus, data: Path) -> None:
    report = finetune(fundus, data)

    probe = fundus("probe", data, *TINY, "--target", "dr", "--folds", "2", "--json").json
    tuned, probed = (
        pd.read_parquet(one["predictions"]).set_index("image_id")["fold"].sort_index()
        for one in (report, probe)
    )
    assert tuned.equals(probed)
    compared = fundus("compare", report["run_id"], probe["run_id"], "--json").json
    assert len(compared["pairs"]) == 1


def test_finetune__tells_its_epochs(fundus: Fundus, data: Path) -> None:
    outcome = fundus("finetune", data, *TINY, *SHORT, "--target", "dr", "--folds", "2")

    assert outcome.exit_code == 0
    assert "fold 2, epoch 1: loss" in outcome.stdout
    assert "fine-tuned on dr: AUC" in outcome.stdout


def test_finetune__the_seeds_of_folds_and_training_are_two(fundus: Fundus, data: Path) -> None:
    ids = {
        finetune(fundus, data, *seeds)["run_id"]
        for seeds in ((), ("--seed", "1"), ("--train-seed", "1"))
    }

    assert len(ids) == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--strategy", "sideways"), "no strategy called 'sideways'"),
        (("--augmentation", "sideways"), "no augmentation 'sideways'"),
        (("--batch-size", "1"), "batches of 2"),
        (("--precision", "fp8"), "--precision is 'fp8'"),
        (("--use-split",), "has no split column"),
    ],
)
def test_finetune__what_is_impossible_is_refused_in_a_sentence(
    fundus: Fundus, data: Path, options: tuple[str, ...], told: str
) -> None:
    outcome = fundus("finetune", data, *TINY, *SHORT, "--target", "dr", *options)

    assert outcome.exit_code == 2
    assert told in outcome.stderr


def test_predict_and_explain__refuse_a_fine_tuned_run(fundus: Fundus, data: Path) -> None:
    run = finetune(fundus, data)["run_id"]

    predicted = fundus("predict", run, data)
    explained = fundus("explain", run, "--image", data / "images" / "p00_OD.jpg")

    assert (predicted.exit_code, explained.exit_code) == (2, 2)
    assert "cannot be applied" in predicted.stderr
    assert "cannot be explained yet" in explained.stderr


def test_pretrain__the_weights_serve_a_probe(fundus: Fundus, data: Path, tmp_path: Path) -> None:
    made = fundus(
        "pretrain", data, "--backbone", "timm:test_resnet", "--image-size", "64", *SHORT,
        "--task", "abnormal", "--labels", "dr", "--name", "mine", "--json",
    )  # fmt: skip

    assert made.exit_code == 0, made.stderr
    assert Path(made.json["weights"]).is_file()
    assert Path(made.json["card"]).is_file()
    probe = fundus(
        "probe", data, "--backbone", "timm:test_resnet", "--image-size", "64",
        "--weights", "mine.safetensors", "--target", "dr", "--json",
    )  # fmt: skip
    assert probe.exit_code == 0, probe.stderr
    assert "mine" in probe.json["label"]


def test_pretrain__a_name_that_is_a_path_is_refused(fundus: Fundus, data: Path) -> None:
    outcome = fundus(
        "pretrain", data, "--backbone", "timm:test_resnet", "--labels", "dr", "--name", "../mine"
    )

    assert outcome.exit_code == 2
    assert "cannot be the name" in outcome.stderr
