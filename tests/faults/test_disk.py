"""A full disk and a place that may not be written to: a sentence, and what was stored is intact."""

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fundus_core.errors import StoreError
from fundus_core.io.files import scratch_array, write_array
from fundus_core.io.refused_writing import refused_writing_explained
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.integrity import examine
from tests.cli.conftest import Fundus
from tests.fakes import write_dataset
from tests.faults.disks import (
    LARGEST_FILE,
    in_a_process_of_its_own,
    only_to_be_read,
    small_disk,
)

TINY = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--precision", "fp32")
EXIT_MENDABLE = 2


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data"), n_patients=12, side=72)


def test_write_array__on_a_full_disk_names_what_it_needs_and_keeps_what_was_there(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        write_array(disk / "rows.npy", np.arange(100.0))

        with pytest.raises(StoreError, match=r"No space left for 4,000,128 bytes .* are free"):
            write_array(disk / "rows.npy", np.zeros(500_000))

        assert np.array_equal(np.load(disk / "rows.npy"), np.arange(100.0))
        assert [path.name for path in disk.iterdir()] == ["rows.npy"]


def test_write_array__where_no_file_more_can_be_had_says_that_and_not_how_many_bytes_are_free(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "2m,nr_inodes=3") as disk:
        write_array(disk / "rows.npy", np.arange(100.0))
        (disk / "folder").mkdir()

        for place in (disk / "more.npy", disk / "new" / "more.npy"):
            with pytest.raises(StoreError, match="No room for another file in"):
                write_array(place, np.arange(100.0))

        assert np.array_equal(np.load(disk / "rows.npy"), np.arange(100.0))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_write_array__to_a_device_that_takes_nothing_names_it() -> None:
    with pytest.raises(StoreError, match=r"^No space left for [\d,]+ bytes in /dev/full\.$"):
        write_array(Path("/dev/full"), np.ones(5))


@pytest.mark.parametrize("free", [None, 10**9])
def test_scratch_array__on_a_full_disk_is_an_error_that_takes_no_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int | None
) -> None:
    """`free` is what the disk says before it turns out to be full; None for the truth."""
    if free is not None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with small_disk(tmp_path / "disk", "2m") as disk:
        with pytest.raises(StoreError, match="No space left"):
            scratch_array(disk, (10, 3, 512, 512))[:] = 1

        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("library", ["parquet", "safetensors", "numpy"])
def test_put__a_library_that_meets_a_full_disk_leaves_the_old_result(
    tmp_path: Path, library: str
) -> None:
    import pandas as pd
    from safetensors.numpy import save_file

    rows = np.random.default_rng(0).normal(size=(1000, 500))

    def large(folder: Path) -> None:
        if library == "parquet":
            pd.DataFrame(rows).rename(columns=str).to_parquet(folder / "table.parquet")
        elif library == "safetensors":
            save_file({"rows": rows}, folder / "rows.safetensors")
        else:
            np.save(folder / "rows.npy", rows)

    with small_disk(tmp_path / "disk", "2m") as disk:
        store = ArtifactStore(disk / "runs")
        store.put("one", {"auc": 0.8}, lambda folder: (folder / "a").write_bytes(b"a") and None)

        with pytest.raises(StoreError, match="No space left"):
            store.put("one", {"auc": 0.9}, large)

        assert store.get("one") is not None
        assert store.describe() == {"one": {"auc": 0.8}}
        assert {path.name for path in store.root.iterdir()} <= {"one", ".lock"}


@pytest.mark.parametrize("command", ["check", "embed", "probe", "finetune"])
def test_command__on_a_full_disk_ends_with_a_sentence_and_goes_on_where_there_is_room(
    fundus: Fundus, tmp_path: Path, data: Path, command: str
) -> None:
    options = {
        "check": (),
        "embed": (*TINY, "--image-size", "32"),
        "probe": (*TINY, "--image-size", "32", "--target", "dr", "--folds", "2"),
        "finetune": (*TINY, "--image-size", "64", "--target", "dr", "--folds", "2", "--epochs", 1),
    }[command]
    room = {"check": "12k", "embed": "40k", "probe": "64k", "finetune": "200k"}[command]
    with small_disk(tmp_path / "disk", room) as disk:
        refused = fundus(command, data, *options, "--workspace", disk)
        assert examine(Workspace(disk)).damaged == ()
        shutil.copytree(disk, tmp_path / "roomy")

    assert refused.exit_code == EXIT_MENDABLE, refused.stderr[-2000:]
    assert "No space left" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert fundus(command, data, *options, "--workspace", tmp_path / "roomy").exit_code == 0


