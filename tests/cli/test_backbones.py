"""`fundus backbones`: the list, getting weights, and making checkpoints readable."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from fundus_core.backbones.catalogue import BACKBONES
from tests.cli.conftest import Fundus
from tests.io.web import Shelf, serving

TINY = "timm:test_resnet"


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token and no cache of the model hub, and no proxy."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """What the model hub gives, in its stead."""
    shelf = Shelf(b"weights of no network")
    with serving(shelf) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield shelf


def test_list__every_backbone_has_all_a_reader_chooses_by(fundus: Fundus) -> None:
    rows = fundus("backbones", "--json").json

    assert [row["id"] for row in rows] == list(BACKBONES)
    assert {row["weights"] for row in rows} <= {"not needed", "present", "fetchable", "by hand"}
    assert all(row["licence"] and row["licence_kind"] and row["poolings"] for row in rows)
    flair = next(row for row in rows if row["id"] == "flair")
    assert flair["poolings"] == {"raw": 2048, "projected": 512}


def test_list__is_grouped_and_says_how_to_get_weights(fundus: Fundus) -> None:
    text = fundus("backbones").stdout

    assert text.index("photographs of the retina:") < text.index("  flair: ")
    assert text.index("  flair: ") < text.index("everyday pictures:") < text.index("  resnet50: ")
    assert "2048 (raw), 512 (projected); 512 px; licence: Apache-2.0 [open]" in text
    assert "weights fetchable: fundus backbones fetch flair" in text
    assert "[gated: terms to accept]" in text
    assert "weights by hand: Put RetiZero.pth from https://drive.google.com" in text


def test_fetch__gets_the_file_and_says_its_licence(fundus: Fundus, shelf: Shelf) -> None:
    outcome = fundus("backbones", "fetch", "resnet18")
    again = fundus("backbones", "fetch", "resnet18", "--json")

    assert outcome.exit_code == 0, outcome.stderr
    assert "Licence: BSD-3-Clause" in outcome.stdout
    assert again.json["was_here"]
    assert len(shelf.requests) == 1


def test_fetch__without_accepting_the_licence_says_how(fundus: Fundus, shelf: Shelf) -> None:
    refused = fundus("backbones", "fetch", "retfound_green")

    assert refused.exit_code == 2
    assert "custom, non-commercial research" in refused.stderr
    assert "--accept-licence" in refused.stderr
    assert not shelf.requests


def test_fetch__a_gated_file_says_to_log_in(fundus: Fundus, shelf: Shelf) -> None:
    shelf.status = 403

    refused = fundus("backbones", "fetch", "retfound_mae", "--accept-licence")

    assert refused.exit_code == 2
    assert "hf auth login" in refused.stderr


def test_convert__says_what_became_of_every_tensor(fundus: Fundus, tmp_path: Path) -> None:
    network = timm.create_model("test_resnet", pretrained=False, num_classes=7)
    torch.save({"state_dict": network.state_dict()}, tmp_path / "published.pth")
    out = tmp_path / "mine.safetensors"

    outcome = fundus("backbones", "convert", tmp_path / "published.pth", "--as", TINY, "--out", out)

    assert outcome.exit_code == 0, outcome.stderr
    assert out.is_file()
    assert "tensors fill the network, none is missing" in outcome.stdout
    assert "2 belong to other parts: fc." in outcome.stdout


def test_convert__a_pickle_needs_a_word(fundus: Fundus, tmp_path: Path) -> None:
    network = nn.DataParallel(timm.create_model("test_resnet", pretrained=False, num_classes=0))
    torch.save(network, tmp_path / "whole.pth")

    refused = fundus("backbones", "convert", tmp_path / "whole.pth", "--as", TINY)
    done = fundus(
        "backbones", "convert", tmp_path / "whole.pth", "--as", TINY, "--trust-pickle", "--json"
    )

    assert refused.exit_code == 2
    assert "--trust-pickle" in refused.stderr
    assert done.exit_code == 0, done.stderr
    assert done.json["unpickled"]
    assert done.json["report"]["missing"] == []
