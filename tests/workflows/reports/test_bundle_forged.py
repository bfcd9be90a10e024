"""A bundle whose sums were made right again says nothing that its predictions do not give."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import DataError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, list_datasets, stored_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.project import project_dataset
from fundus_core.workflows.models.runs import list_runs, photographs_that_taught, run_predictions
from fundus_core.workflows.reports.bundle import BundleOptions, export_bundle
from fundus_core.workflows.reports.bundle_open import open_bundle
from tests.workflows.bundles import Change, Forged
from tests.workflows.reported import opened, probed

NETWORK = BackboneChoice("timm:test_resnet", "scratch", 64, "fp32")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one run in three folds, with embeddings and a map."""
    place = Workspace(tmp_path_factory.mktemp("forged") / "workspace")
    source = opened(place, place.root.parent / "photographs")
    probed(place, source)
    dataset = stored_dataset(place, dataset_id(source))
    project_dataset(place, dataset, NETWORK, method="pca")
    out = place.root.parent / "bundle.zip"
    export_bundle(place, dataset_id(source), out, BundleOptions(embeddings=True))
    return out


def refused(forged: Forged, folder: Path) -> DataError:
    """Opens a bundle that must be refused, and nothing of it kept; returns the refusal."""
    elsewhere = Workspace(folder / "elsewhere")
    with pytest.raises(DataError) as refusal:
        open_bundle(elsewhere, forged.packed(folder / "forged.zip"))
    kept = [path for path in elsewhere.root.rglob("*") if path.is_file()]
    assert [path.name for path in kept if not path.name.endswith(".lock")] == []
    assert list_runs(elsewhere) == ()
    assert list_datasets(elsewhere) == ()
    return refusal.value


def of_auc(**values: object) -> Change:
    return lambda run: run["auc"].update(values)


def of_fold(**values: object) -> Change:
    return lambda run: run["folds"][0].update(values)


def of_run(**values: object) -> Change:
    return lambda run: run.update(values)


FIGURES: dict[str, tuple[Change, str]] = {
    "low": (of_auc(low=0.49), r"the AUC's low \(all\).* is 0\.49; the predictions in it give 0\."),
    "high": (of_auc(high=0.991), r"the AUC's high \(all\)"),
    "standard error": (of_auc(standard_error=0.001), r"the AUC's standard_error \(all\)"),
    "confidence": (of_auc(confidence=0.5), r"the AUC's confidence \(all\)"),
    "method": (of_auc(method="delong"), r"is 'delong'; the predictions in it give 'obuchowski'"),
    "cases": (of_auc(n_positive=5000), r"n_positive \(all\).* is 5000; .* give 16"),
    "patients of the AUC": (of_auc(n_patients=None), r"n_patients \(all\).* is none; .* give 16"),
    "degrees of freedom": (of_auc(degrees_of_freedom=None), r"the AUC's (low|high)"),
    "class": (lambda run: run["class_aucs"]["1"].update(low=0.49), r"low \(class 1\)"),
    "another class": (
        lambda run: run["class_aucs"].update({"2": run["class_aucs"]["1"]}),
        r"\(class 2\)",
    ),
    "mean colour": (lambda run: run["baseline_auc"].update(high=0.5), r"high \(mean colour\)"),
    "no AUC": (of_run(auc=None, class_aucs={}), r"the AUC \(all\).* is none; .* give 0\."),
    "no mean colour": (of_run(baseline_auc=None, baseline_p=None), "none; the predictions"),
    "p": (of_run(baseline_p=1e-4), "p against the mean colour"),
    "photographs": (of_run(n_images=9900), "number of photographs.* is 9900; .* give 32"),
    "patients": (of_run(n_patients=4000), "number of patients.* is 4000; .* give 16"),
    "drawn": (of_run(synthetic=True), "synthetic.* is True; .* give False"),
    "AUC of a fold": (of_fold(auc=0.999), r"the AUC \(fold 0\).* is 0\.999"),
    "tested in a fold": (of_fold(n_test=990), r"photographs tested \(fold 0\).* is 990"),
    "labels of a fold": (of_fold(n_positive=990), r"labels \(fold 0\).* is 990"),
    "patients of a fold": (of_fold(n_patients=990), r"patients \(fold 0\).* is 990"),
    "learned from in a fold": (of_fold(n_train=990), "learned from"),
    "learned from few in a fold": (of_fold(n_train=1), "fold 0 learned from 1 images"),
    "learned from one less": (of_fold(n_train=19), "fold 0 learned from 19 images"),
    "a fold less": (lambda run: run["folds"].pop(), r"\(fold 2\).* is none"),
    "no folds": (of_run(folds=[]), "a probe with 0 folds"),
}


