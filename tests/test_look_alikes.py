"""Copies of a photograph are found, other photographs are not."""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from fundus_core.io.images import read_image
from fundus_core.look_alikes import DECODE_SIDE, LEAST_SIMILARITY, look_alikes, signature

Picture = NDArray[np.uint8]

REAL = Path(os.environ.get("FUNDUS_REAL_DATA", "../shared")) / "data" / "classification"


def retina(seed: int, side: int = 240) -> Picture:
    """A disc with dark winding lines on it: as different between seeds as two eyes."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((side, side, 3), np.uint8)
    cv2.circle(picture, (side // 2, side // 2), side // 2 - 4, (190, 90, 40), -1)
    for _ in range(14):
        steps = rng.normal(0, 14, (12, 2)).cumsum(axis=0) + rng.uniform(0.2, 0.8, 2) * side
        cv2.polylines(picture, [steps.astype(np.int32)], False, (90, 30, 15), 3)
    picture[np.hypot(*(np.mgrid[:side, :side] - side / 2)) > side / 2 - 4] = 0
    return picture


def saved_again(picture: Picture) -> Picture:
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=40)
    return np.asarray(Image.open(buffer).convert("RGB"))


def brightened(picture: Picture) -> Picture:
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(picture)).enhance(1.3))


def halved(picture: Picture) -> Picture:
    return cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)


def greyed(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).convert("L").convert("RGB"))


@pytest.mark.parametrize("change", [saved_again, brightened, halved, greyed])
def test_signature__of_a_copy_is_alike(change: Callable[[Picture], Picture]) -> None:
    photograph = retina(0)

    similarity = signature(photograph) @ signature(change(photograph))

    assert similarity > LEAST_SIMILARITY


def test_signature__of_another_eye_is_not() -> None:
    signatures = np.stack([signature(retina(seed)) for seed in range(8)])

    others = (signatures @ signatures.T)[~np.eye(8, dtype=bool)]

    assert others.max() < LEAST_SIMILARITY


def test_signature__a_black_picture_is_like_nothing() -> None:
    black = np.zeros((DECODE_SIDE, DECODE_SIDE, 3), np.uint8)

    signatures = np.stack([signature(black), signature(black), signature(retina(0))])

    assert look_alikes(signatures, at_least=0.1) == ()


def test_look_alikes__each_pair_once_the_most_alike_first() -> None:
    angles = np.radians([0, 90, 5, 93])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    found = look_alikes(rows, at_least=0.9)

    assert [(pair.row_a, pair.row_b) for pair in found] == [(1, 3), (0, 2)]
    assert found[0].similarity == pytest.approx(np.cos(np.radians(3)), abs=1e-6)


@pytest.mark.skipif(not REAL.is_dir(), reason="needs FUNDUS_REAL_DATA")
@pytest.mark.parametrize("name", ["idrid", "hrf"])
def test_look_alikes__real_photographs_and_their_copies(name: str) -> None:
    files = sorted((REAL / name / "images").glob("*.jpg"))[:30]
    photographs = [read_image(path, min_side=DECODE_SIDE) for path in files]
    copies = [saved_again(brightened(one)) for one in photographs[:5]]

    found = look_alikes(np.stack([signature(one) for one in [*photographs, *copies]]))

    assert {(pair.row_a, pair.row_b - len(files)) for pair in found} == {(i, i) for i in range(5)}
