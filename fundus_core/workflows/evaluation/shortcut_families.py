"""Families of shortcuts: which measurements go into one baseline probe."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CAMERA = "camera"
"""Name of the family, and of the column of the data set's table, that names the camera."""

EVERYTHING = "all together"

_CAMERA_COLUMNS = ("camera", "device", "camera_model", "scanner")
"""What the column of cameras may be called, in any case."""

_MOST_CAMERAS = 30
_OTHER = "other or not stated"
_FEWEST_OF_A_CAMERA = 5


@dataclass(frozen=True, slots=True)
class Family:
    """One baseline."""

    label: str
    """Name shown to the user."""

    columns: tuple[str, ...]
    """Columns of the measurements."""


FAMILIES: dict[str, Family] = {
    "colour": Family("mean colour", ("red", "green", "blue")),
    "light": Family("brightness and sharpness", ("brightness", "contrast", "sharpness")),
    "geometry": Family(
        "field of view and image size",
        (
            "field_share",
            "field_radius",
            "field_x",
            "field_y",
            "field_aspect",
            "field_edges",
            "width",
            "height",
        ),
    ),
    "file": Family("file size and compression", ("file_size", "jpeg_quality")),
}
"""Key -> what is measured. The camera, and all together, come beside these."""

LABELS: dict[str, str] = {
    **{key: family.label for key, family in FAMILIES.items()},
    CAMERA: "camera",
    EVERYTHING: "all shortcuts together",
}
"""Key -> name shown to the user, in the order of tables."""


@dataclass(frozen=True, slots=True)
class Features:
    """The numbers of one family, row by row."""

    key: str
    values: NDArray[np.float32]
    """Shape (N, D); D is 0 where nothing tells the photographs apart."""

    reason: str
    """Why there is nothing to learn from; empty where there is."""


def camera_column(table: pd.DataFrame) -> str | None:
    """Returns the column that names the camera, if the table has one."""
    return next((str(name) for name in table if str(name).lower() in _CAMERA_COLUMNS), None)


def features_of(measured: pd.DataFrame, table: pd.DataFrame) -> list[Features]:
    """Returns the features of every family for the same rows.

    A missing number becomes the median, and a column says where that was done. Columns that are the
    same for every photograph are left out.

    Args:
        measured: N rows of measurements.
        table: N rows of the data set's table, in the same order.
    """
    found = [
        _family(key, [_numbers(measured[name]) for name in family.columns])
        for key, family in FAMILIES.items()
    ]
    column = camera_column(table)
    if column is None:
        reason = f"the table has no column {CAMERA!r}"
        found.append(Features(CAMERA, np.zeros((len(table), 0), np.float32), reason))
    else:
        found.append(_family(CAMERA, [_one_hot(table[column])]))
    return [*found, _family(EVERYTHING, [one.values for one in found])]


def _family(key: str, parts: Sequence[NDArray[np.float32]]) -> Features:
    values = np.concatenate(parts, axis=1)
    values = values[:, np.ptp(values, axis=0) > 0] if len(values) else values[:, :0]
    reason = "" if values.shape[1] else "the same for every photograph"
    return Features(key, values, reason)


def _numbers(column: "pd.Series[float]") -> NDArray[np.float32]:
    """Returns a column and where it was missing, shape (N, 2)."""
    missing = column.isna().to_numpy(dtype=bool)
    median = 0.0 if missing.all() else float(column.median())
    return np.stack([column.fillna(median).to_numpy(dtype=float), missing], axis=1).astype(
        np.float32
    )


def _one_hot(column: "pd.Series[str]") -> NDArray[np.float32]:
    """Returns a column per camera, shape (N, K); rare ones and missing ones share one."""
    counts = column.value_counts()
    common = counts[counts >= _FEWEST_OF_A_CAMERA].index[:_MOST_CAMERAS]
    named = column.where(column.isin(common), _OTHER)
    return pd.get_dummies(named).to_numpy(dtype=np.float32)
