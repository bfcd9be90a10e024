"""Measures how much the phantoms look like real photographs, and makes sheets to look at.

Run as `make realism`, with FUNDUS_REAL_DATA naming the folder of photographs and FUNDUS_WEIGHTS
that of the weights. Tables for docs/phantom.md are printed. Each photograph is first brought to the
same form: the square inside the field of view, 224 px, JPEG quality 90; so that neither the shape
of the field nor the file tells where it comes from.

    python scripts/realism.py [--demo FOLDER] [--out FOLDER] [--sheet-only]
"""

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.io.images import read_image
from fundus_core.preprocessing import field_of_view, prepare
from scripts.two_sample import (
    COMPONENTS,
    Features,
    Pixels,
    features,
    principal_components,
    two_sample_auc,
)

ROOT = Path(__file__).parents[1]
REAL = Path(os.environ.get("FUNDUS_REAL_DATA", ROOT.parent / "shared")).resolve()
WEIGHTS = Path(os.environ.get("FUNDUS_WEIGHTS", REAL / "weights")) / (
    "mobilenetv2_100.imagenet_ptq.pth"
)
REAL_TABLES = {
    "IDRiD": (REAL / "data/classification/idrid/labels.csv", 4),
    "HRF": (REAL / "data/classification/hrf/labels.csv", 1),
    "CHASE": (REAL / "data/vessels/chase_db1/pairs.csv", 1),
}
"""Table of each real set, and every how many photographs are used."""

VESSEL_TABLES = {
    "HRF": REAL / "data/vessels/hrf/pairs.csv",
    "CHASE": REAL / "data/vessels/chase_db1/pairs.csv",
}

SIDE = 224
_INSIDE = 0.66
"""Half the side of the square that is compared, in half widths of the field of view. It lies inside
the field of every set, cut off or not."""

_QUALITY = 90
_PHANTOMS_PER_SITE = 160
_ON_SHEET = 16


@dataclass(frozen=True, slots=True)
class Collection:
    """Photographs of one origin, all in the same form."""

    name: str
    squares: Pixels
    """Shape (N, SIDE, SIDE, 3)."""

    groups: tuple[str, ...]
    """N patients; a photograph whose patient is unknown counts as one."""


