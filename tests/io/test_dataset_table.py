"""The stored table of a data set comes back as it was, whatever its columns hold."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.io.dataset_table import read_dataset_table, write_dataset_table


def _table(n_rows: int = 3_000) -> pd.DataFrame:
    numbers = range(n_rows)
    columns = {
        "image_id": [f"{number:032x}" for number in numbers],  # more words than are worth a list
        "patient_id": [None if number % 7 == 0 else f"P{number}" for number in numbers],
        "eye": [("OD", "OS", None)[number % 3] for number in numbers],
        "split": [None] * n_rows,
        "grade": [str(number % 5) for number in numbers],
    }
    return pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})


def test_read_dataset_table__strings_and_none_come_back_as_they_were(tmp_path: Path) -> None:
    table = _table()
    write_dataset_table(table, tmp_path / "table.parquet")

    back = read_dataset_table(tmp_path / "table.parquet")

    pd.testing.assert_frame_equal(back, table)
    assert back["eye"][2] is None  # and not a NaN, which `is None` would miss
    assert back["split"][0] is None


def test_read_dataset_table__repeated_words_are_one_object_each(tmp_path: Path) -> None:
    write_dataset_table(_table(), tmp_path / "table.parquet")

    grades = read_dataset_table(tmp_path / "table.parquet")["grade"]

    assert len({id(value) for value in grades}) == 5


@pytest.mark.parametrize("n_rows", [0, 1])
def test_read_dataset_table__hardly_any_rows(tmp_path: Path, n_rows: int) -> None:
    table = _table(n_rows)
    write_dataset_table(table, tmp_path / "table.parquet")

    back = read_dataset_table(tmp_path / "table.parquet")

    assert list(back) == list(table)
    assert back.astype(object).equals(table.astype(object))


def test_read_dataset_table__what_earlier_versions_wrote(tmp_path: Path) -> None:
    table = _table(10).assign(age=np.arange(10.0))
    table.to_parquet(tmp_path / "table.parquet", index=False)

    back = read_dataset_table(tmp_path / "table.parquet")

    pd.testing.assert_frame_equal(back, table)
