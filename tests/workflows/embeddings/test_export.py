"""What an export takes from the workspace: columns, scores, maps, and how they were made."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.errors import DataError, DifferentImagesError, StoreError
from fundus_core.exports.arrow import NOTE
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, ResolvedChoice, resolve
from fundus_core.workflows.embeddings.embed import embed_resolved
from fundus_core.workflows.embeddings.export import FORMATS, export, runs_to_log
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions, save_run
from tests.fakes import write_dataset

CHOICE = BackboneChoice("timm:test_resnet", weights="scratch", image_size=32, precision="fp32")


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def dataset(place: Workspace, tmp_path: Path) -> FundusDataset:
    return open_dataset(place, DataSource(write_dataset(tmp_path / "data")))


@pytest.fixture
def resolved(place: Workspace) -> ResolvedChoice:
    return resolve(place, CHOICE)


@pytest.fixture
def embeddings(place: Workspace, dataset: FundusDataset, resolved: ResolvedChoice) -> Embeddings:
    return embed_resolved(place, dataset, resolved)


@pytest.fixture
def run(place: Workspace, dataset: FundusDataset, tmp_path: Path) -> Run:
    key = dataset_id(DataSource(tmp_path / "data"))
    return probe_dataset(place, dataset, key, CHOICE, ProbeChoice("dr", folds=3))


def test_export__scores_stand_beside_their_photographs(
    place: Workspace,
    dataset: FundusDataset,
    resolved: ResolvedChoice,
    embeddings: Embeddings,
    run: Run,
    tmp_path: Path,
) -> None:
    out = tmp_path / "x.parquet"

    export(
        place,
        dataset,
        resolved,
        embeddings,
        format_name="parquet",
        out=out,
        runs=[run.id],
        methods=["pca"],
    )

    found = pd.read_parquet(out).set_index("image_id")
    said = run_predictions(place, run)
    expected = pd.Series(said.y_score[:, 0], index=list(said.image_ids))
    assert np.array_equal(found[f"score {run.id}"].reindex(expected.index), expected)
    assert set(found[f"fold {run.id}"]) == {0, 1, 2}
    assert {"pca_x", "pca_y", "vector", "patient_id"} <= set(found)
    assert list(found.index) == list(embeddings.image_ids)
    about = json.loads(pq.read_schema(out).metadata[NOTE])
    assert about["embeddings"]["image_size"] == 32
    assert about["runs"][0]["id"] == run.id


def test_export__embedding_atlas_gets_a_map_without_asking(
    place: Workspace,
    dataset: FundusDataset,
    resolved: ResolvedChoice,
    embeddings: Embeddings,
    tmp_path: Path,
) -> None:
    out = tmp_path / "new" / "x.parquet"

    export(place, dataset, resolved, embeddings, format_name="atlas", out=out, pictures=True)

    found = pd.read_parquet(out)
    assert np.isfinite(found[["projection_x", "projection_y"]].to_numpy()).all()
    assert found["image"][0]["bytes"].startswith(b"\xff\xd8")


def test_export__a_run_of_other_photographs_is_refused(
    place: Workspace,
    dataset: FundusDataset,
    resolved: ResolvedChoice,
    embeddings: Embeddings,
    run: Run,
    tmp_path: Path,
) -> None:
    said = run_predictions(place, run)
    others = replace(said, image_ids=tuple(f"other {name}" for name in said.image_ids))
    elsewhere = replace(run, id="elsewhere", dataset_name="others")
    save_run(place, elsewhere, others)

    with pytest.raises(DifferentImagesError, match="its scores are of others"):
        export(
            place,
            dataset,
            resolved,
            embeddings,
            format_name="parquet",
            out=tmp_path / "x.parquet",
            runs=["elsewhere"],
        )
    assert not (tmp_path / "x.parquet").exists()


def test_export__unknown_formats_and_runs_are_refused(
    place: Workspace,
    dataset: FundusDataset,
    resolved: ResolvedChoice,
    embeddings: Embeddings,
    tmp_path: Path,
) -> None:
    out = tmp_path / "x"

    with pytest.raises(DataError) as unknown:
        export(place, dataset, resolved, embeddings, format_name="xlsx", out=out)
    with pytest.raises(StoreError):
        export(place, dataset, resolved, embeddings, format_name="parquet", out=out, runs=["no"])

    for more in ({"runs": ["no"]}, {"methods": ["pca"]}):
        with pytest.raises(DataError, match="no place in it for scores and maps"):
            export(place, dataset, resolved, embeddings, format_name="npy", out=out, **more)

    assert all(name in unknown.value.hint for name in FORMATS)
    assert not out.exists()


@pytest.mark.parametrize(("kind", "second"), [("npy", "image_ids.csv"), ("fiftyone", "samples")])
def test_export__of_several_files_leaves_the_old_ones_where_one_cannot_be_written(
    place: Workspace,
    dataset: FundusDataset,
    resolved: ResolvedChoice,
    embeddings: Embeddings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    second: str,
) -> None:
    def exported(name: str, made: Embeddings) -> None:
        named = replace(dataset, name=name)
        export(place, named, resolved, made, format_name=kind, out=tmp_path / "out")

    def full(source: Path, target: Path) -> Path:
        if second in source.name:
            raise OSError(errno.ENOSPC, "No space left on device", str(source))
        return replaced(source, target)

    exported("old", embeddings)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    replaced = Path.replace
    monkeypatch.setattr(Path, "replace", full)

    with pytest.raises(StoreError, match=r"No space left in .*out"):
        exported("new", replace(embeddings, vectors=embeddings.vectors[::-1]))

    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert len(before) == 2


def test_runs_to_log__figures_are_those_of_the_run(
    place: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (logged,) = runs_to_log(place, [run.id])

    assert run.auc is not None
    assert logged.metrics["auc"] == run.auc.auc
    assert logged.metrics["auc_low"] <= logged.metrics["auc"] <= logged.metrics["auc_high"]
    assert logged.params["embed.image_size"] == "32"
    (said,) = logged.tables.values()
    assert list(logged.tables) == ["predictions.parquet"]
    names = set(said["patient_id"])

    monkeypatch.setenv("FUNDUS_HIDE_IDS", "1")
    (hidden,) = runs_to_log(place, [run.id])[0].tables.values()
    assert len(set(hidden["patient_id"])) == len(names)
    assert not names & set(hidden["patient_id"])