@pytest.mark.parametrize(("change", "said"), FIGURES.values(), ids=FIGURES)
def test_open_bundle__refuses_a_figure_that_its_predictions_do_not_give(
    bundle: Path, tmp_path: Path, change: Change, said: str
) -> None:
    forged = Forged(bundle).change("/run.json", change)

    refusal = refused(forged, tmp_path)

    assert re.search(said, refusal.message)


def with_heat_map(forged: Forged) -> None:
    """Adds figures of a heat map that are none."""
    about = {"run": forged.find("/run.json").split("/")[1]}
    folder = f"trust/{fingerprint_of(about)}"
    forged.files |= {f"{folder}/about.json": json.dumps(about).encode(), f"{folder}/a.json": b"[]"}


UNREADABLE: dict[str, Callable[[Forged], object]] = {
    "no lower end": lambda b: b.change("/run.json", of_auc(low=None)),
    "end in words": lambda b: b.change("/run.json", of_auc(low="low")),
    "label": lambda b: b.change("/run.json", of_run(label=["x"])),
    "date": lambda b: b.change("/run.json", of_run(created_at="9999-99-99")),
    "date at the end of time": lambda b: b.change(
        "/run.json", of_run(created_at="9999-12-31T23:59:59-12:00")
    ),
    "date before all time": lambda b: b.change(
        "/run.json", of_run(created_at="0001-01-01T00:00:00+14:00")
    ),
    "date without offset": lambda b: b.change("/run.json", of_run(created_at="2026-01-01T10:00")),
    "no baseline": lambda b: b.put("baseline.parquet", None).change(
        "/run.json", of_run(baseline_auc=None, baseline_p=None)
    ),
    "date is a number": lambda b: b.change("/run.json", of_run(created_at=5)),
    "recipe": lambda b: b.change("/run.json", of_run(recipe=[1])),
    "truth": lambda b: b.change("/run.json", of_run(n_images=True)),
    "probe": lambda b: b.change("/run.json", of_run(probe="nope")),
    "strategy": lambda b: b.change("/run.json", of_run(kind="finetune", probe="nope")),
    "kind": lambda b: b.change("/run.json", of_run(kind="nope")),
    "caution": lambda b: b.change("/run.json", of_run(cautions=[{"code": "FD999", "text": "x"}])),
    "caution without text": lambda b: b.change("/run.json", of_run(cautions=[{"code": "FD001"}])),
    "column": lambda b: b.change("/run.json", lambda run: run["target"].update(columns=["nope"])),
    "classes": lambda b: b.change("/run.json", lambda run: run["target"].update(classes=["1"])),
    "side": lambda b: b.change(
        "/run.json", lambda run: run["embeddings"].update(image_size="many")
    ),
    "fold twice": lambda b: b.change("/run.json", of_fold(fold=1)),
    "rows twice": lambda b: b.put_table(
        "dataset/table.parquet", pd.concat([b.table("dataset/table.parquet")] * 2)
    ),
    "patients are numbers": lambda b: b.put_table(
        "dataset/table.parquet", b.table("dataset/table.parquet").assign(patient_id=7)
    ),
    "lists in a column": lambda b: b.put_table(
        "dataset/table.parquet",
        b.table("dataset/table.parquet").assign(more=[["a"]] * 32),
    ),
    "target without column": lambda b: b.change(
        "dataset.json", lambda about: about["targets"][0].update(columns=["nope"])
    ),
    "task": lambda b: b.change(
        "dataset.json", lambda about: about["targets"][0].update(task="nope")
    ),
    "name": lambda b: b.change("bundle.json", lambda about: about["about"].update(name=5)),
    "drawn": lambda b: b.change("bundle.json", lambda about: about["about"].update(synthetic="no")),
    "taught": lambda b: b.put("trained_on.parquet", b"garbage"),
    "taught without patients": lambda b: b.put_table(
        "trained_on.parquet", b.table("trained_on.parquet")[["image_id"]]
    ),
    "taught twice": lambda b: b.put_table(
        "trained_on.parquet", pd.concat([b.table("trained_on.parquet")] * 2)
    ),
    "taught numbers": lambda b: b.put_table(
        "trained_on.parquet", b.table("trained_on.parquet").assign(patient_id=5)
    ),
    "probes": lambda b: b.put("probes.safetensors", b"garbage"),
    "predictions": lambda b: b.put("predictions.parquet", b"garbage"),
    "no predictions": lambda b: b.put("predictions.parquet", None),
    "predictions twice": lambda b: b.put_table(
        "predictions.parquet", pd.concat([b.table("predictions.parquet")] * 2)
    ),
    "scores": lambda b: b.put_table(
        "predictions.parquet", b.table("predictions.parquet").assign(y_score=float("nan"))
    ),
    "labels": lambda b: b.put_table(
        "predictions.parquet", b.table("predictions.parquet").assign(y_true=2)
    ),
    "baseline of others": lambda b: b.put_table(
        "baseline.parquet", b.table("baseline.parquet").iloc[::-1]
    ),
    "points": lambda b: b.put("points.parquet", b"garbage"),
    "point in words": lambda b: b.put_table(
        "points.parquet", b.table("points.parquet").assign(x="far")
    ),
    "map": lambda b: b.put("projection.json", b"[]"),
    "map in words": lambda b: b.change(
        "projection.json", lambda about: about.update(trustworthiness="much")
    ),
    "names of vectors": lambda b: b.put("image_ids.json", b"[1]"),
    "networks": lambda b: b.files.update(
        {b.find("/run.json").replace("run.json", "networks.safetensors"): b""}
    ),
    "curves": lambda b: b.files.update(
        {b.find("/run.json").replace("run.json", "curve.json"): b"[]"}
    ),
    "heat map": with_heat_map,
}


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
def test_open_bundle__refuses_in_words_what_cannot_be_read(
    bundle: Path, tmp_path: Path, change: Callable[[Forged], Any]
) -> None:
    forged = Forged(bundle)
    change(forged)

    refusal = refused(forged, tmp_path)

    assert "holds what this version cannot read" in refusal.message
    assert "object" not in refusal.message
    assert "argument" not in refusal.message


