"""Names of patients and files, planted in every place, are found nowhere where they are hidden."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.errors import DataError, StoreError
from fundus_core.io.manifest import DataSource
from fundus_core.io.read_only import VARIABLE as READ_ONLY
from fundus_core.io.workspace import Workspace, find_workspace
from fundus_core.report.web_page import as_html
from fundus_core.workflows.data.datasets import (
    dataset_as_given,
    dataset_id,
    open_dataset,
    stored_dataset,
)
from fundus_core.workflows.data.hidden_ids import KEY_FILE, LINKS, VARIABLE, without_names
from fundus_core.workflows.data.photographs import thumbnail_file
from fundus_core.workflows.data.repoint import repoint
from fundus_core.workflows.embeddings.backbone_choice import resolve
from fundus_core.workflows.embeddings.export import export_embeddings
from fundus_core.workflows.embeddings.stored import load_embeddings
from fundus_core.workflows.models.runs import list_runs, run_predictions
from fundus_core.workflows.reports.bundle import BundleOptions, export_bundle
from fundus_core.workflows.reports.bundle_open import open_bundle
from fundus_core.workflows.reports.report import ReportOptions, make_report
from tests.cli.conftest import Fundus, fundus  # noqa: F401
from tests.fakes import tiny_dataset
from tests.hostile import walked

NAME, NUMBER = "Plantagenet", "HOSP4711"
"""What must be found nowhere; in folders, files, tables, EXIF, comments and DICOM elements."""

PLANTED = (NAME.encode(), NUMBER.encode())


def write_planted(folder: Path, *, n_patients: int = 12) -> DataSource:
    """Writes photographs that name their patients in every way; two of them are broken."""
    generator = np.random.default_rng(0)
    rows = []
    for patient in range(n_patients):
        for eye in ("OD", "OS"):
            path = folder / "images" / f"{NAME}{patient:02d}" / f"{NAME}, Jane {patient} {eye}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 40, (96, 96, 3), np.uint8)
            pixels[..., 0] += np.uint8(60 + 80 * (patient % 2))
            exif = Image.Exif()
            exif[0x010E] = exif[0x013B] = f"{NAME}^Jane {NUMBER}"
            Image.fromarray(pixels).save(path, exif=exif, comment=f"{NAME} {NUMBER}")
            rows.append(
                {
                    "file": path.relative_to(folder).as_posix(),
                    "patient_id": f"{NUMBER}-{patient:02d}",
                    "patient": f"{NAME} {patient}",
                    "eye": eye,
                    "dr": patient % 2,
                    "site": "north" if patient % 3 else "south",
                    "remark": f"seen by {NAME} {patient} {eye}",
                }
            )
    for number, content in enumerate((b"", b"\xff\xd8\xff\xe0 cut")):
        broken = folder / "images" / f"{NAME} broken {number}.jpg"
        broken.write_bytes(content)
        rows.append({**rows[0], "file": broken.relative_to(folder).as_posix()})
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    return DataSource(folder)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    return write_planted(tmp_path_factory.mktemp("planted") / "data")


@pytest.fixture(scope="module")
def place(source: DataSource) -> Workspace:
    """A workspace that was filled while names were hidden; tests only read it."""
    found = Workspace(source.path.parent / "workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "1")
        dataset, _ = walked.filled(found, source)
        for row in dataset.table.to_dict("records"):
            thumbnail_file(found, row["image_id"], Path(row["path"]))
    return found


@pytest.fixture(autouse=True)
def _names_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")


def telling(files: list[Path]) -> list[str]:
    """Returns the files that hold a planted name, unpacked, or are called by one."""
    return [
        str(path)
        for path in files
        if any(planted in _content(path) or planted.decode() in path.name for planted in PLANTED)
    ]


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".parquet":
        return data + pd.read_parquet(path).to_csv().encode()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return data + b"".join(_unpacked(archive, name) for name in archive.namelist())
    return data


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    data = archive.read(name)
    if name.endswith(".parquet"):
        return data + pd.read_parquet(io.BytesIO(data)).to_csv().encode()
    return data


def test_the_names_are_there_to_be_found(place: Workspace, source: DataSource) -> None:
    files = walked.files_of(source.path)

    assert len(telling(files)) == len(files)


def test_no_derived_file_of_the_workspace_holds_a_name(place: Workspace) -> None:
    files = walked.files_of(place.root)
    given = [path for path in files if path.is_relative_to(place.datasets)]

    assert len(files) - len(given) > 30
    assert len(telling(given)) > 0  # the user's own table, as docs/security.md says
    assert telling([path for path in files if path not in given]) == []
    links = list((place.root / LINKS).iterdir())
    assert len(links) == 24
    assert not [link for link in links if NAME in link.name]


@pytest.mark.parametrize("path", walked.PAGES)
def test_no_page_shows_a_name(
    path: str, place: Workspace, source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(place.root))

    page = walked.page_of(path, source)

    said = list(walked.said_by(page))
    assert not [one for one in said if NAME in one.text or NUMBER in one.text]


def test_pages_show_pseudonyms(
    place: Workspace, source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(place.root))
    patients = set(open_dataset(place, source).table["patient_id"])

    said = {one.text for one in walked.said_by(walked.page_of("pages/data/images.py", source))}

    assert len(patients) == 12
    assert patients <= {text.split()[0] for text in said if text}


def test_reports_bundles_and_exports_hold_no_name(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    dataset, runs = open_dataset(place, source), list_runs(place)
    embeddings = load_embeddings(place, dataset, resolve(place, walked.COLOUR).recipe.fingerprint())

    report = make_report(place, [run.id for run in runs], ReportOptions(images=4, file_names=True))
    (tmp_path / "report.html").write_text(as_html(report), encoding="utf-8")
    options = BundleOptions(True, True, ())
    export_bundle(place, dataset_id(source), tmp_path / "bundle.zip", options)
    export_embeddings(embeddings, dataset, tmp_path / "vectors")

    files = walked.files_of(tmp_path)
    assert len(files) == 4
    assert telling(files) == []


def test_commands_print_and_write_no_name(
    fundus: Fundus,  # noqa: F811
    source: DataSource,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"

    outcomes = [
        fundus("check", source.path),
        fundus("check", source.path, "--json"),
        fundus("embed", source.path, "--backbone", "mean_colour", "--out", out, "--json"),
        fundus("query", source.path, "eye = OD"),
        fundus("export", source.path, "--backbone", "mean_colour", "--out", out / "x.parquet"),
    ]

    said = "".join(one.stdout + one.stderr for one in outcomes)
    assert outcomes[0].exit_code == outcomes[1].exit_code == outcomes[2].exit_code == 0
    assert NAME not in said
    assert NUMBER not in said
    written = walked.files_of(out)
    assert len(written) >= 2
    assert telling(written) == []


def test_pseudonyms_stay_the_same_in_a_workspace_and_differ_between_them(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")

    first, again = (open_dataset(place, source).table["patient_id"] for _ in range(2))
    other = open_dataset(elsewhere, source).table["patient_id"]

    assert list(first) == list(again)
    assert not set(first) & set(other)
    assert (place.root / KEY_FILE).stat().st_mode & 0o077 == 0


def test_photographs_are_the_same_ones(place: Workspace, source: DataSource) -> None:
    hidden, given = open_dataset(place, source), dataset_as_given(place, dataset_id(source))

    assert hidden.image_ids == given.image_ids
    for link, path in zip(hidden.table["path"], given.table["path"], strict=True):
        assert Path(link).read_bytes() == Path(path).read_bytes()
    assert hidden.n_patients == given.n_patients


def test_runs_that_were_stored_with_names_are_read_without(
    source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "workspace")
    monkeypatch.delenv(VARIABLE)
    _, runs = walked.filled(place, source)
    named = run_predictions(place, runs[0]).patient_ids

    monkeypatch.setenv(VARIABLE, "1")
    hidden = run_predictions(place, runs[0]).patient_ids

    assert named is not None
    assert hidden is not None
    assert NUMBER in named[0]
    assert len(set(hidden)) == len(set(named))
    assert not [one for one in hidden if NUMBER in one]
    assert set(hidden) <= set(open_dataset(place, source).table["patient_id"])


@pytest.mark.parametrize("keep", [True, False])
def test_bundles_of_runs_that_were_stored_with_names_hold_none(
    source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    place = Workspace(tmp_path / "workspace")
    monkeypatch.delenv(VARIABLE)
    _, (run, _) = walked.filled(place, source)
    monkeypatch.setenv(VARIABLE, "1")

    bundle = tmp_path / "bundle.zip"
    export_bundle(place, dataset_id(source), bundle, BundleOptions(keep_patient_ids=keep))

    assert telling([bundle]) == []
    elsewhere = Workspace(tmp_path / "elsewhere")
    opened = open_bundle(elsewhere, bundle)
    patients = set(stored_dataset(elsewhere, opened.dataset_id).table["patient_id"])
    said = next(one for one in list_runs(elsewhere) if one.probe == run.probe)
    assert set(map(str, run_predictions(elsewhere, said).patient_ids)) == patients
    assert len(patients) == 12


def test_a_data_set_is_repointed_without_names(source: DataSource, tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    open_dataset(place, source)
    moved = tmp_path / "moved"
    shutil.copytree(source.path, moved)

    repoint(place, dataset_id(source), moved)
    for path in moved.rglob(f"{NAME}, *.jpg"):
        path.unlink()
    with pytest.raises(DataError) as refusal:
        repoint(place, dataset_id(source), moved)

    assert "24 of the 24 photographs" in refusal.value.message
    assert NAME not in refusal.value.message
    assert telling([place.scans]) == []


def test_in_read_only_mode_names_that_were_never_hidden_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = find_workspace(tmp_path / "workspace")
    monkeypatch.setenv(READ_ONLY, "1")

    with pytest.raises(StoreError, match="Names cannot be hidden") as of_key:
        without_names(place, tiny_dataset())
    (place.root / KEY_FILE).write_bytes(b"k" * 32)
    with pytest.raises(StoreError, match="Names cannot be hidden"):
        without_names(place, tiny_dataset())

    assert "without read-only mode" in of_key.value.hint
    assert not (place.root / LINKS).exists()


def test_a_damaged_key_is_refused_not_replaced(source: DataSource, tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    open_dataset(place, source)
    (place.root / KEY_FILE).write_bytes(b"short")

    with pytest.raises(StoreError, match="damaged"):
        open_dataset(place, source)


def test_exif_and_dicom_identifiers_are_kept_nowhere_even_when_names_are_shown(
    source: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    plain = tmp_path / "plain"
    plain.mkdir()
    for number, path in enumerate(sorted(source.path.rglob(f"{NAME}, *.jpg"))):
        (plain / f"{number}.jpg").write_bytes(path.read_bytes())
    place = Workspace(tmp_path / "workspace")

    dataset = open_dataset(place, DataSource(plain))
    for row in dataset.table.to_dict("records"):
        thumbnail_file(place, row["image_id"], Path(row["path"]))

    assert len(dataset) == 24
    assert telling(walked.files_of(place.root)) == []
    assert json.dumps(dataset.table.to_dict("records")).count(NAME) == 0
