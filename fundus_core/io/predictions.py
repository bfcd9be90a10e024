"""Reading tables of predictions that were made elsewhere."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.dataset import OWN_PATIENT, Task
from fundus_core.domain.predictions import Predictions
from fundus_core.errors import DataError, ScoresError
from fundus_core.io.columns import normalise_patient
from fundus_core.io.tables import TABLE_SUFFIXES, read_table
from fundus_core.io.targets import normalise_labels

__all__ = ["TABLE_SUFFIXES", "read_predictions"]


_TRUE, _SCORE = "y_true", "y_score"


def read_predictions(path: Path) -> Predictions:
    """Returns the predictions in a CSV, TSV or Parquet table made elsewhere.

    Columns: `y_true` (0/1) and `y_score` (higher means more likely positive); or, for several
    classes, `y_true_CLASS` and `y_score_CLASS` for each, which is multi-class if every row has
    exactly one class and multi-label otherwise. If possible `image_id` and `patient_id`; without
    `image_id` the result names no photograph. Ids are text as `read_table` reads it: "NA" is a
    word. Where only some rows name their patient, each of the others counts as one of its own.

    Raises:
        DataError: If the file cannot be read or a column is missing.
        ScoresError: If a label is not 0 or 1, a score is no number, or a photograph occurs twice
            or is named in some rows only.
    """
    table = read_table(path)
    classes = _classes(table, path)
    suffixes = [f"_{name}" for name in classes] or [""]
    y_true = np.stack([_labels(table, f"{_TRUE}{suffix}", path) for suffix in suffixes], axis=1)
    y_score = np.stack([_numbers(table, f"{_SCORE}{suffix}", path) for suffix in suffixes], axis=1)
    task: Task = "binary"
    if classes:
        task = "multiclass" if (y_true.sum(axis=1) == 1).all() else "multilabel"
    image_ids = _image_ids(table, path)
    return Predictions(
        model=path.stem,
        task=task,
        class_names=tuple(classes) or ("1",),
        image_ids=image_ids,
        y_true=y_true,
        y_score=y_score,
        patient_ids=_patient_ids(table, image_ids),
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
    labels = _numbers(table.assign(**{column: normalise_labels(table[column])}), column, path)
    wrong = labels[~np.isin(labels, (0, 1))]
    if len(wrong):
        raise ScoresError(
            f"{path.name} has {len(wrong)} of {len(labels)} labels other than 0 and 1, "
            f"e.g. {wrong[0]:g}.",
            hint=f"Write {column} as 0 (without) and 1 (with the disease).",
        )
    return np.asarray(labels == 1)


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
    ids = table["image_id"]
    if n_blank := int(ids.isna().sum()):
        first = int(np.argmax(ids.isna().to_numpy())) + 1
        raise ScoresError(
            f"{path.name} names no photograph in row {first}; image_id is empty in {n_blank} of "
            f"{len(ids)} rows.",
            hint="Name the photograph in every row, or leave out the column image_id.",
        )
    if n_twice := int(ids.duplicated().sum()):
        raise ScoresError(
            f"{path.name} names {n_twice} photographs more than once.",
            hint="Keep one row per photograph.",
        )
    return tuple(ids)


def _patient_ids(table: pd.DataFrame, image_ids: tuple[str, ...]) -> NDArray[np.str_] | None:
    """Returns the patient of each row, as `FundusDataset.patient_ids` does.

    What the program itself wrote of a photograph without patient is read back as it was.
    """
    if "patient_id" not in table.columns or table["patient_id"].isna().all():
        return None
    patients = table["patient_id"]
    names = image_ids or [f"row {row}" for row in range(len(table))]
    own = [f"{OWN_PATIENT}{name}" for name in names]
    return np.array(
        [
            mine if pd.isna(one) or one == mine else normalise_patient(one)
            for one, mine in zip(patients, own, strict=True)
        ],
        dtype=str,
    )
