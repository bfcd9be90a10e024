"""The field of view: the part of the picture that light reached."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fundus_core.phantom.texture import Plane, pixel_grid

FieldShape = Literal["circle", "truncated", "square"]


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """A circle around the centre of the picture, as far as camera and picture show it.

    Lengths are in half sides of the picture.
    """

    radius: float
    """Of the circle; above 1 where the picture was cut out of the circle as a square."""

    half_height: float
    """Rows further than this from the centre are black; at least `radius` for a full circle."""

    degrees: float
    """Angle of view across the circle."""

    @property
    def shape(self) -> FieldShape:
        """A full circle, one cut off at top and bottom, or a square cut out of a circle."""
        if self.radius > 1:
            return "square"
        return "truncated" if self.half_height < self.radius else "circle"

    @property
    def disc_diameter(self) -> float:
        """Length of one average disc diameter: 6.2 degrees of the visual field."""
        return 2 * self.radius * 6.2 / self.degrees

    def depth(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
        """Returns how far points lie inside the edge; negative outside."""
        inside = np.minimum(self.radius - np.hypot(x, y), self.half_height - np.abs(y))
        if self.shape == "square":
            inside = np.minimum(inside, 1 - np.maximum(np.abs(x), np.abs(y)))
        return np.asarray(inside)

    def mask(self, size: int) -> NDArray[np.bool_]:
        """Returns the pixels inside, shape (size, size)."""
        return np.asarray(self.plane_depth(size) > 0)

    def plane_depth(self, size: int) -> Plane:
        """Returns `depth` of every pixel, shape (size, size)."""
        x, y = pixel_grid(size)
        return self.depth(x, y).astype(np.float32)
