"""DICOM files as photographs: right colours, and nothing that names the patient."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.errors import DataError
from fundus_core.io.manifest import DataSource, read_dataset
from fundus_core.workflows.data.imports import ImportSummary, import_photographs
from tests.imports.dicom_files import PLANTED, as_jpeg, dataset, picture, save


def imported(tmp_path: Path, **options: object) -> ImportSummary:
    """Imports the files below `tmp_path/in`."""
    return import_photographs(tmp_path / "in", tmp_path / "out", **options)  # type: ignore[arg-type]


def rows(found: ImportSummary) -> pd.DataFrame:
    return pd.read_csv(found.manifest, dtype=str)


def pixels(found: ImportSummary, row: int = 0) -> np.ndarray:
    path = found.manifest.parent / rows(found)["path"][row]
    return np.array(Image.open(path))


def test_import__a_photograph_keeps_its_pixels_and_what_is_no_identity(tmp_path: Path) -> None:
    save(dataset(picture()), tmp_path / "in" / "a.dcm")

    found = imported(tmp_path)

    assert (found.kind, found.n_imported, found.refused) == ("DICOM", 1, ())
    assert np.array_equal(pixels(found), picture())
    row = rows(found).iloc[0]
    assert (row["eye"], row["age"], row["sex"], row["camera"]) == ("OD", "61", "female", "Camera 1")
    assert row["visit"] == "1"


def test_import__nothing_that_names_the_patient_is_left(tmp_path: Path) -> None:
    save(dataset(picture()), tmp_path / "in" / "a.dcm")
    save(dataset(picture(1), BurnedInAnnotation="YES"), tmp_path / "in" / "b.dcm")

    found = imported(tmp_path)

    written = b"".join(p.read_bytes() for p in found.manifest.parent.rglob("*") if p.is_file())
    names = " ".join(str(p) for p in found.manifest.parent.rglob("*"))
    for word in (*PLANTED, "Patricia", "2020"):
        assert word.encode() not in written
        assert word not in names


def test_import__the_data_set_is_read_with_patients_and_eyes(tmp_path: Path) -> None:
    save(dataset(picture(0)), tmp_path / "in" / "1.dcm")
    save(dataset(picture(1), ImageLaterality="L"), tmp_path / "in" / "2.dcm")
    save(dataset(picture(2), PatientID="other"), tmp_path / "in" / "sub" / "3")

    opened = read_dataset(DataSource(imported(tmp_path).manifest))

    assert (len(opened), opened.n_patients) == (3, 2)
    assert list(opened.table["eye"]) == ["OD", "OS", "OD"]


def test_import__equal_secrets_give_equal_pseudonyms_and_none_gives_new_ones(
    tmp_path: Path,
) -> None:
    save(dataset(picture()), tmp_path / "in" / "a.dcm")

    def pseudonym(name: str, secret: bytes | None) -> str:
        found = import_photographs(tmp_path / "in", tmp_path / name, secret=secret)
        return str(rows(found)["patient_id"][0])

    assert pseudonym("1", b"key") == pseudonym("2", b"key")
    assert pseudonym("3", b"other key") != pseudonym("4", b"key")
    assert pseudonym("5", None) != pseudonym("6", None)


def test_import__the_same_number_of_two_hospitals_is_two_patients(tmp_path: Path) -> None:
    for number, issuer in enumerate(("north", "south")):
        save(
            dataset(picture(number), IssuerOfPatientID=issuer),
            tmp_path / "in" / f"{number}.dcm",
        )

    assert rows(imported(tmp_path))["patient_id"].nunique() == 2


def test_import__a_number_without_issuer_is_that_of_the_only_issuer_who_gave_it(
    tmp_path: Path,
) -> None:
    given = (("1", "north"), ("1", ""), ("2", "north"), ("2", "south"), ("2", ""), ("3", ""))
    for name, (patient, issuer) in enumerate(given):
        who = {"PatientID": patient, **({"IssuerOfPatientID": issuer} if issuer else {})}
        save(dataset(picture(name), **who), tmp_path / "in" / f"{name}.dcm")

    found = list(rows(imported(tmp_path))["patient_id"])

    assert found[0] == found[1]
    assert len(set(found[1:])) == 5


def test_import__says_how_many_patients_it_guessed_and_how_many_are_in_doubt(
    tmp_path: Path,
) -> None:
    given = (("471", "north"), ("471", ""), ("471", ""), ("472", "north"), ("472", "south"))
    for name, (patient, issuer) in enumerate((*given, ("472", ""), ("472", ""), ("473", ""))):
        who = {"PatientID": patient, **({"IssuerOfPatientID": issuer} if issuer else {})}
        save(dataset(picture(name), **who), tmp_path / "in" / f"{name}.dcm")

    guessed, in_doubt = imported(tmp_path).remarks

    assert "the only issuer's named with it: 2." in guessed
    assert "several issuers and also with none: 1." in in_doubt
    for word in ("471", "472", "473", "north", "south"):
        assert word not in guessed + in_doubt


def test_import__patients_who_are_certain_need_no_remark(tmp_path: Path) -> None:
    for name, (patient, issuer) in enumerate((("1", "north"), ("2", "south"), ("3", ""), ("", ""))):
        who = {"PatientID": patient, **({"IssuerOfPatientID": issuer} if issuer else {})}
        save(dataset(picture(name), **who), tmp_path / "in" / f"{name}.dcm")

    assert imported(tmp_path).remarks == ()


def test_import__visits_are_numbered_by_date(tmp_path: Path) -> None:
    for number, date in enumerate(("20200301", "20190101", "20200301", "20210101")):
        save(dataset(picture(number), StudyDate=date), tmp_path / "in" / f"{number}.dcm")

    assert list(rows(imported(tmp_path))["visit"]) == ["2", "1", "2", "3"]


def test_import__jpeg_inside_dicom_is_decoded_to_rgb(tmp_path: Path) -> None:
    save(as_jpeg(picture()), tmp_path / "in" / "a.dcm")

    found = pixels(imported(tmp_path))

    assert np.abs(found.astype(int) - picture().astype(int)).max() <= 6


def test_import__ybr_is_turned_into_rgb(tmp_path: Path) -> None:
    ybr = np.array(Image.fromarray(picture()).convert("YCbCr"))
    save(dataset(ybr, PhotometricInterpretation="YBR_FULL"), tmp_path / "in" / "a.dcm")

    found = pixels(imported(tmp_path))

    assert np.abs(found.astype(int) - picture().astype(int)).max() <= 3  # Pillow rounds once more


def test_import__twelve_bits_of_grey_become_eight_and_inverted_ones_are_turned(
    tmp_path: Path,
) -> None:
    grey = np.linspace(0, 4095, 96 * 96).reshape(96, 96).astype(np.uint16)
    tags = {"BitsStored": 12, "HighBit": 11}
    save(dataset(grey, **tags), tmp_path / "in" / "a.dcm")
    inverted = dataset(grey, PhotometricInterpretation="MONOCHROME1", **tags)
    save(inverted, tmp_path / "in" / "b.dcm")

    found = imported(tmp_path)

    upright = pixels(found, 0)
    assert (upright[0, 0, 0], upright[-1, -1, 0]) == (0, 255)
    assert np.array_equal(255 - upright, pixels(found, 1))


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"NumberOfFrames": 3}, "3 frames"),
        ({"BurnedInAnnotation": "YES"}, "text is drawn into the picture"),
        ({"Rows": 20_000, "Columns": 20_000}, "400,000,000 pixels"),
        ({"Rows": None}, "no picture"),
        ({"PixelData": b"\0" * 100}, "cut short"),
        ({"PixelData": None}, "cannot be decoded|cut short"),
        ({"PhotometricInterpretation": "NONSENSE"}, "cannot be decoded|cut short"),
    ],
)
def test_import__what_is_no_photograph_is_refused_with_a_reason(
    tmp_path: Path, tags: dict[str, object], reason: str
) -> None:
    save(dataset(picture(1)), tmp_path / "in" / "good.dcm")
    save(dataset(picture(), **tags), tmp_path / "in" / "bad.dcm")

    found = imported(tmp_path)

    assert found.n_imported == 1
    (refused,) = found.refused
    assert refused.name == "bad.dcm"
    assert any(part in refused.reason for part in reason.split("|"))
    assert not any(word in refused.reason for word in PLANTED)


def test_import__text_in_the_picture_can_be_accepted(tmp_path: Path) -> None:
    save(dataset(picture(), BurnedInAnnotation="YES"), tmp_path / "in" / "a.dcm")

    assert imported(tmp_path, allow_burned_in=True).n_imported == 1


def test_import__files_cut_at_any_place_never_raise_anything_else(tmp_path: Path) -> None:
    whole = save(dataset(picture()), tmp_path / "whole.dcm").read_bytes()
    (tmp_path / "in").mkdir()
    for n_bytes in (132, 140, 200, 400, 700, 900, 1200, len(whole) - 1000):
        (tmp_path / "in" / f"{n_bytes}.dcm").write_bytes(whole[:n_bytes])
    save(dataset(picture(1)), tmp_path / "in" / "whole.dcm")

    found = imported(tmp_path)

    assert (found.n_imported, len(found.refused)) == (1, 8)


def test_import__an_import_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    save(dataset(picture(), NumberOfFrames=3), tmp_path / "in" / "a.dcm")

    with pytest.raises(DataError, match="None of the 1 pictures"):
        imported(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_import__a_folder_that_is_there_is_not_written_into(tmp_path: Path) -> None:
    save(dataset(picture()), tmp_path / "in" / "a.dcm")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")

    with pytest.raises(DataError, match="is there already"):
        imported(tmp_path)

    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_import__ordinary_photographs_need_none(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(picture()).save(tmp_path / "in" / "a.png")

    with pytest.raises(DataError, match="neither DICOM") as raised:
        imported(tmp_path)

    assert "open them as they are" in raised.value.hint


@pytest.mark.parametrize(
    ("said", "age"), [("061Y", "61"), ("000Y", ""), ("999Y", ""), ("003M", "")]
)
def test_import__an_age_that_stands_for_none_is_none(tmp_path: Path, said: str, age: str) -> None:
    save(dataset(picture(), PatientAge=said), tmp_path / "in" / "a.dcm")

    found = pd.read_csv(imported(tmp_path).manifest, dtype=str, keep_default_na=False)

    assert found.iloc[0].get("age", "") == age
