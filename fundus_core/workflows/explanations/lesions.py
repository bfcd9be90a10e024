"""Use case: do the heat maps of a probe lie on lesions? Asked where the lesions were drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import SaliencyError
from fundus_core.explain.lesions import LesionShare, cell_side, lesion_share, shares_by_others
from fundus_core.io.photo_files import root_of
from fundus_core.io.workspace import Workspace
from fundus_core.plots.lesions import outlined
from fundus_core.plots.overlay import blend
from fundus_core.workflows.explanations.explain import Explanation, explain_many
from fundus_core.workflows.explanations.truth import field_of, read_lesions
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions

HEALTHY = "normal"
"""Value of the column `diagnosis` without a disease."""

_AT_ONCE = 8
_MOST_EXAMPLES = 4


@dataclass(frozen=True, slots=True)
class ExplainedPhotograph:
    """One diseased photograph whose map was measured."""

    image_id: str
    diagnosis: str
    """Value of the table's column."""

    score: float
    """The held-out probability of the disease, in [0, 1]."""

    measured: LesionShare
    by_others: float | None
    """Mean share of heat that the maps of the other photographs have on these lesions; None where
    there are no others."""


@dataclass(frozen=True, slots=True)
class LesionStudy:
    """The maps of one probe on a sample of held-out diseased photographs, one per patient."""

    run_id: str
    photographs: tuple[ExplainedPhotograph, ...]
    n_without_lesion: int
    """Photographs passed over: labelled diseased, but no lesion was drawn (a large cup alone, or a
    wrong label)."""

    n_without_map: int
    """Photographs of the sample in which nothing raises the score; they are in no figure."""

    examples: tuple[str, ...]
    """Image ids: of the diseases seen most often, each the photograph with the middle share over
    chance."""

    def median(self, figure: str) -> float:
        """Returns the median of a field of `LesionShare`, or of `by_others`; NaN without any."""
        if figure == "by_others":
            known = [one.by_others for one in self.photographs if one.by_others is not None]
            return float(np.median(known)) if known else float("nan")
        return float(np.median([getattr(one.measured, figure) for one in self.photographs]))

    @property
    def n_above_chance(self) -> int:
        """Returns in how many photographs the lesions get more heat than by an even map."""
        return sum(one.measured.above_chance for one in self.photographs)

    @property
    def n_above_others(self) -> int:
        """Returns in how many they get more than from the maps of the other photographs."""
        return sum(
            one.by_others is not None and one.measured.share > one.by_others
            for one in self.photographs
        )

    @property
    def n_hits(self) -> int:
        """Returns how many maxima lie on a lesion, give or take half a cell."""
        return sum(one.measured.hit for one in self.photographs)

    def of(self, image_id: str) -> ExplainedPhotograph:
        """Returns what was measured in one photograph."""
        return next(one for one in self.photographs if one.image_id == image_id)


@dataclass(frozen=True, slots=True)
class _Subject:
    """A photograph to be measured."""

    image_id: str
    diagnosis: str
    is_left: bool
    mask: Path


@dataclass(frozen=True, slots=True)
class _Measured:
    """A photograph that was measured."""

    subject: _Subject
    explanation: Explanation
    lesions: NDArray[np.bool_]
    """Shape (H, W)."""

    share: LesionShare


