"""Stored files of which a bit flips, an end is cut off, or somebody edits: never a wrong figure."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fundus_core.errors import DataError
from fundus_core.finetune.state import Epoch, TrainingState, commit, restore
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.workflows.data.integrity import examine
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.models.prototypes import (
    Prototype,
    PrototypeRecipe,
    Reading,
    read_prototypes,
    write_prototypes,
)
from tests.faults.stored import Stored, files_of, same, store_everything

FEW = 60
"""Trials of the fast tests: every file at least once."""

MANY = 200
"""Trials of the slow ones, over files drawn at random."""

NOT_READ_FROM = {"weights.json", "workspace.json"}
"""Where weights were, which a hash verifies; and the stamp of an empty workspace."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    return store_everything(tmp_path_factory.mktemp("rot"))


@pytest.fixture(scope="module")
def truth(stored: Stored) -> dict[str, object]:
    found = stored.everything()
    assert all(value is not None for value in found.values())
    return found


def flip_a_bit(content: bytes, generator: np.random.Generator) -> bytes:
    changed = bytearray(content)
    changed[generator.integers(len(content))] ^= 1 << int(generator.integers(8))
    return bytes(changed)


def cut_short(content: bytes, generator: np.random.Generator) -> bytes:
    return content[: int(generator.integers(len(content)))]


def outcome(stored: Stored, truth: dict[str, object]) -> tuple[list[str], list[str]]:
    """Returns what is read wrong, and what is missing: absent, refused or, of rows, fewer."""
    wrong, missing = [], []
    for name, value in stored.everything().items():
        if name == "rows":
            assert isinstance(value, dict)
            assert isinstance(truth[name], dict)
            wrong += [name for key, row in value.items() if truth[name][key] != row]
            missing += [name] * (len(value) < len(truth[name]))
        elif value is None:
            missing.append(name)
        elif not same(value, truth[name]):
            wrong.append(name)
    return wrong, missing


@pytest.mark.parametrize("n_trials", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("damage", [flip_a_bit, cut_short])
def test_damage__of_any_stored_file_is_noticed_and_never_gives_a_wrong_figure(
    stored: Stored,
    truth: dict[str, object],
    damage: Callable[[bytes, np.random.Generator], bytes],
    n_trials: int,
) -> None:
    generator = np.random.default_rng(n_trials)
    files = [path for path in files_of(stored.place) if path.name not in NOT_READ_FROM]
    kinds: Counter[str] = Counter()

    for trial in range(n_trials):
        path = files[trial % len(files)] if trial < len(files) else generator.choice(files)
        content = path.read_bytes()
        path.write_bytes(damage(content, generator))
        wrong, missing = outcome(stored, truth)
        noticed = bool(missing) or bool(examine(stored.place).damaged)
        path.write_bytes(content)
        kinds[path.suffix] += 1
        assert not wrong, (trial, path)
        assert noticed, (trial, path)

    assert len(files) <= FEW
    assert {".npy", ".json", ".parquet", ".safetensors"} <= kinds.keys()
    assert outcome(stored, truth) == ([], [])


def test_damage__of_a_shard_has_that_shard_alone_computed_again(tmp_path: Path) -> None:
    stored = store_everything(tmp_path)
    store = EmbeddingStore(stored.place.embeddings, stored.resolved.recipe)
    before = store.read(stored.dataset.image_ids)
    shards = sorted(store.folder.glob("[0-9]*.npy"))
    content = bytearray(shards[0].read_bytes())
    content[-5] ^= 4
    shards[0].write_bytes(content)
    kept = {path: path.stat().st_mtime_ns for path in shards[1:]}

    after = embed_resolved(stored.place, stored.dataset, stored.resolved)

    assert len(shards) > 1
    assert len(sorted(store.folder.glob("[0-9]*.npy"))) == len(shards) + 1
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert after.image_ids == before.image_ids
    assert np.array_equal(after.vectors, before.vectors)


def _better_auc(value: dict[str, object]) -> None:
    about = value["about"]
    assert isinstance(about, dict)
    about["auc"] = {**about["auc"], "auc": 0.999}


def _two_ids_exchanged(value: dict[str, object]) -> None:
    ids = value["image_ids"]
    assert isinstance(ids, list)
    ids[0], ids[1] = ids[1], ids[0]


def _one_id_fewer(value: dict[str, object]) -> None:
    ids = value["image_ids"]
    assert isinstance(ids, list)
    del ids[0]


EDITS: dict[str, tuple[str, Callable[[dict[str, object]], None]]] = {
    "the figure of a run": ("runs/*/artifact.json", _better_auc),
    "rows that change places": ("embeddings/*/000000.json", _two_ids_exchanged),
    "a selection with another photograph": ("selections/*/sets/*.json", _one_id_fewer),
    "another image size": (
        "embeddings/*/recipe.json",
        lambda value: value.update(image_size=224),
    ),
    "a name given to others": (
        "selections/*/names/*.json",
        lambda value: value.update(key="0123456789"),
    ),
    "the run of a cell": ("studies/cells/*.json", lambda value: value.update(run_id="other")),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edit_by_hand__is_noticed_and_never_believed(
    stored: Stored, truth: dict[str, object], edit: str
) -> None:
    pattern, change = EDITS[edit]
    path = min(stored.place.root.glob(pattern))
    before = path.read_bytes()
    value = json.loads(before)
    change(value)

    path.write_text(json.dumps(value), encoding="utf-8")
    wrong, missing = outcome(stored, truth)
    path.write_bytes(before)

    assert wrong == []
    assert missing != []


def test_training_state__of_which_a_bit_flips_is_not_gone_on_from(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimiser = torch.optim.AdamW(network.parameters())
    network(torch.ones(2, 4)).sum().backward()
    optimiser.step()
    path = tmp_path / "state.safetensors"
    commit(path, "key", TrainingState([Epoch(1, 0.5, 0.4, 0.1, 2.0)], best=1), network, optimiser)
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    before = {name: value.clone() for name, value in network.state_dict().items()}

    for _ in range(MANY):
        path.write_bytes(flip_a_bit(whole, generator))
        assert restore(path, "key", network, optimiser).epochs == []
    path.write_bytes(whole)

    assert len(restore(path, "key", network, optimiser).epochs) == 1
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_prototypes__of_which_a_bit_flips_are_refused(tmp_path: Path) -> None:
    recipe = PrototypeRecipe("flair", "0" * 64, ("a clear retina",), Reading())
    path = tmp_path / "one.safetensors"
    write_prototypes(path, [Prototype(recipe, np.ones(8, np.float32), 2.0, "abc")])
    whole, generator = path.read_bytes(), np.random.default_rng(0)

    for _ in range(MANY):
        path.write_bytes(flip_a_bit(whole, generator))
        with pytest.raises(DataError, match="cannot be read"):
            read_prototypes(path)
    path.write_bytes(whole)

    assert read_prototypes(path)[0].recipe == recipe
