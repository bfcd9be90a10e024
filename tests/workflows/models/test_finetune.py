"""Fine-tuning from photographs to a stored run: held-out scores, grouped folds, interruptions."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import BackboneError, ParameterError, StoreError, TargetError
from fundus_core.finetune.curves import CURVE_FILE, read_curves
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.state import Epoch
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve_recipe
from fundus_core.workflows.models.finetune import FinetuneChoice, finetune_dataset
from fundus_core.workflows.models.networks import fine_tuned, kept_folds, squares_of
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import NETWORKS, run_curves, run_folder, run_predictions
from tests.fakes import write_dataset, write_photograph

TINY = BackboneChoice("timm:test_resnet", "scratch", 64)
TRAINING = TrainingRecipe(
    epochs=2, batch_size=8, learning_rate=1e-3, augmentation="none", precision="fp32"
)
CHOICE = FinetuneChoice(Validation("dr", folds=3), training=TRAINING)


class KillError(Exception):
    """Stands for a kill between two epochs."""


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs that tests only read."""
    return write_dataset(tmp_path_factory.mktemp("shared") / "data")


@pytest.fixture
def dataset(place: Workspace, data: Path) -> FundusDataset:
    """24 photographs of 12 patients."""
    return open_dataset(place, DataSource(data))


def tuned(
    place: Workspace,
    dataset: FundusDataset,
    choice: FinetuneChoice = CHOICE,
    backbone: BackboneChoice = TINY,
    *,
    kill_after: tuple[int, int] | None = None,
) -> tuple[Run, list[tuple[int, Epoch]]]:
    """Fine-tunes; returns the run and the epochs that were told."""
    told: list[tuple[int, Epoch]] = []

    def tell(fold: int, epoch: Epoch) -> None:
        told.append((fold, epoch))
        if (fold, epoch.number) == kill_after:
            raise KillError

    return finetune_dataset(place, dataset, "tiny-1", backbone, choice, on_epoch=tell), told


def scores(place: Workspace, run: Run) -> Predictions:
    return run_predictions(place, run)


@dataclass(frozen=True, slots=True)
class Usual:
    """What `tuned` gives without further words, in a workspace that nobody changes."""

    place: Workspace
    run: Run
    told: list[tuple[int, Epoch]]


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Usual:
    place = Workspace(tmp_path_factory.mktemp("undisturbed") / "workspace")
    return Usual(place, *tuned(place, open_dataset(place, DataSource(data))))


@pytest.fixture
def usual(undisturbed: Usual, place: Workspace) -> Run:
    """The usual run, in the workspace of the test."""
    shutil.copytree(undisturbed.place.root, place.root, dirs_exist_ok=True)
    return undisturbed.run


def test_finetune_dataset__every_labelled_photograph_has_a_score_from_one_fold(
    place: Workspace, dataset: FundusDataset, usual: Run
) -> None:
    run, found = usual, scores(place, usual)

    assert set(found.image_ids) == set(dataset.image_ids)
    assert ((found.y_score > 0) & (found.y_score < 1)).all()
    assert found.fold is not None
    by_patient = pd.Series(found.fold).groupby(found.patient_ids)
    assert (by_patient.nunique() == 1).all()
    assert set(found.fold) == {0, 1, 2}
    assert (run.kind, run.probe, run.n_images, run.n_patients) == ("finetune", "ft", 24, 12)
    assert run.baseline_auc is not None


def test_finetune_dataset__an_equal_call_returns_the_stored_run_without_training(
    place: Workspace, dataset: FundusDataset, usual: Run
) -> None:
    again, told = tuned(place, dataset)

    assert again == usual
    assert told == []


@pytest.mark.parametrize(
    "other",
    [
        replace(CHOICE, training=replace(TRAINING, seed=1)),
        replace(CHOICE, training=replace(TRAINING, learning_rate=2e-3)),
        replace(CHOICE, validation=Validation("dr", folds=2)),
    ],
    ids=["train seed", "learning rate", "folds"],
)
def test_finetune_dataset__whatever_changes_the_scores_makes_another_run(
    place: Workspace, dataset: FundusDataset, usual: Run, other: FinetuneChoice
) -> None:
    second, told = tuned(place, dataset, other)

    assert second.id != usual.id
    assert told


def test_finetune_dataset__interrupted_and_repeated_gives_the_scores_of_one_undisturbed(
    place: Workspace, dataset: FundusDataset, undisturbed: Usual
) -> None:
    expected = scores(undisturbed.place, undisturbed.run)

    with pytest.raises(KillError):
        tuned(place, dataset, kill_after=(1, 1))
    run, _ = tuned(place, dataset)

    assert np.array_equal(scores(place, run).y_score, expected.y_score)
    assert np.array_equal(scores(place, run).fold, expected.fold)


