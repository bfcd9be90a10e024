"""Use case: a network that learns to mark what the masks of a data set mark, by patient."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.networks import require_trainable
from fundus_core.compute import choose_device
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import PreprocessRecipe, Recipe
from fundus_core.errors import TrainingError
from fundus_core.finetune.curves import CURVE_FILE, CurveFile
from fundus_core.finetune.state import Epoch
from fundus_core.io.tensors import save_tensors
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.data import Examples, read_examples
from fundus_core.segmentation.kinds import NETWORKS, build
from fundus_core.segmentation.loop import SegmentationTraining, Trained, train
from fundus_core.splits import Fold
from fundus_core.workflows.embeddings.backbone_choice import ResolvedChoice, resolve
from fundus_core.workflows.models.one_training import trained_once
from fundus_core.workflows.models.run_record import now
from fundus_core.workflows.segmenting.masks import Masked, masked_photographs
from fundus_core.workflows.segmenting.segmentation_choice import (
    SegmentationChoice,
    inner_split,
    patient_folds,
)
from fundus_core.workflows.segmenting.segmenter_store import (
    TrainedSegmenter,
    list_segmenters,
    save_segmenter,
    segmenters_store,
)
from fundus_core.workflows.weights.labels import model_label


@dataclass(frozen=True, slots=True)
class SegmentationRecipe(Recipe):
    """Everything that determines the trained networks."""

    masks: str
    """Fingerprint of photographs, masks and channels."""

    patients: str
    """Fingerprint of who is whose, and of the split if it is used."""

    network: str
    encoder: str
    """Fingerprint of the `EmbedRecipe`; empty for a network without."""

    size: int
    preprocessing: PreprocessRecipe
    keep_small: bool
    mirrors: bool
    folds: int
    fraction: float
    draw: int
    seed: int
    training: SegmentationTraining


def train_segmenter(
    workspace: Workspace,
    dataset: FundusDataset,
    dataset_id: str,
    choice: SegmentationChoice,
    *,
    on_epoch: Callable[[int, Epoch], None] = lambda fold, epoch: None,
    progress: Progress = silent,
) -> TrainedSegmenter:
    """Trains networks on the masks of a data set; an equal one that is stored is returned as it is.

    A call that was interrupted goes on from its last whole epoch when it is repeated. An equal call
    at the same time is waited for, and what it stored is returned.

    Args:
        workspace: Where results are kept.
        dataset: The photographs.
        dataset_id: The id they are remembered by.
        choice: What to mark, and how to train.
        on_epoch: Told the number of the fold, from 0, and what an epoch gave.
        progress: Told after every step.

    Raises:
        DataError: If there are no masks, or one is none of its photograph.
        BackboneError: If the backbone cannot be an encoder.
        FoldError: If there are too few patients.
        TrainingError: If the training cannot go on.
    """
    encoder = _encoder(workspace, choice)
    masked = masked_photographs(dataset, choice.truth)
    ids = [one.image_id for one in masked.photographs]
    recipe = _recipe(dataset.select(ids), masked, encoder, choice)
    name = f"{_slug(choice, encoder)}-{recipe.fingerprint()[:8]}"
    folder = workspace.training / recipe.fingerprint()
    asked = _Asked(dataset, dataset_id, masked, encoder, choice, recipe, name)
    return trained_once(
        folder,
        lambda: _stored(workspace, name),
        lambda: _trained(workspace, asked, folder, on_epoch, progress),
        progress,
    )


def _stored(workspace: Workspace, name: str) -> TrainedSegmenter | None:
    stored = [one for one in list_segmenters(workspace) if one.id == name]
    return stored[0] if stored and segmenters_store(workspace).get(name) else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be trained."""

    dataset: FundusDataset
    dataset_id: str
    masked: Masked
    encoder: ResolvedChoice | None
    choice: SegmentationChoice
    recipe: SegmentationRecipe
    name: str
    """Id of the segmenter."""


def _trained(
    workspace: Workspace,
    asked: _Asked,
    folder: Path,
    on_epoch: Callable[[int, Epoch], None],
    progress: Progress,
) -> TrainedSegmenter:
    """Trains the networks and stores them."""
    dataset, encoder, choice, recipe = asked.dataset, asked.encoder, asked.choice, asked.recipe
    started, label = time.perf_counter(), _label(dataset, encoder, choice)
    written = CurveFile(folder / CURVE_FILE, label, choice.training.epochs)

    def after(fold: int, epoch: Epoch) -> None:
        written.add(epoch, fold)
        on_epoch(fold, epoch)

    examples = read_examples(
        asked.masked.photographs,
        choice.truth.channels,
        choice.size,
        choice.preprocessing,
        folder=folder,
        keep_small=choice.keep_small,
        progress=progress,
    )
    readable = dataset.select(examples.image_ids)
    folds = patient_folds(readable, choice)
    task = _Task(examples, readable.groups, encoder, choice, recipe, folder)
    trained = [task.fit(n, fold, len(folds), after, progress) for n, fold in enumerate(folds)]
    about = _about(asked, label, readable, folds)
    about = replace(
        about,
        best_epochs=tuple(one.best for one in trained),
        seconds=round(time.perf_counter() - started, 1),
    )
    save_segmenter(workspace, about, written.curves, partial(task.gather, len(folds)))
    shutil.rmtree(folder, ignore_errors=True)
    return about


