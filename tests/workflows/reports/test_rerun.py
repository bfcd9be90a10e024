"""A report's manifest makes the very same results again, and says where it cannot."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.errors import DataError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.io.manifest import ColumnMapping, DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.studies.data import mapped_labels
from fundus_core.workflows.data.datasets import (
    dataset_id,
    open_dataset,
    open_with_target,
    stored_dataset,
)
from fundus_core.workflows.data.demo import make_demo
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.finetune import FinetuneChoice, finetune_dataset
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, load_run
from fundus_core.workflows.reports.rerun import rerun, sources_of
from fundus_core.workflows.reports.rerun_commands import commands_of
from fundus_core.workflows.reports.rerun_comparison import TOLERANCE
from fundus_core.workflows.reports.rerun_manifest import Manifest
from fundus_core.workflows.reports.rerun_reading import read_manifest
from fundus_core.workflows.reports.rerun_record import manifest_of
from fundus_core.workflows.reports.rerun_settings import settings_of, why_labels_are_not_made
from tests.fakes import write_dataset
from tests.workflows.reported import COLOUR, opened, probed


def used_on(place: Workspace, model: Run, others: DataSource) -> Run:
    """Returns the run of a model on another data set."""
    name = dataset_id(others)
    return predict(place, model.id, stored_dataset(place, name), name).run


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def source(place: Workspace, tmp_path: Path) -> DataSource:
    return opened(place, tmp_path / "photographs")


def dataset_of(place: Workspace, run: Run) -> FundusDataset:
    return stored_dataset(place, run.dataset_id)


def written(manifest: Manifest, folder: Path) -> Manifest:
    """Returns a manifest after a way through a file."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest.to_dict()), encoding="utf-8")
    return read_manifest(path)


@pytest.mark.parametrize(
    ("folds", "seed", "probe", "fraction"),
    [(3, 0, "logistic", 1.0), (4, 7, "knn", 1.0), (3, 2, "logistic", 0.5)],
)
def test_settings_of__finds_what_gives_the_hash_of_the_id(
    place: Workspace, source: DataSource, folds: int, seed: int, probe: str, fraction: float
) -> None:
    run = probed(place, source, folds=folds, seed=seed, probe=probe, fraction=fraction)

    found = settings_of(place, dataset_of(place, run), run)

    assert found.validation == Validation("dr", folds, seed, False, fraction, 0)
    assert found.reason == ""


