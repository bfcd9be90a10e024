"""`fundus import`: what it prints, and where its secret comes from."""

import json
from pathlib import Path

import pandas as pd
import pytest

from fundus_core.cli import main
from tests.imports.dicom_files import dataset, picture, save


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Returns the exit code of a command line."""
    monkeypatch.setattr("sys.argv", ["fundus", "import", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


def test_import__prints_what_was_taken_over_and_what_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(dataset(picture()), tmp_path / "in" / "a.dcm")
    save(dataset(picture(1), NumberOfFrames=3), tmp_path / "in" / "b.dcm")

    code = run(monkeypatch, tmp_path / "in", tmp_path / "out", "--json")

    found = json.loads(capsys.readouterr().out)
    assert (code, found["kind"], found["n_images"]) == (0, "DICOM", 1)
    assert [one["name"] for one in found["refused"]] == ["b.dcm"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_import__prints_where_a_patient_was_guessed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
) -> None:
    save(dataset(picture(), IssuerOfPatientID="north"), tmp_path / "in" / "a.dcm")
    save(dataset(picture(1)), tmp_path / "in" / "b.dcm")

    run(monkeypatch, tmp_path / "in", tmp_path / "out", *options)

    said = capsys.readouterr().out
    (remark,) = json.loads(said)["remarks"] if options else said.splitlines()[1:]
    assert "the only issuer's named with it: 1." in remark


def test_import__the_secret_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(dataset(picture()), tmp_path / "in" / "a.dcm")
    (tmp_path / "secret").write_text("long random line\n")
    monkeypatch.setenv("FUNDUS_ID_SECRET", "long random line")

    run(monkeypatch, tmp_path / "in", tmp_path / "1", "--secret-file", tmp_path / "secret")
    run(monkeypatch, tmp_path / "in", tmp_path / "2")

    one, other = (pd.read_csv(tmp_path / name / "manifest.csv") for name in ("1", "2"))
    assert list(one["patient_id"]) == list(other["patient_id"])


def test_import__an_empty_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(dataset(picture()), tmp_path / "in" / "a.dcm")
    (tmp_path / "secret").write_text("\n")

    code = run(monkeypatch, tmp_path / "in", tmp_path / "out", "--secret-file", tmp_path / "secret")

    assert code == 2
    assert "is empty" in capsys.readouterr().err
