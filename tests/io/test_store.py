"""Stored results: whole and checked, or not there."""

import json
import os
import time
from pathlib import Path

import pytest

from fundus_core.errors import StoreError
from fundus_core.io.store import ArtifactStore


def _hello(folder: Path) -> None:
    (folder / "hello.txt").write_text("hello", encoding="utf-8")


def test_put__what_was_stored_is_found_with_what_was_said_about_it(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "things")

    store.put("one", {"kind": "greeting"}, _hello)

    folder = store.get("one")
    assert folder is not None
    assert (folder / "hello.txt").read_text(encoding="utf-8") == "hello"
    assert store.describe() == {"one": {"kind": "greeting"}}


def test_put__a_writer_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)

    def fail(folder: Path) -> None:
        _hello(folder)
        raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        store.put("one", {}, fail)

    assert store.get("one") is None
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_put__replaces_what_stood_there(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    store.put("one", {"version": 1}, _hello)

    store.put("one", {"version": 2}, _hello)

    assert store.describe() == {"one": {"version": 2}}


def _in_the_future(root: Path) -> None:
    tomorrow = time.time_ns() + 86_400 * 10**9
    for manifest in root.glob("*/artifact.json"):
        os.utime(manifest, ns=(tomorrow, tomorrow))


def test_describe__what_was_put_last_is_the_first_though_the_clock_was_set_back(
    tmp_path: Path,
) -> None:
    store = ArtifactStore(tmp_path)
    store.put("one", {}, _hello)
    store.put("two", {}, _hello)
    _in_the_future(tmp_path)

    store.put("three", {}, _hello)

    assert next(iter(store.describe())) == "three"


@pytest.mark.parametrize("name", ["one", "two"])
def test_touch__makes_it_the_newest_of_those_of_one_tick(tmp_path: Path, name: str) -> None:
    store = ArtifactStore(tmp_path)
    store.put("one", {}, _hello)
    store.put("two", {}, _hello)
    _in_the_future(tmp_path)

    store.touch(name)

    assert next(iter(store.describe())) == name


def test_get__a_flipped_bit_makes_it_a_miss(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    store.put("one", {}, _hello)
    (tmp_path / "one" / "hello.txt").write_text("hellp", encoding="utf-8")

    assert store.get("one") is None


def test_get__a_torn_manifest_is_a_miss_and_not_a_crash(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    store.put("one", {}, _hello)
    manifest = tmp_path / "one" / "artifact.json"
    manifest.write_text(manifest.read_text(encoding="utf-8")[:20], encoding="utf-8")

    assert store.get("one") is None
    assert store.describe() == {}


@pytest.mark.parametrize("name", ["..", "../other", "a/b", "", ".hidden"])
def test_get__a_name_that_leads_out_of_the_store_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="not the name of a stored result"):
        ArtifactStore(tmp_path).get(name)


def test_put__manifest_is_plain_json(tmp_path: Path) -> None:
    ArtifactStore(tmp_path).put("one", {"n": 3}, _hello)

    manifest = json.loads((tmp_path / "one" / "artifact.json").read_text(encoding="utf-8"))

    assert manifest["about"] == {"n": 3}
    assert set(manifest["files"]) == {"hello.txt"}


def test_get__results_that_change_names_are_not_taken_for_one_another(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    for name in ("one", "two"):
        store.put(name, {"called": name}, _hello)
    (tmp_path / "one").rename(tmp_path / "aside")
    (tmp_path / "two").rename(tmp_path / "one")
    (tmp_path / "aside").rename(tmp_path / "two")

    assert store.get("one") is None
    assert store.describe() == {}
    assert store.damaged() == ("one", "two")
