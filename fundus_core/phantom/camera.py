"""The camera: illumination, optics, sensor and file, each of them a nuisance to whoever learns.

Which camera, how bright and how sharp a photograph is varies independently of disease.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.note import SYNTHETIC_NOTE
from fundus_core.phantom.texture import Light, Plane, blurred, pixel_grid, smooth_noise

_EXIF_DESCRIPTION = 0x010E
_NOTCH_DEGREES = -32.0
_KNEE = 0.72
"""Brightness from which highlights are compressed."""

_STRAY_LIGHT = (0.62, 0.42, 0.26)
"""Colour of what cloudy media scatter."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A model of camera, as it is set up at one site."""

    name: str

    degrees: float
    """Angle of view."""

    fovea_x: float
    """Where photographs have the fovea, in half sides to the nasal side of the centre."""

    gain: tuple[float, float, float]
    """Relative sensitivity to red, green and blue."""

    truncated_share: float
    """Share of photographs cut off at top and bottom."""

    blur: float
    """Standard deviation of the optics' blur, in half sides."""

    noise: float
    """Standard deviation of the sensor's noise in mid-tones, in units of [0, 1]."""

    jpeg_quality: int
    notch: bool
    """Whether the edge of the field has the small notch that marks its upper right."""


CAMERAS: dict[str, Camera] = {
    "A": Camera("A", 45.0, -0.08, (1.0, 1.0, 0.66), 0.5, 0.0034, 0.011, 90, notch=True),
    "B": Camera("B", 50.0, -0.26, (1.1, 0.78, 0.72), 0.15, 0.003, 0.009, 93, notch=False),
}
"""The cameras of the demo. To add one, add an entry."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How one photograph was taken."""

    brightness: float
    """1 is usual."""

    tint: tuple[float, float, float]
    """Relative colour of the flash; 1 is neutral."""

    falloff: float
    """Share of the light lost at the edge of the field."""

    centre: tuple[float, float]
    """Where the light is brightest, in half sides of the picture."""

    defocus: float
    """Blur added by poor focus, in half sides."""

    haze: float
    """Stray light from cloudy media, from 0 to about 0.3."""


def sample_field(camera: Camera, rng: np.random.Generator) -> FieldOfView:
    """Returns the field of view of one photograph."""
    radius = float(rng.uniform(0.955, 0.985))
    cut = float(rng.uniform(0.8, 0.9)) if rng.random() < camera.truncated_share else radius
    return FieldOfView(radius, cut, camera.degrees)


def sample_exposure(rng: np.random.Generator, *, haze: float) -> Exposure:
    """Returns how one photograph is taken; the haze is the patient's."""
    tint = np.exp(rng.normal(0, [0.04, 0.08, 0.13]))
    centre = rng.normal(0, 0.12, size=2)
    return Exposure(
        brightness=float(np.clip(rng.lognormal(0.07, 0.13), 0.75, 1.4)),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        falloff=float(rng.uniform(0.12, 0.42)),
        centre=(float(centre[0]), float(centre[1])),
        defocus=float(rng.gamma(1.2, 0.002)),
        haze=float(np.clip(haze * rng.uniform(0.7, 1.3), 0.0, 0.35)),
    )


def photograph(
    light: Light,
    field: FieldOfView,
    camera: Camera,
    exposure: Exposure,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Returns the picture a camera takes of a retina, before compression.

    Args:
        light: What the retina sends back, shape (3, S, S), as `draw_retina` returns it.
        field: The part of the picture that is lit; the rest comes out nearly black.
        camera: Its colours, blur and noise.
        exposure: Brightness, tint, unevenness, focus and haze of this photograph.
        rng: Source of noise and dust.

    Returns:
        Shape (S, S, 3), red, green, blue.
    """
    size = light.shape[1]
    blur = float(np.hypot(camera.blur, exposure.defocus))
    lit = _illumination(field, exposure, size, rng) * np.float32(exposure.brightness)
    aperture = _aperture(field, camera, size)
    picture = np.empty((size, size, 3), dtype=np.uint8)
    for channel, plane in enumerate(light):
        strength = lit * np.float32(camera.gain[channel] * exposure.tint[channel])
        stray = np.float32(_STRAY_LIGHT[channel] * exposure.haze)
        seen = (blurred(plane, blur) * np.float32(1 - 0.8 * exposure.haze) + stray) * strength
        seen = _tone(seen) * aperture
        seen += _sensor_noise(seen, camera.noise, rng)
        picture[..., channel] = np.clip(seen * 255 + 0.5, 0, 255)
    return picture


def encode_jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """Returns a picture as a JPEG file that says it is synthetic."""
    exif = Image.Exif()
    exif[_EXIF_DESCRIPTION] = SYNTHETIC_NOTE
    file = io.BytesIO()
    Image.fromarray(picture).save(
        file, "JPEG", quality=quality, comment=SYNTHETIC_NOTE.encode(), exif=exif
    )
    return file.getvalue()


def _illumination(
    field: FieldOfView, exposure: Exposure, size: int, rng: np.random.Generator
) -> Plane:
    """Returns the brightness of the flash over the picture: falling off, never quite even."""
    x, y = pixel_grid(size)
    from_centre = np.hypot(x - exposure.centre[0], y - exposure.centre[1]) / field.radius
    uneven = 0.05 * smooth_noise(rng, size, 1.0)
    light: Plane = 1.08 - exposure.falloff * from_centre**2.2 + uneven
    return np.maximum(light, 0.25)


def _tone(light: Plane) -> Plane:
    """Compresses highlights smoothly below 1, as a sensor's curve does."""
    room = np.float32(1 - _KNEE)
    over = np.maximum(light - np.float32(_KNEE), 0)
    toned: Plane = light - over + room * over / (room + over)
    return toned


def _aperture(field: FieldOfView, camera: Camera, size: int) -> Plane:
    """Returns 1 inside the field and 0 outside, with an edge about two pixels soft."""
    depth = field.plane_depth(size)
    if camera.notch:
        x, y = pixel_grid(size)
        angle = np.deg2rad(_NOTCH_DEGREES)
        notch_x, notch_y = (float(field.radius * at) for at in (np.cos(angle), np.sin(angle)))
        depth = np.maximum(depth, 0.022 - np.hypot(x - notch_x, y - notch_y))
    edge: Plane = np.clip(depth * (size / 4) + 0.5, 0, 1)
    return edge


def _sensor_noise(light: Plane, level: float, rng: np.random.Generator) -> Plane:
    """Returns noise that grows with the root of the light, a little smoothed by the sensor."""
    noise = rng.standard_normal(light.shape, dtype=np.float32)
    strength = np.sqrt(np.maximum(light, 0.004) * np.float32(2 * (1.8 * level) ** 2))
    return np.asarray(cv2.GaussianBlur(noise, (3, 3), 0.6) * strength, dtype=np.float32)