def test_open_bundle__adds_cautions_that_were_taken_out(bundle: Path, tmp_path: Path) -> None:
    honest, elsewhere = Workspace(tmp_path / "honest"), Workspace(tmp_path / "elsewhere")
    open_bundle(honest, bundle)
    (right,) = list_runs(honest)
    forged = Forged(bundle).change("/run.json", of_run(cautions=[]))

    open_bundle(elsewhere, forged.packed(tmp_path / "forged.zip"))

    (run,) = list_runs(elsewhere)
    needs_photographs = [one for one in right.cautions if one.code == "FD013"]
    assert "FD006" in {one.code for one in run.cautions}
    assert {*run.cautions, *needs_photographs} == set(right.cautions)


def test_open_bundle__corrects_cautions_that_were_made_harmless(
    bundle: Path, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    harmless = [{"code": "FD006", "text": "AUC minus that of the mean colour: +0.500."}]
    forged = Forged(bundle).change("/run.json", of_run(cautions=harmless))

    open_bundle(elsewhere, forged.packed(tmp_path / "forged.zip"))

    (run,) = list_runs(elsewhere)
    assert "+0.500" not in str(run.cautions)


def test_open_bundle__takes_out_a_caution_with_a_figure_that_nothing_gives(
    bundle: Path, tmp_path: Path
) -> None:
    """A run by words alone has no mean colour to be held against."""
    elsewhere = Workspace(tmp_path / "elsewhere")
    forged = Forged(bundle)
    nothing: dict[str, object] = {"baseline_auc": None, "baseline_p": None, "folds": []}
    by_words = of_run(kind="zero_shot", probe="zero_shot", **nothing)
    for name in ("baseline.parquet", "trained_on.parquet", "probes.safetensors"):
        forged.put(name, None)
    forged.change("/run.json", by_words)

    open_bundle(elsewhere, forged.packed(tmp_path / "forged.zip"))

    (run,) = list_runs(elsewhere)
    assert "FD006" not in {one.code for one in run.cautions}


FOREIGN = pd.DataFrame({"image_id": ["a" * 32], "patient_id": ["p9999"]})


def test_open_bundle__refuses_a_list_that_lacks_what_taught(bundle: Path, tmp_path: Path) -> None:
    forged = Forged(bundle).put_table("trained_on.parquet", FOREIGN)

    refusal = refused(forged, tmp_path)

    assert "lacks 32 of its 32 photographs" in refusal.message


@pytest.mark.parametrize("patients", ["theirs", "others"])
def test_open_bundle__what_was_tested_in_turn_taught_whatever_the_list_says(
    bundle: Path, tmp_path: Path, patients: str
) -> None:
    """A run of a share of the patients learned from fewer: nobody can tell from whom."""
    elsewhere = Workspace(tmp_path / "elsewhere")
    forged = Forged(bundle)
    told = FOREIGN
    if patients == "others":
        ids = [*FOREIGN["image_id"], *forged.table("trained_on.parquet")["image_id"]]
        told = pd.DataFrame({"image_id": ids, "patient_id": "p9999"})
    else:
        forged.change("/run.json", of_fold(n_train=1))
    forged.change("/run.json", of_run(label="mean colour, 5 % of patients"))
    forged.put_table("trained_on.parquet", told)

    open_bundle(elsewhere, forged.packed(tmp_path / "forged.zip"))

    (run,) = list_runs(elsewhere)
    taught, said = photographs_that_taught(elsewhere, run), run_predictions(elsewhere, run)
    assert taught is not None
    assert said.patient_ids is not None
    pairs = set(zip(taught["image_id"], taught["patient_id"], strict=True))
    assert pairs >= set(zip(said.image_ids, said.patient_ids.tolist(), strict=True))


@pytest.mark.parametrize("how", [{"fraction": 0.5}, {"probe": "knn", "folds": 2}])
def test_open_bundle__of_a_share_of_the_patients_and_of_other_probes_opens(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    place, elsewhere, third = (Workspace(tmp_path / name) for name in ("here", "there", "third"))
    source = opened(place, tmp_path / "photographs")
    there = probed(place, source, **how)
    export_bundle(place, dataset_id(source), tmp_path / "b.zip")

    first = open_bundle(elsewhere, tmp_path / "b.zip")
    export_bundle(elsewhere, first.dataset_id, tmp_path / "again.zip")
    open_bundle(third, tmp_path / "again.zip")

    assert [run.folds for run in (*list_runs(elsewhere), *list_runs(third))] == [there.folds] * 2


def test_open_bundle__of_a_share_of_the_patients_says_from_how_many_it_learned(
    tmp_path: Path,
) -> None:
    place = Workspace(tmp_path / "here")
    source = opened(place, tmp_path / "photographs")
    probed(place, source, fraction=0.5)
    export_bundle(place, dataset_id(source), tmp_path / "b.zip")
    forged = Forged(tmp_path / "b.zip").change("/run.json", of_fold(n_train=1))

    refusal = refused(forged, tmp_path)

    assert "photographs, and fold 0 learned from 1" in refusal.message


def test_open_bundle__without_a_list_all_that_was_tested_in_turn_taught(
    bundle: Path, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")

    open_bundle(elsewhere, Forged(bundle).put("trained_on.parquet", None).packed(tmp_path / "f"))

    (run,) = list_runs(elsewhere)
    taught = photographs_that_taught(elsewhere, run)
    assert taught is not None
    assert set(taught["image_id"]) == set(run_predictions(elsewhere, run).image_ids)


@pytest.mark.parametrize("end", ["table.parquet", "predictions.parquet"])
def test_open_bundle__refuses_patients_that_are_called_as_photographs_are(
    bundle: Path, tmp_path: Path, end: str
) -> None:
    forged = Forged(bundle)
    table = forged.table(end)
    table.loc[table["patient_id"] == table["patient_id"].iloc[0], "patient_id"] = "image:Doe"

    refusal = refused(forged.put_table(end, table), tmp_path)

    assert "patient" in refusal.message
