"""`fundus export` of a table that has columns of the file's own."""

from pathlib import Path

import pandas as pd

from tests.cli.conftest import Fundus


def test_export__says_which_columns_bear_another_name(
    fundus: Fundus, data: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(data / "labels.csv").assign(vector="1", age="60")
    table.to_csv(data / "labels.csv", index=False)
    asked = ("export", data, "--backbone", "mean_colour", "--out", tmp_path / "x.parquet")

    told = fundus(*asked).stdout
    report = fundus(*asked, "--replace", "--json").json

    assert "another name there: 'vector' is 'vector_given'" in told
    assert report["renamed"] == {"vector_given": "vector"}
    found = pd.read_parquet(tmp_path / "x.parquet")
    assert set(found["vector_given"]) == {"1"}
    assert set(found["age"]) == {"60"}  # text, as docs/exports.md says
    assert len(found["vector"][0]) == 3
