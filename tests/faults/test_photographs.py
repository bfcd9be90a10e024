"""Photographs that change, vanish or move behind the program: never the figures of another one."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import DataError, ImageError
from fundus_core.finetune.squares import read_squares
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.shortcuts import measure
from fundus_core.ui import picture_caches
from fundus_core.ui.components.saliency_choice import image_of
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, stored_dataset
from fundus_core.workflows.data.look_alikes import dataset_look_alikes
from fundus_core.workflows.data.measured import measure_dataset, stored_measurements
from fundus_core.workflows.data.photographs import thumbnail_file
from fundus_core.workflows.data.repoint import repoint
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve
from fundus_core.workflows.embeddings.embed import embed
from fundus_core.workflows.embeddings.export import export
from fundus_core.workflows.explanations.explain import explain_many
from fundus_core.workflows.explanations.explanation_table import Case, explanation_table
from fundus_core.workflows.explanations.truth import MaskFiles
from fundus_core.workflows.models.networks import Photograph
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.runs import list_runs, run_predictions
from tests.fakes import write_dataset, write_photograph

TINY = BackboneChoice("timm:test_resnet", "scratch", 32, precision="fp32")
N_PATIENTS = 6


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data", n_patients=N_PATIENTS, side=72)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def opened(place: Workspace, data: Path) -> FundusDataset:
    return open_dataset(place, DataSource(data))


def first_file(dataset: FundusDataset) -> Path:
    return Path(dataset.table["path"].iloc[0])


def replace_content(path: Path, *, keep_time: bool = False) -> None:
    """Puts another photograph in place of one, if asked for with its time of change."""
    status = path.stat()
    write_photograph(path, (10, 200, 90), 72)
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_embed__a_photograph_that_changed_since_it_was_opened_gets_no_vector_of_the_other(
    place: Workspace, opened: FundusDataset
) -> None:
    replace_content(first_file(opened))

    found = embed(place, opened, TINY)

    assert found.image_ids == opened.image_ids[1:]
    assert [row.reason for row in found.skipped] == ["changed"]
    assert "another photograph" in found.skipped[0].detail


def test_embed__a_photograph_put_back_is_embedded_after_all(
    place: Workspace, opened: FundusDataset
) -> None:
    path = first_file(opened)
    content = path.read_bytes()
    path.unlink()
    without = embed(place, opened, TINY)
    path.write_bytes(content)

    found = embed(place, opened, TINY)

    assert [row.reason for row in without.skipped] == ["missing"]
    assert found.image_ids == opened.image_ids
    assert found.skipped == ()


def test_open_dataset__a_photograph_changed_after_it_was_embedded_is_a_new_one(
    place: Workspace, data: Path, opened: FundusDataset
) -> None:
    before = embed(place, opened, TINY)
    replace_content(first_file(opened))

    again = open_dataset(place, DataSource(data))
    after = embed(place, again, TINY)

    assert len(set(again.image_ids) - set(opened.image_ids)) == 1
    assert np.array_equal(after.rows(opened.image_ids[1:]), before.rows(opened.image_ids[1:]))
    new = next(one for one in again.image_ids if one not in opened.image_ids)
    assert not np.array_equal(after.rows([new]), before.rows(opened.image_ids[:1]))


def test_embed__a_change_that_keeps_size_and_time_is_noticed_by_content(
    place: Workspace, data: Path, opened: FundusDataset
) -> None:
    path = first_file(opened)
    content, status = bytearray(path.read_bytes()), path.stat()
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    again = open_dataset(place, DataSource(data))
    found = embed(place, again, TINY)

    assert again.image_ids == opened.image_ids  # the file looks unread, so it is not read again
    assert [row.reason for row in found.skipped] == ["changed"]


def test_training__thumbnails_and_measurements_refuse_a_changed_photograph(
    place: Workspace, opened: FundusDataset, tmp_path: Path
) -> None:
    path, image_id = first_file(opened), opened.image_ids[0]
    replace_content(path)
    photographs = [
        Photograph(one, Path(file))
        for one, file in zip(opened.image_ids, opened.table["path"], strict=True)
    ]

    squares = read_squares(
        photographs, 32, resolve(place, TINY).recipe.preprocessing, folder=tmp_path / "squares"
    )
    measured = measure_dataset(place, opened)

    assert image_id not in squares.image_ids
    assert [row.reason for row in squares.skipped] == ["changed"]
    assert set(measured.unreadable) == {image_id}
    assert stored_measurements(place, opened) is None  # it may be put back
    with pytest.raises(ImageError, match="another photograph"):
        thumbnail_file(place, image_id, path)


def test_explain__a_kept_map_is_never_laid_over_another_photograph(
    place: Workspace, data: Path, opened: FundusDataset
) -> None:
    run = probe_dataset(
        place, opened, dataset_id(DataSource(data)), TINY, ProbeChoice("dr", folds=2)
    )
    image = opened.image_ids[0]
    explain_many(place, run.id, [image], method="occlusion")
    assert len(list((place.root / "heat_maps").glob("[!.]*"))) == 1
    replace_content(first_file(opened))

    with pytest.raises(ImageError, match="another photograph"):
        explain_many(place, run.id, [image], method="occlusion")
    with pytest.raises(ImageError, match="another photograph"):
        explanation_table(place, [run.id], [Case(image, None, MaskFiles())], methods=())


def test_pages__another_photograph_is_not_shown_under_the_old_id(opened: FundusDataset) -> None:
    path, image = first_file(opened), opened.image_ids[0]
    external = SimpleNamespace(kind="external")
    row = pd.Series({"path": str(path)}, name=image)
    readings: list[Callable[[], object]] = [
        lambda: picture_caches.photograph(image, str(path)),
        lambda: picture_caches.prepared(image, str(path), PreprocessRecipe(), 32),
        lambda: picture_caches.augmented_versions(image, str(path), "none"),
        lambda: image_of(external, row),  # type: ignore[arg-type]
        lambda: measure(path, image_id=image),
    ]
    for read in readings:
        read()
    replace_content(path)

    for read in readings:
        with pytest.raises(ImageError, match="another photograph"):
            read()


def test_export__no_picture_of_another_photograph(
    place: Workspace, opened: FundusDataset, tmp_path: Path
) -> None:
    vectors, choice = embed(place, opened, TINY), resolve(place, TINY)
    replace_content(first_file(opened))

    with pytest.raises(ImageError, match="another photograph"):
        export(
            *(place, opened, choice, vectors),
            format_name="atlas",
            out=tmp_path / "atlas.parquet",
            pictures=True,
        )


def test_look_alikes__are_not_remembered_where_a_photograph_could_not_be_read(
    place: Workspace, opened: FundusDataset
) -> None:
    first_file(opened).unlink()

    dataset_look_alikes(place, opened)

    assert not place.look_alikes.exists()


def test_clock_set_back__new_photographs_are_read_and_old_ones_are_not_forgotten(
    place: Workspace, data: Path, opened: FundusDataset
) -> None:
    table = data / "labels.csv"
    name = "images/new.jpg"
    write_photograph(data / name, (77, 66, 55), 72)
    table.write_text(f"{table.read_text()}{name},P99,OD,0,0\n", encoding="utf-8")
    for path in (data / name, table):
        os.utime(path, (0, 0))  # written "before" everything else

    again = open_dataset(place, DataSource(data))

    assert len(again) == len(opened) + 1
    assert set(opened.image_ids) < set(again.image_ids)


def test_moved_workspace_and_photographs__everything_is_found_again(
    place: Workspace, data: Path, opened: FundusDataset, tmp_path: Path
) -> None:
    name = dataset_id(DataSource(data))
    run = probe_dataset(place, opened, name, TINY, ProbeChoice("dr", folds=2))
    scores = run_predictions(place, run).y_score
    elsewhere = tmp_path / "elsewhere"
    shutil.move(place.root, elsewhere / "workspace")
    shutil.move(data, elsewhere / "photographs")
    moved = Workspace(elsewhere / "workspace")

    pointed = repoint(moved, name, elsewhere / "photographs")

    assert list_runs(moved) == (run,)
    assert np.array_equal(run_predictions(moved, run).y_score, scores)
    assert stored_dataset(moved, name).image_ids == opened.image_ids
    assert all(Path(path).is_relative_to(elsewhere) for path in pointed.table["path"])
    store = EmbeddingStore(moved.embeddings, run.embeddings)
    shards = sorted(store.folder.glob("[0-9]*"))
    embed(moved, pointed, TINY)
    assert sorted(store.folder.glob("[0-9]*")) == shards  # nothing was computed again


def test_repoint__to_other_photographs_of_the_same_names_is_refused(
    place: Workspace, data: Path, opened: FundusDataset, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(data, other)
    replace_content(other / "images" / first_file(opened).name)

    with pytest.raises(DataError, match=f"1 of the {len(opened)} photographs"):
        repoint(place, dataset_id(DataSource(data)), other)

    assert stored_dataset(place, dataset_id(DataSource(data))).image_ids == opened.image_ids
