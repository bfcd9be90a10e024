"""The data sets of a study: opened, labelled as the study declares, and no larger than it asks."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.label_source import LabelSource, label_text
from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import StudyError
from fundus_core.io.manifest import ColumnMapping, DataSource
from fundus_core.io.typed_paths import followed, typed_path
from fundus_core.io.workspace import Workspace
from fundus_core.splits import nested_fraction
from fundus_core.studies.document import DEMO, DataPart
from fundus_core.workflows.data.datasets import dataset_id, open_with_target
from fundus_core.workflows.data.demo import demo_source, has_demo, make_demo

_DRAW = 0
"""Of the photographs of a limited study."""

_FEWEST_PATIENTS = 4
"""Of each class in a limited study, where there are as many: two folds and their inner ones."""


@dataclass(frozen=True, slots=True)
class StudyData:
    """One data set of a study, ready to be learned from or tested on."""

    part: DataPart
    dataset: FundusDataset
    id: str
    """The id the data set is remembered by."""

    fingerprint: str
    """Of the data set as the study uses it."""


def open_study_data(
    workspace: Workspace,
    part: DataPart,
    folder: Path,
    *,
    drawn_in: Workspace,
    photographs: int | None = None,
    progress: Progress = silent,
) -> StudyData:
    """Opens a data set of a study.

    Args:
        workspace: Where the data set is remembered.
        part: What the study says of it.
        folder: Of the study file.
        drawn_in: Where the demo photographs are, or are drawn if the study asks for them.
        photographs: At most about so many, whole patients of every class; None for all.
        progress: Told while photographs are read.

    Raises:
        StudyError: If its labels are not as the study says.
        DataError: If it cannot be opened.
    """
    source = _source(drawn_in, part, folder, progress)
    labels_from = part.column or part.target
    dataset = open_with_target(workspace, source, labels_from, progress=progress)
    if part.map is not None:
        dataset = mapped_labels(dataset, labels_from, part.target, part.map)
    if part.where:
        dataset = _chosen(dataset, part.where)
    if photographs is not None and len(dataset) > photographs:
        dataset = _fewer(dataset, part.target, photographs)
    return StudyData(part, dataset, dataset_id(source), dataset.fingerprint())


def mapped_labels(
    dataset: FundusDataset, column: str, target: str, mapping: Mapping[str, str]
) -> FundusDataset:
    """Returns a data set with a column of labels made of another one.

    Args:
        dataset: Holds `column`.
        column: Labels as they are.
        target: Name of the column to make.
        mapping: Label -> new label; photographs with any other label have none.

    Raises:
        StudyError: If the column is missing, or none of its labels is named.
    """
    if column not in dataset.table.columns:
        raise StudyError(
            f"{dataset.name} has no column {column!r}; it has {', '.join(dataset.table.columns)}.",
            hint="Correct `column` in the study file.",
        )
    values = dataset.table[column]
    present = {text for value in values.unique() if (text := label_text(value)) is not None}
    if not present & mapping.keys():
        raise StudyError(
            f"No label of {dataset.name} is named in the map of {target!r}: the column {column!r} "
            f"holds {', '.join(sorted(present)[:8])}; the map names {', '.join(mapping)}.",
            hint="Correct `map` in the study file.",
        )
    classes = tuple(sorted({mapping[label] for label in present & mapping.keys()}))
    if len(classes) < 2:
        raise StudyError(
            f"The map of {target!r} leaves {dataset.name} with one class only, {classes[0]!r}.",
            hint="Correct `map` in the study file.",
        )
    made = Target(target, "binary" if len(classes) == 2 else "multiclass", classes, (target,))
    others = tuple(known for known in dataset.targets if known.name != target)
    labelled = dataset.with_made(target, LabelSource(column, tuple(mapping.items())))
    return replace(labelled, targets=(*others, made))


def _source(workspace: Workspace, part: DataPart, folder: Path, progress: Progress) -> DataSource:
    if part.source == DEMO:
        if not has_demo(workspace):
            make_demo(workspace.demo, progress=progress)
        return demo_source(workspace)
    path = followed(typed_path(_expanded(part), folder))
    table = None if part.table is None else typed_path(part.table, path)
    named = part.columns
    columns = ColumnMapping(
        named.get("path"), named.get("patient"), named.get("eye"), named.get("split")
    )
    return DataSource(path, table, columns)


def _expanded(part: DataPart) -> str:
    """Returns a source with the values of the variables of the environment that it names."""
    for name in re.findall(r"\$\{?(\w+)", part.source):
        if not os.environ.get(name):
            state = "empty" if name in os.environ else "not set"
            raise StudyError(
                f"The source of {part.name} names ${name}, a variable of the environment that is "
                f"{state}.",
                hint=f"Set {name} to a folder, or write the folder into the study file.",
            )
    return os.path.expandvars(part.source)


def _chosen(dataset: FundusDataset, where: Mapping[str, str]) -> FundusDataset:
    """Returns the photographs whose columns have the values asked for."""
    keep = np.ones(len(dataset), bool)
    for column, value in where.items():
        if column not in dataset.table.columns:
            raise StudyError(
                f"{dataset.name} has no column {column!r}; it has "
                f"{', '.join(dataset.table.columns)}.",
                hint="Correct `where` in the study file.",
            )
        keep &= np.array([label_text(one) == value for one in dataset.table[column]])
    if not keep.any():
        wanted = ", ".join(f"{column} = {value}" for column, value in where.items())
        raise StudyError(
            f"No photograph of {dataset.name} has {wanted}.",
            hint="Correct `where` in the study file.",
        )
    return dataset.select([dataset.image_ids[row] for row in np.flatnonzero(keep)])


def _fewer(dataset: FundusDataset, target: str, photographs: int) -> FundusDataset:
    """Returns about so many photographs: whole patients, every class in its share, none lost."""
    y_true, known = dataset.labels(dataset.target(target))
    rows = np.flatnonzero(known)
    patients = dataset.groups
    fraction = min(1.0, photographs / len(rows))
    owners = None if patients is None else patients[rows]
    n_wanted = fraction * (len(rows) if owners is None else len(np.unique(owners)))
    at_most_half = int(n_wanted / (2 * max(2, y_true.shape[1])))
    kept = nested_fraction(
        y_true[rows],
        owners,
        fraction=fraction,
        seed=_DRAW,
        fewest=min(_FEWEST_PATIENTS, at_most_half),
    )
    return dataset.select([dataset.image_ids[row] for row in rows[kept]])