def test_finetune_dataset__epochs_can_be_read_while_it_trains_and_stay_with_the_run(
    place: Workspace, dataset: FundusDataset
) -> None:
    with pytest.raises(KillError):
        tuned(place, dataset, kill_after=(1, 1))
    (under_way,) = place.training.glob(f"*/{CURVE_FILE}")
    seen = read_curves(under_way)
    assert (under_way.parent / "fold-1.safetensors").is_file()

    run, _ = tuned(place, dataset)

    assert seen is not None
    assert [len(fold) for fold in seen.folds] == [2, 1]
    assert "dr" in seen.title
    kept = run_curves(place, run)
    assert kept is not None
    assert [[epoch.number for epoch in fold] for fold in kept.folds] == [[1, 2]] * 3
    assert kept.folds[0] == seen.folds[0]
    assert not list(place.training.iterdir())


def test_finetune_dataset__photograph_that_became_unreadable_is_left_out_and_counted(
    place: Workspace, tmp_path: Path
) -> None:
    own = write_dataset(tmp_path / "data")
    dataset = open_dataset(place, DataSource(own))
    (own / "images" / "p03_OD.jpg").write_bytes(b"no photograph")

    run, _ = tuned(place, dataset)

    assert run.n_images == 23
    assert [c.text for c in run.cautions if c.code == "FD011"] == [
        "1 of 24 photographs could not be read."
    ]


def test_finetune_dataset__several_labels_at_once(place: Workspace, dataset: FundusDataset) -> None:
    choice = replace(CHOICE, validation=Validation("grade", folds=2))

    run, _ = tuned(place, dataset, choice)

    assert set(run.class_aucs) == {"0", "1", "2"}
    assert scores(place, run).y_score.sum(axis=1) == pytest.approx(1)


def test_finetune_dataset__learns_what_an_untrained_network_does_not_know(
    place: Workspace, tmp_path: Path
) -> None:
    folder = write_dataset(tmp_path / "clear", n_patients=16)
    for patient in range(16):
        for eye, green in (("OD", 60), ("OS", 62)):
            colour = (170 + patient, green, 30) if patient % 2 else (90 + patient, green, 30)
            write_photograph(folder / "images" / f"p{patient:02d}_{eye}.jpg", colour)
    training = replace(TRAINING, epochs=12, learning_rate=5e-3)
    choice = FinetuneChoice(Validation("dr", folds=2), training=training)

    run, _ = tuned(place, open_dataset(place, DataSource(folder)), choice)

    assert run.auc is not None
    assert run.auc.auc > 0.9


def test_finetune_dataset__the_mean_colour_cannot_be_trained(
    place: Workspace, dataset: FundusDataset
) -> None:
    with pytest.raises(BackboneError, match="mean_colour cannot be trained"):
        tuned(place, dataset, backbone=BackboneChoice("mean_colour"))


def test_finetune_dataset__unknown_strategy_is_refused_with_those_there_are(
    place: Workspace, dataset: FundusDataset
) -> None:
    with pytest.raises(TargetError, match="sideways") as refusal:
        tuned(place, dataset, replace(CHOICE, strategy="sideways"))

    assert "ft" in refusal.value.hint


def test_finetune_dataset__an_engine_that_only_embeds_cannot_train() -> None:
    with pytest.raises(ParameterError, match="openvino-fp32") as refusal:
        replace(TRAINING, precision="openvino-fp32")  # type: ignore[arg-type]

    assert "auto, fp32, bf16" in refusal.value.hint


def test_kept_networks__give_the_scores_they_gave_when_they_were_trained(
    place: Workspace, dataset: FundusDataset, usual: Run
) -> None:
    run = usual
    resolved = resolve_recipe(place, run.embeddings, run.weights_path)
    held_out = scores(place, run)

    for fold in kept_folds(place, run):
        members = [i for i, f in zip(held_out.image_ids, held_out.fold, strict=True) if f == fold]
        squares = squares_of(dataset, members, resolved.recipe, place.root / "squares")
        network = fine_tuned(place, run, resolved, fold)
        again = network.scores(squares, np.arange(len(members)), "binary")
        expected = held_out.y_score[[held_out.image_ids.index(member) for member in members]]
        assert np.array_equal(again, expected)
    assert kept_folds(place, run) == (0, 1, 2)


