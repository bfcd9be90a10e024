"""Decoding and preparing photographs: our fast path beside the naive one, in one run.

The photograph is synthetic: 2000 x 2000 pixels, JPEG quality 90. Both ways are timed in turns, so
that what else the machine does hits both; the ratio of the medians is the claim.

    python -m benchmarks.decode
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.io.images import read_image, scan_image
from fundus_core.preprocessing import decode_side, prepare

SIZES = (224, 512)
ROUNDS = 25
SIDE = 2000


def main() -> None:
    """Prints a table with milliseconds per photograph, ratio, and agreement of the pixels."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.jpg"
        Image.fromarray(synthetic_photograph()).save(path, quality=90)
        print(f"synthetic photograph of {SIDE} x {SIDE} pixels, {path.stat().st_size:,} bytes")
        print(f"{'to':>6} {'naive ms':>9} {'ours ms':>8} {'ratio':>6} {'PSNR dB':>8}")
        for size in SIZES:
            naive, ours = timed_in_turns(partial(naively, path, size), partial(fast, path, size))
            agreement = psnr(naively(path, size), fast(path, size))
            print(f"{size:>6} {naive:>9.1f} {ours:>8.1f} {naive / ours:>6.1f} {agreement:>8.1f}")
        whole, scan = timed_in_turns(
            lambda: read_image(path, decoder="exact"), lambda: scan_image(path)
        )
        print(f"validity and content hash: {scan:.1f} ms; a full decode: {whole:.1f} ms")
        cropped, _ = timed_in_turns(lambda: fast(path, 224, crop=True), lambda: None)
        print(f"with the crop to the field of view, to 224: {cropped:.1f} ms")


def naively(path: Path, size: int) -> NDArray[np.uint8]:
    """What most code does: decode all pixels, then resize."""
    image = Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image)


def fast(path: Path, size: int, *, crop: bool = False) -> NDArray[np.uint8]:
    """Our path: decode at a reduced scale, then pad and resize."""
    image = read_image(path, min_side=decode_side(size))
    return prepare(image, size, PreprocessRecipe(crop=crop)).pixels


def timed_in_turns(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Returns the median milliseconds of two functions that are called alternately."""
    times: tuple[list[float], list[float]] = ([], [])
    for function in (one, other):
        function()
    for _ in range(ROUNDS):
        for function, spent in zip((one, other), times, strict=True):
            start = time.perf_counter()
            function()
            spent.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[0]), statistics.median(times[1])


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Returns the peak signal-to-noise ratio in decibels; higher is more alike."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return 10 * float(np.log10(255**2 / max(error, 1e-12)))


def synthetic_photograph() -> NDArray[np.uint8]:
    """Returns a textured disc on black, shape (SIDE, SIDE, 3), of half a megabyte as JPEG."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE / 2) - 1
    texture = np.zeros((SIDE, SIDE))
    for cells in (8, 32, 128, 512):
        coarse = Image.fromarray(rng.normal(size=(cells, cells)).astype(np.float32))
        texture += np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) * 8
    light = 1.1 - 0.6 * (x**2 + y**2)
    inside = (x**2 + y**2 < 0.96**2)[..., np.newaxis]
    colour = np.array([190.0, 95.0, 45.0]) * light[..., np.newaxis] + texture[..., np.newaxis]
    noise = rng.normal(0, 2.5, (SIDE, SIDE, 3))
    picture: NDArray[np.uint8] = np.clip((colour + noise) * inside, 0, 255).astype(np.uint8)
    return picture


if __name__ == "__main__":
    main()
