"""The classical baseline: vessels by Frangi's filter and Otsu's threshold, nothing learned."""

import numpy as np
from numpy.typing import NDArray

FIELD_SIDE = 560
"""Width of the field of view at which vessels are looked for, in pixels."""

SIGMAS = (1.0, 1.44, 2.08, 3.0)
"""Half-widths of vessels, in these pixels."""

_RIM = 1 / 120
"""How much of the field's border is replaced by its neighbourhood, as a share of its width."""


def frangi_shares(photograph: NDArray[np.uint8], field: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns how much each pixel looks like a vessel; 0.5 is Otsu's threshold.

    Vesselness v is that of Frangi's filter on the green channel, where blood is darkest. It spans
    many powers of ten, and Otsu's threshold would mark the widest vessels only; the square root of
    v is used, which helps the baseline. With t, Otsu's threshold of the root inside the field, the
    share is sqrt(v) / (sqrt(v) + t).

    Args:
        photograph: Shape (H, W, 3), RGB.
        field: Shape (H, W).

    Returns:
        Shape (H, W), in [0, 1), 0 outside the field.

    References:
        Frangi, Niessen, Vincken & Viergever (1998), MICCAI, 130-137.
        Otsu (1979), IEEE Trans. Systems, Man and Cybernetics 9(1), 62-66.
    """
    import cv2
    from skimage.filters import frangi, threshold_otsu

    height, width = field.shape
    columns = np.flatnonzero(field.any(axis=0))
    if not len(columns):
        return np.zeros((height, width), np.float32)
    scale = min(1.0, FIELD_SIDE / float(columns[-1] - columns[0] + 1))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    green = cv2.resize(photograph[..., 1], size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(field.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    flat = _without_rim(green.astype(np.float64) / 255, np.asarray(inside))
    vesselness = frangi(flat, sigmas=SIGMAS, black_ridges=True)  # type: ignore[no-untyped-call]
    root = np.where(inside, np.sqrt(vesselness), 0.0)
    if float(np.ptp(root[inside])) == 0.0:
        return np.zeros((height, width), np.float32)
    threshold = float(threshold_otsu(root[inside]))  # type: ignore[no-untyped-call]
    shares = (root / (root + threshold)).astype(np.float32)
    large = np.asarray(cv2.resize(shares, (width, height)), np.float32)
    return np.where(field, large, np.float32(0))


def _without_rim(green: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns the green channel without the edge of the field, which would pass for a vessel.

    Each pixel outside, and at the rim, takes the nearest one well inside the field.
    """
    from scipy.ndimage import distance_transform_edt

    # The picture's own border is no rim: beyond it nothing is dark.
    depth = distance_transform_edt(np.pad(inside, 1, mode="edge"))[1:-1, 1:-1]
    safe = depth > _RIM * inside.shape[1]
    if safe.all() or not safe.any():
        return green
    rows, columns = distance_transform_edt(~safe, return_distances=False, return_indices=True)
    return np.asarray(np.where(safe, green, green[rows, columns]))
