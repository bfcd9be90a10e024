"""What only another user may read: said in a sentence, named by the doctor, and left alone."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.errors import StoreError
from fundus_core.io.damage import changed_at, known_damage, remember_damage
from fundus_core.io.files import write_json
from fundus_core.io.refused_reading import refusals_explained
from fundus_core.io.store import MANIFEST, ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.io.workspace_format import STAMP, write_stamp
from fundus_core.workflows.data.doctor import diagnose
from tests.cli.conftest import Fundus
from tests.fakes import write_photograph
from tests.faults.disks import as_somebody_else
from tests.pages import evaluated, opened

SAID = "may not be read by this user"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace with a run and embeddings, in a folder that anybody may look into."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        found = Workspace(Path(folder) / "workspace")
        monkeypatch.setenv("FUNDUS_WORKSPACE", str(found.root))
        evaluated.store(found.root, "kept", evaluated.predictions("kept", evaluated.GOOD))
        opened.store_embeddings(found.root, ["a", "b"])
        yield found
        for path in found.root.rglob("*"):
            path.chmod(0o755)


@pytest.mark.parametrize("name", ["predictions.parquet", MANIFEST, "."])
def test_get__says_which_file_may_not_be_read(place: Workspace, name: str) -> None:
    private = place.runs / "kept" / name
    private.chmod(0)

    with as_somebody_else(), pytest.raises(StoreError, match=SAID) as refused:
        ArtifactStore(place.runs).get("kept")

    assert str(private) in refused.value.message
    assert "Its owner" in refused.value.hint


@pytest.mark.parametrize("name", ["predictions.parquet", MANIFEST])
@pytest.mark.parametrize("command", ["roc", "metrics"])
def test_commands__end_in_a_sentence(
    place: Workspace, fundus: Fundus, command: str, name: str
) -> None:
    (place.runs / "kept" / name).chmod(0)

    with as_somebody_else():
        outcome = fundus(command, "kept", "--workspace", place.root)

    assert outcome.exit_code == 2, outcome.stderr
    assert f"{name} {SAID}" in " ".join(outcome.stderr.split())


def test_pages__show_a_sentence(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated.open_dataset(monkeypatch, place.root)
    (place.runs / "kept" / "predictions.parquet").chmod(0)
    page = AppTest.from_file(evaluated.PAGES / "evaluate" / "roc.py", default_timeout=60)
    evaluated.address(page)

    with as_somebody_else():
        page.run()

    assert not page.exception
    assert SAID in page.error[0].value


@pytest.mark.parametrize("name", [MANIFEST, "."])
def test_pages__name_what_they_leave_out(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    evaluated.open_dataset(monkeypatch, place.root)
    (place.runs / "kept" / name).chmod(0)
    page = AppTest.from_file(evaluated.PAGES / "evaluate" / "roc.py", default_timeout=60)
    evaluated.address(page)

    with as_somebody_else():
        page.run()

    assert not page.exception
    (warning,) = page.warning
    assert "left out because it is not to be read by this user" in warning.value
    assert "`runs/kept`" in warning.value
    assert "Its owner" in warning.value
    assert "--repair" not in warning.value


@pytest.mark.parametrize(
    "private",
    [
        "runs/kept/predictions.parquet",
        f"runs/kept/{MANIFEST}",
        "runs/kept",
        "embeddings/*/000000.npy",
        "embeddings/*/000000.json",
        "embeddings/*/recipe.json",
    ],
)
def test_doctor__names_it_and_moves_nothing_aside(place: Workspace, private: str) -> None:
    (path,) = place.root.glob(private)
    path.chmod(0)

    with as_somebody_else():
        found = {check.name: check for check in diagnose(place)}["stored results"]
    if os.geteuid() != 0:
        mended = {check.name: check for check in diagnose(place, repair=True)}["stored results"]
        assert SAID in mended.text

    assert found.state == "not in order"
    assert SAID in found.text
    assert "0 damaged" in found.text
    assert "Its owner" in found.next_step
    assert "--repair" not in found.next_step
    assert path.exists()


def test_doctor__repairs_what_may_be_read_beside_it(place: Workspace) -> None:
    place.root.chmod(0o777)
    evaluated.store(place.root, "torn", evaluated.predictions("torn", evaluated.GOOD))
    for path in [*place.root.rglob("*")]:
        path.chmod(0o777)
    (place.runs / "torn" / "predictions.parquet").write_bytes(b"torn")
    (place.runs / "kept" / "predictions.parquet").chmod(0)

    with as_somebody_else():
        found = {check.name: check for check in diagnose(place, repair=True)}["stored results"]

    assert found.state == "not in order"
    assert f"1 {SAID}" in found.text
    assert (place.damaged / "runs" / "torn").is_dir()
    assert (place.runs / "kept").is_dir()


def test_doctor__names_weights_that_may_not_be_read(place: Workspace) -> None:
    place.weights.mkdir()
    weights = place.weights / "a.safetensors"
    weights.write_bytes(b"")
    write_json(weights.with_suffix(".json"), {"sha256": "0" * 64})
    weights.chmod(0)

    with as_somebody_else():
        found = {check.name: check for check in diagnose(place)}["weights"]

    assert found.state == "not in order"
    assert f"{weights} {SAID}" in found.text


def test_known_damage__of_a_folder_that_was_closed_since_is_forgotten(place: Workspace) -> None:
    manifest = place.runs / "kept" / MANIFEST
    remember_damage(manifest.parent, manifest, changed_at(manifest))
    place.runs.chmod(0)

    with as_somebody_else():
        assert known_damage(place.root) == ()


def test_refusals_explained__by_libraries_that_name_no_file(place: Workspace) -> None:
    import pandas as pd

    path = place.runs / "kept" / "predictions.parquet"
    path.chmod(0)

    with (
        as_somebody_else(),
        pytest.raises(StoreError, match=f"{path} {SAID}"),
        refusals_explained(),
    ):
        pd.read_parquet(path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENOENT])
def test_refusals_explained__leaves_what_may_be_read_as_it_is(tmp_path: Path, number: int) -> None:
    with pytest.raises(OSError, match=os.strerror(number)) as error, refusals_explained():
        raise OSError(number, os.strerror(number), str(tmp_path))

    assert not isinstance(error.value, StoreError)


def test_a_current_folder_that_is_gone_is_said(
    place: Workspace, fundus: Fundus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()

    for arguments in (("check", "d1"), ("report", "kept", "--out", "y.html"), ("doctor",)):
        outcome = fundus(*arguments, "--workspace", place.root)

        assert outcome.exit_code == 2, outcome.stderr
        assert "The current folder is not there any more" in outcome.stderr


@pytest.mark.parametrize("name", [f"runs/kept/{MANIFEST}", "runs/kept", "runs"])
def test_runs__that_may_not_be_read_are_not_passed_over(
    place: Workspace, fundus: Fundus, name: str
) -> None:
    (place.root / name).chmod(0)

    with as_somebody_else():
        outcome = fundus("runs", "--workspace", place.root)

    assert outcome.exit_code == 0
    assert f"to be read by this user: {name.removesuffix('/' + MANIFEST)}. Its" in outcome.stderr
    assert "No runs yet" not in outcome.stdout


def test_data_sets__that_may_not_be_read_are_named_where_none_is_found(
    place: Workspace, fundus: Fundus
) -> None:
    ArtifactStore(place.datasets).put("mine", {"id": "mine"}, lambda folder: None)
    place.datasets.chmod(0)

    with as_somebody_else():
        found = [
            fundus(*command, "--workspace", place.root)
            for command in (
                ("roc", "kept"),
                ("photograph", __file__),
                ("repoint", "mine", tempfile.gettempdir()),
                ("bundle", "export", "mine", "--out", Path(tempfile.gettempdir()) / "mine.zip"),
            )
        ]

    for outcome in found:
        assert outcome.exit_code != 0
        assert "read by this user" in outcome.stderr
        assert "datasets" in outcome.stderr
        assert "Its owner" in outcome.stderr


@pytest.mark.parametrize("name", ["labels.csv", "cohort.tsv", "labels.parquet"])
def test_check__never_takes_names_of_folders_for_a_table_that_may_not_be_read(
    place: Workspace, fundus: Fundus, name: str
) -> None:
    folder = place.root.parent / "photographs"
    for number, kind in enumerate(("amd", "normal")):
        write_photograph(folder / kind / "1.png", (120 + 40 * number, 60, 40))
    (folder / name).write_text("path,patient\namd/1.png,P1\nnormal/1.png,P2\n")
    (folder / name).chmod(0)

    with as_somebody_else():
        outcome = fundus("check", folder, "--workspace", place.root)

    said = " ".join(outcome.stderr.split())
    assert outcome.exit_code == 2
    assert f"{name} cannot be read as a table: Permission denied." in said
    assert "Its owner can give the right to read it" in said
    assert "patients: unknown" not in outcome.stdout


def test_doctor__says_that_the_stamp_may_not_be_read(place: Workspace) -> None:
    write_stamp(place.root)
    (place.root / STAMP).chmod(0)

    with as_somebody_else():
        found = {check.name: check for check in diagnose(place)}["format"]

    assert found.state == "not in order"
    assert SAID in found.text
    assert STAMP in found.text
