"""Reading tables of predictions that were made elsewhere."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DataError, ScoresError

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
_NEEDED = ("y_true", "y_score")


def read_predictions(path: Path) -> Predictions:
    """Returns the predictions of a binary task in a CSV, TSV or Parquet table.

    Columns: `y_true` (0/1) and `y_score` (higher means more likely positive); if possible
    `image_id` and `patient_id`. Without `image_id` the result names no photograph.

    Raises:
        DataError: If the file cannot be read or a column is missing.
        ScoresError: If a label is not 0 or 1, a score is no number, or an image occurs twice.
    """
    table = _read_table(path)
    missing = [column for column in _NEEDED if column not in table.columns]
    if missing:
        raise DataError(
            f"{path.name} has no column {' and no column '.join(missing)}; it has: "
            f"{', '.join(map(str, table.columns))}.",
            hint="Name the columns y_true and y_score, and if possible image_id and patient_id.",
        )
    y_true = _numbers(table, "y_true", path)
    if not np.isin(y_true, (0, 1)).all():
        wrong = y_true[~np.isin(y_true, (0, 1))]
        raise ScoresError(
            f"{path.name} has {len(wrong)} of {len(y_true)} labels other than 0 and 1, "
            f"e.g. {wrong[0]:g}.",
            hint="Write y_true as 0 (healthy) and 1 (diseased).",
        )
    image_ids = _image_ids(table, path)
    patients = table["patient_id"] if "patient_id" in table.columns else None
    has_patients = patients is not None and bool(patients.notna().all())
    return Predictions(
        model=path.stem,
        task="binary",
        class_names=("1",),
        image_ids=image_ids,
        y_true=(y_true == 1)[:, None],
        y_score=_numbers(table, "y_score", path)[:, None],
        patient_ids=patients.to_numpy(dtype=str) if has_patients and patients is not None else None,
    )


def _read_table(path: Path) -> pd.DataFrame:
    as_text = {"image_id": str, "patient_id": str}
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        return pd.read_csv(path, sep=separator, dtype=as_text)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as a table: {str(error).splitlines()[0]}.",
            hint="Give a CSV, TSV or Parquet file with the columns y_true and y_score.",
        ) from error


def _numbers(table: pd.DataFrame, column: str, path: Path) -> NDArray[np.float64]:
    numbers = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    if n_bad := int((~np.isfinite(numbers)).sum()):
        raise ScoresError(
            f"{path.name} has {n_bad} of {len(numbers)} values of {column} that are no numbers.",
            hint="Remove these rows, or predict those photographs again.",
        )
    return numbers


def _image_ids(table: pd.DataFrame, path: Path) -> tuple[str, ...]:
    if "image_id" not in table.columns or table["image_id"].isna().all():
        return ()
    ids = table["image_id"].astype(str)
    if n_twice := int(ids.duplicated().sum()):
        raise ScoresError(
            f"{path.name} names {n_twice} photographs more than once.",
            hint="Keep one row per photograph.",
        )
    return tuple(ids)
