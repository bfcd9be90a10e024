"""What lies within the boxes and lassos that were drawn on a map, whether it was drawn or not."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Outline = Mapping[str, object]
"""A box or lasso as the browser sends it: `x` and `y`, a list of numbers each."""


def selected_rows(
    selection: Mapping[str, Sequence[Outline]], points: NDArray[np.float32], *, most: int
) -> NDArray[np.int32]:
    """Returns the rows that were selected on a map, in ascending order.

    Where all points are drawn they are those the browser names: what the legend hides is left out.
    Where a sample is drawn they are all that lie within the outline, drawn or not.

    Args:
        selection: What Streamlit hands over: `points`, and the outlines `box` and `lasso`.
        points: Shape (N, 2), as given to `map_figure`.
        most: N from which on only a sample is drawn.
    """
    named = [point["customdata"] for point in selection["points"] if "customdata" in point]
    rows = np.unique(np.array([_row(entry) for entry in named], np.int32))
    if len(points) <= most or not (selection["box"] or selection["lasso"]):
        return rows
    inside = np.zeros(len(points), bool)
    for box in selection["box"]:
        inside |= within_box(points, _numbers(box, "x"), _numbers(box, "y"))
    for lasso in selection["lasso"]:
        inside |= within(points, np.stack([_numbers(lasso, "x"), _numbers(lasso, "y")], axis=1))
    return np.flatnonzero(inside).astype(np.int32)


def within_box(
    points: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Returns which points (N, 2) lie within a box, or on its border.

    Args:
        points: Shape (N, 2).
        x: Its left and right end, in either order.
        y: Its lower and upper end, in either order.
    """
    across, along = points[:, 0], points[:, 1]
    inside: NDArray[np.bool_] = (across >= x.min()) & (across <= x.max())
    inside &= (along >= y.min()) & (along <= y.max())
    return inside


def within(points: NDArray[np.float32], outline: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns which points lie within a polygon, by the parity of edges crossed to their right.

    Points are sorted by height once, so that an edge looks only at those between its ends: a lasso
    of a thousand corners costs little more than one of four.

    Args:
        points: Shape (N, 2).
        outline: Shape (k, 2), corners in order; the last is joined to the first. Where it crosses
            itself, what is enclosed twice is outside.

    Returns:
        Shape (N,).

    References:
        Shimrat (1962), Algorithm 112: position of point relative to polygon, CACM 5(8), 434.

    Examples:
        >>> square = np.array([[0, 0], [2, 0], [2, 2], [0, 2]], float)
        >>> within(np.array([[1, 1], [3, 1]], np.float32), square).tolist()
        [True, False]
    """
    inside = np.zeros(len(points), bool)
    if not len(outline):
        return inside
    rows = np.flatnonzero(within_box(points, outline[:, 0], outline[:, 1]))
    rows = rows[np.argsort(points[rows, 1], kind="stable")]
    x, y = points[rows, 0].astype(np.float64), points[rows, 1].astype(np.float64)
    crossed = np.zeros(len(rows), bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        first, last = np.searchsorted(y, (min(y0, y1), max(y0, y1)))
        height = y[first:last]
        crossed[first:last] ^= x[first:last] < x0 + (height - y0) * (x1 - x0) / (y1 - y0)
    inside[rows[crossed]] = True
    return inside


def _numbers(outline: Outline, name: str) -> NDArray[np.float64]:
    return np.asarray(outline[name], np.float64)


def _row(entry: object) -> int:
    """Returns the row a point carries; Plotly wraps it in a list for some traces."""
    return int(entry[0]) if isinstance(entry, list | tuple) else int(entry)  # type: ignore[call-overload]
