"""Use case: weights of our own, from an upstream task on labelled photographs."""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.backbones.base import BackboneSpec
from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.networks import load_network, require_trainable
from fundus_core.backbones.token_grid import smallest_side
from fundus_core.compute import choose_device, choose_precision
from fundus_core.domain.bounds import SIDE
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.fields import settle_fields
from fundus_core.domain.progress import Progress, silent
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.embedding import Photograph
from fundus_core.errors import SaliencyError, TargetError, TrainingError
from fundus_core.finetune.curves import CURVE_FILE, CurveFile
from fundus_core.finetune.loop import Trained, TrainingRecipe, train
from fundus_core.finetune.squares import Squares, read_squares
from fundus_core.finetune.state import Epoch
from fundus_core.io.files import write_json
from fundus_core.io.weights import (
    SCRATCH,
    FoundWeights,
    file_sha256,
    find_weights,
    write_weights,
)
from fundus_core.io.workspace import Workspace
from fundus_core.phantom.lesion_drawing import CUP_BIT, DISC_BIT, LESION_BITS
from fundus_core.phantom.shots import LABEL_COLUMNS
from fundus_core.pretraining import (
    UPSTREAM_TASKS,
    UpstreamNetwork,
    UpstreamTargets,
    upstream_network,
    upstream_targets,
)
from fundus_core.splits import held_out_groups
from fundus_core.stats.delong import AucInterval, auc_interval
from fundus_core.workflows.models.one_training import trained_once
from fundus_core.workflows.models.pretrained import (
    Pretrained,
    PretrainRecipe,
    already_made,
    require_free,
    weights_file,
)
from fundus_core.workflows.segmenting.masks import USUAL_MASKS, mask_files
from fundus_core.workflows.weights.teacher_tables import (
    knows_teachers,
    store_teachers,
    table_of_teachers,
)

if TYPE_CHECKING:
    from torch import nn

VALIDATION_SHARE = 0.1
"""Share of the patients by whom the best epoch is chosen."""

MASK_BITS: dict[str, int] = {
    **{str(kind): bit for kind, bit in LESION_BITS.items()},
    "optic_disc": DISC_BIT,
    "optic_cup": CUP_BIT,
}
"""What the places of phantoms' masks may hold."""


@dataclass(frozen=True, slots=True)
class PretrainChoice:
    """What the user asks for."""

    backbone: str
    """Catalogue id or `timm:NAME`; its architecture is trained."""

    name: str
    """Of the weights file to be made, without suffix."""

    initial: str = SCRATCH
    """`scratch`, or the weights file to start from."""

    task: str = "lesions"
    """Key of `UPSTREAM_TASKS`."""

    labels: tuple[str, ...] = ()
    """Columns of 0 and 1; by default those of the phantoms."""

    image_size: int | None = None
    training: TrainingRecipe = field(default_factory=TrainingRecipe)
    replace: bool = False
    """Whether a file of this name that another recipe made, or somebody else, is written over."""

    def __post_init__(self) -> None:
        """Refuses a side that no network is trained at, and what is neither True nor False.

        Raises:
            ParameterError: With the side, or the word.
        """
        settle_fields(self)
        if self.image_size is not None:
            SIDE.require("input's side in pixels", self.image_size)


def pretrain(
    workspace: Workspace,
    dataset: FundusDataset,
    choice: PretrainChoice,
    *,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    progress: Progress = silent,
) -> Pretrained:
    """Trains a backbone on the upstream task and writes its weights into the weights folder.

    A call that was interrupted goes on from its last whole epoch when it is repeated; weights that
    an equal call has made are returned as they are, and an equal call under way is waited for. Who
    taught them is stored with them, see `workflows.weights.teacher_tables`.

    Raises:
        TargetError: If the task or its labels do not fit the data set.
        WeightsError: If the name is no file name, or that of a file an equal call did not make.
        BackboneError: If the backbone has no features to learn places by.
        TrainingError: If the training is impossible, or cannot go on.
    """
    _require_task(choice.task)
    weights = weights_file(workspace, choice.name)
    spec = backbone_spec(choice.backbone)
    initial = find_weights(spec, choice.initial, workspace)
    labels = choice.labels or _phantom_labels(dataset)
    recipe = _recipe(dataset, spec, initial, choice, labels)
    return trained_once(
        workspace.training / recipe.fingerprint(),
        lambda: _made_before(workspace, dataset, weights, recipe),
        lambda: _made(workspace, dataset, choice, recipe, spec, initial, on_epoch, progress),
        progress,
    )