def lesion_study(
    workspace: Workspace,
    dataset: FundusDataset,
    run: Run,
    *,
    n_photographs: int = 40,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[LesionStudy, dict[str, NDArray[np.uint8]]]:
    """Explains a sample of held-out diseased photographs and measures the maps on their lesions.

    The sample is drawn at random, whatever the scores are.

    Args:
        workspace: Where the run is.
        dataset: The demo, with the columns `diagnosis`, `eye` and `mask`.
        run: Of a linear probe with one positive class.
        n_photographs: Most photographs, one per patient.
        seed: Of the sample.
        progress: Told after every few photographs.

    Returns:
        What was measured, and for each example its picture (H, W, 3) with heat and outlines.

    Raises:
        DataError: If a mask cannot be read.
        SaliencyError: If the run cannot be explained, or no photograph has a map.
    """
    subjects, passed_over = _sample(workspace, dataset, run, n_photographs, seed)
    found = list(_measured(workspace, run, subjects, progress))
    if not found:
        raise SaliencyError(
            f"None of {len(subjects)} diseased photographs with lesions has a map.",
            hint="Explain single photographs on the Grad-CAM page to see why.",
        )
    others = shares_by_others(
        [one.explanation.heat for one in found],
        [one.lesions for one in found],
        left_eyes=[one.subject.is_left for one in found],
    )
    rows = tuple(
        ExplainedPhotograph(
            one.subject.image_id,
            one.subject.diagnosis,
            one.explanation.score,
            one.share,
            None if np.isnan(by_others) else float(by_others),
        )
        for one, by_others in zip(found, others, strict=True)
    )
    chosen = _examples(rows)
    pictures = {
        one.subject.image_id: _drawn(one) for one in found if one.subject.image_id in chosen
    }
    without_map = len(subjects) - len(found)
    return LesionStudy(run.id, rows, passed_over, without_map, chosen), pictures


def _sample(
    workspace: Workspace, dataset: FundusDataset, run: Run, most: int, seed: int
) -> tuple[list[_Subject], int]:
    """Returns diseased photographs with lesions, one per patient, and how many had no lesion."""
    said = run_predictions(workspace, run)
    diseased = [said.image_ids[row] for row in np.flatnonzero(said.y_true[:, 0])]
    table = dataset.table.set_index("image_id").loc[diseased]
    table = table.iloc[np.random.default_rng(seed).permutation(len(table))]
    subjects: list[_Subject] = []
    patients: set[str] = set()
    passed_over, root = 0, root_of(dataset.source)
    for image_id, row in table.iterrows():
        if len(subjects) == most:
            break
        if row["patient_id"] in patients:
            continue
        mask = root / str(row["mask"])
        if not read_lesions(mask).any():
            passed_over += 1
            continue
        patients.add(row["patient_id"])
        subjects.append(_Subject(str(image_id), row["diagnosis"], row["eye"] == "OS", mask))
    return subjects, passed_over


def _measured(
    workspace: Workspace, run: Run, subjects: list[_Subject], progress: Progress
) -> Iterator[_Measured]:
    for first in range(0, len(subjects), _AT_ONCE):
        some = subjects[first : first + _AT_ONCE]
        progress(first, len(subjects), "Measuring heat maps on lesions")
        outcomes = explain_many(workspace, run.id, [one.image_id for one in some])
        for subject, outcome in zip(some, outcomes, strict=True):
            if isinstance(outcome, SaliencyError):
                continue
            height, width = outcome.heat.shape
            lesions = read_lesions(subject.mask, (height, width))
            # Lesions are drawn inside the field; the field itself is found to a pixel or two.
            field = field_of(outcome.photograph) | lesions
            cell = cell_side(outcome.heat, max(outcome.saliency.values.shape))
            share = lesion_share(outcome.heat, lesions, field, cell=cell)
            yield _Measured(subject, outcome, lesions, share)
    progress(len(subjects), len(subjects), "Measured heat maps on lesions")


def _drawn(one: _Measured) -> NDArray[np.uint8]:
    return outlined(blend(one.explanation.photograph, one.explanation.heat), one.lesions)


def _examples(rows: tuple[ExplainedPhotograph, ...]) -> tuple[str, ...]:
    """Returns a typical photograph of each of the diseases seen most often."""
    diseased = [one for one in rows if one.diagnosis != HEALTHY]
    table = pd.DataFrame(
        {
            "image_id": [one.image_id for one in diseased],
            "diagnosis": [one.diagnosis for one in diseased],
            "ratio": [one.measured.share / one.measured.chance for one in diseased],
        }
    )
    common = table["diagnosis"].value_counts().head(_MOST_EXAMPLES).index
    middle = []
    for diagnosis in common:
        ordered = table[table["diagnosis"] == diagnosis].sort_values("ratio")
        middle.append(str(ordered["image_id"].iloc[len(ordered) // 2]))
    return tuple(middle)
