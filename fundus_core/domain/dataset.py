"""A set of fundus photographs with what is known of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.fields import plain
from fundus_core.domain.label_source import LabelSource
from fundus_core.domain.recipe import fingerprint_of
from fundus_core.errors import TargetError

Task = Literal["binary", "multiclass", "multilabel"]

RejectReason = Literal[
    "missing",
    "changed",
    "unreadable",
    "truncated",
    "too_small",
    "too_large",
    "blank",
    "unknown_label",
    "duplicate_path",
    "duplicate_image",
    "other_table",
    "masks",
]

NO_ROWS: tuple[RejectReason, ...] = ("other_table", "masks")
"""Reasons of whole tables and folders that lie among the photographs and are none of them."""

RESERVED_COLUMNS = ("image_id", "path", "patient_id", "eye", "split")
"""Columns every table has after reading, whatever they were called in the file."""

NEVER_TARGETS = ("image_id", "path", "patient_id", "image_id_given", "patient_id_given")
"""Columns that say whose photograph a row is, or which one: nobody predicts them, and as classes
they would go wherever classes go."""

TWO_LABELS = ("0", "1")
"""What a column of a multi-label target may hold: absent and present."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something to predict: one column, or one 0/1 column per class."""

    name: str
    """The column's name; for multi-label targets the names joined by commas."""

    task: Task

    classes: tuple[str, ...]
    """All classes, as strings. Binary: (negative, positive)."""

    columns: tuple[str, ...]
    """Columns of the table that hold it: one, or one per class (multi-label)."""

    @property
    def scored_classes(self) -> tuple[str, ...]:
        """The classes that get a score: the positive one alone for a binary target."""
        return self.classes[1:] if self.task == "binary" else self.classes

    @property
    def other_class(self) -> str:
        """The class that gets no score: the negative one of a binary target, else empty."""
        return self.classes[0] if self.task == "binary" else ""

    def class_label(self, class_name: str) -> str:
        """Returns a class in a way that reads alone: a bare number is given its column's name.

        Examples:
            >>> Target("grade", "multiclass", ("0", "1", "2"), ("grade",)).class_label("2")
            'grade = 2'
            >>> Target("disease", "binary", ("healthy", "DR"), ("disease",)).class_label("DR")
            'DR'
        """
        is_bare = class_name.replace(".", "", 1).isdigit() and self.task != "multilabel"
        return f"{self.columns[0]} = {class_name}" if is_bare else class_name

    @property
    def words(self) -> tuple[str, ...]:
        """What its columns hold where a label is known."""
        return TWO_LABELS if self.task == "multilabel" else self.classes

    @property
    def one_against_rest(self) -> bool:
        """True for `COLUMN=CLASS`: one class of a column against all its others."""
        return self.task == "binary" and self.name == f"{self.columns[0]}={self.classes[1]}"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A file or row that was given but is not used, and why."""

    path: str
    reason: RejectReason
    detail: str
    """One sentence for the user."""


OWN_PATIENT = "image:"
"""Begins the patient of a photograph that names none where others do; its image id follows. No
patient that a table names begins so, see `normalise_patient`."""


@dataclass(frozen=True)
class FundusDataset:
    """N photographs, one row each, no two with the same bytes."""

    name: str
    """Shown to the user; the folder's or table's name."""

    source: str
    """Folder or table it was read from."""

    table: pd.DataFrame
    """N rows, index 0..N-1. `RESERVED_COLUMNS` (strings; missing values are None) first, then
    target and metadata columns. `path` is absolute. `image_id` is the hash of the file's bytes."""

    targets: tuple[Target, ...]
    """What can be predicted, in the order of the columns."""

    rejected: tuple[RejectedRow, ...] = ()
    """Rows left out; they are not in `table`."""

    synthetic: bool = field(default=False)
    """True when the photographs were drawn by `fundus_core.phantom`."""

    hidden: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    """Columns as they were given that `table` lacks, or holds other words of, because names are
    hidden; a row per `image_id`, which is its index. For folds and keys, so that they are those
    of the names; never to be shown or stored."""

    bundle: str = ""
    """Its own id if it came in a bundle; empty for photographs that were opened here."""

    made: Mapping[str, LabelSource] = field(default_factory=dict)
    """Columns of labels that the table it was read from lacks: how each was made."""

    def __len__(self) -> int:
        """Returns N."""
        return len(self.table)

    @cached_property
    def image_ids(self) -> tuple[str, ...]:
        """N distinct content hashes, in the order of the table."""
        return tuple(self.table["image_id"])

    @property
    def has_patients(self) -> bool:
        """True when every photograph names its patient."""
        return len(self) > 0 and bool(self.table["patient_id"].notna().all())

    @property
    def n_patients(self) -> int | None:
        """Number of distinct patients, or None when not every photograph names one."""
        return int(self.table["patient_id"].nunique()) if self.has_patients else None

    @property
    def patient_ids(self) -> NDArray[np.str_] | None:
        """Shape (N,), or None when no photograph names its patient.

        Where only some do, each of the others counts as a patient of its own.
        """
        return _patients(self.table)

    @property
    def groups(self) -> NDArray[np.str_] | None:
        """As `patient_ids`, by the names as they were given: to divide by, not to be shown."""
        return _patients(self.as_given())

    @property
    def columns_left_out(self) -> tuple[str, ...]:
        """Columns that `table` lacks because they may tell patients apart and names are hidden."""
        hidden = () if self.hidden is None else self.hidden.columns
        return tuple(str(name) for name in hidden if name not in self.table)

    def as_given(self) -> pd.DataFrame:
        """Returns the table with what is hidden in `table`; never to be shown or stored."""
        if self.hidden is None:
            return self.table
        given = self.hidden.loc[list(self.image_ids)]
        return self.table.assign(**{str(name): given[name].to_numpy() for name in given})

    def fingerprint(self) -> str:
        """Returns a key of the photographs, their order and all columns but their place on disk."""
        content = self.as_given().drop(columns="path").astype(object)
        content = content.where(content.notna(), None)
        return fingerprint_of({name: plain(list(content[name])) for name in content})

    def target(self, name: str) -> Target:
        """Returns the target that a name stands for.

        Args:
            name: A target's name; `COLUMN=CLASS` for one class against the rest; or several 0/1
                columns joined by commas for a multi-label target.

        Raises:
            TargetError: If the table has no such target, or a column is named more than once.
        """
        known = {target.name: target for target in self.targets}
        if name in known:
            return known[name]
        column, _, chosen = name.partition("=")
        if column in known and chosen in known[column].classes:
            return Target(name, "binary", (f"not {chosen}", chosen), (column,))
        parts = tuple(part.strip() for part in name.split(","))
        if len(parts) > 1 and all(
            part in known and set(known[part].classes) == set(TWO_LABELS) for part in parts
        ):
            require_each_once(parts)
            return Target(",".join(parts), "multilabel", parts, parts)
        raise TargetError(
            f"{self.name} has no target {name!r}; it has: {', '.join(known) or 'none'}.",
            hint="Choose one of them, COLUMN=CLASS for one class against the rest, or several 0/1 "
            "columns joined by commas.",
        )

    def labels(self, target: Target) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Returns the labels of a target, one column per scored class, and which rows have them.

        C is the number of scored classes: 1 for a binary target. A value that is none of the
        target's `words` is no label, as a blank is none; against the rest, every value is one.

        Returns:
            `y_true` of shape (N, C), all False in rows without label; `known` of shape (N,).
        """
        raw = self.table[list(target.columns)].astype(object)
        known = cast(NDArray[np.bool_], raw.notna().all(axis=1).to_numpy(dtype=bool))
        if target.task == "multilabel":
            known = known & raw.isin(TWO_LABELS).all(axis=1).to_numpy(dtype=bool)
            return (raw == "1").to_numpy(dtype=bool) & known[:, np.newaxis], known
        column = raw.iloc[:, 0]
        y_true = np.stack([(column == name).to_numpy() for name in target.scored_classes], axis=1)
        if not target.one_against_rest:
            known = known & column.isin(target.classes).to_numpy(dtype=bool)
        return y_true.astype(bool), known

    def select(self, image_ids: Sequence[str]) -> "FundusDataset":
        """Returns the same data set with only the given photographs, in the given order."""
        some = self.table[self.table["image_id"].isin(image_ids)]  # an index of all takes longer
        rows = some.set_index("image_id", drop=False).loc[list(image_ids)]
        table = rows.reset_index(drop=True)
        return FundusDataset(
            self.name,
            self.source,
            table,
            self.targets,
            self.rejected,
            self.synthetic,
            self.hidden,
            self.bundle,
            self.made,
        )

    def with_made(self, column: str, source: LabelSource) -> "FundusDataset":
        """Returns the same data set with a column of labels made of another one.

        Args:
            column: To make; one of this name is replaced.
            source: How; the table holds its column.
        """
        labels = source.made_of(self.table[source.column])
        table = self.table.assign(**{column: labels})
        return replace(self, table=table, made={**self.made, column: source})

    def source_of(self, target: Target) -> LabelSource:
        """Returns how the labels of a target came of the table."""
        return self.made.get(target.columns[0], LabelSource())


def require_each_once(columns: Sequence[str]) -> None:
    """Refuses columns of labels of which one is there again: two classes would be the same.

    Raises:
        TargetError: With the first of them.
    """
    for number, name in enumerate(columns):
        if name in columns[:number]:
            raise TargetError(
                f"The target {','.join(columns)!r} names {name!r} more than once.",
                hint="Name each column once.",
            )


def own_patients(table: pd.DataFrame) -> "pd.Series[bool]":
    """Says which rows have their photograph for a patient, as those do that name none.

    Args:
        table: With the columns `image_id` and `patient_id`.
    """
    return table["patient_id"] == OWN_PATIENT + table["image_id"].astype(str)


def _patients(table: pd.DataFrame) -> NDArray[np.str_] | None:
    """Returns the patient of each row, see `FundusDataset.patient_ids`."""
    patients = table["patient_id"]
    if len(table) == 0 or patients.isna().all():
        return None
    own = OWN_PATIENT + table["image_id"].astype(str)
    return patients.where(patients.notna(), own).to_numpy(dtype=str)
