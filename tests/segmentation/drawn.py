"""Small photographs with dark lines on a red disc, and the masks of the lines."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_core.segmentation.data import FIELD_BIT, Examples

SIDE = 96


def disc(side: int = SIDE) -> NDArray[np.bool_]:
    """Returns the field of view: a disc that nearly fills the square."""
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    return np.asarray(rows**2 + columns**2 < (side / 2 - 2) ** 2)


def drawing(seed: int, side: int = SIDE) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns a photograph (side, side, 3) with two dark lines, and where they are."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    lines = np.zeros((side, side), bool)
    for _ in range(2):
        angle, offset = generator.uniform(0, np.pi), generator.uniform(-0.2, 0.2) * side
        across = (columns - side / 2) * np.sin(angle) - (rows - side / 2) * np.cos(angle)
        lines |= np.abs(across - offset) < 2.5
    lines &= disc(side)
    pixels = np.where(disc(side)[..., None], (180, 90, 40), 0)
    pixels = np.where(lines[..., None], (90, 20, 10), pixels)
    noise = generator.integers(-8, 9, pixels.shape) * disc(side)[..., None]
    return np.clip(pixels + noise, 0, 255).astype(np.uint8), lines


def examples(n: int = 6, side: int = 64) -> Examples:
    """Returns n drawings in memory."""
    drawn = [drawing(seed, side) for seed in range(n)]
    pixels = np.stack([photograph.transpose(2, 0, 1) for photograph, _ in drawn])
    bits = np.where(disc(side), np.uint16(FIELD_BIT), np.uint16(0))
    masks = np.stack([bits | lines.astype(np.uint16) for _, lines in drawn])
    return Examples(tuple(map(str, range(n))), pixels, masks, 1, ())


def write_drawings(folder: Path, n_patients: int = 6, *, table: bool = True) -> Path:
    """Writes two drawings per patient with masks, fields and a table; returns table or folder."""
    lines = ["image,patient,split,mask,fov,second"]
    for name in ("images", "masks", "fov", "second"):
        (folder / name).mkdir(parents=True)
    for number in range(2 * n_patients):
        photograph, vessels = drawing(number)
        name = f"p{number // 2}_{number % 2}.png"
        Image.fromarray(photograph).save(folder / "images" / name)
        for place, mask in (("masks", vessels), ("fov", disc()), ("second", grown(vessels))):
            Image.fromarray((255 * mask).astype(np.uint8)).save(folder / place / name)
        split = "test" if number // 2 >= n_patients - 2 else "train"
        cells = [f"{place}/{name}" for place in ("masks", "fov", "second")]
        lines.append(",".join([f"images/{name}", f"P{number // 2}", split, *cells]))
    if not table:
        return folder / "images"
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "table.csv"


def grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns a mask one pixel wider to the right and to the bottom."""
    wide = mask.copy()
    wide[:, 1:] |= mask[:, :-1]
    wide[1:] |= mask[:-1]
    return wide
