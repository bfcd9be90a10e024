"""What markings measure: vessel density, fractal dimension, tortuosity, widths, cup and disc.

All photographs are measured at one scale, the field of view being `FIELD_SIDE` pixels wide, since
fractal dimension and tortuosity depend on how fine the pixels are. None of these figures is the
clinical index of a similar name: see docs/marking.md.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

FIELD_SIDE = 768
"""Width of the field of view at which vessels are measured, in pixels."""

_SHORTEST = 12
"""Segments of fewer pixels have no tortuosity: steps of whole pixels would bend them."""

_FEWEST_BOXES = 3
_BOXES = (4, 8, 16, 32, 64, 128)
"""Sides of boxes, in pixels: smaller ones see a line in every vessel."""


@dataclass(frozen=True, slots=True)
class VesselMeasures:
    """Figures of the vessels of one photograph; None where they cannot be had."""

    density: float | None
    """Share of the field that is vessel, in [0, 1]."""

    fractal_dimension: float | None
    """Of the vessels' centre lines by counting boxes, between 1 and 2."""

    tortuosity: float | None
    """Length of a vessel segment over the distance of its ends, the mean weighted by length; 1 is
    straight."""

    width: float | None
    """Mean width of vessels as a share of the field's width: area over length of centre lines."""


def measure_vessels(vessels: NDArray[np.bool_], field: NDArray[np.bool_]) -> VesselMeasures:
    """Measures vessels inside the field of view.

    Args:
        vessels: Shape (H, W).
        field: Shape (H, W), with at least one pixel.
    """
    from skimage.morphology import skeletonize

    inside = vessels & field
    if not inside.any():
        return VesselMeasures(float(inside.sum() / max(1, field.sum())), None, None, None)
    lines = skeletonize(inside)  # type: ignore[no-untyped-call]
    across = np.flatnonzero(field.any(axis=0))
    span = int(across[-1] - across[0] + 1)
    return VesselMeasures(
        density=float(inside.sum() / field.sum()),
        fractal_dimension=box_dimension(lines),
        tortuosity=mean_tortuosity(lines),
        width=float(inside.sum() / lines.sum() / span),
    )


