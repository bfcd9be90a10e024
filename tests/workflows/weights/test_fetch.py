"""Fetching weights: from the right address, under the right name, never without the licence."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fundus_core.backbones.base import BackboneSpec, Source
from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.errors import WeightsError
from fundus_core.io.weights import (
    file_names,
    find_weights,
    local_weights,
    name_to_fetch,
    weights_state,
    where_weights_go,
)
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.weights.fetch import fetch, licence_to_accept
from tests.io.web import Shelf, serving

CONTENT = b"weights of no network"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HUB = BACKBONES["resnet18"]
DRIVE = BACKBONES["keepfit"]
GATED = BACKBONES["retfound_mae"]


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token and no cache of the model hub, and no proxy."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """What the model hub gives, in its stead."""
    shelf = Shelf(CONTENT)
    with serving(shelf) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield shelf


def offer(monkeypatch: pytest.MonkeyPatch, spec: BackboneSpec) -> None:
    """Changes a row of the catalogue."""
    monkeypatch.setitem(BACKBONES, spec.id, spec)


def test_fetch__hub_weights_are_found_afterwards(place: Workspace, shelf: Shelf) -> None:
    got = fetch(place, "resnet18", accept_licence=False)

    assert shelf.requests[0][0] == "/timm/resnet18.tv_in1k/resolve/main/model.safetensors"
    assert "authorization" not in shelf.requests[0][1]
    assert got.path == place.weights / "resnet18.tv_in1k.safetensors"
    assert local_weights(HUB, place) == got.path
    assert find_weights(HUB, None, place).sha256 == SHA256


def test_fetch__a_card_says_what_the_file_is(place: Workspace, shelf: Shelf) -> None:
    shelf.hub_headers = {"X-Repo-Commit": "c0ffee"}

    got = fetch(place, "resnet18", accept_licence=False)

    card = json.loads(got.path.with_suffix(".json").read_text(encoding="utf-8"))
    assert (card["sha256"], card["revision"]) == (SHA256, "c0ffee")
    assert (card["licence"], card["licence_accepted"]) == ("BSD-3-Clause", False)
    assert card["fetched_at"].startswith("20")


def test_fetch__what_is_here_is_not_downloaded(place: Workspace, shelf: Shelf) -> None:
    place.weights.mkdir(parents=True)
    (place.weights / "resnet18.tv_in1k.pth").write_bytes(b"here")

    got = fetch(place, "resnet18", accept_licence=False)

    assert got.was_here
    assert not shelf.requests


def test_fetch__a_licence_that_is_not_open_must_be_accepted(place: Workspace, shelf: Shelf) -> None:
    with pytest.raises(WeightsError) as error:
        fetch(place, GATED.id, accept_licence=False)
    assert not shelf.requests

    got = fetch(place, GATED.id, accept_licence=True)

    assert GATED.licence in error.value.message
    assert "--accept-licence" in error.value.hint
    assert "/YukunZhou/RETFound_mae_natureCFP" in error.value.hint
    assert got.path.name == "RETFound_mae_natureCFP.pth"
    assert json.loads(got.path.with_suffix(".json").read_text("utf-8"))["licence_accepted"]


def test_fetch__the_token_of_the_user_is_shown_to_the_hub(
    place: Workspace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_mine")

    got = fetch(place, "resnet18", accept_licence=False)

    assert shelf.requests[0][1]["authorization"] == "Bearer hf_mine"
    assert "hf_mine" not in got.path.with_suffix(".json").read_text(encoding="utf-8")


def test_fetch__another_address_is_not_shown_the_token(
    place: Workspace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_mine")
    with serving(shelf) as address:
        offer(monkeypatch, replace(HUB, source=Source(url=f"{address}/release/w.safetensors")))

        fetch(place, "resnet18", accept_licence=False)

    assert shelf.requests[0][0] == "/release/w.safetensors"
    assert "authorization" not in shelf.requests[0][1]


def test_fetch__a_known_hash_is_checked(
    place: Workspace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, replace(HUB, source=replace(HUB.source, sha256="2" * 64)))

    with pytest.raises(WeightsError, match="the catalogue has 2222"):
        fetch(place, "resnet18", accept_licence=False)

    assert local_weights(HUB, place) is None


def test_fetch__what_no_program_may_download_says_where_it_is(
    place: Workspace, shelf: Shelf
) -> None:
    with pytest.raises(WeightsError, match="cannot be downloaded by a program") as error:
        fetch(place, DRIVE.id, accept_licence=True)

    said = error.value.message + error.value.hint
    assert DRIVE.source.page in said
    assert DRIVE.weights_files[0] in said
    assert str(place.weights) in said


def test_fetch__nothing_needed_is_said(place: Workspace) -> None:
    with pytest.raises(WeightsError, match="needs no weights"):
        fetch(place, "mean_colour", accept_licence=False)


@pytest.mark.parametrize("backbone", [k for k, s in BACKBONES.items() if s.source.fetchable])
def test_catalogue__a_fetched_file_is_found_and_read_as_what_it_is(
    backbone: str, place: Workspace
) -> None:
    spec = BACKBONES[backbone]

    name = name_to_fetch(spec)

    published = spec.source.file or spec.source.url
    assert name in file_names(spec)
    assert name.endswith(".safetensors") == published.endswith(".safetensors")
    assert weights_state(spec, place) == "fetchable"
    assert f"fetch {backbone}" in where_weights_go(spec, place)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_catalogue__only_open_licences_need_no_word(backbone: str) -> None:
    spec = BACKBONES[backbone]

    assert bool(licence_to_accept(spec)) == (spec.licence_kind != "open")
