"""Cutting a backbone off, and moving little of it, from the shell."""

from pathlib import Path

import pytest

from tests.cli.conftest import Fundus

RESNET = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", "64")
SHORT = ("--epochs", "1", "--batch-size", "8", "--augmentation", "none", "--precision", "fp32")


def test_truncate_at__embeddings_are_as_long_as_the_blocks_output(
    fundus: Fundus, data: Path
) -> None:
    whole = fundus("embed", data, *RESNET, "--json")
    cut = fundus("embed", data, *RESNET, "--truncate-at", "layer2", "--json")

    assert cut.exit_code == 0, cut.stderr
    assert (whole.json["embed_dim"], cut.json["embed_dim"]) == (96, 48)
    assert whole.json["fingerprint"] != cut.json["fingerprint"]
    named = fundus("embed", data, *RESNET, "--pooling", "block:layer2", "--json")
    assert named.json["fingerprint"] == cut.json["fingerprint"]


def test_truncate_at__serves_a_probe_and_its_heat_map(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    probe = fundus(
        "probe", data, *RESNET, "--target", "dr", "--folds", "2", "--truncate-at", "layer3",
        "--json",
    )  # fmt: skip
    assert probe.exit_code == 0, probe.stderr

    explained = fundus(
        "explain", probe.json["run_id"], "--image", data / "images" / "p00_OD.jpg",
        "--out", tmp_path,
    )  # fmt: skip

    assert explained.exit_code == 0, explained.stderr
    assert len(list(tmp_path.glob("*.png"))) == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--strategy", "lora", "--lora-rank", "2", "--lora-alpha", "4"),
        ("--strategy", "ft-from", "--block", "layer3"),
        ("--strategy", "ft", "--truncate-at", "layer2"),
        ("--strategy", "lp", "--head", "deit-tiny", "--truncate-at", "layer2"),
    ],
)
def test_finetune__moves_what_was_asked_for(
    fundus: Fundus, data: Path, options: tuple[str, ...]
) -> None:
    outcome = fundus(
        "finetune", data, *RESNET, *SHORT, "--target", "dr", "--folds", "2", "--json", *options
    )

    assert outcome.exit_code == 0, outcome.stderr
    assert 0 <= outcome.json["auc"] <= 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--truncate-at", "layer9"), "no block 'layer9'"),
        (("--truncate-at", "layer2", "--pooling", "default"), "exclude each other"),
        (("--strategy", "ft-from"), "no block ''"),
        (("--strategy", "lora", "--lora-rank", "0"), "'--lora-rank': Input should be greater"),
        (("--strategy", "lp-ft", "--head", "deit-tiny"), "cannot start as a linear probe"),
    ],
)
def test_finetune__what_does_not_fit_is_refused_in_a_sentence(
    fundus: Fundus, data: Path, options: tuple[str, ...], told: str
) -> None:
    outcome = fundus("finetune", data, *RESNET, *SHORT, "--target", "dr", "--folds", "2", *options)

    assert outcome.exit_code == 2
    assert told in outcome.stderr
