"""A saliency map drawn over the photograph it explains.

The colours run from violet through blue to cyan, which no retina, haemorrhage or exudate has;
yellow and red, the hot end of the usual maps, are what they have most of. Lightness rises evenly,
so the order is read without colour vision too. Cold places show the photograph itself.
"""

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import SaliencyError

HEAT = (
    (0.0, "#3F1E8E"),
    (0.125, "#403BA9"),
    (0.25, "#3B57C1"),
    (0.375, "#2E73D3"),
    (0.5, "#198FDD"),
    (0.625, "#14AAE4"),
    (0.75, "#29C5EC"),
    (0.875, "#47DEF2"),
    (1.0, "#6CF7F7"),
)
"""From cold to hot: positions in [0, 1] with colours, in equal steps of the OKLab colour space."""

_LEVELS = 256
"""Number of shades that a map is drawn with."""

_ROUNDING = 1e-5
"""How far interpolation in float32 may leave [0, 1]."""


def blend(
    photograph: NDArray[np.uint8], values: NDArray[np.floating], opacity: float = 0.6
) -> NDArray[np.uint8]:
    """Lays a saliency map over a photograph, the more opaque the hotter.

    H and W are the height and width in pixels.

    Args:
        photograph: Shape (H, W, 3), RGB.
        values: Shape (H, W), in [0, 1]. NaN marks places the network has not seen, such as what was
            cropped away; the photograph is left as it is there.
        opacity: How much of the photograph the hottest place hides, in [0, 1].

    Returns:
        Shape (H, W, 3), a new array.

    Raises:
        SaliencyError: If the map has another size than the photograph, or values outside [0, 1].
        ValueError: If the opacity is not in [0, 1].

    References:
        Ottosson (2020), A perceptual color space for image processing (OKLab),
        https://bottosson.github.io/posts/oklab/
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity must be in [0, 1] but was {opacity}")
    _require_fit(photograph, values)
    seen = np.clip(np.nan_to_num(values.astype(np.float32), nan=0.0), 0, 1)
    level = np.rint(seen * (_LEVELS - 1)).astype(np.uint8)  # (H, W)
    alpha = np.rint(np.linspace(0, 255 * opacity, _LEVELS)).astype(np.uint16)
    paint = heat_table().astype(np.uint16) * alpha[:, None]  # (256, 3)
    # Whole numbers of 16 bits: a photograph of 12 megapixels takes 150 MB in 32-bit floats.
    mixed = photograph * (255 - alpha)[level][..., None] + paint[level]
    blended: NDArray[np.uint8] = ((mixed + 127) // 255).astype(np.uint8)
    return blended


def heat_table() -> NDArray[np.uint8]:
    """Returns the 256 colours from cold to hot: shape (256, 3), RGB."""
    positions = [position for position, _ in HEAT]
    stops = np.array([list(bytes.fromhex(colour[1:])) for _, colour in HEAT])  # (9, 3)
    at = np.linspace(0, 1, _LEVELS)
    channels = [np.interp(at, positions, stops[:, channel]) for channel in range(3)]
    table: NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return table


def _require_fit(photograph: NDArray[np.uint8], values: NDArray[np.floating]) -> None:
    """Raises unless the map lies on the photograph, pixel by pixel."""
    if values.shape != photograph.shape[:2]:
        raise SaliencyError(
            f"The map is {values.shape} and the photograph {photograph.shape[:2]} pixels.",
            hint="Bring the map to the photograph's size with Geometry.to_original first.",
        )
    lowest, highest = np.nanmin(values, initial=0.0), np.nanmax(values, initial=0.0)
    if lowest < -_ROUNDING or highest > 1 + _ROUNDING:
        raise SaliencyError(
            f"The map runs from {lowest:.3g} to {highest:.3g}; values in [0, 1] were expected.",
            hint="Pass the values of a SaliencyMap; interpolate without overshoot.",
        )