def test_settings_of__finds_those_of_versions_whose_recipes_did_not_say_the_fit(
    place: Workspace, source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        then.setattr(EmbedRecipe, "fingerprint", lambda recipe: recipe.older_fingerprints()[0])
        run = probed(place, source, seed=4)

    found = settings_of(place, dataset_of(place, run), run)
    again = probed(place, source, seed=4)

    assert found.validation == Validation("dr", 3, 4, False, 1.0, 0)
    assert again == run
    assert len(list_runs(place)) == 1


def test_settings_of__does_not_guess_for_changed_data(place: Workspace, source: DataSource) -> None:
    run = probed(place, source)
    whole = dataset_of(place, run)

    found = settings_of(place, whole.select(whole.image_ids[2:]), run)

    assert found.validation is None
    assert "data set or the program changed" in found.reason


def test_rerun__gives_the_same_aucs_from_nothing(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    runs = [probed(place, source, seed=1), probed(place, source, probe="knn", folds=4)]
    manifest = written(manifest_of(place, runs, title="", options={}), tmp_path)
    elsewhere = Workspace(tmp_path / "another")

    done = rerun(elsewhere, manifest, data={"": source})

    assert done.same
    assert all(one.same_scores for one in done.runs)
    again = [load_run(done.workspace, one.run_id) for one in done.runs]
    for then, now in zip(runs, again, strict=True):
        assert then.auc is not None and now.auc is not None  # noqa: PT018
        assert abs(then.auc.auc - now.auc.auc) <= TOLERANCE
        assert then.id == now.id
    assert list_runs(elsewhere) == ()  # the new runs are in a folder of their own


def test_rerun__does_not_take_what_is_stored_for_a_result(
    place: Workspace, source: DataSource
) -> None:
    run = probed(place, source)
    manifest = manifest_of(place, [run], title="", options={})
    (recorded,) = manifest.runs
    wrong = replace(manifest, runs=(replace(recorded, auc=0.123),))

    done = rerun(place, wrong)

    assert not done.same
    assert not done.runs[0].same_auc
    assert done.runs[0].same_scores
    assert done.workspace.root != place.root


@pytest.mark.parametrize(
    ("claim", "what", "now"),
    [
        ({"label": "RETFound on dr"}, "label", "mean colour (shortcut baseline)"),
        ({"kind": "zero_shot"}, "kind", "probe"),
        ({"target": "abnormal"}, "target", "dr"),
        ({"n_images": 10**9}, "photographs", "32"),
        ({"n_patients": None}, "patients", "16"),
        ({"n_patients": 5}, "patients", "16"),
        ({"cautions": ("FD003",)}, "cautions", "FD006, FD013"),
    ],
)
def test_rerun__what_is_said_of_a_run_is_held_against_the_new_one(
    place: Workspace, source: DataSource, claim: dict[str, object], what: str, now: str
) -> None:
    manifest = manifest_of(place, [probed(place, source)], title="", options={})
    (recorded,) = manifest.runs

    done = rerun(place, replace(manifest, runs=(replace(recorded, **claim),)))  # type: ignore[arg-type]

    assert not done.same
    (one,) = done.runs
    assert one.same_auc
    assert one.label == "mean colour (shortcut baseline)"
    (difference,) = one.differences
    assert (difference.what, difference.now) == (what, now)


def test_rerun__a_use_elsewhere_is_that_of_its_model(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    inside = probed(place, source)
    outside = used_on(place, inside, opened(place, tmp_path / "others", n_patients=10))
    manifest = manifest_of(place, [outside], title="", options={})
    model, use = manifest.runs
    claimed = replace(
        use,
        method="knn",
        label=f"RETFound, trained on {inside.dataset_name}",
        embeddings=replace(use.embeddings, image_size=512),
    )

    done = rerun(place, replace(manifest, runs=(model, claimed)))

    assert done.runs[0].same
    assert [one.what for one in done.runs[1].differences] == ["method", "label", "network"]


def test_rerun__a_manifest_of_an_older_version_says_what_was_not_compared(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    values = json.loads(
        json.dumps(manifest_of(place, [probed(place, source)], title="", options={}).to_dict())
    )
    for name in ("n_images", "n_patients", "cautions"):
        del values["runs"][0][name]
    path = tmp_path / "older.json"
    path.write_text(json.dumps(values), encoding="utf-8")

    done = rerun(place, read_manifest(path))

    assert done.same
    assert done.runs[0].uncompared


def test_rerun__of_nothing_is_not_the_same(place: Workspace, source: DataSource) -> None:
    manifest = manifest_of(place, [probed(place, source)], title="", options={})

    assert not rerun(place, replace(manifest, runs=())).same


@pytest.mark.parametrize("counts", [{"n_images": 10**9}, {"n_patients": 3}])
def test_rerun__refuses_counts_that_are_not_those_of_the_photographs(
    place: Workspace, source: DataSource, counts: dict[str, int]
) -> None:
    manifest = manifest_of(place, [probed(place, source)], title="", options={})
    about = replace(manifest.data[0], **counts)  # type: ignore[arg-type]

    with pytest.raises(DataError, match="32 photographs of 16 patients"):
        rerun(place, replace(manifest, data=(about,)))


def test_rerun__scores_of_another_fingerprint_are_told_and_the_figures_are_the_same(
    place: Workspace, source: DataSource
) -> None:
    manifest = manifest_of(place, [probed(place, source)], title="", options={})
    (recorded,) = manifest.runs

    done = rerun(place, replace(manifest, runs=(replace(recorded, predictions="0" * 32),)))

    assert done.same
    assert not done.runs[0].same_scores


def mapped(place: Workspace, source: DataSource) -> Run:
    """A probe whose labels a study made of the column `dr`."""
    made = mapped_labels(open_dataset(place, source), "dr", "ill", {"0": "no", "1": "yes"})
    return probe_dataset(place, made, dataset_id(source), COLOUR, ProbeChoice("ill", folds=2))


def test_rerun__labels_that_a_study_made_are_told_and_not_made_again(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    inside = mapped(place, source)
    manifest = written(manifest_of(place, [inside], title="", options={}), tmp_path)

    (one,) = rerun(place, manifest).runs

    assert not one.same
    assert one.reason == (
        "its labels were made of the column 'dr' by the `map` of a study file (run that file again "
        "by `fundus study` instead)"
    )


def reasons_of(place: Workspace, run: Run) -> dict[str, str]:
    """Returns why a run, and the one whose model it uses, cannot be made again, by their kinds."""
    manifest = manifest_of(place, [run], title="", options={})
    return {one.kind: one.reason for one in manifest.runs}


def test_rerun__labels_made_elsewhere_are_told_and_not_made_again(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    others = opened(place, tmp_path / "others")
    made = mapped_labels(open_dataset(place, others), "dr", "dr", {"0": "1", "1": "0"})
    model = probed(place, source)
    used = predict(place, model.id, made, dataset_id(others)).run

    reasons = reasons_of(place, used)

    assert reasons["probe"] == ""
    assert reasons["external"] == (
        "its labels were made of the column 'dr' by the `map` of a study file (run that file again "
        "by `fundus study` instead)"
    )


def test_rerun__labels_made_as_the_model_learned_them_are_predicted_again(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    others = opened(place, tmp_path / "others")
    used = used_on(place, mapped(place, source), others)

    reasons = reasons_of(place, used)

    assert reasons["probe"].endswith("(run that file again by `fundus study` instead)")
    assert reasons["external"] == (
        "its labels were made of the column 'dr' by the `map` of a study file (predict again by "
        "`fundus predict` instead)"
    )


def test_rerun__an_older_external_run_of_a_missing_column_says_to_predict_again(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    others = opened(place, tmp_path / "others")
    inside = mapped(place, source)
    used = replace(used_on(place, inside, others), labels=None)

    reason = why_labels_are_not_made(dataset_of(place, used), used, inside)

    assert reason.endswith("or put the column back and predict again by `fundus predict`)")


def test_settings_of__an_older_run_of_a_column_that_is_missing_says_so(
    place: Workspace, source: DataSource
) -> None:
    run = replace(mapped(place, source), labels=None)

    found = settings_of(place, dataset_of(place, run), run)

    assert found.validation is None
    assert found.reason.startswith("its data set has no column 'ill': the `map` of a study file")


def test_rerun__refuses_other_photographs(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    manifest = manifest_of(place, [probed(place, source)], title="", options={})
    others = opened(Workspace(tmp_path / "third"), tmp_path / "others", n_patients=14)

    with pytest.raises(DataError, match="28 photographs of 14 patients"):
        rerun(place, manifest, data={"": others})


def test_rerun__asks_for_photographs_that_are_nowhere(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    manifest = manifest_of(place, [probed(place, source)], title="", options={})

    with pytest.raises(DataError, match="not remembered") as refusal:
        rerun(Workspace(tmp_path / "another"), manifest)

    assert "--data" in refusal.value.hint


def test_rerun__draws_phantoms_again(tmp_path: Path, place: Workspace) -> None:
    make_demo(place.demo, n_patients=12, image_size=64, seed=4, plants=False)
    run = probed(place, DataSource(place.demo), target="abnormal", folds=2)
    manifest = written(manifest_of(place, [run], title="", options={}), tmp_path)

    done = rerun(Workspace(tmp_path / "another"), manifest)

    assert manifest.data[0].drawn_with.startswith("Drawn with: 12 patients, 64 pixels, seed 4")
    assert done.same
    assert done.runs[0].same_scores


def test_rerun__makes_a_model_and_its_use_elsewhere(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    inside = probed(place, source)
    others = opened(place, tmp_path / "others", n_patients=10)
    outside = used_on(place, inside, others)
    manifest = written(manifest_of(place, [outside], title="", options={}), tmp_path)

    done = rerun(
        Workspace(tmp_path / "another"),
        manifest,
        data={inside.dataset_id: source, outside.dataset_id: others},
    )

    assert [one.recorded.kind for one in done.runs] == ["probe", "external"]
    assert done.same


@pytest.mark.parametrize(
    ("is_of_the_source", "is_recorded"), [(True, True), (True, False), (False, True)]
)
def test_rerun__of_a_use_by_another_column_reads_that_column(
    place: Workspace, source: DataSource, tmp_path: Path, is_of_the_source: bool, is_recorded: bool
) -> None:
    inside = probed(place, source)
    table = write_dataset(tmp_path / "others", n_patients=10) / "labels.csv"
    pd.read_csv(table).assign(other=lambda rows: rows["dr"].iloc[::-1].to_numpy()).to_csv(
        table, index=False
    )
    columns = ColumnMapping(target="other") if is_of_the_source else ColumnMapping()
    others = DataSource(tmp_path / "others", None, columns)
    dataset = open_with_target(place, others, "other")
    outside = predict(place, inside.id, dataset, dataset_id(others), label_column="other").run
    manifest = written(manifest_of(place, [outside], title="", options={}), tmp_path)
    if not is_recorded:
        older = tuple(replace(one, column=None) for one in manifest.runs)
        manifest = replace(manifest, runs=older)

    _, command = commands_of(manifest)
    done = rerun(
        Workspace(tmp_path / "another"),
        manifest,
        data={inside.dataset_id: source, outside.dataset_id: others},
    )

    assert command.count("--target-column other") == 1
    assert done.same


def test_rerun__of_a_network_with_random_weights(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    dataset = stored_dataset(place, dataset_id(source))
    backbone = BackboneChoice(
        "timm:test_resnet", "scratch", 64, "fp32", weights_seed=3, normalisation="imagenet"
    )
    run = probe_dataset(place, dataset, dataset_id(source), backbone, ProbeChoice("dr", folds=3))
    manifest = written(manifest_of(place, [run], title="", options={}), tmp_path)

    done = rerun(Workspace(tmp_path / "another"), manifest, data={"": source})

    assert done.same
    (command,) = commands_of(manifest)
    assert "fundus probe DATA --backbone timm:test_resnet --weights scratch" in command
    assert "--weights-seed 3" in command
    assert "--normalisation imagenet" in command
    assert "--target dr --folds 3 --seed 0 --probe logistic" in command


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "something"}, "format"),
        ({"version": 99}, "version is 99"),
        ({"runs": [{"id": 3}]}, "'kind' is missing"),
        ({"data": None}, "manifest"),
    ],
)
def test_read_manifest__refuses_what_makes_no_sense(
    place: Workspace, source: DataSource, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    manifest = manifest_of(place, [probed(place, source)], title="", options={})
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(manifest.to_dict() | change), encoding="utf-8")

    with pytest.raises(DataError, match=said):
        read_manifest(path)


def test_read_manifest__refuses_a_page_without_one(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html><script>alert(1)</script></html>", encoding="utf-8")

    with pytest.raises(DataError, match=r"page\.html holds no manifest"):
        read_manifest(page)


def test_sources_of__takes_a_folder_or_a_name_with_one(tmp_path: Path) -> None:
    odd = tmp_path / "a=b"
    odd.mkdir()

    found = sources_of([str(odd), f"set-1={tmp_path}"])

    assert found[""].path == odd
    assert found["set-1"].path == tmp_path


def test_rerun__trains_a_network_again(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    dataset = stored_dataset(place, dataset_id(source))
    backbone = BackboneChoice("timm:test_resnet", "scratch", 32, "fp32")
    choice = FinetuneChoice(
        Validation("dr", 2, 3),
        training=TrainingRecipe(epochs=1, batch_size=8, augmentation="none", seed=5),
    )
    run = finetune_dataset(place, dataset, dataset_id(source), backbone, choice)
    manifest = written(manifest_of(place, [run], title="", options={}), tmp_path)

    done = rerun(Workspace(tmp_path / "another"), manifest, data={"": source})

    assert done.same
    assert done.runs[0].same_scores
    (command,) = commands_of(manifest)
    assert "fundus finetune DATA" in command
    assert "--folds 2 --seed 3" in command
    assert "--epochs 1 --batch-size 8" in command
    assert "--train-seed 5" in command
