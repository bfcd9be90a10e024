"""What is known of a photograph: lesions, disc, vessels and macula, from what comes with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.explain.macula import (
    MACULA,
    MACULA_ESTIMATED,
    Eye,
    around,
    disc_diameter,
    estimated_fovea,
)
from fundus_core.explain.trust import LESIONS
from fundus_core.io.data_roots import file_within
from fundus_core.io.masks import read_mask
from fundus_core.io.photo_files import root_of
from fundus_core.preprocessing import field_mask

DISC = "disc"
VESSELS = "vessels"


@dataclass(frozen=True, slots=True)
class MaskFiles:
    """Where the truth about one photograph lies."""

    lesions: Path | None = None
    """PNG whose bits are those of `LESION_BITS`, with `DISC_BIT` for the optic disc."""

    vessels: Path | None = None
    """PNG, above 0 on vessels."""

    fovea: tuple[float, float] | None = None
    """(x, y) in pixels of `lesions` from the upper left corner, where it is known."""

    eye: Eye | None = None
    """Which eye is shown, upright and not mirrored; None if unknown."""

    @property
    def macula(self) -> Literal["known", "estimated", ""]:
        """Whence the place of the macula: around a known fovea, or estimated from disc and side.

        Both need the disc's mask. Empty: from neither, and nothing is said of the macula.
        """
        if self.lesions is None:
            return ""
        return "known" if self.fovea else "estimated" if self.eye else ""

    def regions(self, shape: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
        """Returns name -> (H, W) of what is marked; regions without a pixel are left out.

        Args:
            shape: H and W of the photograph.

        Raises:
            DataError: If a mask cannot be read.
        """
        found: dict[str, NDArray[np.bool_]] = {}
        if self.lesions is not None:
            found[LESIONS] = read_lesions(self.lesions, shape)
            disc = drawn_disc(self.lesions)
            found[DISC] = resized_mask(disc, shape)
            found |= self._macula(disc, shape)
        if self.vessels is not None:
            found[VESSELS] = resized_mask(_bits(self.vessels) > 0, shape)
        return {name: mask for name, mask in found.items() if mask.any()}

    def _macula(
        self, disc: NDArray[np.bool_], shape: tuple[int, int]
    ) -> dict[str, NDArray[np.bool_]]:
        if not disc.any():
            return {}
        size = (disc.shape[0], disc.shape[1])
        if self.fovea is not None:
            drawn = {MACULA: around(self.fovea, disc_diameter(disc), size)}
        elif self.eye is not None:
            place = estimated_fovea(disc, self.eye)
            drawn = {MACULA_ESTIMATED: around(place, disc_diameter(disc), size)}
        else:
            return {}
        return {name: resized_mask(mask, shape) for name, mask in drawn.items()}


def mask_files(dataset: FundusDataset | None) -> Mapping[str, MaskFiles]:
    """Returns image id -> its masks for photographs like the demo's; nothing for other data sets.

    A column called `mask` may hold anything elsewhere; only the one that the program wrote beside
    photographs of its own is known to mark lesions. Its files lie where that table does.
    """
    if dataset is None or not dataset.synthetic or "mask" not in dataset.table:
        return {}
    columns = ("image_id", "mask", "vessels", "fovea_x", "fovea_y", "eye")
    rows = dataset.table.reindex(columns=list(columns)).astype(object)
    rows = rows.where(rows.notna(), None)
    root = root_of(dataset.source)
    return {
        image_id: MaskFiles(_existing(root, mask), _existing(root, drawn), _point(x, y), _eye(eye))
        for image_id, mask, drawn, x, y, eye in rows.itertuples(index=False)
    }


def read_lesions(path: Path, shape: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Returns where a truth mask marks lesions, brought to a photograph's size.

    Args:
        path: 16 bit PNG; its bits are those of `LESION_BITS`. Disc and cup are no lesions.
        shape: (H, W) of the photograph; None for the mask's own.

    Raises:
        DataError: If it cannot be read.
    """
    from fundus_core.phantom.lesion_drawing import LESION_BITS

    lesions = (_bits(path) & np.uint16(sum(LESION_BITS.values()))) > 0
    return lesions if shape is None else resized_mask(lesions, shape)


def drawn_disc(path: Path) -> NDArray[np.bool_]:
    """Returns where a truth mask marks the optic disc, cup and all, at the mask's own size.

    Raises:
        DataError: If it cannot be read.
    """
    from fundus_core.phantom.lesion_drawing import DISC_BIT

    return np.asarray(_bits(path) & np.uint16(DISC_BIT) > 0)


def drawn_cup(path: Path) -> NDArray[np.bool_]:
    """Returns where a truth mask marks the cup of the optic disc, at the mask's own size.

    Raises:
        DataError: If it cannot be read.
    """
    from fundus_core.phantom.lesion_drawing import CUP_BIT

    return np.asarray(_bits(path) & np.uint16(CUP_BIT) > 0)


def resized_mask(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns a mask at another size: each pixel takes the nearest."""
    if mask.shape == shape:
        return mask
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(shape, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def field_of(photograph: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Returns the field of view (H, W); the whole photograph where it has no dark border.

    Args:
        photograph: Shape (H, W, 3), RGB.
    """
    coarse = field_mask(photograph)
    height, width = photograph.shape[:2]
    return (
        np.ones((height, width), bool) if coarse is None else resized_mask(coarse, (height, width))
    )


def _bits(path: Path) -> NDArray[np.uint16]:
    return read_mask(path, hint="Draw the demo again: `fundus demo`.")


def _existing(root: Path, name: Any) -> Path | None:
    """Returns a file below a folder; None where the table names none, or it is gone.

    One that may not be read is taken for gone.
    """
    return file_within(root, str(name)) if name else None


def _point(x: Any, y: Any) -> tuple[float, float] | None:
    """Returns a place that a table names; None where it names none."""
    return None if x is None or y is None else (float(x), float(y))


def _eye(name: Any) -> Eye | None:
    return cast(Eye, name) if name in get_args(Eye) else None
