"""Reading tables of predictions that were made elsewhere."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.dataset import Task
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DataError, ScoresError
from fundus_core.io.bounded import open_parquet, read_bounded
from fundus_core.io.spreadsheet_cells import unguarded
from fundus_core.io.tables import MOST_BYTES, MOST_CELLS

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
_TRUE, _SCORE = "y_true", "y_score"


def read_predictions(path: Path) -> Predictions:
    """Returns the predictions in a CSV, TSV or Parquet table made elsewhere.

    Columns: `y_true` (0/1) and `y_score` (higher means more likely positive); or, for several
    classes, `y_true_CLASS` and `y_score_CLASS` for each, which is multi-class if every row has
    exactly one class and multi-label otherwise. If possible `image_id` and `patient_id`; without
    `image_id` the result names no photograph.

    Raises:
        DataError: If the file cannot be read or a column is missing.
        ScoresError: If a label is not 0 or 1, a score is no number, or an image occurs twice.
    """
    table = _read_table(path)
    classes = _classes(table, path)
    suffixes = [f"_{name}" for name in classes] or [""]
    y_true = np.stack([_labels(table, f"{_TRUE}{suffix}", path) for suffix in suffixes], axis=1)
    y_score = np.stack([_numbers(table, f"{_SCORE}{suffix}", path) for suffix in suffixes], axis=1)
    task: Task = "binary"
    if classes:
        task = "multiclass" if (y_true.sum(axis=1) == 1).all() else "multilabel"
    patients = table["patient_id"] if "patient_id" in table.columns else None
    has_patients = patients is not None and bool(patients.notna().all())
    return Predictions(
        model=path.stem,
        task=task,
        class_names=tuple(classes) or ("1",),
        image_ids=_image_ids(table, path),
        y_true=y_true,
        y_score=y_score,
        patient_ids=patients.to_numpy(dtype=str) if has_patients and patients is not None else None,
    )


def _classes(table: pd.DataFrame, path: Path) -> list[str]:
    """Returns the classes that the columns name; none for a binary task."""
    columns = list(map(str, table.columns))
    if _TRUE in columns and _SCORE in columns:
        return []
    named = {
        stem: [c.removeprefix(f"{stem}_") for c in columns if c.startswith(f"{stem}_")]
        for stem in (_TRUE, _SCORE)
    }
    missing = [column for column in (_TRUE, _SCORE) if column not in columns]
    if any(named.values()):
        missing = [f"{_SCORE}_{name}" for name in named[_TRUE] if name not in named[_SCORE]]
        missing += [f"{_TRUE}_{name}" for name in named[_SCORE] if name not in named[_TRUE]]
    if missing:
        raise DataError(
            f"{path.name} has no column {' and no column '.join(missing)}; it has: "
            f"{', '.join(columns)}.",
            hint="Name the columns y_true and y_score (for several classes y_true_CLASS and "
            "y_score_CLASS for each), and if possible image_id and patient_id.",
        )
    return named[_TRUE]


def _labels(table: pd.DataFrame, column: str, path: Path) -> NDArray[np.bool_]:
    labels = _numbers(table, column, path)
    wrong = labels[~np.isin(labels, (0, 1))]
    if len(wrong):
        raise ScoresError(
            f"{path.name} has {len(wrong)} of {len(labels)} labels other than 0 and 1, "
            f"e.g. {wrong[0]:g}.",
            hint=f"Write {column} as 0 (without) and 1 (with the disease).",
        )
    return np.asarray(labels == 1)


def _read_table(path: Path) -> pd.DataFrame:
    as_text = {"image_id": str, "patient_id": str}
    try:
        if path.suffix.lower() == ".parquet":
            open_parquet(path, most_bytes=MOST_BYTES, most_cells=MOST_CELLS).close()
            return pd.read_parquet(path)
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        content = BytesIO(read_bounded(path, MOST_BYTES))
        table = pd.read_csv(content, sep=separator, dtype=as_text)
        table.columns = pd.Index([unguarded(str(name)) for name in table.columns])
        for name in as_text.keys() & set(table.columns):
            table[name] = table[name].map(unguarded, na_action="ignore")
        return table
    except (OSError, ValueError, OverflowError, LookupError, NotImplementedError) as error:
        said = " ".join(str(error).split())[:300]
        raise DataError(
            f"{path} cannot be read as a table: {said}.",
            hint="Give a CSV, TSV or Parquet file with the columns y_true and y_score.",
        ) from error


def _numbers(table: pd.DataFrame, column: str, path: Path) -> NDArray[np.float64]:
    try:
        numbers = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    except (OverflowError, TypeError, ValueError) as error:
        raise ScoresError(
            f"{path.name} has values of {column} that are no numbers of this size: {error}.",
            hint="Remove these rows, or predict those photographs again.",
        ) from error
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
