"""Fine-tuning from photographs to a stored run: held-out scores, grouped folds, interruptions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import BackboneError, SaliencyError, StoreError, TargetError
from fundus_core.finetune.curves import CURVE_FILE, read_curves
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.finetune.state import Epoch
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.datasets import open_dataset
from fundus_core.workflows.embed import BackboneChoice
from fundus_core.workflows.explain import explain_many
from fundus_core.workflows.finetune import FinetuneChoice, finetune_dataset
from fundus_core.workflows.held_out import Validation
from fundus_core.workflows.predict import predict
from fundus_core.workflows.runs import Run, run_curves, run_predictions
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


@pytest.fixture
def dataset(place: Workspace, tmp_path: Path) -> FundusDataset:
    """24 photographs of 12 patients."""
    return open_dataset(place, DataSource(write_dataset(tmp_path / "data")))


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


def test_finetune_dataset__every_labelled_photograph_has_a_score_from_one_fold(
    place: Workspace, dataset: FundusDataset
) -> None:
    run, _ = tuned(place, dataset)

    found = scores(place, run)
    assert set(found.image_ids) == set(dataset.image_ids)
    assert ((found.y_score > 0) & (found.y_score < 1)).all()
    assert found.fold is not None
    by_patient = pd.Series(found.fold).groupby(found.patient_ids)
    assert (by_patient.nunique() == 1).all()
    assert set(found.fold) == {0, 1, 2}
    assert (run.kind, run.probe, run.n_images, run.n_patients) == ("finetune", "ft", 24, 12)
    assert run.baseline_auc is not None


def test_finetune_dataset__an_equal_call_returns_the_stored_run_without_training(
    place: Workspace, dataset: FundusDataset
) -> None:
    first, _ = tuned(place, dataset)

    again, told = tuned(place, dataset)

    assert again == first
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
    place: Workspace, dataset: FundusDataset, other: FinetuneChoice
) -> None:
    first, _ = tuned(place, dataset)

    second, told = tuned(place, dataset, other)

    assert second.id != first.id
    assert told


def test_finetune_dataset__interrupted_and_repeated_gives_the_scores_of_one_undisturbed(
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    undisturbed = Workspace(tmp_path / "undisturbed")
    expected = scores(undisturbed, tuned(undisturbed, dataset)[0])

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
    place: Workspace, dataset: FundusDataset, tmp_path: Path
) -> None:
    (tmp_path / "data" / "images" / "p03_OD.jpg").write_bytes(b"no photograph")

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


def test_fine_tuned_run__says_that_it_can_be_neither_explained_nor_applied_yet(
    place: Workspace, dataset: FundusDataset
) -> None:
    run, _ = tuned(place, dataset)

    with pytest.raises(SaliencyError, match=r"fine-tuned network.*cannot be explained yet"):
        explain_many(place, run.id, [dataset.image_ids[0]])
    with pytest.raises(StoreError, match=r"fine-tuned network.*cannot be applied"):
        predict(place, run.id, dataset, "tiny-1")