def box_dimension(marked: NDArray[np.bool_]) -> float | None:
    """Returns the box-counting dimension: how fast the number of boxes grows as they get smaller.

    Boxes have sides of 4, 8, ... 128 pixels; the dimension is the slope of the line through
    the logarithms of count and 1 / side.

    Args:
        marked: Shape (H, W).

    Returns:
        About 1 for a line and 2 for an area; None if fewer than three sizes fit or nothing is
        marked.

    References:
        Liebovitch & Toth (1989), Physics Letters A 141(8-9), 386-390.

    Examples:
        >>> box_dimension(np.eye(256, dtype=bool)), box_dimension(np.ones((256, 256), bool))
        (1.0, 2.0)
    """
    sides = [side for side in _BOXES if side <= min(marked.shape) // 2]
    if len(sides) < _FEWEST_BOXES or not marked.any():
        return None
    counts = [_boxes(marked, side) for side in sides]
    slope = np.polyfit(np.log(1 / np.array(sides)), np.log(counts), 1)[0]
    return round(float(slope), 12)


def mean_tortuosity(lines: NDArray[np.bool_]) -> float | None:
    """Returns the mean of arc over chord of the segments between forks, weighted by length.

    Args:
        lines: Shape (H, W): centre lines of one pixel.

    Returns:
        1 or more; None if no segment is long enough.

    References:
        Hart, Goldbaum, Cote, Kube & Nelson (1999), International Journal of Medical Informatics
        53(2-3), 239-252 (arc over chord).
    """
    from scipy.ndimage import label

    segments = lines & ~_near(lines & (_branches(lines) > 2))
    numbers, n_segments = label(segments, structure=np.ones((3, 3), int))
    arcs, chords = [], []
    for rows, columns in _members(numbers, n_segments):
        if len(rows) < _SHORTEST:
            continue
        arc, chord = _arc_and_chord(rows, columns)
        if chord > 0:
            arcs.append(arc)
            chords.append(chord)
    if not arcs:
        return None
    lengths = np.array(arcs)
    return float((lengths * (lengths / np.array(chords))).sum() / lengths.sum())


def artery_vein_ratio(
    arteries: NDArray[np.bool_], veins: NDArray[np.bool_], field: NDArray[np.bool_]
) -> float | None:
    """Returns the mean width of arteries over that of veins, both over the whole field.

    Not the arteriolar-to-venular ratio of Knudtson et al., which is that of the six widest vessels
    in a ring around the disc.

    Args:
        arteries: Shape (H, W); crossings may be part of both.
        veins: Shape (H, W).
        field: Shape (H, W).

    Returns:
        Positive; None if there are no arteries or no veins.
    """
    only = arteries & ~veins, veins & ~arteries
    widths = [measure_vessels(one, field).width for one in only]
    return None if widths[0] is None or widths[1] is None else widths[0] / widths[1]


def vertical_cup_disc_ratio(cup: NDArray[np.bool_], disc: NDArray[np.bool_]) -> float | None:
    """Returns the height of the cup over that of the disc, of their largest pieces.

    Args:
        cup: Shape (H, W).
        disc: Shape (H, W), with the cup.

    Returns:
        0 without a cup; None without a disc.
    """
    disc_rows = np.flatnonzero(_largest(disc | cup).any(axis=1))
    if not len(disc_rows):
        return None
    cup_rows = np.flatnonzero(_largest(cup).any(axis=1))
    height = disc_rows[-1] - disc_rows[0] + 1
    return float((cup_rows[-1] - cup_rows[0] + 1) / height) if len(cup_rows) else 0.0


def measures(
    marked: dict[str, NDArray[np.bool_]], field: NDArray[np.bool_]
) -> dict[str, float | None]:
    """Returns all figures that a marking's channels give, by column name.

    Args:
        marked: Name of a channel -> shape (H, W). Known names are vessel, artery, vein, disc and
            cup; of any other channel the share of the field is given.
        field: Shape (H, W).
    """
    found: dict[str, float | None] = {}
    arteries, veins = marked.get("artery"), marked.get("vein")
    if arteries is not None and veins is not None:
        found["artery_vein_width_ratio"] = artery_vein_ratio(arteries, veins, field)
    vessels = marked.get("vessel", _either(arteries, veins))
    if vessels is not None:
        of_vessels = asdict(measure_vessels(vessels, field))
        found |= {f"vessel_{name}": value for name, value in of_vessels.items()}
    if "disc" in marked and "cup" in marked:
        found["vertical_cup_disc_ratio"] = vertical_cup_disc_ratio(marked["cup"], marked["disc"])
    for name in marked.keys() - {"vessel"}:
        found[f"{name}_share"] = float((marked[name] & field).sum() / max(1, field.sum()))
    return dict(sorted(found.items()))


def _either(
    one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    return None if one is None or other is None else one | other


def _boxes(marked: NDArray[np.bool_], side: int) -> int:
    """Returns how many boxes of a grid hold something."""
    height, width = (-(-length // side) * side for length in marked.shape)
    padded = np.zeros((height, width), bool)
    padded[: marked.shape[0], : marked.shape[1]] = marked
    boxes = padded.reshape(height // side, side, width // side, side)
    return int(boxes.any(axis=(1, 3)).sum())


def _branches(lines: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Returns how many lines leave each pixel: changes from 0 to 1 going once around it.

    References:
        Rutovitz (1966), J. R. Stat. Soc. A 129(4), 504-530 (crossing number).
    """
    padded = np.pad(lines, 1)
    height, width = lines.shape
    around = [padded[1 + dr : 1 + dr + height, 1 + dc : 1 + dc + width] for dr, dc in _AROUND]
    pairs = zip(around, [*around[1:], around[0]], strict=True)
    return np.asarray(sum(~one & following for one, following in pairs), np.intp)


_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""Neighbours of a pixel, clockwise from the one above."""


def _near(points: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns points and their eight neighbours."""
    import cv2

    return np.asarray(cv2.dilate(points.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _members(
    numbers: NDArray[np.integer], n: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Returns rows and columns of the pixels of each numbered piece."""
    rows, columns = np.nonzero(numbers)
    order = np.argsort(numbers[rows, columns], kind="stable")
    ends = np.cumsum(np.bincount(numbers[rows, columns], minlength=n + 1)[1:])[:-1]
    return list(zip(np.split(rows[order], ends), np.split(columns[order], ends), strict=True))


def _arc_and_chord(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> tuple[float, float]:
    """Returns the length of a line of pixels, every third one joined, and its ends' distance."""
    path = _in_order(rows, columns)
    smooth = path[:: max(1, _SHORTEST // 4)]
    if not np.array_equal(smooth[-1], path[-1]):
        smooth = np.vstack([smooth, path[-1]])
    arc = float(np.hypot(*np.diff(smooth, axis=0).T).sum())
    return arc, float(np.hypot(*(path[-1] - path[0])))


def _in_order(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """Returns the pixels of a line from one end to the other, shape (n, 2).

    Each pixel is followed by its nearest neighbour that was not passed; a side branch that a
    thinned line may have is left out.
    """
    left = set(zip(rows.tolist(), columns.tolist(), strict=True))
    start = min(left, key=lambda pixel: (_degree(pixel, left), pixel))
    path = [start]
    left.discard(start)
    while True:
        row, column = path[-1]
        steps = [(row + dr, column + dc) for dr, dc in _STEPS if (row + dr, column + dc) in left]
        if not steps:
            return np.array(path, np.float64)
        path.append(steps[0])
        left.discard(steps[0])


_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))


def _degree(pixel: tuple[int, int], others: set[tuple[int, int]]) -> int:
    return sum((pixel[0] + dr, pixel[1] + dc) in others for dr, dc in _STEPS)


def _largest(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the largest connected piece; nothing where nothing is marked."""
    from scipy.ndimage import label

    numbers, n = label(marked)
    if not n:
        return np.zeros(marked.shape, bool)
    return np.asarray(numbers == 1 + int(np.bincount(numbers.ravel())[1:].argmax()))