def test_command__that_may_write_small_files_only_ends_with_a_sentence(
    tmp_path: Path, data: Path
) -> None:
    refused = in_a_process_of_its_own(
        "finetune", data, *TINY, "--image-size", 128, "--target", "dr", "--folds", 2, "--epochs", 1,
        "--workspace", tmp_path / "workspace", largest_file=LARGEST_FILE,
    )  # fmt: skip

    assert refused.returncode == EXIT_MENDABLE, refused.stderr[-2000:]
    assert "No space left for" in refused.stderr


@pytest.mark.parametrize("command", ["check", "embed"])
def test_command__where_nothing_may_be_written_says_so(
    fundus: Fundus, tmp_path: Path, data: Path, command: str
) -> None:
    options = TINY if command == "embed" else ()
    place = tmp_path / "workspace"
    place.mkdir()
    with only_to_be_read(place):
        refused = fundus(command, data, *options, "--workspace", place)

        assert refused.exit_code == EXIT_MENDABLE, refused.stderr[-2000:]
        assert "may not be written to" in refused.stderr
        assert "fundus app --read-only" in refused.stderr


WRITES = {
    "embed": TINY,
    "probe": (*TINY, "--image-size", 32, "--target", "dr", "--folds", 2),
    "finetune": (*TINY, "--image-size", 64, "--target", "dr", "--folds", 2, "--epochs", 1),
}


@pytest.mark.parametrize("command", WRITES)
def test_command__of_a_known_data_set_where_nothing_may_be_written_says_so(
    fundus: Fundus, tmp_path: Path, data: Path, command: str
) -> None:
    place = tmp_path / "workspace"
    fundus("check", data, "--workspace", place)
    with only_to_be_read(place):
        refused = fundus(command, data, *WRITES[command], "--workspace", place)

        assert refused.exit_code == EXIT_MENDABLE, refused.stderr[-2000:]
        assert "may not be written to" in refused.stderr


def test_command__where_nothing_may_be_written_still_reads_a_known_data_set(
    fundus: Fundus, tmp_path: Path, data: Path
) -> None:
    place = tmp_path / "workspace"
    told = fundus("check", data, "--json", "--workspace", place)
    with only_to_be_read(place):
        again = fundus("check", data, "--json", "--workspace", place)

        assert again.exit_code == 0, again.stderr[-2000:]
        assert again.json == told.json


def test_command__where_nothing_may_be_written_still_shows_what_is_stored(
    fundus: Fundus, tmp_path: Path, data: Path
) -> None:
    place = tmp_path / "workspace"
    probed = fundus("probe", data, *TINY, "--image-size", 32, "--target", "dr", "--folds", 2,
                    "--workspace", place)  # fmt: skip
    assert probed.exit_code == 0
    with only_to_be_read(place):
        shown = fundus("runs", "--json", "--workspace", place)

        assert shown.exit_code == 0, shown.stderr[-2000:]
        assert '"auc"' in shown.stdout


def test_refused_writing_explained__names_the_place_that_the_system_named(tmp_path: Path) -> None:
    with (
        only_to_be_read(tmp_path) as place,
        pytest.raises(StoreError, match=f"{place} may not be written to"),
        refused_writing_explained(),
    ):
        (place / "folder").mkdir()


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError])
def test_refused_writing_explained__leaves_errors_of_reading_as_they_are(
    tmp_path: Path, error: type[OSError]
) -> None:
    number = {PermissionError: errno.EACCES, FileNotFoundError: errno.ENOENT}[error]

    with pytest.raises(error), refused_writing_explained():
        raise OSError(number, os.strerror(number), str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_find_workspace__in_a_place_of_others_is_refused(
    fundus: Fundus, tmp_path: Path, data: Path
) -> None:
    with only_to_be_read(tmp_path):
        refused = fundus("check", data, "--workspace", tmp_path / "new")

        assert refused.exit_code == EXIT_MENDABLE
