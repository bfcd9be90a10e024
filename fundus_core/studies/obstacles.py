"""What would stop a study, found before anything runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fundus_core.backbones.catalogue import backbone_spec, with_pooling
from fundus_core.backbones.networks import require_size, require_trainable
from fundus_core.errors import FundusError, TargetError
from fundus_core.finetune.heads import HEADS
from fundus_core.finetune.losses import chosen_loss
from fundus_core.finetune.plan import strategy_plan
from fundus_core.io.weights import find_weights
from fundus_core.probes import needs_text
from fundus_core.studies.cells import backbone_of, unfinished
from fundus_core.studies.grid import Cell
from fundus_core.studies.run import Study
from fundus_core.workflows.data.labelled import Validation, labelled_photographs
from fundus_core.workflows.models.probe_words import speaking

_PLANNED_EPOCHS = 1_000
"""More are not laid out to see whether a strategy suits a backbone."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A cell that cannot be run as things are."""

    cell: Cell
    error: FundusError


def obstacles(study: Study, cells: Sequence[Cell] | None = None) -> tuple[Obstacle, ...]:
    """Returns the cells that cannot be run, each with the first reason.

    Looked at are the target, the folds, the weights, the pooling, the size of the input, the head,
    and whether the strategy knows the blocks of the backbone. No photograph is decoded and nothing
    is trained. A share of the patients that lacks a class is told by its cell.

    Args:
        study: From `open_study`.
        cells: Those of its cells to look at; by default all that have no result yet.
    """
    cells = unfinished(study.files, study.cells) if cells is None else cells
    answers: dict[tuple[object, ...], FundusError | None] = {}
    found = []
    for cell in cells:
        for key, check in _checks(study, cell):
            if key not in answers:
                answers[key] = _error_of(check)
            if (error := answers[key]) is not None:
                found.append(Obstacle(cell, error))
                break
    return tuple(found)


def _checks(study: Study, cell: Cell) -> Iterator[tuple[tuple[object, ...], Callable[[], object]]]:
    """Yields what has to go well for a cell, each with what it depends on."""
    choice = backbone_of(cell, study.files.folder)
    place, training = study.files.workspace, study.document.training
    data, folds = study.files.data_of(cell), study.document.validation
    whole = Validation(cell.data.target, folds.folds, folds.seed, folds.use_split)
    yield (
        ("target and folds", cell.data.name),
        lambda: labelled_photographs(data.dataset, data.dataset.image_ids, whole),
    )
    yield (
        ("weights", choice.backbone, choice.weights),
        lambda: find_weights(backbone_spec(choice.backbone), choice.weights, place),
    )
    yield (
        ("pooling", choice.backbone, choice.pooling),
        lambda: with_pooling(backbone_spec(choice.backbone), choice.pooling),
    )
    yield (
        ("size", choice.backbone, choice.image_size),
        lambda: _require_size(choice.backbone, choice.image_size),
    )
    if cell.is_probe:
        if needs_text(cell.strategy):
            yield ("words", choice.backbone), lambda: speaking(choice, cell.strategy)
        return
    yield ("trainable", choice.backbone), lambda: require_trainable(backbone_spec(choice.backbone))
    yield ("head", cell.head), lambda: _require_head(cell.head)
    yield (
        ("loss", cell.data.name),
        lambda: chosen_loss(training.loss, data.dataset.target(cell.data.target)),
    )
    yield (
        ("strategy", choice.backbone, choice.pooling, cell.strategy),
        lambda: strategy_plan(
            with_pooling(backbone_spec(choice.backbone), choice.pooling),
            cell.strategy,
            min(training.epochs, _PLANNED_EPOCHS),
            study.document.options.chosen(),
        ),
    )


def _error_of(check: Callable[[], object]) -> FundusError | None:
    try:
        check()
    except FundusError as error:
        return error
    return None


def _require_size(backbone: str, image_size: int | None) -> None:
    if image_size is not None:
        require_size(backbone_spec(backbone), image_size)


def _require_head(head: str) -> None:
    if head not in HEADS:
        raise TargetError(
            f"There is no head called {head!r}.", hint=f"Choose one of {', '.join(HEADS)}."
        )