@dataclass(frozen=True, slots=True)
class _Task:
    """The trainings of one choice."""

    examples: Examples
    patients: NDArray[np.str_] | None
    encoder: ResolvedChoice | None
    choice: SegmentationChoice
    recipe: SegmentationRecipe
    folder: Path
    """Where unfinished work is kept."""

    def fit(
        self,
        number: int,
        fold: Fold,
        n_folds: int,
        on_epoch: Callable[[int, Epoch], None],
        progress: Progress,
    ) -> Trained:
        """Trains the network of a fold and keeps its weights."""

        def tell(done: int, total: int, message: str) -> None:
            where = f"Network {number + 1} of {n_folds}: " if n_folds > 1 else ""
            progress(number * total + done, n_folds * total, f"{where}{message}")

        choice, device = self.choice, choose_device()
        learn, choose = inner_split(fold.train, self.patients, choice.seed)
        spec = self.encoder.spec if self.encoder else None
        weights = self.encoder.weights if self.encoder else None
        seed = choice.training.seed
        network = build(choice.network, spec, weights, self.examples.n_channels, seed).to(device)
        trained = train(
            network,
            self.examples,
            learn,
            choose,
            choice.training,
            multiple=NETWORKS[choice.network].multiple,
            device=device,
            about=self.recipe.fingerprint(),
            state_file=self.folder / f"fold-{number}.safetensors",
            on_epoch=lambda epoch: on_epoch(number, epoch),
            progress=tell,
        )
        kept = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
        save_tensors(self._network(number), kept)
        return trained

    def gather(self, n_folds: int, target: Path) -> None:
        """Writes the networks of all folds into one file."""
        from safetensors.torch import load_file

        save_tensors(
            target,
            {
                f"{number}/{name}": value
                for number in range(n_folds)
                for name, value in load_file(self._network(number)).items()
            },
        )

    def _network(self, number: int) -> Path:
        return self.folder / f"network-{number}.safetensors"


def _encoder(workspace: Workspace, choice: SegmentationChoice) -> ResolvedChoice | None:
    if choice.network not in NETWORKS:
        raise TrainingError(
            f"There is no network called {choice.network!r}.",
            hint=f"Choose one of {', '.join(NETWORKS)}.",
        )
    if not NETWORKS[choice.network].has_encoder:
        return None
    resolved = resolve(workspace, choice.backbone)
    require_trainable(resolved.spec)
    return resolved


def _recipe(
    dataset: FundusDataset,
    masked: Masked,
    encoder: ResolvedChoice | None,
    choice: SegmentationChoice,
) -> SegmentationRecipe:
    owners = ["patient_id", "split"] if choice.use_split else ["patient_id"]
    table = dataset.as_given().assign(path="")[["image_id", "path", *owners]]
    return SegmentationRecipe(
        masks=masked.fingerprint(choice.truth),
        patients=replace(dataset, table=table, hidden=None).fingerprint(),
        network=choice.network,
        encoder=encoder.recipe.fingerprint() if encoder else "",
        size=choice.size,
        preprocessing=choice.preprocessing,
        keep_small=choice.keep_small,
        mirrors=choice.mirrors,
        folds=-1 if choice.use_split else choice.folds,
        fraction=choice.fraction,
        draw=choice.draw,
        seed=choice.seed,
        training=choice.training,
    )


def _about(
    asked: _Asked, label: str, readable: FundusDataset, folds: tuple[Fold, ...]
) -> TrainedSegmenter:
    dataset, encoder, choice, recipe = asked.dataset, asked.encoder, asked.choice, asked.recipe
    ids = readable.image_ids
    held_out = {ids[row]: n for n, fold in enumerate(folds) for row in fold.test}
    used = sorted({int(row) for fold in folds for row in fold.train})
    patients = readable.patient_ids
    return TrainedSegmenter(
        id=asked.name,
        label=label,
        dataset_id=asked.dataset_id,
        dataset_name=dataset.name,
        synthetic=dataset.synthetic,
        channels=choice.truth.channels,
        network=choice.network,
        backbone=encoder.spec.id if encoder else "",
        weights=encoder.recipe.weights if encoder else "scratch",
        size=choice.size,
        preprocessing=choice.preprocessing,
        mirrors=choice.mirrors,
        n_networks=len(folds),
        held_out=held_out,
        learned=tuple(ids[row] for row in used if ids[row] not in held_out),
        n_patients=None if patients is None else len(np.unique(patients[used])),
        best_epochs=(),
        seconds=0.0,
        created_at=now(),
        recipe=recipe.to_dict(),
        weights_sha256=encoder.recipe.weights_sha256 if encoder else "",
    )


def _slug(choice: SegmentationChoice, encoder: ResolvedChoice | None) -> str:
    parts = [*choice.truth.names[:2], encoder.spec.architecture if encoder else choice.network]
    return "-".join("".join(c if c.isalnum() else "-" for c in part.lower()) for part in parts)


def _label(
    dataset: FundusDataset, encoder: ResolvedChoice | None, choice: SegmentationChoice
) -> str:
    """Returns the name of a model: what tells it from others."""
    network = NETWORKS[choice.network].label.partition(",")[0]
    shown = replace(encoder.recipe, image_size=choice.size) if encoder else None
    parts = [
        f"{network} on {model_label(shown)}" if shown else network,
        f"trained on {dataset.name}",
        "" if choice.fraction == 1 else f"{100 * choice.fraction:g} % of patients",
        "" if choice.training.seed == 0 else f"seed {choice.training.seed}",
    ]
    return ", ".join(part for part in parts if part)
