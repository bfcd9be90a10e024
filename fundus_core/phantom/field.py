"""The field of view: the part of the picture that light reached."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.texture import Plane, pixel_grid


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """A circle around the centre of the picture, cut off at top and bottom by some cameras.

    Lengths are in half sides of the picture.
    """

    radius: float
    """Of the circle; below 1, so that it lies inside the picture."""

    half_height: float
    """Rows further than this from the centre are black; at least `radius` for a full circle."""

    degrees: float
    """Angle of view across the circle."""

    @property
    def truncated(self) -> bool:
        """True when top and bottom are cut off."""
        return self.half_height < self.radius

    @property
    def disc_diameter(self) -> float:
        """Length of one average disc diameter: 6.2 degrees of the visual field."""
        return 2 * self.radius * 6.2 / self.degrees

    def depth(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
        """Returns how far points lie inside the edge; negative outside."""
        inside = np.minimum(self.radius - np.hypot(x, y), self.half_height - np.abs(y))
        return np.asarray(inside)

    def mask(self, size: int) -> NDArray[np.bool_]:
        """Returns the pixels inside, shape (size, size)."""
        return np.asarray(self.plane_depth(size) > 0)

    def plane_depth(self, size: int) -> Plane:
        """Returns `depth` of every pixel, shape (size, size)."""
        x, y = pixel_grid(size)
        return self.depth(x, y).astype(np.float32)