def _made_before(
    workspace: Workspace, dataset: FundusDataset, weights: Path, recipe: PretrainRecipe
) -> Pretrained | None:
    """Returns weights that an equal call has made, and sees to it that their teachers are known."""
    made = already_made(weights, recipe)
    if made is not None:
        _remember_teachers(workspace, dataset, recipe, file_sha256(weights))
    return made


def _made(
    workspace: Workspace,
    dataset: FundusDataset,
    choice: PretrainChoice,
    recipe: PretrainRecipe,
    spec: BackboneSpec,
    initial: FoundWeights,
    on_epoch: Callable[[Epoch], None],
    progress: Progress,
) -> Pretrained:
    """Trains, and writes the weights."""
    weights, labels = weights_file(workspace, choice.name), recipe.labels
    if not choice.replace:
        require_free(workspace, weights, recipe)
    folder = workspace.training / recipe.fingerprint()
    written = CurveFile(folder / CURVE_FILE, choice.name, recipe.training.epochs)

    def after(epoch: Epoch) -> None:
        written.add(epoch)
        on_epoch(epoch)

    squares = _squares(dataset, recipe, folder, progress)
    bits = MASK_BITS if squares.masks is not None else {}
    targets = upstream_targets(
        dataset, squares.image_ids, UPSTREAM_TASKS[choice.task], labels, bits
    )
    network = _network(spec, initial, recipe, targets)
    rows = _split(dataset, squares.image_ids, recipe.training.seed)
    started = time.perf_counter()
    trained = train(
        network.everything,
        lambda batch: network.loss(batch, targets),
        squares,
        *rows,
        recipe.training,
        device=choose_device(),
        state_file=folder / "state.safetensors",
        on_epoch=after,
        progress=progress,
    )
    patients = dataset.select(squares.image_ids).groups
    validation = _validation(network, squares, targets, rows[1], patients)
    seconds = round(time.perf_counter() - started)
    if not choice.replace:
        require_free(workspace, weights, recipe)  # another call may have written it meanwhile
    made = Pretrained(
        weights, weights.with_suffix(".json"), trained.epochs, trained.best, validation
    )
    content = _half_precision(network)
    teachers = table_of_teachers(dataset, squares.image_ids, _with_labels(targets))

    def tell(sha256: str) -> None:
        n_teachers = store_teachers(workspace, sha256, teachers, started_from=initial.sha256)
        card = _card(sha256, dataset, spec, recipe, initial, trained, validation, seconds)
        write_json(made.card, {"name": choice.name, **card, "n_teachers": n_teachers})

    write_weights(weights, lambda path: path.write_bytes(content), tell, n_bytes=len(content))
    shutil.rmtree(folder, ignore_errors=True)
    return made


def _require_task(task: str) -> None:
    if task not in UPSTREAM_TASKS:
        raise TargetError(
            f"There is no upstream task {task!r}.",
            hint=f"Choose one of {', '.join(UPSTREAM_TASKS)}.",
        )


def _phantom_labels(dataset: FundusDataset) -> tuple[str, ...]:
    """Returns the phantoms' label columns that the data set has, `abnormal` first."""
    known = {target.name for target in dataset.targets}
    found = tuple(name for name in ("abnormal", *LABEL_COLUMNS.values()) if name in known)
    if not found:
        raise TargetError(
            f"{dataset.name} has none of the phantoms' label columns; its targets are: "
            f"{', '.join(known) or 'none'}.",
            hint="Name columns of 0 and 1 (--labels).",
        )
    return found


def _recipe(
    dataset: FundusDataset,
    spec: BackboneSpec,
    initial: FoundWeights,
    choice: PretrainChoice,
    labels: tuple[str, ...],
) -> PretrainRecipe:
    require_trainable(spec)
    return PretrainRecipe(
        dataset=dataset.fingerprint(),
        architecture=spec.architecture,
        architecture_args=spec.architecture_args,
        mean=spec.mean,
        std=spec.std,
        initial_sha256=initial.sha256,
        task=choice.task,
        labels=labels,
        image_size=choice.image_size or spec.image_size,
        preprocessing=PreprocessRecipe(),
        training=choice.training,
    )


def _squares(
    dataset: FundusDataset, recipe: PretrainRecipe, folder: Path, progress: Progress
) -> Squares:
    photographs = [
        Photograph(image_id, Path(path))
        for image_id, path in zip(dataset.image_ids, dataset.table["path"], strict=True)
    ]
    masks = _masks(dataset) if UPSTREAM_TASKS[recipe.task].places else None
    return read_squares(
        photographs,
        recipe.image_size,
        recipe.preprocessing,
        folder=folder,
        masks=masks,
        progress=progress,
    )


