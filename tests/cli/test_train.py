"""Training from the shell: what is printed, stored, refused."""

import json
from pathlib import Path

import pandas as pd
import pytest
from safetensors import safe_open

from fundus_core.stats.delong import auc_interval
from tests.cli.conftest import Fundus
from tests.fakes import write_dataset

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
    assert report.keys() - probe.keys() == {"epochs", "curves", "checkpoint", "external"}
    assert probe.keys() <= report.keys()
    table = pd.read_parquet(report["predictions"])
    again = auc_interval(table["y_true"], table["y_score"], patients=table["patient_id"])
    assert report["auc"] == pytest.approx(again.auc, abs=1e-12)
    assert (report["n_images"], report["n_patients"]) == (24, 12)


def test_finetune__says_where_curves_and_networks_are(fundus: Fundus, data: Path) -> None:
    report = finetune(fundus, data)

    assert [[epoch["number"] for epoch in fold] for fold in report["epochs"]] == [[1], [1]]
    assert json.loads(Path(report["curves"]).read_text())["n_epochs"] == 1
    with safe_open(report["checkpoint"], framework="np") as file:
        assert {name.partition("/")[0] for name in file.keys()} == {"0", "1"}  # noqa: SIM118
    assert finetune(fundus, data, "--no-checkpoint", "--seed", "1")["checkpoint"] is None


def test_finetune__tests_on_another_data_set(fundus: Fundus, data: Path, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "other", n_patients=6)

    report = finetune(fundus, data, "--external", str(other))

    outside = report["external"]
    assert (outside["n_images"], outside["trained_as"]) == (12, report["run_id"])
    assert outside["inside"]["auc"] == report["auc"]
    again = fundus("predict", report["run_id"], other, "--json").json
    assert again["scores"] == outside["scores"]


def test_finetune__learns_from_a_share_of_the_patients(fundus: Fundus, data: Path) -> None:
    report = finetune(fundus, data, "--fraction", "0.5")

    assert [fold["n_train"] for fold in report["folds"]] == [6, 6]
    assert report["n_images"] == 24


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--fraction", "0"), "it is 0. Give a number above 0"),
        (("--fraction", "0.05"), "none of them is"),
        (("--loss", "ordinal"), "does not serve dr"),
        (("--optimiser", "lion"), "no optimiser called 'lion'"),
        (("--rate-schedule", "steps"), "no schedule of the learning rate called 'steps'"),
    ],
)
def test_finetune__what_cannot_be_done_is_said_in_a_sentence(
    fundus: Fundus, data: Path, more: tuple[str, str], message: str
) -> None:
    outcome = fundus(
        "finetune", data, *TINY, *SHORT, "--target", "dr", "--folds", "2", "--json", *more
    )

    assert outcome.exit_code == 2
    assert message in outcome.stderr


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
        (("--augmentation", "sideways"), "no augmentation called 'sideways'"),
        (("--batch-size", "1"), "batches of 2"),
        (("--precision", "fp8"), "--precision is 'fp8'"),
        (("--use-split",), "has no split column"),
        (("--use-split", "--folds", "3"), "--folds 3 is not looked at"),
        (("--precision", "openvino-fp32"), "--precision is 'openvino-fp32'"),
        (("--learning-rate", "nan"), "'--learning-rate': it is nan. Give a number above 0"),
        (("--learning-rate", "inf"), "it is inf. Give a number above 0"),
        (("--learning-rate", "0"), "it is 0. Give a number above 0"),
        (("--weight-decay", "inf"), "it is inf. Give a number from 0"),
        (("--pull", "-4"), "it is -4. Give a number from 0"),
        (("--layer-decay", "5"), "it is 5. Give a number above 0 and up to 1"),
        (("--lora-alpha", "nan"), "it is nan. Give a number above 0"),
        (("--no-checkpoint", "--external", "elsewhere"), "leave one of them out"),
    ],
)
def test_finetune__what_is_impossible_is_refused_in_a_sentence(
    fundus: Fundus, data: Path, options: tuple[str, ...], told: str
) -> None:
    outcome = fundus("finetune", data, *TINY, *SHORT, "--target", "dr", *options)

    assert outcome.exit_code == 2
    assert told in outcome.stderr


def test_explain__refuses_a_fine_tuned_run_whose_networks_were_not_kept(
    fundus: Fundus, data: Path
) -> None:
    run = finetune(fundus, data, "--no-checkpoint")["run_id"]

    explained = fundus("explain", run, "--image", data / "images" / "p00_OD.jpg")

    assert explained.exit_code == 2
    assert "weights were not kept" in explained.stderr


def test_predict__refuses_a_fine_tuned_run_whose_networks_were_not_kept(
    fundus: Fundus, data: Path
) -> None:
    run = finetune(fundus, data, "--no-checkpoint")["run_id"]

    predicted = fundus("predict", run, data)

    assert predicted.exit_code == 2
    assert "does not keep its networks" in predicted.stderr


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


def test_pretrain__says_who_chose_the_epoch_and_the_interval(
    fundus: Fundus, tmp_path: Path
) -> None:
    folder = write_dataset(tmp_path / "data", n_patients=20)
    options = ("--backbone", "timm:test_resnet", "--image-size", "64", *SHORT, "--seed", "1")

    made = fundus("pretrain", folder, *options, "--labels", "dr", "--name", "mine")

    assert made.exit_code == 0, made.stderr
    assert "dr, the patients who chose the epoch: AUC " in made.stdout
    assert "% CI " in made.stdout
    assert "so these figures flatter" in made.stdout


def test_pretrain__keeps_other_weights_of_the_name_unless_told(fundus: Fundus, data: Path) -> None:
    options = ("--backbone", "timm:test_resnet", "--image-size", "64", *SHORT, "--labels", "dr")
    first = fundus("pretrain", data, *options, "--name", "mine", "--json")

    refused = fundus("pretrain", data, *options, "--name", "mine", "--seed", "3")
    replaced = fundus("pretrain", data, *options, "--name", "mine", "--seed", "3", "--replace")

    assert first.exit_code == 0, first.stderr
    assert refused.exit_code == 2
    assert "is there already" in refused.stderr
    assert "--replace" in refused.stderr
    assert replaced.exit_code == 0, replaced.stderr


@pytest.mark.parametrize(
    "option", [("--learning-rate", "nan"), ("--weight-decay", "inf"), ("--weight-decay", "nan")]
)
def test_pretrain__rates_that_are_no_numbers_are_refused_in_words(
    fundus: Fundus, data: Path, option: tuple[str, str]
) -> None:
    outcome = fundus(
        "pretrain", data, "--backbone", "timm:test_resnet", "--labels", "dr", "--name", "x", *option
    )

    assert outcome.exit_code == 2
    assert f"{option[0]}': it is {option[1]}. Give a number" in outcome.stderr


def test_finetune__offers_the_precisions_that_it_takes(fundus: Fundus) -> None:
    of_training = " ".join(fundus("finetune", "--help").stdout.split())
    of_embedding = " ".join(fundus("embed", "--help").stdout.split())

    assert "auto, fp32, bf16." in of_training
    assert "openvino" not in of_training
    assert "openvino-fp32" in of_embedding
