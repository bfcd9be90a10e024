"""The camera: illumination, optics, sensor and file, each of them a nuisance to whoever learns.

Given the camera and, for haze, the age, it is independent of disease. Colours and unevenness were
fitted to the range of real photographs by eye and by the figures of `scripts/realism.py`.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_core.phantom import obstruction
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.note import SYNTHETIC_NOTE
from fundus_core.phantom.texture import Light, Plane, blurred, pixel_grid

_EXIF_DESCRIPTION = 0x010E
_NOTCH_DEGREES = -32.0
_KNEE = 0.72
"""Brightness from which highlights are compressed."""

_STRAY_LIGHT = (0.62, 0.42, 0.26)
"""Colour of what cloudy media scatter."""

_NARROWEST, _WIDEST = 30.0, 50.0
"""Angles of view in degrees."""

_FAULTS = ("dark", "blurred", "hazy", "covered")
"""What is wrong with a poor photograph, equally often."""

_LASHES_SHARE = 0.12
"""Share of usual photographs with a few lashes."""

_TINT_SCATTER = 0.035
"""Standard deviation of the logarithm of each channel beside the run from warm to pale."""

_NOISE_SHIFT = 24
"""Pixels between the places that the channels take from one plane of noise, beyond its grain."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A model of camera, as it is set up and used at one site."""

    name: str

    angles: tuple[float, ...]
    """Angles of view in degrees that it is used at, each as often as it is listed."""

    fovea_x: float
    """Where photographs have the fovea, in half sides to the nasal side of the centre."""

    gain: tuple[float, float, float]
    """Relative sensitivity to red, green and blue."""

    tint_spread: tuple[float, float, float]
    """Change of each channel's logarithm, from warm to pale, over one standard deviation."""

    truncated_share: float
    """Share of photographs cut off at top and bottom."""

    square_share: float
    """Share of photographs cut out of the circle as a square."""

    falloff: tuple[float, float]
    """Least and greatest share of light lost at the edge, in usual photographs."""

    vignetted_share: float
    """Share of photographs with a dark side, taken through the edge of the pupil."""

    poor_share: float
    """Share of photographs that should have been taken again; see `_FAULTS`."""

    dust: float
    """Average number of specks on the lens."""

    blur: float
    """Standard deviation of the optics' blur, in half sides."""

    noise: float
    """Usual standard deviation of the sensor's noise in mid-tones, in units of [0, 1]."""

    jpeg_quality: int
    """Usual quality of its files; a few are stored smaller."""

    notch: bool
    """Whether the edge of the field has the small notch that marks its upper right."""


CAMERAS: dict[str, Camera] = {
    "A": Camera(
        name="A",
        angles=(45.0, 45.0, 45.0, 50.0, 35.0),
        fovea_x=-0.08,
        gain=(1.06, 1.06, 0.5),
        tint_spread=(-0.03, 0.1, 0.55),
        truncated_share=0.6,
        square_share=0.08,
        falloff=(0.3, 0.75),
        vignetted_share=0.1,
        poor_share=0.06,
        dust=1.2,
        blur=0.0028,
        noise=0.0085,
        jpeg_quality=90,
        notch=True,
    ),
    "B": Camera(
        name="B",
        angles=(50.0, 50.0, 45.0, 40.0, 30.0),
        fovea_x=-0.26,
        gain=(1.24, 0.8, 0.68),
        tint_spread=(-0.03, 0.11, 0.3),
        truncated_share=0.4,
        square_share=0.12,
        falloff=(0.25, 0.65),
        vignetted_share=0.24,
        poor_share=0.05,
        dust=0.5,
        blur=0.0018,
        noise=0.0095,
        jpeg_quality=93,
        notch=False,
    ),
}
"""The cameras of the demo. To add one, add an entry."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How one photograph was taken: every nuisance in it but the noise's single pixels."""

    brightness: float
    """1 is usual."""

    tint: tuple[float, float, float]
    """Relative colour of the flash; 1 is neutral."""

    falloff: float
    """Share of the light lost one radius away from `centre`."""

    centre: tuple[float, float]
    """Where the light is brightest, in half sides of the picture."""

    defocus: float
    """Blur added by poor focus, in half sides."""

    haze: float
    """Stray light from cloudy media, from 0 to about 0.45."""

    noise: float
    """Standard deviation of the sensor's noise in mid-tones, in units of [0, 1]."""

    jpeg_quality: int
    """From 1 to 95, as libjpeg counts."""

    dust: int
    """Number of specks on the lens."""

    lashes: float
    """How far lashes and lid reach in, from 0 to 1."""


def sample_field(camera: Camera, rng: np.random.Generator) -> FieldOfView:
    """Returns the field of view of one photograph."""
    usual = camera.angles[int(rng.integers(len(camera.angles)))]
    degrees = float(np.clip(usual * rng.normal(1, 0.02), _NARROWEST, _WIDEST))
    radius, cut, turn = float(rng.uniform(0.955, 0.985)), rng.uniform(0.74, 0.9), rng.random()
    if turn < camera.truncated_share:
        return FieldOfView(radius, float(cut), degrees)
    if turn < camera.truncated_share + camera.square_share:
        beyond = float(rng.uniform(1.12, 1.3))
        return FieldOfView(beyond, beyond, degrees)
    return FieldOfView(radius, radius, degrees)


