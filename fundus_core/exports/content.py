"""What an export holds, whichever program it is for."""

from collections.abc import Callable, Collection, Mapping, Sequence
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
    """N rows; `image_id`, `path`, then metadata, strings or numbers."""

    vectors: NDArray[np.float32]
    """Shape (N, D)."""

    maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Method -> places (N, 2)."""

    about: Mapping[str, Any] = field(default_factory=dict)
    """How it was made: recipe, runs, cautions; JSON values only."""

    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Column -> numbers of a model (N,), NaN where it has none."""

    def __post_init__(self) -> None:
        """Raises DataError if the parts are not of the same photographs."""
        sizes = {len(self.table), len(self.vectors), *map(len, self.maps.values())}
        sizes.update(map(len, self.scores.values()))
        if len(sizes) > 1:
            raise DataError(
                f"The parts of the export are of {sorted(sizes)} photographs.",
                hint="Take all of them from one data set and backbone.",
            )

    def named(
        self, own: Collection[str], spelled: Callable[[str], str] = str
    ) -> tuple[pd.DataFrame, dict[str, str]]:
        """Returns the table with the scores, and those that bear another name: theirs to its own.

        Args:
            own: Names that the file needs for itself.
            spelled: Returns a name as the file can hold it.
        """
        of_scores = free_names(list(self.scores), own, spelled)
        names = free_names(list(map(str, self.table)), {*own, *of_scores.values()}, spelled)
        scores = {of_scores[name]: values for name, values in self.scores.items()}
        both = (*of_scores.items(), *names.items())
        renamed = {new: old for old, new in both if new != old}
        return self.table.rename(columns=names).assign(**scores), renamed

    def noted(self, renamed: Mapping[str, str]) -> Mapping[str, Any]:
        """Returns how it was made, with the columns that bear another name if there are any."""
        return {**self.about, "renamed": dict(renamed)} if renamed else self.about


def free_names(
    columns: Sequence[str], taken: Collection[str], spelled: Callable[[str], str] = str
) -> dict[str, str]:
    """Returns a name for each column that is neither taken nor that of another one.

    What can keep its name does; behind others stands `_given`, as often as it must.

    Args:
        columns: Names, no two the same.
        taken: Names that none of them may have.
        spelled: Returns a name as it can be written.

    Examples:
        >>> free_names(["age", "vector", "vector_given"], {"vector"})
        {'age': 'age', 'vector': 'vector_given_given', 'vector_given': 'vector_given'}
    """
    wanted = {name: spelled(name) for name in columns}
    found = {name: name for name in columns if wanted[name] == name and name not in taken}
    used = {*taken, *found}
    for name in columns:
        if name not in found:
            free = wanted[name]
            while free in used:
                free = f"{free}_given"
            found[name] = free
            used.add(free)
    return {name: found[name] for name in columns}
