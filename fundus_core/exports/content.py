"""What an export holds, whichever program it is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.errors import DataError


@dataclass(frozen=True, slots=True)
class Content:
    """N photographs with what is known of them and what a backbone and models made of them."""

    name: str
    """Of the data set."""

    table: pd.DataFrame
    """N rows; `image_id`, `path`, then metadata and scores, strings or numbers."""

    vectors: NDArray[np.float32]
    """Shape (N, D)."""

    maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Method -> places (N, 2)."""

    about: Mapping[str, Any] = field(default_factory=dict)
    """How it was made: recipe, runs, cautions; JSON values only."""

    def __post_init__(self) -> None:
        """Raises DataError if the parts are not of the same photographs."""
        sizes = {len(self.table), len(self.vectors), *map(len, self.maps.values())}
        if len(sizes) > 1:
            raise DataError(
                f"The parts of the export are of {sorted(sizes)} photographs.",
                hint="Take all of them from one data set and backbone.",
            )
