"""Data sets of a study: labels made of other columns, photographs chosen by their columns."""

from pathlib import Path

import numpy as np
import pytest

from fundus_core.errors import StudyError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.studies.data import StudyData, open_study_data
from fundus_core.studies.document import DataPart
from tests.fakes import write_dataset


def opened(tmp_path: Path, photographs: int | None = None, **values: object) -> StudyData:
    if not (tmp_path / "data").exists():
        write_dataset(tmp_path / "data")
    part = DataPart(**{"name": "d", "source": "data", "target": "dr", **values})  # type: ignore[arg-type]
    place = Workspace(tmp_path / "workspace")
    return open_study_data(place, part, tmp_path, drawn_in=place, photographs=photographs)


def test_open_study_data__sources_are_found_beside_the_file(tmp_path: Path) -> None:
    data = opened(tmp_path)

    assert len(data.dataset) == 24
    assert data.dataset.target("dr").task == "binary"


@pytest.mark.parametrize(("value", "state"), [(None, "not set"), ("", "empty")])
@pytest.mark.parametrize("source", ["$PHOTOGRAPHS", "${PHOTOGRAPHS}/data"])
def test_open_study_data__a_variable_without_a_folder_is_not_the_study_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, value: str | None, state: str
) -> None:
    if value is None:
        monkeypatch.delenv("PHOTOGRAPHS", raising=False)
    else:
        monkeypatch.setenv("PHOTOGRAPHS", value)

    with pytest.raises(StudyError, match=rf"source of d names \$PHOTOGRAPHS, .* that is {state}"):
        opened(tmp_path, source=source)


def test_open_study_data__a_variable_may_name_a_folder_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("PHOTOGRAPHS", "here/..")

    assert len(opened(tmp_path, source="$PHOTOGRAPHS/data").dataset) == 24


def test_open_study_data__labels_are_made_of_another_column(tmp_path: Path) -> None:
    data = opened(tmp_path, target="severe", column="grade", map={"0": "0", "1": "0", "2": "1"})

    y_true, known = data.dataset.labels(data.dataset.target("severe"))
    grades = data.dataset.table["grade"].to_numpy()
    assert known.all()
    assert np.array_equal(y_true[:, 0], grades == "2")


def test_open_study_data__labels_that_are_not_named_are_left_out(tmp_path: Path) -> None:
    data = opened(tmp_path, target="worst", column="grade", map={"0": "0", "2": "1"})

    y_true, known = data.dataset.labels(data.dataset.target("worst"))
    grades = data.dataset.table["grade"].to_numpy()
    assert np.array_equal(known, grades != "1")
    assert np.array_equal(y_true[:, 0], grades == "2")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"column": "stage", "map": {"0": "0"}}, "stage"),
        ({"column": "grade", "map": {"mild": "1"}}, "holds 0, 1, 2; the map names mild"),
        ({"column": "grade", "map": {"0": "0", "1": "0"}}, "one class only, '0'"),
        ({"where": {"camera": "A"}}, "no column 'camera'"),
        ({"where": {"eye": "OX"}}, "has eye = OX"),
    ],
)
def test_open_study_data__what_does_not_fit_is_refused(
    tmp_path: Path, values: dict[str, object], message: str
) -> None:
    with pytest.raises((StudyError, TargetError), match=message):
        opened(tmp_path, None, **values)


def test_open_study_data__photographs_are_chosen_by_their_columns(tmp_path: Path) -> None:
    data = opened(tmp_path, where={"eye": "OD"})

    assert set(data.dataset.table["eye"]) == {"OD"}
    assert len(data.dataset) == 12


def test_open_study_data__a_limit_takes_whole_patients_of_both_classes(tmp_path: Path) -> None:
    data = opened(tmp_path, photographs=8)

    assert len(data.dataset) == 8
    assert data.dataset.n_patients == 4
    assert sorted(data.dataset.table["dr"]) == ["0"] * 4 + ["1"] * 4
