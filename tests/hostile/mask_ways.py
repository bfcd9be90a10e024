"""All that reads masks, each in the way of the program; for the corpus."""

import csv
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.embedding import Photograph
from fundus_core.finetune.squares import read_squares
from fundus_core.io.images import read_image
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.channels import VESSEL
from fundus_core.segmentation.data import field_of, read_examples
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.explanations.truth import MaskFiles, drawn_disc, read_lesions
from fundus_core.workflows.segmenting.masks import Truth, masked_photographs
from fundus_core.workflows.segmenting.observers import observer_of
from tests.hostile.bad_masks import marked
from tests.hostile.pictures import HEIGHT, WIDTH, picture

Way = Callable[[Path, Path], bool]
"""Takes a folder that may be written to and a mask; says whether the marks are the right ones."""

_SIDE = 64


def sound_mask(place: Path) -> Path:
    """Writes a mask that can be read."""
    place.mkdir(exist_ok=True)
    Image.fromarray(marked()).save(place / "sound.png")
    return place / "sound.png"


@lru_cache(maxsize=1)
def _opened(place: Path, mask: Path) -> FundusDataset:
    """Returns a photograph whose table names the mask, and a sound one beside it."""
    Image.fromarray(picture()).save(place / "photograph.png")
    rows = [("image", "mask", "sound"), ("photograph.png", str(mask), "sound.png")]
    with (place / "table.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return open_dataset(Workspace(place / "own"), DataSource(place / "table.csv"))


def _learned(place: Path, mask: Path) -> bool:
    """Reads the mask as a training of segmentation does."""
    truth = Truth(field="")
    masked = masked_photographs(_opened(place, mask), truth)
    assert len(masked.fingerprint(truth)) > 10
    folder, recipe = place / "squares", PreprocessRecipe()
    bits = read_examples(
        masked.photographs, (VESSEL,), _SIDE, recipe, folder=folder, workers=1
    ).masks
    return bool((bits == _sound_bits(place)).all())


@cache
def _sound_bits(place: Path) -> NDArray[np.uint16]:
    """Returns what a training is given of the sound mask."""
    dataset = _opened(place, sound_mask(place))
    photographs = masked_photographs(dataset, Truth(field="")).photographs
    folder = place / "squares"
    recipe = PreprocessRecipe()
    return read_examples(photographs, (VESSEL,), _SIDE, recipe, folder=folder, workers=1).masks


def _observed(place: Path, mask: Path) -> bool:
    """Reads the mask as another observer's."""
    dataset = _opened(place, mask)
    observer = observer_of(dataset, Truth(), "mask")
    field = np.ones((HEIGHT, WIDTH), bool)
    shares = observer.mark(dataset.image_ids[0], picture(), field)
    return bool((shares[0] == marked()).all())


def _as_field(place: Path, mask: Path) -> bool:
    """Reads the mask as a field of view."""
    found = masked_photographs(_opened(place, mask), Truth(column="sound", field="mask"))
    photograph = found.photographs[0]
    field = field_of(read_image(photograph.path), photograph.field)
    return bool((field == marked()).all())


def _as_lesions(place: Path, mask: Path) -> bool:
    """Reads the mask as what a phantom was drawn with."""
    regions = MaskFiles(lesions=mask, vessels=mask).regions((HEIGHT, WIDTH))
    return bool(
        read_lesions(mask).ndim == drawn_disc(mask).ndim == 2
        and all(one.shape == (HEIGHT, WIDTH) for one in regions.values())
    )


def _as_bits(place: Path, mask: Path) -> bool:
    """Reads the mask as a pre-training on lesions does."""
    Image.fromarray(picture()).save(place / "photograph.png")
    squares = read_squares(
        [Photograph("one", place / "photograph.png")],
        _SIDE,
        PreprocessRecipe(),
        folder=place / "squares",
        masks={"one": mask},
        workers=1,
    )
    return squares.masks is not None and squares.masks.shape == (1, _SIDE, _SIDE)


WAYS: tuple[Way, ...] = (_learned, _observed, _as_field, _as_lesions, _as_bits)