def sample_exposure(rng: np.random.Generator, camera: Camera, *, haze: float) -> Exposure:
    """Returns how one photograph is taken.

    Args:
        rng: Source of everything that differs between photographs.
        camera: What is usual.
        haze: How cloudy the patient's media are, from 0 to about 0.3.
    """
    warmth = float(np.clip(rng.standard_normal(), -1.9, 1.9))
    tint = np.exp(warmth * np.array(camera.tint_spread) + rng.normal(0, _TINT_SCATTER, size=3))
    vignetted = rng.random() < camera.vignetted_share
    centre = rng.normal(0, 0.34 if vignetted else 0.14, size=2)
    falloff = rng.uniform(0.45, 0.8) if vignetted else rng.uniform(*camera.falloff)
    fault = _FAULTS[int(rng.integers(len(_FAULTS)))] if rng.random() < camera.poor_share else None
    dark = rng.uniform(0.35, 0.6) if fault == "dark" else 1.0
    blurry = rng.uniform(0.012, 0.03) if fault == "blurred" else 0.0
    cloudy = rng.uniform(0.15, 0.3) if fault == "hazy" else 0.0
    covered = rng.uniform(0.4, 1.0) if fault == "covered" else 0.0
    lashes = max(covered, rng.uniform(0.05, 0.3) if rng.random() < _LASHES_SHARE else 0.0)
    quality = camera.jpeg_quality + rng.normal(0, 2) - (rng.random() < 0.1) * rng.uniform(10, 35)
    return Exposure(
        brightness=round(float(np.clip(rng.lognormal(0.05, 0.16), 0.6, 1.5) * dark), 3),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        falloff=float(falloff),
        centre=(float(centre[0]), float(centre[1])),
        defocus=round(float(rng.gamma(1.2, 0.002) + blurry), 4),
        haze=round(float(np.clip(haze * rng.uniform(0.7, 1.3) + cloudy, 0.0, 0.45)), 3),
        noise=round(float(camera.noise * rng.lognormal(0, 0.35) * (2 - dark)), 4),
        jpeg_quality=int(np.clip(quality, 40, 95)),
        dust=int(rng.poisson(camera.dust)),
        lashes=round(float(lashes), 3),
    )


def photograph(
    light: Light,
    field: FieldOfView,
    camera: Camera,
    exposure: Exposure,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Returns the picture a camera takes of a retina, before compression.

    Each nuisance has randomness of its own: changing one in `exposure` leaves the others' places
    as they are.

    Args:
        light: What the retina sends back, shape (3, S, S), as `draw_retina` returns it.
        field: The part of the picture that is lit; the rest comes out nearly black.
        camera: Its colours and blur.
        exposure: Brightness, tint, unevenness, focus and everything else of this photograph.
        rng: Source of places: of dust and lashes, of unevenness, of noise.

    Returns:
        Shape (S, S, 3), red, green, blue.
    """
    size = light.shape[1]
    of_light, of_haze, of_dust, of_lashes, of_noise = rng.spawn(5)
    lit = obstruction.illumination(field, exposure.falloff, exposure.centre, size, of_light)
    lit *= np.float32(exposure.brightness)
    if exposure.dust:
        lit *= obstruction.dust(exposure.dust, size, of_dust)
    if exposure.lashes > 0:
        lit *= obstruction.lashes(exposure.lashes, field, size, of_lashes)
    stray = obstruction.stray_light(size, of_haze) * np.float32(exposure.haze)
    clear = np.float32(1 - 0.8 * exposure.haze)
    noise, aperture = _grain(size, of_noise), _aperture(field, camera, size)
    blur = float(np.hypot(camera.blur, exposure.defocus))
    planes = []
    for channel, plane in enumerate(light):
        seen = blurred(plane, blur) * clear
        seen += stray * np.float32(_STRAY_LIGHT[channel])
        seen *= lit
        seen = _tone(seen * np.float32(camera.gain[channel] * exposure.tint[channel]))
        seen *= aperture
        here = slice(channel * _NOISE_SHIFT, channel * _NOISE_SHIFT + size)
        strength = np.sqrt(np.maximum(seen, np.float32(0.004)))
        seen += noise[here, here] * (strength * np.float32(2.55 * exposure.noise))
        planes.append(cv2.convertScaleAbs(np.maximum(seen, 0), alpha=255))
    return np.asarray(cv2.merge(planes), dtype=np.uint8)


def encode_jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """Returns a picture as a JPEG file that says it is synthetic."""
    exif = Image.Exif()
    exif[_EXIF_DESCRIPTION] = SYNTHETIC_NOTE
    file = io.BytesIO()
    Image.fromarray(picture).save(
        file, "JPEG", quality=quality, comment=SYNTHETIC_NOTE.encode(), exif=exif
    )
    return file.getvalue()


def _tone(light: Plane) -> Plane:
    """Compresses highlights smoothly below 1, as a sensor's curve does."""
    room = np.float32(1 - _KNEE)
    over = np.maximum(light - np.float32(_KNEE), 0)
    toned: Plane = light - over + room * over / (room + over)
    return toned


def _aperture(field: FieldOfView, camera: Camera, size: int) -> Plane:
    """Returns 1 inside the field and 0 outside, with an edge about two pixels soft."""
    if field.shape == "square":
        return np.ones((size, size), dtype=np.float32)
    depth = field.plane_depth(size)
    if camera.notch:
        x, y = pixel_grid(size)
        angle = np.deg2rad(_NOTCH_DEGREES)
        notch_x, notch_y = (float(field.radius * at) for at in (np.cos(angle), np.sin(angle)))
        depth = np.maximum(depth, 0.022 - np.hypot(x - notch_x, y - notch_y))
    edge: Plane = np.clip(depth * np.float32(size / 4) + np.float32(0.5), 0, 1)
    return edge


def _grain(size: int, rng: np.random.Generator) -> Plane:
    """Returns noise of about unit strength, a little smoothed by the sensor."""
    side = size + 2 * _NOISE_SHIFT
    noise = rng.standard_normal((side, side), dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (3, 3), 0.6), dtype=np.float32)
