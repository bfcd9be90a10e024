"""A bundle holds results and nothing that names a patient; hostile ones are refused."""

import hashlib
import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.errors import DataError, ImageError, StoreError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.studies.data import mapped_labels
from fundus_core.workflows.data.datasets import (
    dataset_id,
    dataset_summary,
    list_datasets,
    open_dataset,
    stored_dataset,
)
from fundus_core.workflows.data.photographs import thumbnail_file
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.stored import list_embeddings, load_embeddings
from fundus_core.workflows.evaluation.compare import compare
from fundus_core.workflows.evaluation.curves import curves
from fundus_core.workflows.evaluation.metrics import run_metrics
from fundus_core.workflows.evaluation.subgroups import subgroups_of
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.runs import (
    list_runs,
    load_run,
    run_predictions,
    run_probe,
    save_run,
)
from fundus_core.workflows.reports.bundle import BundleOptions, export_bundle, named_dataset
from fundus_core.workflows.reports.bundle_open import open_bundle
from tests.fakes import write_dataset
from tests.workflows.reported import COLOUR, opened, probed

NETWORK = BackboneChoice("timm:test_resnet", "scratch", 64, "fp32")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that tests read only."""
    return Workspace(tmp_path_factory.mktemp("bundles") / "workspace")


@pytest.fixture(scope="module")
def source(place: Workspace) -> DataSource:
    """Photographs of patients with names, in files with names."""
    folder = write_dataset(place.root.parent / "photographs", n_patients=24)
    table = pd.read_csv(folder / "labels.csv")
    number = table["patient_id"].str[1:].astype(int)
    table["patient_id"] = [f"Doe{one:02d}, Jane" for one in number]
    table["born"] = [f"19{40 + one}-01-02" for one in number]
    table["record"] = 70_000 + number * 7
    table["site"] = np.where(number % 3 == 0, "north", "south")
    table["age"] = 50 + number % 15
    table.to_csv(folder / "labels.csv", index=False)
    found = DataSource(folder)
    open_dataset(place, found)
    return found


@pytest.fixture(scope="module")
def bundle(place: Workspace, source: DataSource) -> Path:
    """A bundle of two runs, with embeddings."""
    probed(place, source, probe="knn")
    dataset = stored_dataset(place, dataset_id(source))
    probe_dataset(place, dataset, dataset_id(source), NETWORK, ProbeChoice("dr", folds=3))
    out = place.root.parent / "bundle.zip"
    export_bundle(place, dataset_id(source), out, BundleOptions(embeddings=True))
    return out


def everything(bundle: Path) -> bytes:
    """Returns all that a bundle holds, tables as text."""
    said = [bundle.read_bytes()]
    with zipfile.ZipFile(bundle) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith(".parquet"):
                content += pd.read_parquet(io.BytesIO(content)).to_csv().encode()
            said.append(content)
    return b"\n".join(said)


def rewritten(bundle: Path, out: Path, change: dict[str, bytes]) -> Path:
    """Copies a bundle with some files added or replaced, and its list left as it was."""
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()} | change
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out


def test_export_bundle__names_nobody(bundle: Path, place: Workspace) -> None:
    said = everything(bundle)

    place_of_it = str(place.root.parent).encode()
    for secret in (b"Doe", b"Jane", b"1940-01-02", b"70007", b"p00_OD", place_of_it):
        assert secret not in said
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        contents = json.loads(archive.read("bundle.json"))
    assert not [name for name in names if name.endswith((".jpg", ".png"))]
    assert set(contents["left_out"]) == {"born", "record"}
    assert contents["patient_ids"] == "replaced"


def test_export_bundle__says_nothing_of_the_words_that_labels_were_made_of(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    source = opened(place, tmp_path / "photographs")
    words = {"0": "no", "1": "yes", "seen by Dr Doe": "yes"}
    made = mapped_labels(stored_dataset(place, dataset_id(source)), "dr", "ill", words)
    probe_dataset(place, made, dataset_id(source), COLOUR, ProbeChoice("ill", folds=2))

    export_bundle(place, dataset_id(source), tmp_path / "bundle.zip")

    assert list_runs(place)[0].labels is not None
    assert b"Doe" not in everything(tmp_path / "bundle.zip")


def test_export_bundle__holds_labels_that_were_made_and_leaves_other_runs_behind(
    tmp_path: Path,
) -> None:
    place = Workspace(tmp_path / "workspace")
    source = opened(place, tmp_path / "photographs")
    name, stored = dataset_id(source), stored_dataset(place, dataset_id(source))
    ids = []
    for words in ({"0": "no", "1": "yes"}, {"0": "yes", "1": "no"}):
        made = mapped_labels(stored, "dr", "ill", words)
        ids.append(probe_dataset(place, made, name, COLOUR, ProbeChoice("ill", folds=2)).id)
    elsewhere = Workspace(tmp_path / "elsewhere")

    done = export_bundle(place, name, tmp_path / "bundle.zip")
    open_bundle(elsewhere, tmp_path / "bundle.zip")

    (found,) = list_runs(elsewhere)
    (behind,) = done.runs_left_out
    (there,) = [run for run in list_runs(place) if run.id != behind]
    assert {there.id, behind} == set(ids)
    assert found.auc is not None
    assert found.auc == there.auc
    assert "FD026" not in {caution.code for caution in found.cautions}


@pytest.mark.parametrize("target", ["grade", "ill"])
def test_export_bundle__holds_an_external_run_with_its_labels_or_not_at_all(
    tmp_path: Path, target: str
) -> None:
    place, elsewhere = Workspace(tmp_path / "workspace"), Workspace(tmp_path / "elsewhere")
    inside = dataset_id(opened(place, tmp_path / "inside"))
    words = {"0": "0", "1": "1", "2": "1"}
    made = mapped_labels(stored_dataset(place, inside), "grade", target, words)
    run = probe_dataset(place, made, inside, COLOUR, ProbeChoice(target, folds=2))
    name = dataset_id(opened(place, tmp_path / "outside", n_patients=18))
    outside = predict(place, run.id, stored_dataset(place, name), name).run

    done = export_bundle(place, name, tmp_path / "bundle.zip")
    open_bundle(elsewhere, tmp_path / "bundle.zip")

    if target == "grade":  # the column itself has other labels
        assert done.runs_left_out == (outside.id,)
        assert not list_runs(elsewhere)
    else:
        (found,) = list_runs(elsewhere)
        assert (done.runs_left_out, found.auc) == ((), outside.auc)
        assert [one.code for one in found.cautions] == [one.code for one in outside.cautions]


def test_export_bundle__is_the_same_file_twice(
    bundle: Path, place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    again = tmp_path / "again.zip"

    export_bundle(place, dataset_id(source), again, BundleOptions(embeddings=True))

    assert again.read_bytes() == bundle.read_bytes()


def test_export_bundle__keeps_what_is_asked_for(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    out = tmp_path / "bundle.zip"

    done = export_bundle(
        place, dataset_id(source), out, BundleOptions(False, True, keep_columns=("record",))
    )

    assert b"Doe00, Jane" in everything(out)
    assert done.left_out == ("born",)


def test_open_bundle__gives_the_very_same_figures(
    bundle: Path, place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")

    done = open_bundle(elsewhere, bundle)

    assert (done.n_images, done.n_runs, done.n_embeddings) == (48, 2, 1)
    runs = [one.name for one in sorted(place.runs.glob("[!.]*"))]
    opened = [f"{run_id}-{done.dataset_id}" for run_id in runs]
    for run_id, name in zip(runs, opened, strict=True):
        then, now = load_run(place, run_id), load_run(elsewhere, name)
        assert now.auc == then.auc
        assert now.weights_path is None
        assert run_metrics(elsewhere, now).results == run_metrics(place, then).results
        assert curves(elsewhere, name).partial == curves(place, run_id).partial
    tested, then = compare(elsewhere, opened).pairs[0], compare(place, runs).pairs[0]
    assert (tested.result, tested.p_holm) == (then.result, then.p_holm)
    groups = subgroups_of(elsewhere, load_run(elsewhere, opened[0]), "site").result.groups
    assert [one.name for one in groups] == ["north", "south"]


def test_open_bundle__has_patients_embeddings_and_probes_but_no_photograph(
    bundle: Path, source: DataSource, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")

    done = open_bundle(elsewhere, bundle)

    dataset = stored_dataset(elsewhere, done.dataset_id)
    assert dataset.n_patients == 24
    assert set(dataset.table["patient_id"]) == {f"p{one:04d}" for one in range(1, 25)}
    assert [one.n_stored for one in list_embeddings(elsewhere, dataset)] == [48]
    run = next(one.name for one in elsewhere.runs.glob("timm-test-resnet*"))
    assert run_probe(elsewhere, load_run(elsewhere, run)) is not None
    assert run_predictions(elsewhere, load_run(elsewhere, run)).patient_ids is not None
    assert dataset_summary(elsewhere, done.dataset_id).name == "photographs (bundle)"
    first = dataset.table.iloc[0]
    with pytest.raises(ImageError, match="not in the bundle"):
        thumbnail_file(elsewhere, first["image_id"], Path(first["path"]))


def test_open_bundle__refuses_a_second_time(bundle: Path, tmp_path: Path) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    open_bundle(elsewhere, bundle)

    with pytest.raises(StoreError, match="already"):
        open_bundle(elsewhere, bundle)


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.json",
        "/etc/evil.json",
        "runs/../../evil/run.json",
        "runs/a/../run.json",
        "runs\\evil\\run.json",
        "runs/one/run.py",
        "runs/one/predictions.pkl",
        "thumbnails/one/a.jpg",
        "runs/.hidden/run.json",
        "weights/one/net.safetensors",
    ],
)
def test_open_bundle__refuses_names_that_no_bundle_has(
    bundle: Path, tmp_path: Path, name: str
) -> None:
    hostile = rewritten(bundle, tmp_path / "hostile.zip", {name: b"{}"})
    elsewhere = Workspace(tmp_path / "elsewhere")

    with pytest.raises(DataError, match="which no bundle does"):
        open_bundle(elsewhere, hostile)

    assert not list(tmp_path.rglob("evil*"))
    assert not elsewhere.datasets.exists()


def test_open_bundle__refuses_links(bundle: Path, tmp_path: Path) -> None:
    hostile = rewritten(bundle, tmp_path / "hostile.zip", {})
    link = zipfile.ZipInfo("runs/link/run.json")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(hostile, "a") as archive:
        archive.writestr(link, "/etc/passwd")

    with pytest.raises(DataError, match="which no bundle does"):
        open_bundle(Workspace(tmp_path / "elsewhere"), hostile)


def test_open_bundle__refuses_a_changed_file(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        name = next(one for one in archive.namelist() if one.endswith("run.json"))
        content = archive.read(name)
    changed = content.replace(b'"auc"', b'"auC"', 1)
    hostile = rewritten(bundle, tmp_path / "hostile.zip", {name: changed})

    with pytest.raises(DataError, match="was changed on its way"):
        open_bundle(Workspace(tmp_path / "elsewhere"), hostile)


def test_open_bundle__refuses_files_that_are_not_in_its_list(bundle: Path, tmp_path: Path) -> None:
    hostile = rewritten(bundle, tmp_path / "hostile.zip", {"runs/more/run.json": b"{}"})

    with pytest.raises(DataError, match="not those of its list"):
        open_bundle(Workspace(tmp_path / "elsewhere"), hostile)


def test_open_bundle__refuses_what_grows(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fundus_core.workflows.reports.bundle_format.MOST_BYTES", 1000)

    with pytest.raises(DataError, match="more than"):
        open_bundle(Workspace(tmp_path / "elsewhere"), bundle)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"no zip at all"])
def test_open_bundle__refuses_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.zip"
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"odd\.zip is no bundle"):
        open_bundle(Workspace(tmp_path / "elsewhere"), path)


def test_open_bundle__refuses_image_ids_that_lead_out_of_the_workspace(
    bundle: Path, tmp_path: Path
) -> None:
    hostile = tmp_path / "hostile.zip"
    with zipfile.ZipFile(bundle) as archive:
        table = pd.read_parquet(io.BytesIO(archive.read("dataset/table.parquet")))
        contents = json.loads(archive.read("bundle.json"))
    table["image_id"] = "../../../evil"
    changed = io.BytesIO()
    table.to_parquet(changed, index=False)
    contents["files"]["dataset/table.parquet"] = described(changed.getvalue())
    rewritten(
        bundle,
        hostile,
        {
            "dataset/table.parquet": changed.getvalue(),
            "bundle.json": json.dumps(contents).encode(),
        },
    )

    with pytest.raises(DataError, match="image ids"):
        open_bundle(Workspace(tmp_path / "elsewhere"), hostile)


def changed_run(bundle: Path, out: Path, change: dict[str, object]) -> Path:
    """Copies a bundle with the first of its runs told otherwise, and its list fitting."""
    with zipfile.ZipFile(bundle) as archive:
        name = next(one for one in archive.namelist() if one.endswith("run.json"))
        about = json.dumps(json.loads(archive.read(name)) | change).encode()
        contents = json.loads(archive.read("bundle.json"))
    contents["files"][name] = described(about)
    return rewritten(bundle, out, {name: about, "bundle.json": json.dumps(contents).encode()})


def test_open_bundle__refuses_an_auc_that_its_predictions_do_not_give(
    bundle: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(bundle) as archive:
        name = next(one for one in archive.namelist() if one.endswith("run.json"))
        better = json.loads(archive.read(name))["auc"] | {"auc": 0.9999}
    hostile = changed_run(bundle, tmp_path / "hostile.zip", {"auc": better})
    elsewhere = Workspace(tmp_path / "elsewhere")

    with pytest.raises(DataError, match=r"is 0\.9999; the predictions in it give 0\.\d+"):
        open_bundle(elsewhere, hostile)

    assert list_datasets(elsewhere) == ()
    assert list_runs(elsewhere) == ()


def doctored_vectors(bundle: Path, out: Path) -> Path:
    """Copies a bundle with other vectors and points of maps, and its list fitting."""
    with zipfile.ZipFile(bundle) as archive:
        name = next(one for one in archive.namelist() if one.endswith("vectors.npy"))
        vectors = np.load(io.BytesIO(archive.read(name)))
        contents = json.loads(archive.read("bundle.json"))
    content = io.BytesIO()
    np.save(content, np.full_like(vectors, 7.0))
    contents["files"][name] = described(content.getvalue())
    files = {name: content.getvalue(), "bundle.json": json.dumps(contents).encode()}
    return rewritten(bundle, out, files)


def test_open_bundle__is_never_taken_for_what_was_computed_here(
    bundle: Path, place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    """First somebody's bundle with other vectors, then one's own probe of the same photographs."""
    elsewhere = Workspace(tmp_path / "elsewhere")
    hostile = doctored_vectors(bundle, tmp_path / "hostile.zip")
    done = open_bundle(elsewhere, hostile)

    dataset = open_dataset(elsewhere, source)
    own = probe_dataset(elsewhere, dataset, dataset_id(source), NETWORK, ProbeChoice("dr", folds=3))

    assert own.dataset_id == dataset_id(source)
    right = load_run(place, own.id)  # of the workspace where the bundle was made
    assert own.auc == right.auc
    (embedded,) = list_embeddings(elsewhere, dataset)
    mine = load_embeddings(elsewhere, dataset, embedded.fingerprint)
    assert not (mine.vectors == 7.0).all()
    theirs = stored_dataset(elsewhere, done.dataset_id)
    (foreign,) = list_embeddings(elsewhere, theirs)
    assert "from a bundle" in foreign.label
    assert (load_embeddings(elsewhere, theirs, foreign.fingerprint).vectors == 7.0).all()
    assert {one.id for one in list_runs(elsewhere, dataset_id=own.dataset_id)} == {own.id}


def test_open_bundle__beside_the_data_set_it_was_made_of(
    bundle: Path, source: DataSource, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    dataset = open_dataset(elsewhere, source)
    own = probe_dataset(elsewhere, dataset, dataset_id(source), NETWORK, ProbeChoice("dr", folds=3))
    before = {path: path.read_bytes() for path in elsewhere.root.rglob("*") if path.is_file()}

    done = open_bundle(elsewhere, bundle)

    assert done.dataset_id == f"{dataset_id(source)}-bundle"
    assert len(list_runs(elsewhere, dataset_id=done.dataset_id)) == done.n_runs == 2
    assert list_runs(elsewhere, dataset_id=own.dataset_id) == (own,)
    changed = [path.name for path, content in before.items() if path.read_bytes() != content]
    assert changed == []


def test_export_bundle__of_one_that_was_opened_opens_again(bundle: Path, tmp_path: Path) -> None:
    elsewhere, third = Workspace(tmp_path / "elsewhere"), Workspace(tmp_path / "third")
    first = open_bundle(elsewhere, bundle)

    export_bundle(elsewhere, first.dataset_id, tmp_path / "again.zip", BundleOptions(True))
    second = open_bundle(third, tmp_path / "again.zip")

    assert (second.dataset_id, second.name) == (first.dataset_id, first.name)
    assert {one.id for one in list_runs(third)} == {one.id for one in list_runs(elsewhere)}
    assert second.n_embeddings == 1


def described(content: bytes) -> dict[str, object]:
    """Returns what a list of contents says of a file."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_named_dataset__by_id_name_or_place(place: Workspace, source: DataSource) -> None:
    name = dataset_id(source)

    assert named_dataset(place, name) == name
    assert named_dataset(place, "photographs") == name
    assert named_dataset(place, str(source.path)) == name
    with pytest.raises(DataError, match="nothing") as refusal:
        named_dataset(place, "nothing")
    assert name in refusal.value.hint


def test_open_bundle__refuses_a_run_by_the_name_of_one_that_is_here(
    bundle: Path, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "elsewhere")
    done = open_bundle(elsewhere, bundle)
    (run, *_) = list_runs(elsewhere)
    other = replace(run, dataset_id="other-0a1b2c")
    predictions = run_predictions(elsewhere, run)
    shutil.rmtree(elsewhere.datasets / done.dataset_id)
    save_run(elsewhere, other, predictions)

    with pytest.raises(DataError, match="by a name that another run has here"):
        open_bundle(elsewhere, bundle)

    assert list_runs(elsewhere) == (other,)
    assert list_datasets(elsewhere) == ()