def _masks(dataset: FundusDataset) -> dict[str, Path] | None:
    """Returns image id -> truth mask, from the table's `mask` column; None if it has none."""
    if USUAL_MASKS not in dataset.table.columns:
        return None
    return mask_files(dataset, USUAL_MASKS)


def _network(
    spec: BackboneSpec, initial: FoundWeights, recipe: PretrainRecipe, targets: UpstreamTargets
) -> UpstreamNetwork:
    seed = recipe.training.seed
    module: nn.Module = load_network(spec, initial.path, recipe.image_size, seed)
    try:
        return upstream_network(
            module,
            targets,
            UPSTREAM_TASKS[recipe.task],
            image_size=recipe.image_size,
            mean=spec.mean,
            std=spec.std,
            device=choose_device(),
            seed=seed,
        )
    except SaliencyError as error:
        least = smallest_side(module)
        if least is None or recipe.image_size >= least:
            raise
        raise TrainingError(
            f"At {recipe.image_size} px the last features of {spec.id} have a single place.",
            hint=f"Choose an input of {least} px or more (--image-size {least}).",
        ) from error


def _split(
    dataset: FundusDataset, image_ids: tuple[str, ...], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Returns rows to learn from and rows to validate by, no patient among both."""
    rows = np.arange(len(image_ids))
    patients = dataset.select(image_ids).groups
    return held_out_groups(rows, patients, share=VALIDATION_SHARE, seed=seed)


def _validation(
    network: UpstreamNetwork,
    squares: Squares,
    targets: UpstreamTargets,
    rows: NDArray[np.intp],
    patients: NDArray[np.str_] | None,
) -> dict[str, AucInterval]:
    """Returns the AUC of each label that the held-out photographs have cases and controls of."""
    import torch

    from fundus_core.finetune.batches import chunks

    scores = []
    with torch.inference_mode():
        for members in chunks(rows, 32):
            pixels = torch.from_numpy(np.array(squares.pixels[members])).float() / 255
            answers = network.outputs(pixels.to(network.mean.device))
            scores.append(answers["labels"].sigmoid().cpu().numpy())
    if not scores:
        return {}
    y_score = np.concatenate(scores).astype(np.float64)
    found = {}
    for column, name in enumerate(targets.label_names):
        labels = targets.labels[rows, column]
        known = ~np.isnan(labels)
        if 0 < labels[known].sum() < known.sum():
            found[name] = auc_interval(
                labels[known] == 1,
                y_score[known, column],
                patients=None if patients is None else patients[rows][known],
            )
    return found


def _with_labels(targets: UpstreamTargets) -> NDArray[np.bool_]:
    """Returns of which photographs a label was known, shape (N,)."""
    known = np.concatenate([targets.labels, targets.counts], axis=1)
    labelled: NDArray[np.bool_] = ~np.isnan(known).all(axis=1) | bool(targets.bits)
    return labelled


def _remember_teachers(
    workspace: Workspace, dataset: FundusDataset, recipe: PretrainRecipe, sha256: str
) -> None:
    """Stores who taught weights where an older version did not, or the table was lost."""
    if not knows_teachers(workspace, sha256):
        labelled = np.ones(len(dataset), dtype=bool)
        teachers = table_of_teachers(dataset, dataset.image_ids, labelled)
        store_teachers(workspace, sha256, teachers, started_from=recipe.initial_sha256)


def _half_precision(network: UpstreamNetwork) -> bytes:
    """Returns the backbone's weights as a safetensors file."""
    import torch
    from safetensors.torch import save

    return save(
        {
            name: value.detach()
            .cpu()
            .to(torch.float16 if value.ndim > 1 else value.dtype)
            .contiguous()
            for name, value in network.backbone.state_dict().items()
        }
    )


def _card(
    sha256: str,
    dataset: FundusDataset,
    spec: BackboneSpec,
    recipe: PretrainRecipe,
    initial: FoundWeights,
    trained: Trained,
    validation: dict[str, AucInterval],
    seconds: int,
) -> dict[str, Any]:
    """Returns what is known of the weights, for whoever finds them later."""
    device = choose_device()
    return {
        "backbone": spec.id,
        "sha256": sha256,
        "initial": initial.name,
        "initial_file": initial.path.name if initial.path else SCRATCH,
        "recipe": recipe.on_card(),
        "dataset": dataset.name,
        "synthetic": dataset.synthetic,
        "n_images": len(dataset),
        "n_patients": dataset.n_patients,
        "epochs": [asdict(epoch) for epoch in trained.epochs],
        "best": trained.best,
        "validation": {name: asdict(auc) for name, auc in validation.items()},
        "device": device.type,
        "precision": choose_precision(recipe.training.precision, device),
        "seconds": seconds,
    }
