"""Where the square that a backbone is shown lies in the photograph, and the way back."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels; `right` and `bottom` lie just outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels, at least 1."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels, at least 1."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the square that a network was shown lies in the photograph.

    Positions are continuous: (0, 0) is the outer corner of the first pixel, (0.5, 0.5) its centre.
    H and W are the photograph's height and width, S is the side of the square.
    """

    height: int
    """H, in pixels."""

    width: int
    """W, in pixels."""

    left: float
    """Left edge of the square in the photograph, in pixels; negative where it was padded."""

    top: float
    """Top edge of the square in the photograph, in pixels; negative where it was padded."""

    extent: tuple[float, float]
    """Width and height of the square in the photograph, in pixels; unequal where the photograph was
    stretched."""

    crop: tuple[float, float, float, float]
    """Left, top, right and bottom of what the square shows of the photograph; the rest of the
    square is padding."""

    side: int
    """S, in pixels."""

    def at_size(self, height: int, width: int) -> "Geometry":
        """Returns the same square in the same photograph decoded at another size."""
        across, down = width / self.width, height / self.height
        left, top, right, bottom = self.crop
        return replace(
            self,
            height=height,
            width=width,
            left=self.left * across,
            top=self.top * down,
            extent=(self.extent[0] * across, self.extent[1] * down),
            crop=(left * across, top * down, right * across, bottom * down),
        )

    def point_to_square(self, x: float, y: float) -> tuple[float, float]:
        """Returns where a point (x, y) of the photograph lies in the square."""
        across, down = self.extent
        return (x - self.left) * self.side / across, (y - self.top) * self.side / down

    def point_to_original(self, x: float, y: float) -> tuple[float, float]:
        """Returns where a point (x, y) of the square lies in the photograph."""
        across, down = self.extent
        return self.left + x * across / self.side, self.top + y * down / self.side

    def to_original(
        self, values: NDArray[np.floating], *, outside: float = 0.0
    ) -> NDArray[np.float32]:
        """Lays a map of the square, such as a saliency map, onto the photograph.

        Args:
            values: Shape (h, w) of any size: it covers the whole square.
            outside: What pixels get that the network never saw.

        Returns:
            Shape (H, W), interpolated linearly between the centres of the map's cells.
        """
        rows, columns = values.shape
        across, down = self.extent
        y = (np.arange(self.height) + 0.5 - self.top) / down * rows - 0.5
        x = (np.arange(self.width) + 0.5 - self.left) / across * columns - 0.5
        result = _interpolate_rows(values.astype(np.float32), y)  # (H, w)
        result = _interpolate_rows(result.T, x).T  # (H, W)
        left, top, right, bottom = self.crop
        seen_rows = _centres_between(self.height, top, bottom)
        seen_columns = _centres_between(self.width, left, right)
        seen = np.outer(seen_rows, seen_columns)
        return np.where(seen, result, np.float32(outside))


def _interpolate_rows(
    values: NDArray[np.float32], positions: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Returns rows of `values` (n, m) at fractional positions (k,), shape (k, m); ends repeat."""
    last = values.shape[0] - 1
    clipped = np.clip(positions, 0, last)
    below = np.floor(clipped).astype(np.intp)
    share = (clipped - below).astype(np.float32)[:, np.newaxis]
    above = np.minimum(below + 1, last)
    return np.asarray(values[below] * (1 - share) + values[above] * share, np.float32)


def _centres_between(n: int, low: float, high: float) -> NDArray[np.bool_]:
    """Tells which of n pixels have their centre between two edges, shape (n,)."""
    centres = np.arange(n) + 0.5
    return (centres >= low) & (centres < high)
