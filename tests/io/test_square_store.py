"""Kept squares: the very pixels, or none; only in the room there is; never an error."""

import errno
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import StoreError
from fundus_core.io import square_store
from fundus_core.io.square_store import VARIABLE, SquareStore, damaged_squares, room_for

SIDE = 8
SQUARE_BYTES = 3 * SIDE * SIDE


def an_id(number: int) -> str:
    """Returns an id as photographs have them."""
    return f"{number:032x}"


def a_square(number: int) -> NDArray[np.uint8]:
    """Returns a square that no other number has."""
    return np.random.default_rng(number).integers(0, 256, (3, SIDE, SIDE)).astype(np.uint8)


def squares(*numbers: int) -> dict[str, NDArray[np.uint8]]:
    """Returns some squares by id."""
    return {an_id(number): a_square(number) for number in numbers}


def opened(root: Path, **recipe: Any) -> SquareStore:
    """Opens the store as the next process would."""
    return SquareStore(root, PreprocessRecipe(**recipe), SIDE)


def used(root: Path) -> int:
    """Returns the bytes of all files."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives a gigabyte, whatever this disk has."""
    monkeypatch.setenv(VARIABLE, "1")


def test_get__gives_the_pixels_that_were_kept(tmp_path: Path) -> None:
    opened(tmp_path).keep(squares(1, 2, 3))

    found = opened(tmp_path).get(an_id(2))

    assert found is not None
    assert np.array_equal(found, a_square(2))
    assert opened(tmp_path).get(an_id(4)) is None


@pytest.mark.parametrize("other", [{"crop": False}, {"decoder": "exact"}, {"fit": "squash"}])
def test_get__another_recipe_has_other_squares(tmp_path: Path, other: dict[str, Any]) -> None:
    opened(tmp_path).keep(squares(1))

    assert opened(tmp_path, **other).get(an_id(1)) is None


def test_get__another_side_has_other_squares(tmp_path: Path) -> None:
    opened(tmp_path).keep(squares(1))

    assert SquareStore(tmp_path, PreprocessRecipe(), 2 * SIDE).get(an_id(1)) is None


def test_keep__names_that_a_person_gave_are_no_content(tmp_path: Path) -> None:
    store = opened(tmp_path)

    store.keep({"eye 7": a_square(1)})

    assert store.get("eye 7") is None


def test_keep__what_is_kept_is_not_written_again(tmp_path: Path) -> None:
    opened(tmp_path).keep(squares(1, 2))
    before = used(tmp_path)

    opened(tmp_path).keep(squares(1, 2))

    assert used(tmp_path) == before


@pytest.mark.parametrize("row", [0, 2])
def test_get__a_flipped_bit_loses_one_square_until_it_is_kept_again(
    tmp_path: Path, row: int
) -> None:
    opened(tmp_path).keep(squares(0, 1, 2))
    (array,) = tmp_path.rglob("*.npy")
    content = bytearray(array.read_bytes())
    content[len(content) - (3 - row) * SQUARE_BYTES + 5] ^= 1
    array.write_bytes(content)

    damaged = opened(tmp_path)
    lost = [damaged.get(an_id(number)) is None for number in range(3)]
    damaged.keep(squares(0, 1, 2))

    assert lost == [number == row for number in range(3)]
    found = opened(tmp_path).get(an_id(row))
    assert found is not None
    assert np.array_equal(found, a_square(row))


def test_get__a_shard_cut_off_is_not_used(tmp_path: Path) -> None:
    opened(tmp_path).keep(squares(0, 1, 2))
    (array,) = tmp_path.rglob("*.npy")
    os.truncate(array, 100)

    assert [opened(tmp_path).get(an_id(number)) for number in range(3)] == [None] * 3


