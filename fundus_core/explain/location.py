"""Where on a photograph the heat of a map lies: field of view, disc, vessels, lesions.

H and W are the photograph's height and width.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import SaliencyError


@dataclass(frozen=True, slots=True)
class RegionShare:
    """How much of a map's heat lies in one region, beside how large it is."""

    share: float
    """Heat in the region over all heat, in [0, 1]."""

    area: float
    """The region's share of what the network saw: what an even map puts there."""

    auc: float | None
    """How well the map tells the region's pixels from the rest of the field of view: area under the
    ROC curve, in [0, 1], 0.5 by chance; None where the field holds only one of the two."""


def region_shares(
    heat: NDArray[np.floating],
    field: NDArray[np.bool_],
    regions: Mapping[str, NDArray[np.bool_]],
) -> dict[str, RegionShare]:
    """Measures how much of a map's heat lies in each region.

    Args:
        heat: Shape (H, W), at least 0; NaN where the network saw nothing.
        field: Shape (H, W): the field of view.
        regions: Name -> shape (H, W).

    Raises:
        SaliencyError: If sizes differ, or the map has no heat.

    Examples:
        >>> heat = np.array([[0.0, 1.0], [0.0, 3.0]])
        >>> lower = np.array([[False, False], [True, True]])
        >>> region_shares(heat, np.ones((2, 2), bool), {"lower": lower})["lower"].share
        0.75
    """
    sizes = {heat.shape, field.shape, *(mask.shape for mask in regions.values())}
    if len(sizes) > 1:
        raise SaliencyError(
            f"The map is {heat.shape}, the field {field.shape} and the regions "
            f"{[mask.shape for mask in regions.values()]} pixels.",
            hint="Bring all to the photograph's size first.",
        )
    seen = ~np.isnan(heat)
    total = np.nansum(heat)
    if not total > 0:
        raise SaliencyError("The map has no heat.", hint="Explain the other class.")
    return {
        name: RegionShare(
            float(np.nansum(heat[mask]) / total),
            float((mask & seen).sum() / seen.sum()),
            _auc(heat, mask & seen & field, ~mask & seen & field),
        )
        for name, mask in regions.items()
    }


def _auc(
    heat: NDArray[np.floating], positive: NDArray[np.bool_], negative: NDArray[np.bool_]
) -> float | None:
    """Returns the Mann-Whitney form of the AUC of heat for telling two regions apart."""
    from scipy.stats import rankdata

    n_positive, n_negative = int(positive.sum()), int(negative.sum())
    if not n_positive or not n_negative:
        return None
    ranks = rankdata(np.concatenate([heat[positive], heat[negative]]))
    above = ranks[:n_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))
