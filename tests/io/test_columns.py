"""Columns are recognised under their usual names, and by what is in them."""

import pandas as pd
import pytest

from fundus_core.errors import DataError
from fundus_core.io.columns import ColumnMapping, find_column, recognise

N_ROWS = 4
PATHS = [f"images/{i}.jpg" for i in range(N_ROWS)]


def _is_file(value: str) -> bool:
    """Stands in for the disk."""
    return value.endswith(".jpg") or value.startswith("IDRiD_")


def _recognised(columns: dict[str, list[str | None]], **named: str) -> ColumnMapping:
    """What is recognised in a table of the given columns."""
    table = pd.DataFrame(columns, dtype=object)
    return recognise(table, ColumnMapping(**named), is_file=_is_file, name="labels.csv")


@pytest.mark.parametrize(
    "name",
    ["path", "image", "Image Path", "FILE_NAME", "img", "filename", "image_id", "id_code", "photo"],
)
def test_recognise__finds_the_path_under_usual_names(name: str) -> None:
    found = _recognised({"label": ["a", "b", "a", "b"], name: [*PATHS]})

    assert found.path == name


def test_recognise__prefers_a_usual_name_whose_values_are_files() -> None:
    found = _recognised({"id": ["1", "2", "3", "4"], "image": [*PATHS], "mask": [*PATHS]})

    assert found.path == "image"


def test_recognise__tries_the_next_usual_name_when_values_are_no_files() -> None:
    found = _recognised({"image": ["1", "2", "3", "4"], "file": [*PATHS]})

    assert found.path == "file"


def test_recognise__takes_any_column_of_files_when_no_name_is_usual() -> None:
    found = _recognised({"grade": ["0", "1", "0", "1"], "Aufnahme": [*PATHS]})

    assert found.path == "Aufnahme"


def test_recognise__a_path_column_may_have_some_missing_files() -> None:
    found = _recognised({"image": ["gone.png", "gone too.png", "gone as well.png", PATHS[0]]})

    assert found.path == "image"


def test_recognise__without_paths_the_columns_are_named() -> None:
    with pytest.raises(DataError, match="it has: age, label") as caught:
        _recognised({"age": ["1", "2", "3", "4"], "label": ["a", "b", "a", "b"]})

    assert "--path-column" in caught.value.hint


def test_recognise__files_that_are_not_there_are_told_with_an_example() -> None:
    with pytest.raises(DataError, match=r"column 'image' of labels.csv .* such as 'x1.png'"):
        _recognised({"image": ["x1.png", "x2.png"]})


@pytest.mark.parametrize(
    ("role", "name"),
    [("path", "pictures"), ("patient", "person_nr"), ("eye", "seite"), ("split", "fold")],
)
def test_recognise__a_wrong_name_is_answered_with_those_there_are(role: str, name: str) -> None:
    with pytest.raises(DataError, match=rf"no column '{name}'; it has: image, label") as caught:
        _recognised({"image": [*PATHS], "label": ["a", "b", "a", "b"]}, **{role: name})

    assert f"--{role}-column" in caught.value.hint


def test_recognise__what_the_user_says_wins_and_may_differ_in_case() -> None:
    found = _recognised(
        {"image": [*PATHS], "patient_id": ["1", "2", "3", "4"], "Family": ["a", "a", "b", "b"]},
        patient="family",
    )

    assert found.patient == "Family"


@pytest.mark.parametrize(
    ("name", "values", "is_patient"),
    [
        ("Patient ID", ["007", "007", "008", "009"], True),
        ("subject", ["a", "b", "c", "d"], True),
        ("MRN", ["1", "2", "3", "4"], True),
        ("patient_id", ["0", "1", "0", "1"], True),
        ("case", ["0", "1", "0", "1"], False),
        ("patient", ["yes", "no", "yes", None], False),
        ("patient", [None, None, None, None], True),
    ],
)
def test_recognise__patients(name: str, values: list[str | None], is_patient: bool) -> None:
    found = _recognised({"image": [*PATHS], name: values})

    assert found.patient == (name if is_patient else None)


@pytest.mark.parametrize(
    ("name", "values", "is_eye"),
    [
        ("laterality", ["L", "R", "l", "r"], True),
        ("Eye", ["left", "RIGHT", None, "OS"], True),
        ("side", ["front", "back", "front", "back"], False),
    ],
)
def test_recognise__eyes(name: str, values: list[str | None], is_eye: bool) -> None:
    found = _recognised({"image": [*PATHS], name: values})

    assert found.eye == (name if is_eye else None)


@pytest.mark.parametrize(
    ("name", "values", "is_split"),
    [
        ("set", ["Training", "valid", "test", "test"], True),
        ("set", ["idrid", "messidor", "idrid", "test"], False),
        ("split", ["a", "b", "a", "b"], True),
        ("fold", ["1", "2", "3", "1"], False),
    ],
)
def test_recognise__splits(name: str, values: list[str | None], is_split: bool) -> None:
    found = _recognised({"image": [*PATHS], name: values})

    assert found.split == (name if is_split else None)


def test_find_column__is_exact_before_it_is_lenient() -> None:
    assert find_column(["Label", "label"], "label") == "label"
    assert find_column(["DR grade"], "dr_grade") == "DR grade"
    assert find_column(["Label", "LABEL"], "label") is None


def test_recognise__a_first_row_of_photographs_is_no_header() -> None:
    with pytest.raises(DataError, match=r"first row of labels\.csv is no header.*'images/9\.jpg'"):
        _recognised({"images/9.jpg": [*PATHS], "P9": ["P1", "P2", "P3", "P4"]})


def test_recognise__a_column_called_like_a_file_beside_the_table_is_a_column() -> None:
    found = _recognised({"image": [*PATHS], "IDRiD_mask": ["IDRiD_mask.jpg", *PATHS[:3]]})

    assert found.path == "image"


def test_recognise__names_of_photographs_without_ending_are_no_header_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells = {"IDRiD_0": ["IDRiD_1", "IDRiD_2", "IDRiD_3", "IDRiD_4"], "Anna": ["P1"] * 4}

    with pytest.raises(DataError, match=r"no header: .*'IDRiD_0'"):
        _recognised(cells)
    monkeypatch.setenv("FUNDUS_HIDE_IDS", "1")
    for named in ({}, {"patient": "patient"}):
        with pytest.raises(DataError) as refused:
            _recognised({"im0": ["im1"] * 4, "Anna": ["P1"] * 4} if not named else cells, **named)
        assert "Anna" not in refused.value.message + refused.value.hint
