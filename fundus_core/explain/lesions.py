"""Does a saliency map lie on lesions? Measured where the lesions are known.

Heat on lesions does not prove that a network recognises them: lesions gather around the macula, and
so do maps that only know the middle of a photograph. Three figures stand beside the share of heat
on the lesions: the lesions' share of the field of view, the same for the lesions' surroundings, and
what the maps of other photographs reach on the same lesions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import SaliencyError

_GRID = 64
"""Side in pixels at which maps and lesions of different photographs are laid on one another."""


@dataclass(frozen=True, slots=True)
class LesionShare:
    """How much of one saliency map lies on the lesions of its photograph."""

    share: float
    """Heat on the lesions over all heat, in [0, 1]; higher is better."""

    chance: float
    """The lesions' share of the field of view: what an even map over the field reaches."""

    share_near: float
    """Like `share`, for lesions widened by half a cell of the map on each side: a map cannot point
    more finely than its cells."""

    chance_near: float
    """Like `chance`, for the widened lesions: what pointing anywhere reaches."""

    hit: bool
    """Whether the map's maximum lies on a lesion, give or take half a cell ("pointing game")."""

    @property
    def above_chance(self) -> bool:
        """Says whether the lesions got more heat than an even map gives them."""
        return self.share > self.chance


def lesion_share(
    heat: NDArray[np.floating],
    lesions: NDArray[np.bool_],
    field: NDArray[np.bool_],
    *,
    cell: float,
) -> LesionShare:
    """Measures how much of a map's heat lies on lesions.

    Heat outside the field of view counts as heat that is not on lesions.

    Args:
        heat: Shape (H, W), at least 0; NaN where the network saw nothing.
        lesions: Shape (H, W): where lesions are.
        field: Shape (H, W): the field of view.
        cell: Side of a cell of the map, in pixels of the photograph.

    Raises:
        SaliencyError: If the sizes differ, the map has no heat, or no lesion lies in the field.

    References:
        Zhang et al. (2018), IJCV 126, 1084-1102 (pointing game).

    Examples:
        >>> heat = np.array([[0.0, 1.0], [0.0, 1.0]])
        >>> lesions = np.array([[False, True], [False, False]])
        >>> found = lesion_share(heat, lesions, np.ones((2, 2), bool), cell=1.0)
        >>> found.share, found.chance, found.hit
        (0.5, 0.25, True)
    """
    _require_measurable(heat, lesions, field)
    seen = np.nan_to_num(heat.astype(np.float64), nan=0.0)
    inside = lesions & field
    near = _widened(inside, cell) & field
    total, area = seen.sum(), field.sum()
    row, column = np.unravel_index(int(seen.argmax()), seen.shape)
    return LesionShare(
        share=float(seen[inside].sum() / total),
        chance=float(inside.sum() / area),
        share_near=float(seen[near].sum() / total),
        chance_near=float(near.sum() / area),
        hit=bool(near[row, column]),
    )


def cell_side(heat: NDArray[np.floating], cells: int) -> float:
    """Returns the side of a map's cell in pixels of the photograph.

    Args:
        heat: Shape (H, W): the map on its photograph, NaN where the network saw nothing.
        cells: Cells along a side of the map, which covers a square.
    """
    seen = ~np.isnan(heat)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return 0.0
    return float(max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1) / cells


def shares_by_others(
    heats: Sequence[NDArray[np.floating]],
    lesions: Sequence[NDArray[np.bool_]],
    *,
    left_eyes: Sequence[bool],
) -> NDArray[np.float64]:
    """Returns the mean share of heat that others' maps have on each photograph's lesions.

    Photographs are laid on one another corner on corner; left eyes are mirrored.

    Args:
        heats: Of n photographs, each (H, W), NaN where the network saw nothing.
        lesions: Of the same photographs, each (H, W).
        left_eyes: Whether each photograph is of a left eye.

    Returns:
        Shape (n,), in [0, 1]; NaN for a photograph without others.
    """
    maps = np.stack(
        [
            _on_grid(np.nan_to_num(h, nan=0.0), flip)
            for h, flip in zip(heats, left_eyes, strict=True)
        ]
    )
    masks = np.stack([_on_grid(m, flip) for m, flip in zip(lesions, left_eyes, strict=True)])
    maps /= maps.sum(axis=1, keepdims=True)
    shares = masks @ maps.T  # (n, n): lesions of the row, map of the column
    n = len(shares)
    if n == 1:
        return np.full(1, np.nan)
    return np.asarray((shares.sum(axis=1) - np.diag(shares)) / (n - 1), np.float64)


def _on_grid(values: NDArray[np.floating] | NDArray[np.bool_], flip: bool) -> NDArray[np.float64]:
    """Returns local means on a coarse grid, as one row."""
    import cv2

    small = cv2.resize(values.astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    return np.asarray(small[:, ::-1] if flip else small, np.float64).reshape(-1)


def _widened(mask: NDArray[np.bool_], cell: float) -> NDArray[np.bool_]:
    """Returns the mask grown by half a cell to each side."""
    import cv2

    side = 2 * round(cell / 2) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def _require_measurable(
    heat: NDArray[np.floating], lesions: NDArray[np.bool_], field: NDArray[np.bool_]
) -> None:
    if not heat.shape == lesions.shape == field.shape:
        raise SaliencyError(
            f"The map is {heat.shape}, the lesions {lesions.shape} and the field {field.shape} "
            "pixels.",
            hint="Bring all three to the photograph's size first.",
        )
    if not (lesions & field).any():
        raise SaliencyError(
            "No lesion lies in the field of view.", hint="Choose a photograph with lesions."
        )
    if not np.nansum(heat) > 0:
        raise SaliencyError("The map has no heat.", hint="Explain the other class.")
