"""Use case: one photograph that belongs to no data set, seen as every model sees it.

It is kept in a folder of its own outside the workspace for as long as it is looked at. Of its file
only the pixels and the orientation are read; names, dates and places that cameras write beside them
are neither shown nor kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.recipe import EmbedRecipe, PreprocessRecipe
from fundus_core.embedding import Photograph, Shard, embed_photographs
from fundus_core.errors import DataError, ImageError
from fundus_core.geometry import Box
from fundus_core.io.images import ScannedImage, read_image, scan_image, thumbnail
from fundus_core.io.scratch_folders import ScratchFolder
from fundus_core.io.workspace import Workspace
from fundus_core.preprocessing import decode_side, field_mask, field_of_view, prepare
from fundus_core.shortcuts import as_row, measure
from fundus_core.workflows.data.measured import stored_measurements
from fundus_core.workflows.embeddings.backbone_choice import load_for, resolve_recipe

MAX_MEGABYTES = 30
"""Largest file that is taken; photographs of fundus cameras have a third of that at most."""

SHOWN_SIDE = 1024
"""Longer side of the pictures shown, in pixels."""

MEASURED_SAMPLE = 100
"""Photographs that are measured where the data set was not measured yet."""

QUALITIES: dict[str, str] = {
    "sharpness": "Sharpness",
    "brightness": "Brightness",
    "contrast": "Contrast",
    "field_share": "Share covered by the field of view",
    "red": "Red",
    "green": "Green",
    "blue": "Blue",
}
"""Measurements of `fundus_core.shortcuts` that say something of a photograph's quality -> name."""

STATEMENT = (
    "Research software, not a medical device. Nothing on this page may be used to diagnose a "
    "person, to choose a treatment, or to decide who needs an examination."
)


@dataclass(frozen=True, slots=True)
class Received:
    """A photograph that was handed over, in a folder that goes with it."""

    path: Path
    scanned: ScannedImage
    folder: ScratchFolder

    @property
    def image_id(self) -> str:
        """Returns the hash of the file: the same photograph in a data set has the same."""
        return self.scanned.image_id

    def forget(self) -> None:
        """Deletes the file and its folder; once is enough."""
        self.folder.cleanup()


@dataclass(frozen=True, slots=True)
class Steps:
    """A photograph on its way to a network."""

    original: NDArray[np.uint8]
    """Shape (H, W, 3), upright, the longer side at most `SHOWN_SIDE`."""

    field: NDArray[np.uint8]
    """Shape (H, W, 3): the original, what is no field of view darkened, and a frame around it."""

    box: Box
    """The rectangle around the field of view, in pixels of `original`."""

    has_border: bool
    """False where no dark border was found, so that the whole picture is taken for the field."""

    seen: NDArray[np.uint8]
    """Shape (S, S, 3): what the network is shown, before its colours are normalised."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One measurement of a photograph among those of a data set."""

    name: str
    """Key of `QUALITIES`."""

    value: float

    percentile: float
    """Share of the data set's photographs with a smaller value, equal ones counted half, in
    percent."""

    low: float
    """The data set's 5th percentile."""

    high: float
    """The data set's 95th percentile."""

    n_images: int
    """Photographs it is compared with."""


def receive(data: bytes) -> Received:
    """Takes a file that claims to be a photograph; the name it came with is not used.

    Raises:
        ImageError: If it is no photograph, damaged, too large or too small.
    """
    if len(data) > MAX_MEGABYTES * 1_000_000:
        raise ImageError(
            "too_large",
            f"The file has {len(data) / 1e6:,.1f} MB; at most {MAX_MEGABYTES} MB are taken.",
            hint="Export the photograph as JPEG.",
        )
    folder = ScratchFolder("photograph")
    path = folder.path / "photograph"
    try:
        path.write_bytes(data)
        return Received(path, scan_image(path), folder)
    except ImageError:
        folder.cleanup()
        raise


