"""The key of pseudonyms: what is damaged or gone is refused, and another is never drawn for it."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from pyarrow.parquet import ParquetFile

from fundus_core.errors import StoreError
from fundus_core.imports.records import Pseudonyms
from fundus_core.io.leftovers import sweep
from fundus_core.io.manifest import DataSource
from fundus_core.io.read_only import VARIABLE as READ_ONLY
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, stored_dataset
from fundus_core.workflows.data.doctor import diagnose
from fundus_core.workflows.data.hidden_ids import KEY_FILE, LINKS, VARIABLE
from fundus_core.workflows.data.pseudonym_key import (
    is_key_missed,
    key_of_pseudonyms,
    stored_key,
)
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, run_predictions
from tests.fakes import write_dataset

N_PATIENTS = 24


@pytest.fixture(autouse=True)
def _names_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> tuple[DataSource, DataSource]:
    """The right and the left eyes of the same patients."""
    folder = write_dataset(tmp_path_factory.mktemp("eyes") / "data", N_PATIENTS, side=72)
    table = pd.read_csv(folder / "labels.csv")
    (folder / "labels.csv").unlink()
    for eye, rows in table.groupby("eye"):
        rows.to_csv(folder / f"{eye}.csv", index=False)
    return DataSource(folder / "OD.csv"), DataSource(folder / "OS.csv")


@pytest.fixture(scope="module")
def filled(
    eyes: tuple[DataSource, DataSource], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Run]:
    """A workspace with a probe of the right eyes, whose names were hidden; tests copy it."""
    place = Workspace(tmp_path_factory.mktemp("filled") / "workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "1")
        dataset = open_dataset(place, eyes[0])
        colour = BackboneChoice("mean_colour")
        run = probe_dataset(place, dataset, dataset_id(eyes[0]), colour, ProbeChoice("dr", folds=3))
    return place, run


@pytest.fixture
def place(filled: tuple[Workspace, Run], tmp_path: Path) -> Workspace:
    shutil.copytree(filled[0].root, tmp_path / "workspace", symlinks=True)
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def key(place: Workspace) -> Path:
    return place.root / KEY_FILE


def flipped(content: bytes, bit: int) -> bytes:
    return (int.from_bytes(content, "big") ^ (1 << bit)).to_bytes(len(content), "big")


def without_traces(place: Workspace, *names: str) -> None:
    for name in names:
        path = place.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_one_patient_on_both_sides_is_told_or_the_key_is_refused(
    eyes: tuple[DataSource, DataSource], filled: tuple[Workspace, Run], place: Workspace, key: Path
) -> None:
    def scored() -> set[str]:
        found = predict(place, filled[1].id, open_dataset(place, eyes[1]), dataset_id(eyes[1]))
        return {one.code for one in found.run.cautions}

    whole = key.read_bytes()
    assert "FD023" in scored()

    key.write_bytes(flipped(whole, 77))
    with pytest.raises(StoreError, match="is damaged") as damaged:
        scored()
    key.unlink()
    with pytest.raises(StoreError, match="is gone, and pseudonyms") as gone:
        scored()

    assert not key.exists()
    assert "from a backup" in damaged.value.hint
    assert "from a backup" in gone.value.hint
    key.write_bytes(whole)
    assert "FD023" in scored()


@pytest.mark.parametrize("version", ["sealed", "older"])
def test_every_flipped_bit_is_noticed__by_the_checksum_or_by_the_links(
    place: Workspace, key: Path, version: str
) -> None:
    if version == "older":
        key.write_bytes(key_of_pseudonyms(place))
    else:
        shutil.rmtree(place.root / LINKS)
    content, believed = key.read_bytes(), []

    for bit in range(8 * len(content)):
        key.write_bytes(flipped(content, bit))
        try:
            believed.append((bit, key_of_pseudonyms(place)))
        except StoreError:
            assert key.read_bytes() == flipped(content, bit)  # never replaced

    assert len(content) == (32 if version == "older" else 48)
    assert believed == []


def test_a_key_that_is_cut_short_is_refused_or_the_same(place: Workspace, key: Path) -> None:
    whole, stored = key.read_bytes(), stored_key(place)

    for n_bytes in range(len(whole)):
        key.write_bytes(whole[:n_bytes])
        try:
            assert stored_key(place) == stored
        except StoreError as error:
            assert "damaged" in error.message  # noqa: PT017 - most cuts are refused
            assert n_bytes != 32


def test_a_key_of_an_older_version_stays_valid_until_it_is_given_a_checksum(
    place: Workspace, key: Path, eyes: tuple[DataSource, DataSource]
) -> None:
    patients = list(open_dataset(place, eyes[0]).table["patient_id"])
    stored = key_of_pseudonyms(place)
    key.write_bytes(stored)
    key.chmod(0o640)

    again = list(open_dataset(place, eyes[0]).table["patient_id"])
    found, mended = (said_of_key(place, repair=repair) for repair in (False, True))

    assert again == patients
    assert [one[0] for one in (*found, *mended)] == ["caution", "mended"]
    assert "without a checksum" in found[0][1]
    assert len(key.read_bytes()) > len(stored)
    assert key_of_pseudonyms(place) == stored
    assert key.stat().st_mode & 0o777 == 0o640
    assert [one[0] for one in said_of_key(place)] == ["in order"]


def said_of_key(place: Workspace, *, repair: bool = False) -> list[tuple[str, str]]:
    checks = diagnose(place, repair=repair)
    return [(one.state, one.text) for one in checks if one.name == "pseudonyms"]


@pytest.mark.parametrize("content", [b"", b"short", b"k" * 32, b"k" * 48, None])
def test_doctor__a_key_that_is_damaged_of_others_or_gone_is_named_and_left(
    place: Workspace, key: Path, content: bytes | None
) -> None:
    key.unlink()
    if content is not None:
        key.write_bytes(content)

    for repair in (False, True):
        ((state, text),) = said_of_key(place, repair=repair)
        assert state == "not in order"
        assert str(key) in text

    assert not place.damaged.exists()
    assert (key.read_bytes() if key.exists() else None) == content


@pytest.mark.parametrize(
    "without", [(), (LINKS,), (LINKS, "scans.parquet"), ("runs", LINKS), ("runs", "scans.parquet")]
)
def test_a_key_that_is_gone_is_missed_by_whatever_was_made_with_it(
    eyes: tuple[DataSource, DataSource],
    place: Workspace,
    key: Path,
    without: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_traces(place, KEY_FILE, *without)

    with pytest.raises(StoreError, match="is gone"):
        open_dataset(place, eyes[1])
    monkeypatch.setenv(READ_ONLY, "1")
    with pytest.raises(StoreError, match="is gone"):
        stored_dataset(place, dataset_id(eyes[0]))

    assert not key.exists()


def test_a_key_that_is_gone_is_missed_where_names_are_shown_too(
    place: Workspace, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    (run,) = list_runs(place)
    assert run_predictions(place, run).patient_ids is not None
    key.unlink()

    with pytest.raises(StoreError, match="is gone"):
        run_predictions(place, run)
    assert list_runs(place) == (run,)


def test_pseudonyms_that_a_data_set_was_given_with_are_no_trace_of_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_dataset(tmp_path / "data", N_PATIENTS, side=72)
    table = pd.read_csv(folder / "labels.csv")
    table["patient_id"] = [f"p{patient[-2:]:0>16}" for patient in table["patient_id"]]
    table.to_csv(folder / "labels.csv", index=False)
    place, source = Workspace(tmp_path / "workspace"), DataSource(folder)
    monkeypatch.delenv(VARIABLE)
    dataset = open_dataset(place, source)
    colour = BackboneChoice("mean_colour")
    run = probe_dataset(place, dataset, dataset_id(source), colour, ProbeChoice("dr", folds=3))
    assert run_predictions(place, run).patient_ids is not None

    monkeypatch.setenv(VARIABLE, "1")

    assert said_of_key(place) == []
    assert len(open_dataset(place, source)) == 2 * N_PATIENTS
    assert stored_key(place) is not None


def test_an_import_that_gives_new_pseudonyms_to_the_same_place_is_no_trace_of_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_dataset(tmp_path / "data", N_PATIENTS, side=72)
    place, source = Workspace(tmp_path / "workspace"), DataSource(folder)
    table = pd.read_csv(folder / "labels.csv")
    given = table["patient_id"]
    monkeypatch.delenv(VARIABLE)
    for secret in "ab":
        table["patient_id"] = [f"p{secret}{patient[-2:]:0>15}" for patient in given]
        table.to_csv(folder / "labels.csv", index=False)
        dataset = open_dataset(place, source)
        if secret == "a":
            colour, choice = BackboneChoice("mean_colour"), ProbeChoice("dr", folds=3)
            probe_dataset(place, dataset, dataset_id(source), colour, choice)

    monkeypatch.setenv(VARIABLE, "1")

    assert said_of_key(place) == []
    assert len(open_dataset(place, source)) == 2 * N_PATIENTS
    assert [one[0] for one in said_of_key(place)] == ["in order"]


def test_runs_of_shown_names_are_looked_at_once_and_for_their_patients_alone(
    eyes: tuple[DataSource, DataSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    place, read = Workspace(tmp_path / "workspace"), []
    dataset, colour = open_dataset(place, eyes[0]), BackboneChoice("mean_colour")
    run = probe_dataset(place, dataset, dataset_id(eyes[0]), colour, ProbeChoice("dr", folds=3))
    read_columns = ParquetFile.read

    def noted(file: ParquetFile, columns: list[str] | None = None, **how: object) -> object:
        read.append(columns)
        return read_columns(file, columns=columns, **how)

    monkeypatch.setattr(ParquetFile, "read", noted)

    assert not is_key_missed(place)
    assert not is_key_missed(place)

    assert run.data == dataset.fingerprint()
    assert read == [["patient_id"]]


@pytest.mark.parametrize("before", ["\\\\?\\", "\\\\?\\UNC\\"])
def test_a_link_as_windows_reads_it_back_was_made_with_the_key(
    place: Workspace, key: Path, before: str
) -> None:
    names, folder = Pseudonyms(key_of_pseudonyms(place)), place.root / LINKS
    shutil.rmtree(folder)
    folder.mkdir()
    rest = "server\\a.png" if "UNC" in before else "C:\\a.png"
    path = f"\\\\{rest}" if "UNC" in before else rest
    (folder / f"photo-{names.of(path)[1:]}.png").symlink_to(before + rest)

    assert stored_key(place) == names.secret


def test_many_at_once_draw_one_key_and_leave_nothing_else(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")

    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: key_of_pseudonyms(place), range(32)))

    assert len(keys) == 1
    assert [path.name for path in place.root.iterdir()] == [KEY_FILE]
    assert (place.root / KEY_FILE).stat().st_mode & 0o077 == 0


def test_a_key_that_a_killed_process_was_drawing_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "workspace")
    place.root.mkdir()
    older = place.root / f".{KEY_FILE}-0123abcd"
    older.write_bytes(b"k" * 32)
    now = older.stat().st_mtime
    monkeypatch.setattr("fundus_core.io.leftovers.time.time", lambda: now + 61)
    monkeypatch.setattr("os.link", killed)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: None)  # nothing is done any more
        patch.setattr("os.getpid", lambda: 2**22 + 1)
        with pytest.raises(KeyboardInterrupt):
            key_of_pseudonyms(place)

    assert len(list(place.root.iterdir())) == 2
    assert sweep(place.root) == 2


def killed(*_: object) -> None:
    raise KeyboardInterrupt
