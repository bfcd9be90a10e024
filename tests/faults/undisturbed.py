"""Commands that are killed, what a workspace holds that they have filled, and whether it is clean.

Used by the tests that kill commands and by those that kill jobs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from fundus_core.io.embedding_store import EmbeddingStore, recipe_from_dict, stored_recipes
from fundus_core.io.leftovers import leftovers, sweep
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import list_datasets, stored_dataset
from fundus_core.workflows.data.integrity import examine
from fundus_core.workflows.models.runs import NETWORKS, list_runs, run_folder, run_predictions
from fundus_core.workflows.segmenting.segmenter_store import list_segmenters, segmenters_store
from tests.fakes import write_dataset
from tests.segmentation.drawn import write_drawings
from tests.studies.conftest import write_study

KILLS_IN_ALL = 50
COMMANDS = ("embed", "probe", "finetune", "study", "segment")
SECONDS_FOR_A_LOCK = 1.0

_TINY = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--precision", "fp32")


@dataclass(frozen=True)
class Undisturbed:
    """What a command gives that nobody kills."""

    argv: tuple[object, ...]
    seconds: float
    n_moments: int
    """Syncs and renames, twice: before and after each; 0 where they are not counted."""

    figures: Mapping[str, object]


def write_commands(folder: Path) -> dict[str, tuple[object, ...]]:
    """Writes small data sets and returns a command line on them for each of `COMMANDS`."""
    many = write_dataset(folder / "many", n_patients=80, side=72)
    data = write_dataset(folder / "data", n_patients=12, side=72)
    drawings = write_drawings(folder / "drawings")
    study = write_study(folder / "tiny.yaml", axes={"strategy": ["logistic"], "image_size": [64]})
    held_out = ("--target", "dr", "--folds", 2)
    return {
        "embed": ("embed", many, *_TINY, "--image-size", 64),
        "probe": ("probe", data, *_TINY, "--image-size", 64, *held_out),
        "finetune": (
            "finetune", data, *_TINY, "--image-size", 64, *held_out, "--epochs", 3,
            "--batch-size", 8, "--checkpoint",
        ),
        "study": ("study", study),
        "segment": (
            "segment", "train", drawings, "--network", "wnet", "--size", 64, "--patch", 32,
            "--epochs", 3, "--batch-size", 4, "--precision", "fp32", "--masks", "mask",
        ),
    }  # fmt: skip


def figures_of(place: Workspace) -> dict[str, object]:
    """Returns everything that a workspace holds but times."""
    found: dict[str, object] = {}
    datasets = [stored_dataset(place, one.id) for one in list_datasets(place)]
    for name, values in stored_recipes(place.embeddings).items():
        store = EmbeddingStore(place.embeddings, recipe_from_dict(values))
        for dataset in datasets:
            rows = store.read(dataset.image_ids)
            found[f"embeddings {name}"] = (rows.image_ids, sha256(rows.vectors).hexdigest())
        ids = [one for _, shard in _shards(store) for one in shard]
        found[f"ids of {name}"] = sorted(ids)  # each once
    for run in list_runs(place):
        said = run_predictions(place, run)
        networks = run_folder(place, run) / NETWORKS
        found[run.id] = (said.image_ids, said.y_score.tolist(), run.auc, run.folds)
        found[f"networks of {run.id}"] = networks.read_bytes() if networks.is_file() else b""
    for one in list_segmenters(place):
        folder = segmenters_store(place).get(one.id)
        assert folder is not None
        found[one.id] = ((folder / NETWORKS).read_bytes(), one.best_epochs)
    return found


def _shards(store: EmbeddingStore) -> list[tuple[str, tuple[str, ...]]]:
    return [(shard.array.name, shard.image_ids) for shard in store._shards()]


def assert_clean(place: Workspace) -> None:
    """Nothing is locked, torn or left half-written."""
    for lock in place.root.rglob("*.lock"):
        FileLock(lock).acquire(timeout=SECONDS_FOR_A_LOCK).lock.release()
    sweep(place.root)
    assert leftovers(place.root) == ()
    assert list(place.root.rglob(".tmp-*")) == []
    assert examine(place).damaged == ()