def steps_of(path: Path, recipe: PreprocessRecipe, side: int) -> Steps:
    """Returns what becomes of a photograph until a network of `side` pixels sees it.

    Raises:
        ImageError: If it cannot be read.
    """
    image = read_image(path, min_side=decode_side(side), decoder=recipe.decoder)
    seen = prepare(image, side, recipe)
    original = thumbnail(read_image(path, min_side=SHOWN_SIDE), SHOWN_SIDE)
    box, mask = field_of_view(original), field_mask(original)
    return Steps(original, _with_field(original, mask, box), box, mask is not None, seen.pixels)


def quality_of(path: Path, others: Mapping[str, NDArray[np.float64]]) -> tuple[Quality, ...]:
    """Measures a photograph and says where it lies among those of a data set.

    No measurement is called good or bad: nobody has shown from which value on a model fails.

    Args:
        path: The photograph.
        others: As `measurements_of` returns them.

    Raises:
        ImageError: If the photograph cannot be read.
    """
    own = as_row(measure(path))
    found = []
    for name in QUALITIES:
        values = others[name]
        below = float((values < own[name]).mean() + (values == own[name]).mean() / 2)
        low, high = np.percentile(values, [5, 95])
        found.append(Quality(name, own[name], 100 * below, float(low), float(high), len(values)))
    return tuple(found)


def measurements_of(
    workspace: Workspace, dataset: FundusDataset, *, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Returns the finite measurements of a data set by name, keys of `QUALITIES`.

    Where the data set was not measured before, a random part of it is measured now, and not stored.

    Raises:
        DataError: If none of its photographs can be read.
    """
    stored = stored_measurements(workspace, dataset)
    if stored is not None:
        table = stored.table
        return {name: table[name].dropna().to_numpy(np.float64) for name in QUALITIES}
    known = dataset.table[["image_id", "path"]].to_numpy()
    count = min(MEASURED_SAMPLE, len(known))
    drawn = np.random.default_rng(seed).choice(len(known), count, replace=False)
    rows = [row for one, place in known[drawn] if (row := _row(str(one), str(place))) is not None]
    if not rows:
        raise DataError(
            f"None of {count} photographs of {dataset.name} could be read to compare with.",
            hint="See `fundus check` for what is wrong with each file.",
        )
    return {name: np.array([row[name] for row in rows]) for name in QUALITIES}


def vector_of(
    workspace: Workspace, recipe: EmbedRecipe, path: Path, weights_path: str | None = None
) -> NDArray[np.float32]:
    """Returns the embedding (D,) of a photograph, made as the stored ones of a recipe were.

    Raises:
        ImageError: If it cannot be read.
        WeightsError: If the recipe's weights are not at hand.
    """
    backbone = load_for(resolve_recipe(workspace, recipe, weights_path))
    shards: list[Shard] = []
    embed_photographs(
        backbone,
        [Photograph("photograph", path)],
        on_shard=shards.append,
        batch_size=1,
        workers=1,
        decoder=recipe.preprocessing.decoder,
    )
    for row in shards[0].skipped.values():
        raise ImageError(row.reason, row.detail, hint="Export the photograph again.")
    return np.asarray(shards[0].vectors[0], np.float32)


def _with_field(
    picture: NDArray[np.uint8], mask: NDArray[np.bool_] | None, box: Box
) -> NDArray[np.uint8]:
    """Returns the picture with what lies outside the field darkened, and a frame around the box."""
    from PIL import Image, ImageDraw

    shown = picture.copy()
    if mask is not None:
        height, width = picture.shape[:2]
        full = np.array(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
        shown[~full] //= 3
    framed = Image.fromarray(shown)
    line = max(2, max(picture.shape[:2]) // 250)
    corners = (box.left, box.top, box.right - 1, box.bottom - 1)
    ImageDraw.Draw(framed).rectangle(corners, outline=(255, 255, 255), width=line)
    return np.array(framed)


def _row(image_id: str, path: str) -> dict[str, float] | None:
    try:
        return as_row(measure(Path(path), image_id=image_id))
    except ImageError:
        return None
