"""Data sets of Hugging Face on disk, read by Arrow alone."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fundus_core.errors import DataError
from fundus_core.io.manifest import DataSource, read_dataset
from fundus_core.workflows.data.imports import import_photographs
from tests.imports.dicom_files import picture

FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": ["healthy", "glaucoma"], "_type": "ClassLabel"},
    "age": {"dtype": "int64", "_type": "Value"},
    "patient_id": {"dtype": "string", "_type": "Value"},
}


def encoded(seed: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture(seed)).save(file, kind)
    return file.getvalue()


def table(cells: list[dict[str, Any] | None], *, note: bool = True) -> pa.Table:
    """Returns a table as the library writes it: a struct of bytes and path, and a note in JSON."""
    n = len(cells)
    image = pa.array(cells, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    columns = {
        "image": image,
        "label": pa.array([row % 2 if row != 2 else -1 for row in range(n)], pa.int64()),
        "age": pa.array([60 + row for row in range(n)], pa.int64()),
        "patient_id": pa.array([f"P{row // 2}" for row in range(n)]),
    }
    found = pa.table(columns)
    if note:
        found = found.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": FEATURES}})}
        )
    return found


def cells(*seeds: int) -> list[dict[str, Any] | None]:
    return [{"bytes": encoded(seed), "path": f"{seed}.png"} for seed in seeds]


def test_import__parquet_shards_with_class_names_and_splits(tmp_path: Path) -> None:
    (tmp_path / "in" / "data").mkdir(parents=True)
    pq.write_table(table(cells(0, 1)), tmp_path / "in" / "data" / "train-00000-of-00001.parquet")
    pq.write_table(table(cells(2, 3)), tmp_path / "in" / "data" / "test-00000-of-00001.parquet")

    found = import_photographs(tmp_path / "in", tmp_path / "out")

    rows = pd.read_csv(found.manifest, dtype=str)
    assert (found.kind, found.n_imported, found.refused) == ("Hugging Face", 4, ())
    assert list(rows["label"]) == ["healthy", "glaucoma"] * 2
    assert list(rows["split"]) == ["test", "test", "train", "train"]
    first = np.array(Image.open(found.manifest.parent / rows["path"][2]))
    assert np.array_equal(first, picture(0))
    opened = read_dataset(DataSource(found.manifest))
    assert "label" in [target.name for target in opened.targets]
    assert opened.n_patients == 1


def test_import__what_save_to_disk_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "validation"
    folder.mkdir(parents=True)
    whole = table(cells(0, 1, 2))
    shard = str(folder / "data-00000-of-00001.arrow")
    with pa.OSFile(shard, "wb") as sink, pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)

    rows = pd.read_csv(import_photographs(tmp_path / "in", tmp_path / "out").manifest, dtype=str)

    assert list(rows["split"]) == ["val"] * 3
    assert list(rows["label"].fillna("")) == ["healthy", "glaucoma", ""]  # -1: no label
    assert list(rows["age"]) == ["60", "61", "62"]


def test_import__without_the_note_numbers_stay_numbers(tmp_path: Path) -> None:
    pq.write_table(table(cells(0, 1), note=False), tmp_path / "all.parquet")

    found = import_photographs(tmp_path / "all.parquet", tmp_path / "out")

    assert list(pd.read_csv(found.manifest, dtype=str)["label"]) == ["0", "1"]


def test_import__photographs_named_by_path_lie_inside_the_folder_or_are_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret.png").write_bytes(encoded(9))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(encoded(1))
    (tmp_path / "in" / "circle").symlink_to("circle")
    named = ["a.png", "../secret.png", str(tmp_path / "secret.png"), "gone.png"]
    named += ["circle", "a" * 300 + ".png"]
    pq.write_table(
        table([{"bytes": None, "path": name} for name in named]), tmp_path / "in" / "x.parquet"
    )

    found = import_photographs(tmp_path / "in", tmp_path / "out")

    assert found.n_imported == 1
    assert [one.name for one in found.refused] == [f"x.parquet, row {row}" for row in range(1, 6)]


def test_import__bytes_that_are_no_photograph_are_refused(tmp_path: Path) -> None:
    bad = [{"bytes": b"<html>", "path": "a.png"}, None]
    pq.write_table(table([*cells(0), *bad]), tmp_path / "x.parquet")

    found = import_photographs(tmp_path / "x.parquet", tmp_path / "out")

    assert [one.reason for one in found.refused] == [
        "Its bytes are no photograph of a known format.",
        "It has no photograph.",
    ]


def test_import__a_label_outside_of_the_names_is_refused_not_left_blank(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    odd = table(cells(0, 1, 2, 3))
    labels = pa.array([0, 2, None, -2], pa.int64())
    odd = odd.set_column(odd.column_names.index("label"), "label", labels)
    pq.write_table(odd, tmp_path / "in" / "train.parquet")

    found = import_photographs(tmp_path / "in", tmp_path / "out")

    assert [(one.name, one.reason) for one in found.refused] == [
        ("train.parquet, row 1", "Its label is 2, and there are names for 0 to 1."),
        ("train.parquet, row 3", "Its label is -2, and there are names for 0 to 1."),
    ]
    rows = pd.read_csv(found.manifest, dtype=str)
    assert list(rows["label"].fillna("")) == ["healthy", ""]


def test_import__a_broken_shard_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.parquet").write_bytes(b"PAR1 no table PAR1")

    with pytest.raises(DataError, match=r"x\.parquet cannot be read"):
        import_photographs(tmp_path / "in", tmp_path / "out")

    assert not (tmp_path / "out").exists()
