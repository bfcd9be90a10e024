"""Subgroups of a stored run: by any column, and nobody dropped."""

from pathlib import Path

import pytest

from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.grouping import NOT_STATED
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.data.measured import measure_dataset
from fundus_core.workflows.evaluation.subgroups import grouping_columns, subgroups_of
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions
from tests.workflows.stressed import stored_run, write_table


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def run(place: Workspace, tmp_path: Path) -> Run:
    return stored_run(place, write_table(tmp_path / "data", shortcut=False))


def test_subgroups_of__joins_the_table_by_photograph(place: Workspace, run: Run) -> None:
    found = subgroups_of(place, run, "site")

    said = run_predictions(place, run)
    table = stored_dataset(place, run.dataset_id).table.set_index("image_id")
    for one in found.result.groups:
        rows = (table.loc[list(said.image_ids), "site"] == one.name).to_numpy()
        assert said.patient_ids is not None
        assert one.auc == auc_interval(
            said.y_true[rows, 0], said.y_score[rows, 0], patients=said.patient_ids[rows]
        )
    assert [one.name for one in found.result.groups] == ["north", "south"]
    assert found.result.auc_test is not None


def test_subgroups_of__words_alone_have_the_threshold_that_was_named_or_none(
    place: Workspace, tmp_path: Path
) -> None:
    folder = write_table(tmp_path / "words", shortcut=False)
    run = stored_run(place, folder, folds=0, kind="zero_shot")

    ranked = subgroups_of(place, run, "site")
    named = subgroups_of(place, run, "site", threshold=0.5)

    groups = (ranked.result.overall, *ranked.result.groups)
    assert {one.sensitivity or one.specificity for one in groups} == {None}
    assert [one.auc for one in groups[1:]] == [one.auc for one in named.result.groups]
    assert [test.figure for test in ranked.tests] == ["AUC"]
    assert named.result.overall.sensitivity is not None
    assert len(named.tests) == 3


def test_subgroups_of__eyes_share_their_patients(place: Workspace, run: Run) -> None:
    found = subgroups_of(place, run, "eye").result

    assert found.auc_test is not None
    assert found.auc_test.shared_units == 48


def test_subgroups_of__cuts_numbers_into_bands_and_keeps_the_missing(
    place: Workspace, run: Run
) -> None:
    found = subgroups_of(place, run, "age", bands=2, min_patients=5)

    assert found.edges == (64.0,) or found.edges == (65.0,)
    below, above, unknown = found.result.groups
    assert (below.name, above.name) == (
        f"below {found.edges[0]:g}",
        f"{found.edges[0]:g} and above",
    )
    assert (unknown.name, unknown.n_images, unknown.tested) == (NOT_STATED, 4, False)
    assert sum(one.n_images for one in found.result.groups) == 96


def test_subgroups_of__can_group_by_what_was_measured(place: Workspace, run: Run) -> None:
    with pytest.raises(TargetError, match="were not measured yet"):
        subgroups_of(place, run, "measured:brightness")
    measure_dataset(place, stored_dataset(place, run.dataset_id))

    found = subgroups_of(place, run, "measured:brightness", bands=3)

    assert len(found.result.groups) == 3
    assert found.column.kind == "numbers"


def test_subgroups_of__refuses_labels_and_unknown_columns(place: Workspace, run: Run) -> None:
    with pytest.raises(TargetError, match="'dr' holds the labels themselves"):
        subgroups_of(place, run, "dr")
    with pytest.raises(TargetError, match="no column 'sex'") as refused:
        subgroups_of(place, run, "sex")
    assert "site, camera, eye, age" in refused.value.hint


def test_grouping_columns__offers_those_that_make_groups(place: Workspace, run: Run) -> None:
    dataset = stored_dataset(place, run.dataset_id)

    found = {one.name: one for one in grouping_columns(place, dataset, run.target)}

    assert list(found)[:4] == ["site", "camera", "eye", "age"]
    assert (found["age"].kind, found["age"].n_missing) == ("numbers", 4)
    assert found["site"].kind == "names"
    assert not {"patient_id", "image_id", "path", "dr"} & set(found)
