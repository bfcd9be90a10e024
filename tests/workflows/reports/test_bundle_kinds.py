"""Honest bundles of every kind of run open, with every figure and caution as it was."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DataError
from fundus_core.finetune.curves import LearningCurves
from fundus_core.finetune.state import Epoch
from fundus_core.io.files import read_json
from fundus_core.io.manifest import ColumnMapping, DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import AucInterval
from fundus_core.stats.inference import auc_bounds
from fundus_core.stats.unequal_patients import taken_as_alike
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, open_with_target
from fundus_core.workflows.evaluation.aucs import interval_by_class, overall_auc
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import (
    baseline_predictions,
    list_runs,
    load_run,
    photographs_that_taught,
    run_curves,
    run_folder,
    run_predictions,
    save_run,
)
from fundus_core.workflows.reports.bundle import export_bundle
from fundus_core.workflows.reports.bundle_figures import with_right_figures
from fundus_core.workflows.reports.bundle_open import open_bundle
from tests.fakes import write_dataset
from tests.workflows.reported import COLOUR, probed


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("kinds") / "workspace")


@pytest.fixture(scope="module")
def folder(place: Workspace) -> Path:
    """40 photographs of 20 patients, with a split, two diseases, and patients in part."""
    folder = write_dataset(place.root.parent / "photographs", n_patients=20)
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    number = table["patient_id"].str[1:].astype(int)
    table["split"] = np.where(number < 12, "train", "test")
    table["amd"] = (number % 3 == 0).astype(int)
    table["partly"] = table["patient_id"].where(number < 12)
    table["some"] = table["dr"].where(number != 4)
    table.to_csv(folder / "labels.csv", index=False)
    return folder


Made = tuple[Workspace, DataSource]


def fitted(made: Made, choice: ProbeChoice) -> Run:
    place, source = made
    dataset = open_with_target(place, source, choice.target)
    return probe_dataset(place, dataset, dataset_id(source), COLOUR, choice)


def fine_tuned(made: Made) -> Run:
    """Returns a run as fine-tuning stores it: with curves, without probes."""
    place, source = made
    run = probed(place, source)
    epoch = Epoch(1, 0.5, None, 1e-3, 2.0, {"head": 1.0}, {"head": None})
    tuned = replace(
        run, id="tiny-ft-0a1b2c3d", kind="finetune", probe="ft", recipe={"kind": "x", "folds": 3}
    )
    save_run(
        place,
        tuned,
        run_predictions(place, run),
        baseline=baseline_predictions(place, run),
        curves=LearningCurves("tiny", 1, ((epoch,), (epoch,), (epoch,))),
        trained_on=photographs_that_taught(place, run),
    )
    return tuned


def zero_shot(made: Made) -> Run:
    """Returns a run as words alone give it: without folds, probes and mean colour."""
    place, source = made
    run = probed(place, source)
    told = replace(
        run,
        id="tiny-zero-shot-0a1b2c3d",
        kind="zero_shot",
        probe="zero_shot",
        folds=(),
        baseline_auc=None,
        baseline_p=None,
        cautions=tuple(one for one in run.cautions if one.code != "FD006"),
    )
    save_run(place, told, replace(run_predictions(place, run), fold=None))
    return told


def external(made: Made) -> Run:
    place, source = made
    run = probed(place, source)
    return predict(place, run.id, open_dataset(place, source), dataset_id(source)).run


def unlabelled(made: Made) -> Run:
    """Returns a run of photographs for whom nobody knows the answer."""
    place, source = made
    run = probed(place, source)
    table = pd.read_csv(source.path / "labels.csv", dtype=str)
    alone = source.path.parent / "alone.csv"
    table[["image", "patient_id"]].to_csv(alone, index=False)
    other = DataSource(source.path, alone)
    return predict(place, run.id, open_dataset(place, other), dataset_id(other)).run


def of_an_earlier_version(made: Made) -> Run:
    """Stores a run whose intervals are by the normal distribution; returns it as of today."""
    place, source = made
    run = probed(place, source)

    def earlier(one: AucInterval | None) -> AucInterval | None:
        if one is None or one.degrees_of_freedom is None:
            return one
        bounds = auc_bounds(one.auc, one.standard_error**2, 1, confidence=one.confidence)
        return replace(one, low=bounds.low, high=bounds.high, degrees_of_freedom=None)

    old = replace(
        run,
        id="tiny-old-0a1b2c3d",
        auc=earlier(run.auc),
        baseline_auc=earlier(run.baseline_auc),
        class_aucs={name: earlier(one) or one for name, one in run.class_aucs.items()},
    )
    colours = baseline_predictions(place, run)
    save_run(place, old, run_predictions(place, run), baseline=colours)
    return replace(run, id=old.id)


KINDS: dict[str, Callable[[Made], Run]] = {
    "probe": lambda made: fitted(made, ProbeChoice("dr", folds=3)),
    "neighbours": lambda made: fitted(made, ProbeChoice("dr", "knn", folds=3)),
    "several classes": lambda made: fitted(made, ProbeChoice("grade", folds=3)),
    "several labels": lambda made: fitted(made, ProbeChoice("dr,amd", folds=3)),
    "one against the rest": lambda made: fitted(made, ProbeChoice("grade=2", folds=3)),
    "own split": lambda made: fitted(made, ProbeChoice("dr", use_split=True)),
    "repeated": lambda made: fitted(made, ProbeChoice("dr", folds=3, seed=1)),
    "share": lambda made: fitted(made, ProbeChoice("dr", folds=3, fraction=0.5)),
    "labels in part": lambda made: fitted(made, ProbeChoice("some", folds=3)),
    "fine-tuned": fine_tuned,
    "zero-shot": zero_shot,
    "external": external,
    "without labels": unlabelled,
    "earlier version": of_an_earlier_version,
}


def carried(place: Workspace, run: Run, folder: Path) -> Run:
    """Returns a run as it is where a bundle of its data set was opened."""
    elsewhere = Workspace(folder / "elsewhere")
    export_bundle(place, run.dataset_id, folder / "bundle.zip")
    open_bundle(elsewhere, folder / "bundle.zip")
    assert len(list_runs(elsewhere)) == len(list_runs(place, dataset_id=run.dataset_id))
    return load_run(elsewhere, f"{run.id}-{run.dataset_id}-bundle")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_open_bundle__gives_every_figure_of_an_honest_run(
    place: Workspace, folder: Path, tmp_path: Path, kind: Callable[[Made], Run]
) -> None:
    made = kind((place, DataSource(folder)))

    found = carried(place, made, tmp_path)

    own = {"id", "dataset_id", "dataset_name", "embeddings", "weights_path", "trained_as"}
    then, now = asdict(made), asdict(found)
    assert {name: now[name] for name in now if name not in {*own, "cautions"}} == {
        name: then[name] for name in then if name not in {*own, "cautions"}
    }
    told, said = ({one.code for one in run.cautions} for run in (found, made))
    assert told == said
    elsewhere = Workspace(tmp_path / "elsewhere")
    assert (run_curves(elsewhere, found) is None) == (run_curves(place, made) is None)


@pytest.mark.parametrize("column", ["partly", "image"], ids=["in part", "none"])
def test_open_bundle__of_photographs_that_name_no_patient(
    place: Workspace, folder: Path, tmp_path: Path, column: str
) -> None:
    table = pd.read_csv(folder / "labels.csv", dtype=str).drop(columns=["patient_id", "split"])
    path = folder.parent / f"{column}.csv"
    (table if column == "partly" else table.drop(columns="partly")).to_csv(path, index=False)
    columns = ColumnMapping(patient="partly") if column == "partly" else ColumnMapping()
    run = probed(place, DataSource(folder, path, columns))

    found = carried(place, run, tmp_path)

    assert (found.auc, found.n_patients) == (run.auc, run.n_patients)
    assert {one.code for one in found.cautions} == {one.code for one in run.cautions}


def test_open_bundle__of_a_version_that_took_patients_as_alike(
    place: Workspace, folder: Path, tmp_path: Path
) -> None:
    path = folder.parent / "unequal.csv"
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    table.drop(columns=["patient_id", "split"]).to_csv(path, index=False)
    source = DataSource(folder, path, ColumnMapping(patient="partly"))
    with taken_as_alike():
        before = probed(place, source)
    now = overall_auc(run_predictions(place, before))
    assert before.auc is not None
    assert before.auc.auc == now.auc
    assert before.auc.standard_error != now.standard_error

    found = carried(place, before, tmp_path)

    assert found.auc == now
    assert found.class_aucs == interval_by_class(run_predictions(place, before))
    assert before.baseline_auc is not None
    assert found.baseline_auc is not None
    assert found.baseline_auc.standard_error != before.baseline_auc.standard_error


def test_open_bundle__of_a_version_that_averaged_what_each_fold_had(
    folder: Path, tmp_path: Path
) -> None:
    place = Workspace(tmp_path / "workspace")
    run = fitted((place, DataSource(folder)), ProbeChoice("dr,amd", folds=3))
    folds = tuple(replace(one, auc=0.123, n_averaged=None) for one in run.folds)
    before = replace(run, id="tiny-folds-0a1b2c3d", folds=folds)
    said, colours = run_predictions(place, run), baseline_predictions(place, run)
    save_run(place, before, said, baseline=colours)

    found = carried(place, before, tmp_path)

    assert {one.n_averaged for one in run.folds} == {2}
    assert found.folds == run.folds
    kept = read_json(run_folder(Workspace(tmp_path / "elsewhere"), found) / "run.json") or {}
    assert [one["auc"] for one in kept["folds"]] == [one.auc for one in run.folds]


def test_with_right_figures__of_today_refuses_folds_that_its_predictions_do_not_give(
    folder: Path, tmp_path: Path
) -> None:
    place, source = Workspace(tmp_path / "workspace"), DataSource(folder)
    run = fitted((place, source), ProbeChoice("dr,amd", folds=3))
    said, colours = run_predictions(place, run), baseline_predictions(place, run)
    dataset = open_dataset(place, source)
    assert with_right_figures(run, said, colours, dataset) == run
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"auc": 0.123}, r"the AUC \(fold 0\) .* is 0\.123"),
        ({"n_averaged": 1}, r"number of classes averaged \(fold 0\) .* is 1; .* give 2"),
        ({"lacking": ("amd",)}, r"classes lacking \(fold 0\)"),
    ]

    for other, named in wrong:
        forged = replace(run, folds=tuple(replace(one, **other) for one in run.folds))
        with pytest.raises(DataError, match=named):
            with_right_figures(forged, said, colours, dataset)


def test_open_bundle__of_a_data_set_that_changed_since(place: Workspace, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "changing", n_patients=16)
    run = probed(place, DataSource(folder))
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    table.iloc[2:].to_csv(folder / "labels.csv", index=False)
    open_dataset(place, DataSource(folder))

    found = carried(place, run, tmp_path)

    assert found.auc == run.auc


def test_open_bundle__its_own_photographs_are_said_to_have_taught(
    place: Workspace, folder: Path, tmp_path: Path
) -> None:
    made = external((place, DataSource(folder)))

    found = carried(place, made, tmp_path)

    assert "FD022" in {one.code for one in found.cautions}
    assert isinstance(run_predictions(Workspace(tmp_path / "elsewhere"), found), Predictions)
