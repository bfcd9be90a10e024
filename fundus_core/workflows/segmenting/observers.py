"""Other observers' masks, scored as if a model had marked them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError
from fundus_core.io.masks import read_mask
from fundus_core.segmentation.channels import at_photographs_size
from fundus_core.workflows.segmenting.masks import Truth, mask_files
from fundus_core.workflows.segmenting.segmenter_store import Knowledge

OBSERVER = "masks:"
"""Before a column or folder of masks: another observer's, to be scored like a model."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Another observer's masks, as if a model had marked them."""

    title: str
    truth: Truth
    files: Mapping[str, Path]
    """Mask of each photograph, by image id."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Returns what the masks hold."""
        return self.truth.names

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Returns nothing."""
        return ()

    def knows(self, image_id: str) -> Knowledge:
        """Returns that an observer has learned from no photograph."""
        return "new"

    def mark(
        self, image_id: str, photograph: NDArray[np.uint8], field: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Returns the masks of a photograph as shares (C, H, W) of 0 and 1."""
        path = self.files[image_id]
        mask = at_photographs_size(read_mask(path), field.shape, name=path.name)
        return np.stack([one.of(mask) for one in self.truth.channels]).astype(np.float32)


def observer_of(dataset: FundusDataset, truth: Truth, column: str) -> Observer:
    """Returns the observer who drew the masks of a column or folder.

    Raises:
        DataError: If no photograph has one.
    """
    files = mask_files(dataset, column)
    if not files:
        raise DataError(
            f"No photograph of {dataset.name} has a mask in {column!r}.",
            hint="Name the column of the other observer's masks.",
        )
    return Observer(f"observer of {column}", truth, files)