def main() -> None:
    """Draws phantoms if there are none, then prints every table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--demo", type=Path, default=ROOT / "workspace" / "realism" / "demo")
    parser.add_argument("--out", type=Path, default=ROOT / "workspace" / "realism")
    parser.add_argument("--sheet-only", action="store_true")
    arguments = parser.parse_args()
    if not (arguments.demo / "manifest.csv").is_file():
        from fundus_core.phantom.demo import write_demo

        write_demo(arguments.demo, plants=False)
    arguments.out.mkdir(parents=True, exist_ok=True)
    contact_sheet(phantom_paths(arguments.demo), arguments.out / "phantoms.jpg")
    contact_sheet(real_paths(), arguments.out / "real.jpg")
    if arguments.sheet_only:
        return
    phantoms = phantom_collections(arguments.demo)
    reals = [real_collection(name) for name in REAL_TABLES]
    parts = (colours(phantoms, reals), vessels(arguments.demo), two_sample(phantoms, reals))
    text = "\n".join(parts)
    (arguments.out / "realism.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{text}\nContact sheets and these tables are in {arguments.out}\n")


def rows_of(table: Path) -> list[dict[str, str]]:
    """Returns the rows of a table."""
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def phantom_paths(demo: Path) -> list[Path]:
    """Returns some phantoms, evenly over the table."""
    rows = rows_of(demo / "manifest.csv")
    chosen = np.linspace(0, len(rows) - 1, _ON_SHEET).astype(int)
    return [demo / rows[index]["path"] for index in chosen]


def real_paths() -> list[Path]:
    """Returns some real photographs of every set."""
    paths: list[Path] = []
    for table, _ in REAL_TABLES.values():
        rows = rows_of(table)
        chosen = np.linspace(0, len(rows) - 1, _ON_SHEET // 2).astype(int)
        paths += [table.parent / rows[index]["image"] for index in chosen]
    return paths


def contact_sheet(paths: Sequence[Path], out: Path, tile: int = 200, per_row: int = 8) -> None:
    """Writes photographs side by side, cut to the field of view."""
    tiles = [whole_field(path, tile) for path in paths]
    rows = [np.hstack(tiles[at : at + per_row]) for at in range(0, len(tiles), per_row)]
    sheet = cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(out), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])


def whole_field(path: Path, side: int) -> Pixels:
    """Returns the field of view, padded to a square."""
    return prepare(read_image(path), side, PreprocessRecipe()).pixels


def inner_square(path: Path) -> Pixels:
    """Returns the part of a photograph that is compared, in the common form."""
    image = read_image(path)
    box = field_of_view(image)
    half = round(_INSIDE * box.width / 2)
    x, y = (box.left + box.right) // 2, (box.top + box.bottom) // 2
    half = min(half, x, y, image.shape[1] - x, image.shape[0] - y)
    square = image[y - half : y + half, x - half : x + half]
    small = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    _, file = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), dtype=np.uint8)


def phantom_collections(demo: Path) -> list[Collection]:
    """Returns the phantoms of each camera."""
    rows = rows_of(demo / "manifest.csv")
    collections = []
    for camera in sorted({row["camera"] for row in rows}):
        chosen = [row for row in rows if row["camera"] == camera][:_PHANTOMS_PER_SITE]
        squares = np.stack([inner_square(demo / row["path"]) for row in chosen])
        groups = tuple(f"phantom {row['patient_id']}" for row in chosen)
        collections.append(Collection(f"phantoms, camera {camera}", squares, groups))
    return collections


def real_collection(name: str) -> Collection:
    """Returns one set of real photographs."""
    table, every = REAL_TABLES[name]
    rows = rows_of(table)[::every]
    squares = np.stack([inner_square(table.parent / row["image"]) for row in rows])
    groups = tuple(f"{name} {row['patient'] or row['image']}" for row in rows)
    return Collection(name, squares, groups)


def statistics_of(squares: Pixels) -> dict[str, NDArray[np.float64]]:
    """Returns figures of colour and brightness, one per photograph, in 8-bit units."""
    values = squares.astype(np.float64)
    mean, spread = values.mean(axis=(1, 2)), values.std(axis=(1, 2))
    green = squares[..., 1]
    soft = np.stack([cv2.GaussianBlur(plane, (0, 0), 8) for plane in green]).astype(np.float64)
    fine = np.stack([cv2.GaussianBlur(plane, (0, 0), 1.5) for plane in green.astype(np.float32)])
    y, x = np.mgrid[:SIDE, :SIDE] * (2 / SIDE) - 1
    radius = np.hypot(x, y)
    middle, corner = soft[:, radius < 0.3].mean(axis=1), soft[:, radius > 1.1].mean(axis=1)
    return {
        "red, mean": mean[:, 0],
        "green, mean": mean[:, 1],
        "blue, mean": mean[:, 2],
        "red, spread": spread[:, 0],
        "green, spread": spread[:, 1],
        "blue, spread": spread[:, 2],
        "green / red": mean[:, 1] / mean[:, 0],
        "blue / red": mean[:, 2] / mean[:, 0],
        "green, corner / middle": corner / middle,
        "green, coarse structure": soft.std(axis=(1, 2)),
        "green, fine structure": (green - fine).std(axis=(1, 2)),
    }


def colours(phantoms: Sequence[Collection], reals: Sequence[Collection]) -> str:
    """Returns a table of the 5th, 50th and 95th percentile of every figure, and a distance."""
    names = [collection.name for collection in (*phantoms, *reals)]
    of_each = [statistics_of(collection.squares) for collection in (*phantoms, *reals)]
    n_phantoms = len(phantoms)
    lines = [f"| figure | {' | '.join(names)} | inside | distance |"]
    lines += ["|---" * (len(names) + 3) + "|"]
    distances = []
    for figure in of_each[0]:
        ours = np.concatenate([found[figure] for found in of_each[:n_phantoms]])
        theirs = np.concatenate([_thinned(found[figure]) for found in of_each[n_phantoms:]])
        low, high = np.percentile(theirs, [2.5, 97.5])
        inside = float(np.mean((ours >= low) & (ours <= high)))
        distances.append(distance(ours, theirs))
        cells = [_percentiles(found[figure]) for found in of_each]
        lines.append(f"| {figure} | {' | '.join(cells)} | {inside:.0%} | {distances[-1]:.2f} |")
    return "\n".join([*lines, "", f"Mean distance: {np.mean(distances):.2f}", ""])


def distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Returns how far two distributions lie apart, in standard deviations of the second one.

    It is the average distance of their quantiles (Wasserstein); 0 is equal.
    """
    at = np.linspace(0.005, 0.995, 100)
    return float(np.mean(np.abs(np.quantile(a, at) - np.quantile(b, at))) / np.std(b))


