"""Exports: what other programs find in them is what was put in."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fundus_core.errors import DataError
from fundus_core.exports.anndata_file import write_anndata
from fundus_core.exports.arrow import NOTE, write_atlas, write_parquet
from fundus_core.exports.content import Content
from fundus_core.exports.fiftyone import write_fiftyone


def content(**changes: object) -> Content:
    """Six photographs in two clusters of three."""
    rng = np.random.default_rng(0)
    vectors = np.repeat(np.eye(2, 4, dtype=np.float32), 3, axis=0)
    vectors += rng.normal(0, 0.01, vectors.shape).astype(np.float32)
    table = pd.DataFrame(
        {
            "image_id": [f"id{n}" for n in range(6)],
            "path": [f"/photographs/{n}.png" for n in range(6)],
            "split": ["train", None, "test", None, None, None],
            "dr grade": ["0", "1", None, "2", "3", "=1+1"],
            "score run": [0.1, 0.2, np.nan, 0.4, 0.5, 0.6],
        }
    )
    parts = {
        "name": "six",
        "table": table,
        "vectors": vectors,
        "maps": {"pca": vectors[:, :2]},
        "about": {"synthetic": True},
    }
    return Content(**{**parts, **changes})  # type: ignore[arg-type]


def test_content__parts_of_other_photographs_are_refused() -> None:
    with pytest.raises(DataError, match=r"\[5, 6\] photographs"):
        content(vectors=np.zeros((5, 4), np.float32))


def test_parquet__holds_columns_vectors_and_maps(tmp_path: Path) -> None:
    given = content()

    write_parquet(given, tmp_path / "x.parquet")

    found = pd.read_parquet(tmp_path / "x.parquet")
    assert np.array_equal(np.stack(found["vector"].to_list()), given.vectors)
    assert np.array_equal(found[["pca_x", "pca_y"]].to_numpy(), given.maps["pca"])
    assert list(found["dr grade"])[-1] == "=1+1"
    note = pq.read_schema(tmp_path / "x.parquet").metadata[NOTE]
    assert json.loads(note) == {"synthetic": True}


def test_atlas__neighbours_are_rows_of_the_same_cluster_nearest_first(tmp_path: Path) -> None:
    write_atlas(content(), tmp_path / "x.parquet")

    found = pd.read_parquet(tmp_path / "x.parquet")
    for row, near in enumerate(found["neighbors"]):
        assert {int(one) // 3 for one in near["ids"][:2]} == {row // 3}
        assert row not in near["ids"]
        assert np.all(np.diff(near["distances"]) >= 0)
    assert {"projection_x", "projection_y"} <= set(found)
    assert "vector" not in found
    assert "image" not in found


def test_atlas__pictures_are_bytes_of_an_image(tmp_path: Path) -> None:
    def picture(path: str) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (8, 8), (int(Path(path).stem) * 40, 0, 0)).save(file, "PNG")
        return file.getvalue()

    write_atlas(content(), tmp_path / "x.parquet", picture=picture)

    cell = pd.read_parquet(tmp_path / "x.parquet")["image"][5]
    assert Image.open(io.BytesIO(cell["bytes"])).getpixel((0, 0)) == (200, 0, 0)


def test_fiftyone__samples_name_photographs_and_leave_missing_cells_out(tmp_path: Path) -> None:
    write_fiftyone(content(), tmp_path / "out")

    about = json.loads((tmp_path / "out" / "metadata.json").read_text())
    samples = json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]
    assert "version" not in about  # with one, FiftyOne expects its other format
    assert about["info"] == {
        "fundus_explorer": {
            "synthetic": True,
            "renamed": {"dr_grade": "dr grade", "score_run": "score run"},
        }
    }
    assert [one["filepath"] for one in samples] == [f"/photographs/{n}.png" for n in range(6)]
    assert samples[0]["tags"] == ["train"]
    assert samples[0]["dr_grade"] == "0"
    assert "dr_grade" not in samples[2]
    assert "score_run" not in samples[2]
    assert samples[3]["score_run"] == 0.4
    assert len(samples[0]["embedding"]) == 4
    assert len(samples[0]["map_pca"]) == 2


@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")  # by the library itself
def test_anndata__is_read_back(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    given = content()

    write_anndata(given, tmp_path / "x.h5ad")

    found = anndata.read_h5ad(tmp_path / "x.h5ad")
    assert np.array_equal(found.X, given.vectors)
    assert list(found.obs_names) == list(given.table["image_id"])
    assert np.array_equal(found.obsm["X_pca"], given.maps["pca"])
    assert list(found.obs["dr grade"].astype(str))[-1] == "=1+1"
    assert np.isnan(found.obs["score run"].iloc[2])
    assert json.loads(found.uns["fundus_explorer"]) == {"synthetic": True}


def test_anndata__without_its_library_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "anndata", None)

    with pytest.raises(DataError, match="anndata, which is not installed") as raised:
        write_anndata(content(), tmp_path / "x.h5ad")

    assert "parquet" in raised.value.hint
    assert not list(tmp_path.iterdir())


def with_columns(*names: str) -> Content:
    """The six photographs with further columns, whose cells are their names; and a score."""
    further = {name: [f"{name} of {n}" for n in range(6)] for name in names}
    return content(
        table=content().table.drop(columns="score run").assign(**further),
        scores={"score r": np.arange(6) / 10},
    )


def test_parquet__columns_of_an_earlier_export_are_kept_beside_our_own(tmp_path: Path) -> None:
    given = with_columns("vector", "pca_x", "pca_x_given", "score r")

    renamed = write_parquet(given, tmp_path / "x.parquet")

    assert renamed == {
        "vector_given": "vector",
        "pca_x_given_given": "pca_x",
        "score r_given": "score r",
    }
    found = pd.read_parquet(tmp_path / "x.parquet")
    assert np.array_equal(np.stack(found["vector"].to_list()), given.vectors)
    assert np.array_equal(found["pca_x"].to_numpy(), given.maps["pca"][:, 0])
    assert found["score r"].tolist() == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert found["pca_x_given"][5] == "pca_x_given of 5"
    assert {new: found[new][5] for new in renamed} == {n: f"{o} of 5" for n, o in renamed.items()}
    note = pq.read_schema(tmp_path / "x.parquet").metadata[NOTE]
    assert json.loads(note) == {"synthetic": True, "renamed": renamed}


def test_parquet__says_both_names_where_a_score_and_a_column_are_called_alike(
    tmp_path: Path,
) -> None:
    given = content(
        table=content().table.drop(columns="score run").assign(vector="a word"),
        scores={"vector": np.arange(6) / 10},
    )

    renamed = write_parquet(given, tmp_path / "x.parquet")

    assert renamed == {"vector_given": "vector", "vector_given_given": "vector"}


def test_atlas__columns_of_an_earlier_export_are_kept_beside_our_own(tmp_path: Path) -> None:
    given = with_columns("projection_x", "neighbors", "image")

    plain = write_atlas(given, tmp_path / "x.parquet")
    pictured = write_atlas(given, tmp_path / "y.parquet", picture=lambda path: path.encode())

    assert plain == {"projection_x_given": "projection_x", "neighbors_given": "neighbors"}
    assert pictured == {**plain, "image_given": "image"}
    found = pd.read_parquet(tmp_path / "y.parquet")
    assert {new: found[new][0] for new in pictured} == {
        new: f"{old} of 0" for new, old in pictured.items()
    }
    assert found["image"][0]["bytes"] == b"/photographs/0.png"
    assert len(found["neighbors"][0]["ids"]) == 5


def test_fiftyone__columns_that_become_one_word_stay_apart(tmp_path: Path) -> None:
    names = ("年齢", "性別", "age (y)", "age y", "age_y", "id", "_id", "map_pca", "embedding")

    renamed = write_fiftyone(with_columns(*names), tmp_path / "out")

    called = {old: new for new, old in renamed.items()}
    samples = json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]
    assert [samples[3][called.get(name, name)] for name in names] == [f"{n} of 3" for n in names]
    assert len({called.get(name, name) for name in names}) == len(names)
    assert "age_y" not in called
    assert (called["年齢"], called["性別"]) == ("column", "column_given")
    assert samples[3]["score_r"] == 0.3
    assert len(samples[3]["map_pca"]) == 2
    assert len(samples[3]["embedding"]) == 4


@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")  # by the library itself
def test_anndata__columns_that_the_format_cannot_hold_are_renamed(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    names = ("_index", "od", "od/os", ".")

    renamed = write_anndata(with_columns(*names), tmp_path / "x.h5ad")

    found = anndata.read_h5ad(tmp_path / "x.h5ad").obs
    assert renamed == {"_index_given": "_index", "od_os": "od/os", "._given": "."}
    assert [found[name].iloc[5] for name in ("od", *renamed)] == [
        f"{name} of 5" for name in ("od", *renamed.values())
    ]


@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")  # by the library itself
def test_anndata__patients_7_and_007_are_two(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    patients = content().table.assign(patient_id=["7", "007", "8", "8", None, "9"])

    write_anndata(content(table=patients), tmp_path / "x.h5ad")

    found = anndata.read_h5ad(tmp_path / "x.h5ad").obs["patient_id"]
    assert list(found.astype(str)) == ["7", "007", "8", "8", "", "9"]
