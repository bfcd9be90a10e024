"""Use case: pictures of photographs for galleries and panels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.finetune.augment import AUGMENTATIONS, augmented
from fundus_core.io.files import write_atomically
from fundus_core.io.images import read_image, thumbnail
from fundus_core.io.workspace import Workspace
from fundus_core.preprocessing import decode_side, prepare

_JPEG_QUALITY = 88


def thumbnail_file(workspace: Workspace, image_id: str, path: Path, *, side: int = 192) -> Path:
    """Returns a small JPEG of a photograph, made on first use; its longer side is `side` pixels.

    It is written anew from the pixels, so that no EXIF data of the original is in it.

    Raises:
        ImageError: If the photograph can no longer be read, or is another by now.
    """
    stored = workspace.thumbnails / f"{image_id}-{side}.jpg"
    if not stored.is_file():
        pixels = thumbnail(read_image(path, min_side=side, image_id=image_id), side)
        write_atomically(stored, lambda file: _save_jpeg(pixels, file))
    return stored


def _save_jpeg(pixels: NDArray[np.uint8], file: object) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(file, "JPEG", quality=_JPEG_QUALITY)  # type: ignore[arg-type]


def augmented_versions(
    path: Path, augmentation: str, *, image_id: str = "", side: int = 224, n_versions: int = 6
) -> NDArray[np.uint8]:
    """Returns what a network of `side` pixels may be shown of a photograph while it learns.

    Args:
        path: The photograph.
        augmentation: Key of `AUGMENTATIONS`.
        image_id: What it is known by; empty for a photograph of no data set.
        side: S, in pixels.
        n_versions: How many, of the seeds 0, 1, ...

    Returns:
        Shape (n_versions, S, S, 3).

    Raises:
        ImageError: If it can no longer be read, or is another photograph by now.
    """
    import torch

    image = read_image(path, min_side=decode_side(side), image_id=image_id)
    square = prepare(image, side, PreprocessRecipe()).pixels
    pixels = torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1)))
    pipeline = AUGMENTATIONS[augmentation]()
    versions = [augmented(pipeline, pixels, None, seed)[0].numpy() for seed in range(n_versions)]
    return np.stack(versions).transpose(0, 2, 3, 1)


def photograph(path: Path, *, image_id: str, max_side: int = 1024) -> NDArray[np.uint8]:
    """Returns a photograph (H, W, 3), RGB, upright, its longer side at most `max_side` pixels.

    Args:
        path: The file.
        image_id: What it is known by; empty for a photograph of no data set.
        max_side: In pixels.

    Raises:
        ImageError: If it cannot be read, or is another photograph by now.
    """
    image = read_image(path, min_side=max_side, image_id=image_id)
    return thumbnail(image, max_side) if max(image.shape[:2]) > max_side else image