def vessels(demo: Path) -> str:
    """Returns a table of which share of the field of view is vessel."""
    rows = rows_of(demo / "manifest.csv")
    lines = ["| share of the field that is vessel | 5 % | 50 % | 95 % |", "|---|---|---|---|"]
    if "vessels" in rows[0]:
        shares = [_vessel_share(demo / r["vessels"], None, demo / r["path"]) for r in rows[::3]]
        lines += _shares("phantoms", shares)
    for name, table in VESSEL_TABLES.items():
        pairs = rows_of(table)
        folder = table.parent
        shares = [
            _vessel_share(folder / r["mask"], folder / r["fov"], folder / r["image"]) for r in pairs
        ]
        lines += _shares(name, shares)
    return "\n".join([*lines, ""])


def _shares(name: str, shares: Sequence[float]) -> list[str]:
    low, middle, high = np.percentile(shares, [5, 50, 95])
    return [f"| {name} | {low:.1%} | {middle:.1%} | {high:.1%} |"]


def _vessel_share(mask: Path, field: Path | None, photograph: Path) -> float:
    """Returns the share of the field of view that a mask marks as vessel."""
    vessel = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    if field is None:
        lit = read_image(photograph).max(axis=2) > 12
        return float(((np.asarray(vessel) & 3) > 0).sum() / lit.sum())
    lit = np.asarray(cv2.imread(str(field), cv2.IMREAD_GRAYSCALE)) > 127
    return float(((np.asarray(vessel) > 127) & lit).sum() / lit.sum())


def two_sample(phantoms: Sequence[Collection], reals: Sequence[Collection]) -> str:
    """Returns a table of how well features tell phantoms from real ones; 0.5 is not at all."""
    pooled, early = zip(*(features(c.squares, WEIGHTS) for c in (*phantoms, *reals)), strict=True)
    kinds: dict[str, Sequence[Features]] = {
        f"ImageNet features, {SIDE} px": pooled,
        f"their first {COMPONENTS} principal components": principal_components(
            pooled, len(phantoms)
        ),
        "early layers, 128 px": early,
        "mean red, green, blue": [_mean_colour(c.squares) for c in (*phantoms, *reals)],
    }
    n = len(phantoms)
    ours = [group for collection in phantoms for group in collection.groups]
    lines = [f"| AUC, phantoms against | all | {' | '.join(c.name for c in reals)} |"]
    lines += ["|---" * (len(reals) + 2) + "|"]
    for kind, values in kinds.items():
        drawn = np.concatenate(values[:n])
        cells = [
            two_sample_auc(
                drawn,
                np.concatenate([values[n + i] for i in chosen]),
                ours,
                [group for i in chosen for group in reals[i].groups],
            )
            for chosen in (range(len(reals)), *([i] for i in range(len(reals))))
        ]
        lines.append(f"| {kind} | {' | '.join(f'{auc:.3f}' for auc in cells)} |")
    return "\n".join([*lines, ""])


def _mean_colour(squares: Pixels) -> Features:
    return np.asarray(squares.mean(axis=(1, 2)), dtype=np.float32)


def _thinned(values: NDArray[np.float64], n: int = 100) -> NDArray[np.float64]:
    """Returns n quantiles, so that every set counts the same."""
    return np.asarray(np.quantile(values, np.linspace(0.005, 0.995, n)))


def _percentiles(values: NDArray[np.float64]) -> str:
    digits = 2 if np.median(values) < 2 else 1
    return " ".join(f"{value:.{digits}f}" for value in np.percentile(values, [5, 50, 95]))


if __name__ == "__main__":
    main()
