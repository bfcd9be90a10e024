"""How large a map of 200,000 photographs is to draw, and how long a lasso on it takes to resolve.

    python -m benchmarks.map_selection

Synthetic points in 40 groups; a lasso of 300 corners around about half of them, as a hand draws it.
Its ids are found by `within`, beside two other ways: matplotlib's `Path.contains_points`, which is
compiled and knows nothing of the points' order, and a loop over the points in Python, timed on a
twentieth of them and scaled up. Every way is timed in turn, round after round, in one run; all
must name the same photographs.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.io.workspace import Workspace
from fundus_core.plots.lasso import within
from fundus_core.plots.map import SAMPLE, colouring, map_figure
from fundus_core.workflows.data.selections import keep_selection

N_POINTS = 200_000
CORNERS = 300
ROUNDS = 7
_SHARE = 20
"""Of the points, one in so many goes through the loop."""

Points = NDArray[np.float32]
Outline = NDArray[np.float64]


def synthetic_map() -> Points:
    """Returns points around 40 centres, some groups large and some small."""
    generator = np.random.default_rng(0)
    centres = generator.normal(scale=20, size=(40, 2))
    group = generator.choice(40, N_POINTS, p=generator.dirichlet(np.ones(40)))
    return (centres[group] + generator.normal(size=(N_POINTS, 2))).astype(np.float32)


def hand_drawn(points: Points) -> Outline:
    """Returns a wavy outline around about half of the points."""
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    middle = np.median(points, axis=0)
    radius = np.median(np.linalg.norm(points - middle, axis=1))
    waves = 1 + 0.15 * np.sin(5 * angle) + 0.05 * np.sin(23 * angle)
    corners = middle + (radius * waves)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(corners, np.float64)


def by_matplotlib(points: Points, outline: Outline) -> NDArray[np.bool_]:
    """Returns which points lie within, by the compiled routine of a plotting library."""
    from matplotlib.path import Path as Polygon

    inside: NDArray[np.bool_] = Polygon(outline).contains_points(points)
    return inside


def by_loop(points: Points, outline: Outline) -> NDArray[np.bool_]:
    """Returns which points lie within, point by point and edge by edge."""
    corners = [tuple(map(float, corner)) for corner in outline]
    edges = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    inside = []
    for x, y in points.astype(float):
        crossings = 0
        for (x0, y0), (x1, y1) in edges:
            if (y0 > y) != (y1 > y):
                crossings += x < x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        inside.append(crossings % 2 == 1)
    return np.array(inside)


def seconds(work: Callable[[], object]) -> float:
    """Returns how long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bytes_per_draw(points: Points, selected: NDArray[np.bool_]) -> dict[str, int]:
    """Returns the size of what a browser is sent: by category and by number, with a selection."""
    rows = np.arange(len(points))
    by_grade = colouring("grade", pd.Series(rows % 5).astype(str))
    by_age = colouring("age", pd.Series(rows % 90).astype(str))
    return {
        "five categories": len(map_figure(points, by_grade).to_json()),
        "numbers": len(map_figure(points, by_age).to_json()),
        "numbers, half selected": len(map_figure(points, by_age, selected=selected).to_json()),
    }


def main() -> None:
    """Measures and prints."""
    points = synthetic_map()
    outline = hand_drawn(points)
    ids = np.array([f"{row:032x}" for row in range(N_POINTS)], dtype=object)
    few = points[::_SHARE]
    ours = within(points, outline)
    if not (by_loop(few, outline) == ours[::_SHARE]).all():
        raise ArithmeticError("the loop finds other photographs than within() does")
    differing = int((by_matplotlib(points, outline) != ours).sum())
    took: dict[str, list[float]] = {name: [] for name in ("ours", "matplotlib", "loop", "kept")}
    with TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            took["ours"].append(seconds(lambda: within(points, outline)))
            took["matplotlib"].append(seconds(lambda: by_matplotlib(points, outline)))
            took["loop"].append(_SHARE * seconds(lambda: by_loop(few, outline)))
            work = partial(keep_selected, Path(folder) / str(number), points, outline, ids)
            took["kept"].append(seconds(work))
    median = {name: statistics.median(values) for name, values in took.items()}
    print(f"{N_POINTS:,} synthetic points, a lasso of {CORNERS} corners around {ours.sum():,}\n")
    print("| from the polygon to | median ms | times ours |\n| --- | --- | --- |")
    for name, what in (
        ("ours", "rows, `within`"),
        ("matplotlib", "rows, `Path.contains_points`"),
        ("loop", f"rows, a loop in Python ({_SHARE} x a {_SHARE}th)"),
        ("kept", "ids, stored under their key"),
    ):
        print(f"| {what} | {1e3 * median[name]:.1f} | {median[name] / median['ours']:.1f} |")
    print(f"\nPoints that matplotlib judges otherwise: {differing}")
    print(f"Bytes per draw (density and {SAMPLE:,} points):")
    for what, size in bytes_per_draw(points, ours).items():
        print(f"  {what}: {size:,}")


def keep_selected(folder: Path, points: Points, outline: Outline, ids: NDArray[np.object_]) -> str:
    """Does all that the server does between a lasso and the next draw."""
    return keep_selection(Workspace(folder), "synthetic", tuple(ids[within(points, outline)]))


if __name__ == "__main__":
    main()
