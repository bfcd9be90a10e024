"""A model is judged by labels made as those that it learned."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.cli.model import print_external
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import TargetError
from fundus_core.io.manifest import ColumnMapping, DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.studies.data import mapped_labels
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, stored_dataset
from fundus_core.workflows.models.predict import ExternalResult, predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, run_predictions
from tests.workflows.reported import COLOUR, opened, probed

WORDS = {"0": "0", "1": "1", "2": "1"}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def learned(place: Workspace, target: str) -> Run:
    """Returns a run whose labels a study made of the column `grade`."""
    name = dataset_id(opened(place, place.root.parent / "inside"))
    made = mapped_labels(stored_dataset(place, name), "grade", target, WORDS)
    return probe_dataset(place, made, name, COLOUR, ProbeChoice(target, folds=2))


def outside(place: Workspace, **columns: str) -> DataSource:
    """Opens other photographs, with columns of the table under other names."""
    source = opened(place, place.root.parent / "outside", n_patients=18)
    table = source.path / "labels.csv"
    pd.read_csv(table).rename(columns=columns).to_csv(table, index=False)
    return source


def used_on(
    place: Workspace, run: Run, source: DataSource, column: str | None = None
) -> ExternalResult:
    dataset = open_dataset(place, source)
    return predict(place, run.id, dataset, dataset_id(source), label_column=column)


def said(result: ExternalResult) -> list[str]:
    return [one.text for one in result.run.cautions if one.code in {"FD008", "FD010"}]


@pytest.mark.parametrize("target", ["grade", "ill"])
def test_predict__makes_labels_as_those_that_the_model_learned(
    place: Workspace, target: str
) -> None:
    run = learned(place, target)

    result = used_on(place, run, source := outside(place))

    given = stored_dataset(place, dataset_id(source))
    assert np.array_equal(result.predictions.y_true[:, 0], given.table["dr"] == "1")
    assert result.n_labelled == len(given)
    assert result.run.labels == run.labels
    assert result.run.data == given.fingerprint()
    assert said(result) == []


def test_predict__without_the_column_that_taught_it_reads_another_only_where_it_is_named(
    place: Workspace,
) -> None:
    run, source = learned(place, "ill"), outside(place, grade="stage", dr="ill")

    silent, named = used_on(place, run, source), used_on(place, run, source, "ill")

    assert (silent.run.auc, silent.n_labelled) == (None, 0)
    (text,) = said(silent)
    assert "made of a column 'grade', which outside does not have" in text
    assert named.run.auc is not None
    assert (named.n_labelled, said(named)) == (36, [])


def ill_by_column(place: Workspace) -> DataSource:
    """Opens other photographs; by their column `ill` the first four patients are diseased."""
    source = outside(place)
    table = source.path / "labels.csv"
    pd.read_csv(table).assign(ill=[1] * 8 + [0] * 28).to_csv(table, index=False)
    return source


def test_predict__keeps_a_run_for_each_column_of_labels(place: Workspace) -> None:
    run = probed(place, opened(place, place.root.parent / "inside"))
    source = ill_by_column(place)

    usual, other = used_on(place, run, source), used_on(place, run, source, "ill")
    again, named = used_on(place, run, source), used_on(place, run, source, "dr")

    kept = {one.id: one for one in list_runs(place) if one.kind == "external"}
    assert set(kept) == {usual.run.id, other.run.id}
    assert again.run.id == named.run.id == usual.run.id
    key = fingerprint_of([run.id, usual.run.data])[:8]
    assert usual.run.id.endswith(key)  # as in older versions
    for one, column in ((usual, "dr"), (other, "ill")):
        assert kept[one.run.id].target.columns == (column,)
        stored = run_predictions(place, kept[one.run.id])
        assert np.array_equal(stored.y_true, one.predictions.y_true)


def test_predict__keeps_a_run_by_a_map_and_one_by_the_column_of_that_name(
    place: Workspace,
) -> None:
    run, source = learned(place, "ill"), ill_by_column(place)

    made, named = used_on(place, run, source), used_on(place, run, source, "ill")

    assert made.run.id != named.run.id
    assert int(run_predictions(place, made.run).y_true.sum()) == int(made.predictions.y_true.sum())
    assert int(run_predictions(place, named.run).y_true.sum()) == 8


def test_predict__of_labels_that_its_map_does_not_name_says_so(place: Workspace) -> None:
    run, source = learned(place, "ill"), outside(place)
    table = source.path / "labels.csv"
    worded = pd.read_csv(table)
    worded["grade"] = worded["grade"].map({0: "none", 1: "mild", 2: "severe"})
    worded.to_csv(table, index=False)

    result = used_on(place, run, source)

    assert result.run.auc is None
    assert said(result) == [
        "Column 'grade' holds mild, none, severe; the labels of the model were made of 0, 1, 2."
    ]


def test_predict__where_the_class_is_called_otherwise_says_so_and_not_that_there_are_no_labels(
    place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    source = opened(place, place.root.parent / "inside")
    table = source.path / "labels.csv"
    read = pd.read_csv(table)
    read.assign(ill=read["dr"].map({0: "no", 1: "yes"})).to_csv(table, index=False)
    run = probed(place, source, target="ill=yes", folds=2)

    result = used_on(place, run, outside(place), "dr")
    print_external(result)

    told = capsys.readouterr().out
    assert result.n_labelled == 36
    assert said(result) == ["Column 'dr' holds 0, 1; the model knows yes against the rest."]
    assert "FD015" not in {one.code for one in result.run.cautions}
    assert "AUC none: labels of one class only" in told
    assert "no labels" not in told


def test_predict__of_several_labels_refuses_another_column(place: Workspace) -> None:
    source = opened(place, place.root.parent / "inside")
    table = source.path / "labels.csv"
    read = pd.read_csv(table)
    read.assign(amd=(read.index // 2 % 3 == 0).astype(int)).to_csv(table, index=False)
    run = probed(place, source, target="dr,amd", folds=2)

    with pytest.raises(TargetError, match="'grade' was named"):
        used_on(place, run, outside(place), "grade")


def test_predict__several_labels_may_be_named_as_the_model_has_them(place: Workspace) -> None:
    source = opened(place, place.root.parent / "inside", n_patients=16)
    table = source.path / "labels.csv"
    pd.read_csv(table).assign(amd=lambda rows: rows["dr"].iloc[::-1].to_numpy()).to_csv(
        table, index=False
    )
    source = replace(source, columns=ColumnMapping(target="dr,amd"))
    dataset = open_dataset(place, source)
    choice = ProbeChoice("dr,amd", folds=2)
    run = probe_dataset(place, dataset, dataset_id(source), COLOUR, choice)

    plain = used_on(place, run, source)
    named = used_on(place, run, source, "amd, dr")

    assert named.run.id == plain.run.id
    assert named.run.auc == plain.run.auc
    with pytest.raises(TargetError, match="each by a column of that name"):
        used_on(place, run, source, "dr")
