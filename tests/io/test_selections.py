"""Stored sets of photographs: found by their key, forgotten when old, never trusted blindly."""

import os
import time
from pathlib import Path

import pytest

from fundus_core.io.selections import MOST_UNNAMED, SelectionFiles, key_of
from fundus_core.io.workspace import Workspace


@pytest.fixture
def files(tmp_path: Path) -> SelectionFiles:
    """The selections of one data set."""
    return SelectionFiles(Workspace(tmp_path), "demo-1")


def test_keep__the_order_of_selecting_does_not_matter(files: SelectionFiles) -> None:
    first = files.keep(["b", "a"], "lasso")
    second = files.keep(["a", "b"], "box")

    stored = files.read(first)
    assert first == second == key_of(["a", "b"])
    assert stored is not None
    assert (stored.image_ids, stored.origin) == (("b", "a"), "lasso")


def test_keep__nothing_has_no_key(files: SelectionFiles) -> None:
    assert files.keep([]) == ""
    assert not files.folder.exists()


def test_keep__old_sets_are_forgotten_those_with_a_name_stay(files: SelectionFiles) -> None:
    kept = files.keep(["named"])
    files.name("Mine", kept, 1)
    for number in range(MOST_UNNAMED + 3):
        key = files.keep([f"image {number}"])
        os.utime(files.folder / "sets" / f"{key}.json", ns=(number, number))

    assert files.read(kept) is not None
    assert files.read(key_of(["image 0"])) is None
    assert files.read(key_of([f"image {MOST_UNNAMED + 2}"])) is not None


def test_keep__a_clock_that_was_set_back_does_not_lose_the_newest(files: SelectionFiles) -> None:
    for number in range(MOST_UNNAMED):
        files.keep([f"image-{number}"])
    tomorrow = time.time_ns() + 86_400 * 10**9
    for path in (files.folder / "sets").iterdir():
        os.utime(path, ns=(tomorrow, tomorrow))

    key = files.keep(["selected-now"])

    assert files.read(key) is not None


@pytest.mark.parametrize("key", ["", "../../x", "0123456789", "ABCDEFABCD"])
def test_read__an_unknown_key_is_none(files: SelectionFiles, key: str) -> None:
    files.keep(["a"])

    assert files.read(key) is None


@pytest.mark.parametrize("content", ["{", "[]", '{"image_ids": "a"}', '{"image_ids": [1]}'])
def test_read__a_damaged_file_is_none(files: SelectionFiles, content: str) -> None:
    key = files.keep(["a"])
    (files.folder / "sets" / f"{key}.json").write_text(content, encoding="utf-8")

    assert files.read(key) is None


def test_named__are_listed_by_name_and_a_damaged_one_is_left_out(files: SelectionFiles) -> None:
    for name in ("hazy", "Bright", "../Odd / name"):
        files.name(name, files.keep([name]), 1)
    (files.names / "torn.json").write_text('{"name": "x"}', encoding="utf-8")

    assert [one.name for one in files.named()] == ["../Odd / name", "Bright", "hazy"]
    assert all(path.parent == files.names for path in files.names.iterdir())


def test_forget__takes_the_name_only(files: SelectionFiles) -> None:
    key = files.keep(["a"])
    files.name("Mine", key, 1)

    files.forget("Mine")

    assert files.named() == ()
    assert files.read(key) is not None


def test_two_data_sets_share_nothing(files: SelectionFiles, tmp_path: Path) -> None:
    files.name("Mine", files.keep(["a"]), 1)

    other = SelectionFiles(Workspace(tmp_path), "demo-2")

    assert other.named() == ()
    assert other.read(key_of(["a"])) is None
