"""Stored runs by their ids."""

from dataclasses import replace
from pathlib import Path

import pytest

from fundus_core.checks import Caution
from fundus_core.errors import StoreError
from fundus_core.io.left_out import left_out
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.evaluation.aucs import interval_by_class, overall_auc
from fundus_core.workflows.models import runs
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.run_record import INTERVALS, Run
from fundus_core.workflows.models.runs import (
    baseline_predictions,
    list_runs,
    load_run,
    run_predictions,
    run_probe,
    runs_as_stored,
    save_run,
)
from tests.fakes import write_dataset
from tests.pages import evaluated
from tests.workflows.reported import probed


def test_load_run__names_one_that_is_damaged(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    for name in ("first", "second"):
        evaluated.store(place.root, name, evaluated.predictions(name, evaluated.GOOD))
    manifest = place.runs / "second" / "artifact.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"kind": "probe"', '"kind": "prose"'), encoding="utf-8")

    assert load_run(place, "fir").id == "first"
    with pytest.raises(StoreError, match="The files of run second are missing or damaged"):
        load_run(place, "sec")
    with pytest.raises(StoreError, match="There is no run 'third'"):
        load_run(place, "third")


def damage(place: Workspace, name: str) -> None:
    (place.runs / name / "artifact.json").write_text("{}", encoding="utf-8")


def test_load_run__a_run_that_is_gone_is_not_its_use_elsewhere(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    model = "colour-dr-0123abcd"
    for name in (f"{model}-on-other-4567cdef", f"{model}-89abcd", f"{model}-bundle"):
        evaluated.store(place.root, name, evaluated.predictions(name, evaluated.GOOD))

    with pytest.raises(StoreError, match=f"There is no run '{model}'.*on-other"):
        load_run(place, model)
    assert load_run(place, f"{model}-on").id == f"{model}-on-other-4567cdef"


def test_load_run__what_is_damaged_may_be_meant_by_a_beginning_too(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    for name in ("colour-first", "colour-second", "colour"):
        evaluated.store(place.root, name, evaluated.predictions(name, evaluated.GOOD))
    damage(place, "colour-second")
    damage(place, "colour")

    with pytest.raises(StoreError, match="Several runs begin with 'colour-'"):
        load_run(place, "colour-")
    with pytest.raises(StoreError, match="The files of run colour are missing or damaged"):
        load_run(place, "colour")
    assert load_run(place, "colour-f").id == "colour-first"


@pytest.fixture
def source(tmp_path: Path) -> DataSource:
    return DataSource(write_dataset(tmp_path / "data", n_patients=16))


def of_an_earlier_version(place: Workspace, source: DataSource) -> Run:
    """Stores a run as versions did that neither weighed patients nor said how they computed."""
    run = probed(place, source)
    said, colours = run_predictions(place, run), baseline_predictions(place, run)
    assert run.auc is not None
    low = replace(run.auc, low=run.auc.low / 2)
    before = replace(run, auc=low, class_aucs={"1": low}, baseline_auc=low, intervals=0)
    rest = tuple(one for one in run.cautions if one.code != "FD006")
    told = (*rest, Caution("FD006", "AUC minus that of the mean colour: +0.000 (p = 0.500)."))
    before = replace(before, baseline_p=0.5, cautions=told)
    save_run(place, before, said, baseline=colours, final=run_probe(place, run))
    return run


def test_stored_intervals_of_an_earlier_version__are_shown_as_of_today_everywhere(
    tmp_path: Path, source: DataSource
) -> None:
    place = Workspace(tmp_path / "workspace")
    run = of_an_earlier_version(place, source)
    said = run_predictions(place, run)
    (stored,) = runs_as_stored(place)
    assert stored.auc != overall_auc(said)

    (listed,), loaded = list_runs(place), load_run(place, run.id)
    again = probed(place, source)
    other = DataSource(write_dataset(tmp_path / "other", n_patients=6))
    inside = predict(place, run.id, open_dataset(place, other), dataset_id(other)).inside

    assert [one.auc for one in (listed, loaded, again)] == [overall_auc(said)] * 3
    assert inside == overall_auc(said)
    assert listed.class_aucs == interval_by_class(said)
    assert (listed.baseline_auc, listed.baseline_p) == (run.baseline_auc, run.baseline_p)
    assert set(listed.cautions) == set(run.cautions)
    assert any(one.code == "FD006" and "AUC of photographs" in one.text for one in listed.cautions)
    assert (stored.intervals, listed.intervals) == (0, INTERVALS)


def test_stored_intervals_of_this_version__are_not_computed_again(
    tmp_path: Path, source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "workspace")
    run = probed(place, source)
    monkeypatch.delattr(runs, "with_figures_of")

    assert runs_as_stored(place)[0].intervals == INTERVALS
    assert load_run(place, run.id).auc == run.auc


def test_stored_intervals__of_damaged_predictions_stay_and_the_run_is_named(
    tmp_path: Path, source: DataSource
) -> None:
    place = Workspace(tmp_path / "workspace")
    run = of_an_earlier_version(place, source)
    (place.runs / run.id / "predictions.parquet").write_bytes(b"gone")

    (listed,) = list_runs(place)

    assert listed == runs_as_stored(place)[0]
    assert [one.names for one in left_out(place.root, "runs")] == [(f"runs/{run.id}",)]