def test_get__a_record_changed_by_hand_is_not_used(tmp_path: Path) -> None:
    opened(tmp_path).keep(squares(1, 2))
    (commit,) = tmp_path.rglob("*.json")
    about = json.loads(commit.read_text())
    about["squares"] = dict(zip(about["squares"], reversed(about["squares"].values()), strict=True))
    commit.write_text(json.dumps(about))

    assert opened(tmp_path).get(an_id(1)) is None


def test_get__squares_that_another_process_removed_are_missing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.keep(squares(1))
    shutil.rmtree(store.folder)

    assert store.get(an_id(1)) is None


def test_keep__several_at_once_lose_nothing(tmp_path: Path) -> None:
    stores = [opened(tmp_path) for _ in range(4)]

    with ThreadPoolExecutor(4) as threads:
        for number in range(40):
            threads.submit(stores[number % 4].keep, squares(number // 2))
    store = opened(tmp_path)

    assert all(np.array_equal(store.get(an_id(n)), a_square(n)) for n in range(20))


class Sizes(NamedTuple):
    """What `shutil.disk_usage` gives."""

    total: int
    used: int
    free: int


def test_room_for__is_a_twentieth_of_the_disk_that_is_free_without_squares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).keep(squares(1, 2))
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Sizes(10**9, 0, 1_000_000))

    assert room_for(tmp_path) == (1_000_000 + used(tmp_path)) // 20


@pytest.mark.parametrize("said", ["some", "-1", "nan", "inf"])
def test_room_for__says_what_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv(VARIABLE, said)

    with pytest.raises(StoreError, match="a number of gigabytes was expected"):
        room_for(tmp_path)


def test_keep__nothing_where_nothing_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "0")

    opened(tmp_path).keep(squares(1))

    assert used(tmp_path) == 0


def test_keep__stops_at_the_limit_and_leaves_other_recipes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path, crop=False).keep(squares(1))
    monkeypatch.setenv(VARIABLE, str(20 * SQUARE_BYTES / 1e9))
    store = opened(tmp_path)

    store.keep(squares(*range(30)))

    assert store.get(an_id(3)) is None
    assert opened(tmp_path, crop=False).get(an_id(1)) is not None


def test_keep__the_recipe_used_least_recently_makes_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = {"squash": 50, "corner": 300, "centre_crop": 10}  # seconds since they were used
    for fit in ages:
        opened(tmp_path, fit=fit).keep(squares(*range(10)))
    per_recipe = used(tmp_path) / 3
    now = 2_000_000_000
    for fit, age in ages.items():
        os.utime(opened(tmp_path, fit=fit).folder, (now, now - age))
    monkeypatch.setenv(VARIABLE, str(3.5 * per_recipe / 1e9))

    opened(tmp_path).keep(squares(*range(10)))

    left = {fit: opened(tmp_path, fit=fit).get(an_id(1)) is not None for fit in (*ages, "pad")}
    assert left == {"squash": True, "corner": False, "centre_crop": True, "pad": True}
    assert used(tmp_path) <= room_for(tmp_path)


def test_keep__a_full_disk_ends_the_keeping_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = opened(tmp_path)
    store.keep(squares(1))
    monkeypatch.setattr(square_store.os, "fsync", full)

    store.keep(squares(2))

    assert store.get(an_id(2)) is None
    assert store.get(an_id(1)) is not None
    assert len(list(tmp_path.rglob("*.npy"))) == 1


def test_keep__a_record_that_does_not_fit_leaves_no_pixels_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("No space left.", hint="Free some.")

    monkeypatch.setattr(square_store, "write_sealed", full)

    opened(tmp_path).keep(squares(1))

    assert used(tmp_path) == 0


def test_damaged_squares__names_the_record_of_a_damaged_shard(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.keep(squares(1))
    (whole,) = tmp_path.rglob("*.json")
    store.keep(squares(2))
    (damaged,) = set(tmp_path.rglob("*.json")) - {whole}
    with damaged.with_suffix(".npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(bytes([int(a_square(2)[-1, -1, -1]) ^ 1]))

    assert damaged_squares(store.folder) == (damaged,)
