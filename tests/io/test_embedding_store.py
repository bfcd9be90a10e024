"""Embeddings on disk: rows by image id, corrupt shards recomputed, writers one at a time."""

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fundus_core.domain.dataset import RejectedRow
from fundus_core.domain.recipe import EmbedRecipe, PreprocessRecipe
from fundus_core.io.embedding_store import EmbeddingStore, recipe_from_dict, stored_recipes

RECIPE = EmbedRecipe(
    backbone="tiny",
    architecture="tiny",
    architecture_args=(("pad_type", "same"),),
    weights="scratch",
    weights_sha256="",
    seed=0,
    image_size=32,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    pooling="default",
    precision="fp32",
    preprocessing=PreprocessRecipe(),
)

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    """Holds a and b in one shard, c and d in the next."""
    made = EmbeddingStore(tmp_path, RECIPE)
    made.add(ROWS[:2], ["a", "b"], {})
    made.add(ROWS[2:], ["c", "d"], {"x": RejectedRow("/x.jpg", "truncated", "Cut off.")})
    return made


def test_read__gives_rows_in_the_order_asked_for(store: EmbeddingStore) -> None:
    found = store.read(["d", "a"])

    assert found.image_ids == ("d", "a")
    assert np.array_equal(found.vectors, ROWS[[3, 0]])
    assert not found.vectors.flags.writeable


def test_read__what_is_not_stored_is_left_out(store: EmbeddingStore) -> None:
    found = store.read(["a", "never"])

    assert found.image_ids == ("a",)


def test_known__counts_images_that_failed_for_good(store: EmbeddingStore) -> None:
    assert store.known() == {"a", "b", "c", "d", "x"}
    assert store.read(["x"]).skipped == (RejectedRow("/x.jpg", "truncated", "Cut off."),)


@pytest.mark.parametrize("position", [0, 60, 130, -1])
def test_known__a_flipped_bit_loses_that_shard_only(store: EmbeddingStore, position: int) -> None:
    shard = store.folder / "000000.npy"
    content = bytearray(shard.read_bytes())
    content[position] ^= 1
    shard.write_bytes(content)

    assert store.known() == {"c", "d", "x"}
    assert store.read(["a", "c"]).image_ids == ("c",)


def test_add__rows_recomputed_after_damage_are_the_ones_read(store: EmbeddingStore) -> None:
    (store.folder / "000000.npy").write_bytes(b"gone")

    store.add(ROWS[:2], ["a", "b"], {})

    assert np.array_equal(store.read(["a", "b", "c", "d"]).vectors, ROWS)


def test_known__rows_without_their_commit_do_not_count(store: EmbeddingStore) -> None:
    (store.folder / "000001.json").unlink()

    assert store.known() == {"a", "b"}


def test_known__a_torn_commit_does_not_count(store: EmbeddingStore) -> None:
    commit = store.folder / "000001.json"
    commit.write_text(commit.read_text(encoding="utf-8")[:-30], encoding="utf-8")

    assert store.known() == {"a", "b"}


def test_stored_recipes__come_back_as_they_were(store: EmbeddingStore, tmp_path: Path) -> None:
    recipes = stored_recipes(tmp_path)

    assert recipe_from_dict(recipes[RECIPE.fingerprint()]) == RECIPE
    assert json.loads(json.dumps(RECIPE.to_dict()))["kind"] == "EmbedRecipe"


def _add_in_turn(root: Path, name: str) -> None:
    store = EmbeddingStore(root, RECIPE)
    for number in range(5):
        with store.lock():
            store.add(ROWS[:1], [f"{name}{number}"], {})


def test_lock__two_processes_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add_in_turn, args=(tmp_path, name)) for name in "uv"]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    expected = {f"{name}{number}" for name in "uv" for number in range(5)}
    assert EmbeddingStore(tmp_path, RECIPE).known() == expected


def test_read__rows_that_lie_under_another_recipe_are_left_out(
    store: EmbeddingStore, tmp_path: Path
) -> None:
    other = EmbeddingStore(tmp_path, replace(RECIPE, seed=1))
    store.folder.rename(other.folder)

    with other.lock():  # puts its own recipe in the place of the one that does not belong there
        pass

    assert other.known() == set()
    assert other.read(["a", "b"]).image_ids == ()


def test_older_fingerprints__are_those_that_earlier_versions_wrote() -> None:
    of_then = replace(
        RECIPE,
        backbone="mobilenetv2_phantom",
        architecture="mobilenetv2_100",
        weights="mobilenetv2_100.phantom",
        weights_sha256="bc7bd50d1a4e9a98801a2f5d0ca8a119db40cb95272baaa40c21f7b8642ba841",
        image_size=256,
    )

    assert of_then.older_fingerprints() == ("61bec537c1b13cc00e0c44f472e4f4a7",)
    assert replace(of_then, origin="d-bundle").older_fingerprints() == ()
    for fit in ("corner", "squash", "centre_crop"):
        shown = replace(of_then, preprocessing=PreprocessRecipe(fit=fit))
        assert shown.older_fingerprints() == ()
