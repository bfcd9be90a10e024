"""What to train on masks, and which patients a network learns from and is tested on."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.bounds import FOLDS, MARKED_SIDE, SEED, SHARE, require_fields
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import FoldError
from fundus_core.segmentation.loop import SegmentationTraining
from fundus_core.splits import Fold, grouped_folds, held_out_groups, nested_fraction
from fundus_core.workflows.data.labelled import TEST_SPLIT, TRAIN_SPLITS, require_split
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.segmenting.masks import Truth

INNER_SHARE = 0.15
"""Share of the training patients by whom the best epoch is chosen."""

FEWEST_TO_CHOOSE_BY = 6
"""Training patients below which none are set aside, and the last epoch is kept."""


@dataclass(frozen=True, slots=True)
class SegmentationChoice:
    """What the user asks for."""

    truth: Truth = field(default_factory=Truth)
    network: str = "small"
    """Key of `NETWORKS`."""

    backbone: BackboneChoice = field(default_factory=lambda: BackboneChoice("resnet18"))
    """The encoder; not used by a network without."""

    size: int = 512
    """Side of the square that holds the field of view, in pixels."""

    preprocessing: PreprocessRecipe = field(default_factory=PreprocessRecipe)
    keep_small: bool = False
    """Keep marks smaller than a pixel of the square, see `read_examples`."""

    mirrors: bool = True
    """Answer by the mean over a photograph and its three mirror images: better by a little, and
    four times the work."""

    folds: int = 0
    """Outer folds by patient; 0 to learn from all photographs."""

    use_split: bool = False
    """Learn from the table's photographs of the splits train and val, none of the others."""

    fraction: float = 1.0
    """Share of the training patients to learn from, in (0, 1]."""

    draw: int = 0
    """Which patients a fraction takes; those of one draw are nested."""

    seed: int = 0
    """Of the folds, and of who is set aside to choose the epoch by."""

    training: SegmentationTraining = field(default_factory=SegmentationTraining)

    def __post_init__(self) -> None:
        """Refuses numbers that nothing is trained or tested by.

        Raises:
            ParameterError: With the first of them.
        """
        require_fields(self, size=MARKED_SIDE, folds=FOLDS, fraction=SHARE, draw=SEED, seed=SEED)


def patient_folds(dataset: FundusDataset, choice: SegmentationChoice) -> tuple[Fold, ...]:
    """Returns what each network learns from and what it is tested on, no patient on both sides.

    Args:
        dataset: N photographs that have masks.
        choice: How they are divided.

    Raises:
        FoldError: If there are fewer patients than folds, or a side of the split is empty.
        TargetError: If there is no split, or a word for it is not known.
    """
    patients, everything = dataset.groups, np.arange(len(dataset))
    folds: tuple[Fold, ...]
    if choice.use_split:
        folds = (_by_split(dataset),)
    elif choice.folds:
        n_patients = len(dataset) if patients is None else len(np.unique(patients))
        if not 2 <= choice.folds <= n_patients:
            raise FoldError(
                f"{choice.folds} folds were asked for; with {n_patients} patients 2 to "
                f"{n_patients} are possible.",
                hint="Learn from all photographs instead (--folds 0).",
            )
        folds = grouped_folds(
            _no_classes(len(dataset)), patients, n_folds=choice.folds, seed=choice.seed
        )
    else:
        folds = (Fold(everything, everything[:0]),)
    return tuple(Fold(_share(fold.train, patients, choice), fold.test) for fold in folds)


def _by_split(dataset: FundusDataset) -> Fold:
    require_split(dataset)
    splits = dataset.table["split"].astype(object)
    learned = np.flatnonzero(splits.isin(TRAIN_SPLITS).to_numpy())
    tested = np.flatnonzero((splits == TEST_SPLIT).to_numpy())
    if not len(learned) or not len(tested):
        raise FoldError(
            f"The table's split has {len(learned)} photographs with masks to learn from and "
            f"{len(tested)} to test on.",
            hint="Choose folds instead of the split (--folds 5, without --use-split).",
        )
    return Fold(learned, tested)


def _share(
    rows: NDArray[np.intp], patients: NDArray[np.str_] | None, choice: SegmentationChoice
) -> NDArray[np.intp]:
    """Returns the rows of a share of the patients of these rows."""
    owners = None if patients is None else patients[rows]
    return rows[
        nested_fraction(_no_classes(len(rows)), owners, fraction=choice.fraction, seed=choice.draw)
    ]


def _no_classes(n: int) -> NDArray[np.bool_]:
    """Returns labels that stratify nothing: masks have no class."""
    return np.zeros((n, 0), bool)


def inner_split(
    rows: NDArray[np.intp], patients: NDArray[np.str_] | None, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Sets some patients aside to choose the epoch by; nobody where there are too few to spare."""
    n_patients = len(rows if patients is None else np.unique(patients[rows]))
    if n_patients < FEWEST_TO_CHOOSE_BY:
        return rows, rows[:0]
    return held_out_groups(rows, patients, share=INNER_SHARE, seed=seed)
