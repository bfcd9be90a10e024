"""How well copies of a photograph are told from other photographs, on phantoms and real ones.

    python -m benchmarks.look_alikes

Real photographs are those of FUNDUS_REAL_DATA; left out where there are none. A copy is compared
with its own original; "other" is the most alike of all other photographs of the set, among which
may be the same eye twice where patients are unknown. The demo has copies planted among its
photographs: how many of them are found, and what else is.
"""

import os
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from fundus_core.errors import ImageError
from fundus_core.io.images import read_image
from fundus_core.look_alikes import DECODE_SIDE, LEAST_SIMILARITY, look_alikes, signature
from fundus_core.workflows.data.demo import make_demo

Picture = NDArray[np.uint8]

REAL = Path(os.environ.get("FUNDUS_REAL_DATA", "../shared")) / "data"
SETS = {
    "IDRiD": "classification/idrid",
    "HRF": "classification/hrf",
    "CHASE_DB1": "vessels/chase_db1",
}
MOST_COPIED = 60


def saved_again(picture: Image.Image) -> Image.Image:
    """Returns a JPEG of low quality."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("RGB")


def cut(picture: Image.Image) -> Image.Image:
    """Returns the picture with 1 to 2 % cut off at each side."""
    wide, high = picture.size
    return picture.crop((wide // 50, high // 50, wide - wide // 100, high - high // 50))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG quality 40": saved_again,
    "half the size": lambda one: one.resize((one.width // 2, one.height // 2)),
    "40 % brighter": lambda one: ImageEnhance.Brightness(one).enhance(1.4),
    "other colours": lambda one: ImageEnhance.Color(one).enhance(0.5),
    "cut": cut,
    "turned by 2 degrees": lambda one: one.rotate(2),
    "mirrored": lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def photographs(files: list[Path]) -> Iterator[Picture]:
    """Yields the files that can be read."""
    for path in files:
        try:
            yield read_image(path, min_side=DECODE_SIDE)
        except ImageError:
            continue


def measure(name: str, files: list[Path]) -> None:
    """Prints what copies and other photographs of one set reach."""
    start = time.perf_counter()
    pictures = list(photographs(files))
    signatures = np.stack([signature(one) for one in pictures])
    each = (time.perf_counter() - start) / len(pictures)
    alike = signatures @ signatures.T
    np.fill_diagonal(alike, -1)
    others = alike.max(axis=1)
    print(f"\n**{name}**: {len(pictures)} photographs, {1e3 * each:.1f} ms each\n")
    print("| | least | median | share found |\n| --- | --- | --- | --- |")
    shown = np.linspace(0, len(pictures) - 1, min(MOST_COPIED, len(pictures))).astype(int)
    for change, copy in CHANGES.items():
        copies = [
            signature(np.asarray(copy(Image.fromarray(pictures[row])))) @ signatures[row]
            for row in shown
        ]
        found = np.mean(np.array(copies) >= LEAST_SIMILARITY)
        print(f"| {change} | {min(copies):.2f} | {np.median(copies):.2f} | {found:.0%} |")
    print("| | **most** | | |")
    found = np.mean(others >= LEAST_SIMILARITY)
    figures = f"{others.max():.2f} | {np.median(others):.2f} | {found:.1%}"
    print(f"| the most alike other photograph | {figures} |")


def planted(folder: Path) -> None:
    """Prints how many of the copies planted in the demo are found, and what else is."""
    table = pd.read_csv(folder / "planted" / "planted.csv")
    copies = table[table["problem"] == "near_duplicate"]
    wanted = {frozenset(pair) for pair in copies[["path", "of"]].itertuples(index=False, name=None)}
    files, signatures = [], []
    for path in sorted((folder / "images").iterdir()):
        for picture in photographs([path]):
            files.append(f"images/{path.name}")
            signatures.append(signature(picture))
    pairs = look_alikes(np.stack(signatures))
    found = {frozenset((files[pair.row_a], files[pair.row_b])) for pair in pairs}
    same_eye = [pair for pair in found - wanted if len({Path(one).stem[:8] for one in pair}) == 1]
    print(
        f"\nPlanted copies of the demo: {len(found & wanted)} of {len(wanted)} found; beside them "
        f"{len(same_eye)} pairs of visits of one eye, and {len(found - wanted) - len(same_eye)} "
        "other pairs."
    )


def main() -> None:
    """Measures the demo, and the real photographs that are here."""
    with TemporaryDirectory() as folder:
        make_demo(Path(folder))
        measure("Phantoms (synthetic)", sorted((Path(folder) / "images").iterdir()))
        planted(Path(folder))
    for name, place in SETS.items():
        if files := sorted((REAL / place / "images").glob("*")):
            measure(name, files)


if __name__ == "__main__":
    main()
