"""From a study to its cells: every combination of its axes once, in the order of the file."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import StudyError
from fundus_core.probes import PROBES
from fundus_core.studies.document import (
    AxesPart,
    DataPart,
    ModelPart,
    PreprocessingPart,
    StudyDocument,
)

MOST_CELLS = 20_000
"""A study of more is taken for a mistake."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One model to be trained and evaluated."""

    data: DataPart
    model: ModelPart
    strategy: str
    """Key of `PROBES` or of `STRATEGIES`."""

    head: str
    image_size: int | None
    preprocessing: PreprocessingPart
    fraction: float
    draw: int
    seed: int

    @property
    def is_probe(self) -> bool:
        """Says whether the backbone stays frozen and its embeddings are reused."""
        return self.strategy in PROBES

    def values(self) -> dict[str, Any]:
        """Returns the value on every axis, as tables show it."""
        return {
            "data": self.data.name,
            "model": self.model.name,
            "strategy": self.strategy,
            "head": self.head,
            "image_size": self.image_size,
            "preprocessing": self.preprocessing.name,
            "fraction": self.fraction,
            "draw": self.draw,
            "seed": self.seed,
        }

    @property
    def backbone(self) -> str:
        """Returns the id of the backbone at this input size."""
        return self.model.backbone_at.get(self.image_size or 0, self.model.backbone)

    @property
    def title(self) -> str:
        """Returns what tells it from the other cells, in a few words."""
        parts = [self.data.name, self.model.name, self.strategy]
        parts += [f"{self.head} head"] if self.head != "linear" else []
        parts += [f"{self.image_size} px"] if self.image_size else []
        parts += [self.preprocessing.name] if self.preprocessing.name != "usual" else []
        parts += [f"{100 * self.fraction:g} %, draw {self.draw}"] if self.fraction < 1 else []
        parts += [f"seed {self.seed}"] if self.seed else []
        return ", ".join(parts)


def expand(study: StudyDocument) -> tuple[Cell, ...]:
    """Returns the cells of a study, each once.

    A probe has no head to choose and no seed, and the whole of the patients has one draw: of cells
    that differ in nothing else one is kept.

    Raises:
        StudyError: If nothing is left, or there are more than `MOST_CELLS`.
    """
    require_moderate(study)
    train = [part for part in study.data if part.role == "train"]
    found: dict[str, Cell] = {}
    for data, model in product(train, study.models):
        for cell in _of_model(data, model, study.axes):
            if not any(agrees(cell, rule) for rule in study.leave_out):
                found.setdefault(fingerprint_of(cell.values()), cell)
    if not found:
        raise StudyError(
            f"Nothing is left of {study.title}: leave_out names every cell.",
            hint="Leave fewer cells out.",
        )
    return tuple(found.values())


def require_moderate(study: StudyDocument) -> None:
    """Refuses a study of more than `MOST_CELLS`, counted without laying them out.

    Raises:
        StudyError: With both numbers.
    """
    axes = [len(getattr(study.axes, name)) for name in type(study.axes).model_fields]
    n_train = sum(part.role == "train" for part in study.data)
    n_cells = n_train * len(study.models) * math.prod(axes)
    if n_cells > MOST_CELLS:
        raise StudyError(
            f"{study.title} has up to {n_cells:,} cells; at most {MOST_CELLS:,} can be listed.",
            hint="Take values from its axes, or split it into several studies.",
        )


def _of_model(data: DataPart, model: ModelPart, axes: AxesPart) -> Iterator[Cell]:
    for values in product(
        axes.strategy,
        axes.head,
        axes.image_size,
        axes.preprocessing,
        axes.fraction,
        axes.draw,
        axes.seed,
    ):
        strategy, head, image_size, preprocessing, fraction, draw, seed = values
        lacks = lacking(strategy, fraction)
        yield Cell(
            data,
            model,
            strategy,
            "linear" if "head" in lacks else head,
            image_size,
            preprocessing,
            fraction,
            0 if "draw" in lacks else draw,
            0 if "seed" in lacks else seed,
        )


def lacking(strategy: str, fraction: float) -> frozenset[str]:
    """Returns the axes on which a cell has no value to choose.

    A probe has no head and no seed, and the whole of the patients has no draw.
    """
    return (_OF_TRAINING if strategy in PROBES else frozenset()) | (
        _OF_SHARES if fraction == 1 else frozenset()
    )


_OF_TRAINING, _OF_SHARES = frozenset({"head", "seed"}), frozenset({"draw"})
_LACKING = (frozenset[str](), _OF_TRAINING, _OF_SHARES, _OF_TRAINING | _OF_SHARES)


def agrees(cell: Cell, rule: Mapping[str, Any]) -> bool:
    """Says whether a cell has the value, or one of the values, that a rule names on each axis."""
    values = cell.values()
    return all(
        values[name] in (wanted if isinstance(wanted, list) else [wanted])
        for name, wanted in rule.items()
    )


def counterparts(cells: Sequence[Cell], rule: Mapping[str, Any]) -> tuple[int | None, ...]:
    """Returns for every cell the place of the one that a rule names and that is equal otherwise.

    Axes that either of the two lacks do not tell them apart: every seed is compared with the one
    probe, and a probe with the first of the seeds. A cell that the rule names is its own.

    Args:
        cells: Of a study, in the order of its file.
        rule: Column -> value, as `against` and `gain_over` of a study have it.
    """
    known: dict[tuple[Any, ...], int] = {}
    for place, cell in enumerate(cells):
        own = lacking(cell.strategy, cell.fraction)
        if agrees(cell, {name: value for name, value in rule.items() if name not in own}):
            for lacks in _LACKING:
                if lacks >= own:
                    known.setdefault(_rest(cell, rule, lacks), place)
    return tuple(known.get(_rest(cell, rule, _lacked_by_either(cell, rule))) for cell in cells)


def _lacked_by_either(cell: Cell, rule: Mapping[str, Any]) -> frozenset[str]:
    """Returns the axes that a cell lacks, or the one it is compared with."""
    other = {**cell.values(), **rule}
    return lacking(cell.strategy, cell.fraction) | lacking(other["strategy"], other["fraction"])


def _rest(cell: Cell, rule: Mapping[str, Any], lacks: frozenset[str]) -> tuple[Any, ...]:
    """Returns what must be equal for two cells to differ in the rule's columns alone."""
    values = cell.values()
    return (lacks, *(values[name] for name in values if name not in rule and name not in lacks))
