"""kill -9 at any moment: the same command again finishes, and nothing differs from never killed."""

import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import psutil
import pytest
from filelock import FileLock

from fundus_core.io.embedding_store import EmbeddingStore, recipe_from_dict, stored_recipes
from fundus_core.io.leftovers import leftovers, sweep
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import list_datasets, stored_dataset
from fundus_core.workflows.data.integrity import examine
from fundus_core.workflows.models.runs import NETWORKS, list_runs, run_folder, run_predictions
from fundus_core.workflows.segmenting.segmenter_store import list_segmenters, segmenters_store
from tests.fakes import write_dataset
from tests.faults.forks import KILLED, Forks, forks
from tests.segmentation.drawn import write_drawings
from tests.studies.conftest import write_study

TINY = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--precision", "fp32")
KILLS_IN_ALL = 50
SECONDS_FOR_A_LOCK = 1.0


@dataclass(frozen=True)
class Undisturbed:
    """What a command gives that nobody kills."""

    argv: tuple[object, ...]
    seconds: float
    n_moments: int
    """Syncs and renames, twice: before and after each."""

    figures: Mapping[str, object]


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with forks(tmp_path_factory.mktemp("forks") / "log.txt") as started:
        started.run(["strategies"])  # it has imported everything once this is answered
        yield started


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, ...]]:
    folder = tmp_path_factory.mktemp("data")
    many = write_dataset(folder / "many", n_patients=80, side=72)
    data = write_dataset(folder / "data", n_patients=12, side=72)
    drawings = write_drawings(folder / "drawings")
    study = write_study(folder / "tiny.yaml", axes={"strategy": ["logistic"], "image_size": [64]})
    held_out = ("--target", "dr", "--folds", 2)
    return {
        "embed": ("embed", many, *TINY, "--image-size", 64),
        "probe": ("probe", data, *TINY, "--image-size", 64, *held_out),
        "finetune": (
            "finetune", data, *TINY, "--image-size", 64, *held_out, "--epochs", 3,
            "--batch-size", 8, "--checkpoint",
        ),
        "study": ("study", study),
        "segment": (
            "segment", "train", drawings, "--network", "wnet", "--size", 64, "--patch", 32,
            "--epochs", 3, "--batch-size", 4, "--precision", "fp32", "--masks", "mask",
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(
    fork: Forks,
    commands: dict[str, tuple[object, ...]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Undisturbed]:
    """Runs a command without disturbance, once."""
    known: dict[str, Undisturbed] = {}

    def run(name: str) -> Undisturbed:
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            place, moments = Workspace(folder / "workspace"), folder / "moments"
            began = time.monotonic()
            argv = [*commands[name], "--workspace", place.root]
            _, code = fork.run(argv, count_to=moments)
            seconds = time.monotonic() - began
            assert code == 0
            n_moments = int(moments.read_text(encoding="utf-8"))
            known[name] = Undisturbed(commands[name], seconds, n_moments, figures_of(place))
        return known[name]

    return run


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


def kill_again_and_again(
    fork: Forks, what: Undisturbed, folder: Path, n_kills: int, seed: int
) -> Workspace:
    """Kills a command so many times at random moments; each time it goes on from what was left.

    Every other kill is at a sync or rename, the others at a time. Where a command comes to its end
    before its kill, what it gave is compared, and the next one begins anew.

    Returns:
        The workspace that the last kill left.
    """
    generator, killed = np.random.default_rng(seed), 0
    places = (Workspace(folder / f"workspace-{number}") for number in itertools.count())
    place = next(places)
    while killed < n_kills:
        argv = [*what.argv, "--workspace", place.root]
        if killed % 2:
            pid, code = fork.run(argv, die_at=int(generator.integers(what.n_moments)))
        else:
            pid, code = fork.run(argv, kill_after=float(generator.uniform(0.05, what.seconds)))
        assert code in {KILLED, 0}
        assert processes_of(pid) == []
        assert examine(place).damaged == ()
        if code == KILLED:
            killed += 1
        else:
            assert figures_of(place) == what.figures
            place = next(places)
    return place


def processes_of(leader: int) -> list[int]:
    """Returns who is left of a session."""
    left = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader:
                left.append(pid)
        except (ProcessLookupError, PermissionError):
            continue
    return left


def assert_clean(place: Workspace) -> None:
    """Nothing is locked, torn or left half-written."""
    for lock in place.root.rglob("*.lock"):
        FileLock(lock).acquire(timeout=SECONDS_FOR_A_LOCK).lock.release()
    sweep(place.root)
    assert leftovers(place.root) == ()
    assert list(place.root.rglob(".tmp-*")) == []
    assert examine(place).damaged == ()


COMMANDS = ("embed", "probe", "finetune", "study", "segment")


@pytest.mark.parametrize(
    "n_kills",
    [2, pytest.param(KILLS_IN_ALL // len(COMMANDS), marks=pytest.mark.slow)],
    ids=["few", "many"],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_kill_9__the_same_command_again_gives_what_nobody_disturbed_gives(
    fork: Forks,
    undisturbed: Callable[[str], Undisturbed],
    tmp_path: Path,
    name: str,
    n_kills: int,
) -> None:
    what, seed = undisturbed(name), 1000 * n_kills + COMMANDS.index(name)

    place = kill_again_and_again(fork, what, tmp_path, n_kills, seed)
    _, code = fork.run([*what.argv, "--workspace", place.root])

    assert code == 0
    assert figures_of(place) == what.figures
    assert_clean(place)


@pytest.mark.parametrize("moment", range(0, 24, 3))
def test_kill_9__at_every_step_of_a_commit_keeps_what_was_committed_before(
    fork: Forks, commands: dict[str, tuple[object, ...]], tmp_path: Path, moment: int
) -> None:
    argv = [*commands["embed"], "--workspace", tmp_path / "workspace"]
    place = Workspace(tmp_path / "workspace")

    _, code = fork.run(argv, die_at=moment)
    before = {path: path.read_bytes() for path in place.root.glob("embeddings/*/[0-9]*.json")}
    _, again = fork.run(argv)

    assert (code, again) == (KILLED, 0)
    assert {path: path.read_bytes() for path in before} == before
    assert_clean(place)