@pytest.mark.parametrize(
    ("strategy", "head"), [("lora", "linear"), ("lp", "deit-tiny"), ("bitfit", "two-layer")]
)
def test_kept_networks__can_be_read_back_whatever_was_added_to_them(
    place: Workspace, dataset: FundusDataset, strategy: str, head: str
) -> None:
    choice = replace(CHOICE, strategy=strategy, head=head, training=replace(TRAINING, epochs=1))
    run, _ = tuned(place, dataset, choice)

    result = predict(place, run.id, dataset, "tiny-1")

    assert result.n_scored == 24
    resolved = resolve_recipe(place, run.embeddings, run.weights_path)
    held_out = scores(place, run)
    assert held_out.fold is not None
    first = [i for i, f in zip(held_out.image_ids, held_out.fold, strict=True) if f == 0]
    squares = squares_of(dataset, first, resolved.recipe, place.root / "squares")
    again = fine_tuned(place, run, resolved, 0).scores(squares, np.arange(len(first)), "binary")
    rows = [held_out.image_ids.index(image_id) for image_id in first]
    assert np.allclose(again, held_out.y_score[rows], atol=1e-6)


def test_kept_networks__hold_what_moved_and_the_head_and_nothing_else(
    place: Workspace, dataset: FundusDataset, usual: Run
) -> None:
    frozen, _ = tuned(place, dataset, replace(CHOICE, strategy="lp"))

    of_frozen = load_file(run_folder(place, frozen) / NETWORKS)
    of_moved = load_file(run_folder(place, usual) / NETWORKS)
    assert {name.split("/")[1] for name in of_frozen} == {"1.weight", "1.bias"}
    assert "0/0.layer1.0.conv1.weight" in of_moved
    assert "0/0.layer1.0.bn1.running_mean" in of_moved


def test_predict__fine_tuned_run_scores_by_the_mean_of_its_networks(
    place: Workspace, usual: Run, tmp_path: Path
) -> None:
    run = usual
    other = open_dataset(place, DataSource(write_dataset(tmp_path / "other", n_patients=8)))

    result = predict(place, run.id, other, "other-1")

    resolved = resolve_recipe(place, run.embeddings, run.weights_path)
    squares = squares_of(other, other.image_ids, resolved.recipe, tmp_path / "squares")
    rows = np.arange(16)
    each = [fine_tuned(place, run, resolved, k).scores(squares, rows, "binary") for k in range(3)]
    assert np.allclose(result.predictions.y_score, np.mean(each, axis=0))
    assert (result.n_scored, result.run.kind, result.run.trained_as) == (16, "external", run.id)
    assert result.inside == run.auc
    assert not list(place.training.iterdir())


def test_finetune_dataset__networks_that_were_not_kept_cannot_score_and_come_when_asked_for(
    place: Workspace, dataset: FundusDataset
) -> None:
    without, _ = tuned(place, dataset, replace(CHOICE, keep_weights=False))
    with pytest.raises(StoreError, match="does not keep its networks"):
        predict(place, without.id, dataset, "tiny-1")

    kept, told = tuned(place, dataset)

    assert kept.id == without.id
    assert told
    assert np.array_equal(scores(place, kept).y_score, scores(place, without).y_score)
    assert predict(place, kept.id, dataset, "tiny-1").n_scored == 24


def test_finetune_dataset__fraction_learns_from_fewer_patients_and_tests_all(
    place: Workspace, dataset: FundusDataset, usual: Run
) -> None:
    half = replace(CHOICE, validation=Validation("dr", folds=3, fraction=0.5))

    run, _ = tuned(place, dataset, half)

    assert run.n_images == 24
    assert [fold.n_train for fold in run.folds] == [8, 8, 8]
    assert "50 % of patients" in run.label
    assert run.id != usual.id


def test_finetune_dataset__epochs_tell_how_fast_and_how_far_each_part_moved(
    place: Workspace, dataset: FundusDataset
) -> None:
    run, _ = tuned(place, dataset, replace(CHOICE, strategy="ft-last"))

    curves = run_curves(place, run)
    assert curves is not None
    last = curves.folds[0][-1]
    assert list(last.rates) == ["stem", "layer1", "layer2", "layer3", "layer4", "head"]
    assert [rate for _, rate in last.rates.items()] == [0, 0, 0, 0, 1, 1]
    assert [last.drift[part] for part in ("stem", "layer1", "layer2", "layer3")] == [0] * 4
    assert last.drift["layer4"] is not None
    assert last.drift["layer4"] > 0


def test_finetune_dataset__ordinal_loss_makes_another_run_of_grades(
    place: Workspace, dataset: FundusDataset
) -> None:
    usual = replace(CHOICE, validation=Validation("grade", folds=2))

    by_grade, _ = tuned(place, dataset, replace(usual, loss="ordinal"))

    assert by_grade.recipe["loss"] == "ordinal"
    assert by_grade.id != tuned(place, dataset, usual)[0].id


def test_finetune_dataset__few_patients_are_all_learned_from_and_the_last_epoch_is_kept(
    undisturbed: Usual,
) -> None:
    run, told = undisturbed.run, undisturbed.told

    assert {epoch.validation_loss for _, epoch in told} == {None}
    assert run.n_patients == 12
