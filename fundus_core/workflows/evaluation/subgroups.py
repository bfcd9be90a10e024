"""Use case: is a model as good in every group of photographs, by any column of the table?"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.checks import Caution
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.class_tests import FEWEST_UNITS_TO_TEST
from fundus_core.stats.decisions import HALF
from fundus_core.stats.grouping import cut
from fundus_core.stats.subgroups import GroupTest, Subgroups, subgroups, without_shares
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.data.measured import stored_measurements
from fundus_core.workflows.evaluation.aligned import ScoredModel, cautions_of
from fundus_core.workflows.evaluation.viewed import viewed
from fundus_core.workflows.models.changed_since import still_there
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions

MEASURED = "measured:"
"""Begins the name of a column that is not of the table but was measured of the photographs."""

NO_THRESHOLD = (
    "Words alone gave the scores: 0.5 is no threshold, so there is no sensitivity or specificity."
)
"""Said of a `GroupedRun` that only ranks."""

USUAL_BANDS = 4
MOST_GROUPS = 20
"""A column of more values is cut into bands if they are numbers, and not offered otherwise."""

_FEWEST_TO_CUT = 10
"""Numbers of more distinct values than this are cut into bands."""

_NOT_GROUPS = ("image_id", "path", "patient_id")
_FIRST = ("site", "camera", "eye", "sex", "age")
"""Columns that most readers ask for, at the top of the menu."""

_QUALITY = ("sharpness", "brightness", "contrast", "field_share", "file_size", "jpeg_quality")


@dataclass(frozen=True, slots=True)
class GroupingColumn:
    """A column by which photographs can be grouped."""

    name: str
    """As in the table, or `measured:NAME`."""

    kind: Literal["names", "numbers"]
    """Numbers are cut into bands."""

    n_values: int
    """Distinct values."""

    n_missing: int
    """Photographs without a value."""


@dataclass(frozen=True, slots=True)
class GroupedRun:
    """A model in every group of photographs."""

    run_id: str
    label: str
    class_name: str
    column: GroupingColumn
    edges: tuple[float, ...]
    """Inner edges of the bands; none for names."""

    result: Subgroups
    n_images: int
    n_patients: int | None
    cautions: tuple[Caution, ...]
    ranks_only: bool = False
    """Whether there is no threshold, and no sensitivity or specificity: words alone gave scores."""

    @property
    def tests(self) -> tuple[GroupTest, ...]:
        """The tests that there are, or could be with other groups."""
        return self.result.tests[:1] if self.ranks_only else self.result.tests


def grouping_columns(
    workspace: Workspace, dataset: FundusDataset, target: Target
) -> tuple[GroupingColumn, ...]:
    """Returns the columns by which a data set can be grouped, those most asked for first.

    These are columns of 2 to `MOST_GROUPS` values, columns of numbers, and what was measured of the
    photographs; not the labels of the target itself.
    """
    table = dataset.table.drop(columns=[*_NOT_GROUPS, *target.columns], errors="ignore")
    found = [one for name in table if (one := _described(str(name), table[name]))]
    found.sort(key=lambda one: _FIRST.index(one.name) if one.name in _FIRST else len(_FIRST))
    measured = stored_measurements(workspace, dataset)
    if measured is not None:
        rows = measured.table.reindex(list(dataset.image_ids))
        found += [one for name in _QUALITY if (one := _described(f"{MEASURED}{name}", rows[name]))]
    return tuple(found)


def subgroups_of(
    workspace: Workspace,
    run: Run,
    column: str,
    class_name: str | None = None,
    *,
    threshold: float | None = None,
    bands: int = USUAL_BANDS,
    min_patients: int = FEWEST_UNITS_TO_TEST,
) -> GroupedRun:
    """Measures a model in each group of photographs and tests whether groups differ.

    Args:
        workspace: Where the run is.
        run: Of any kind, with labels, on a data set of this workspace.
        column: Name of one of `grouping_columns`.
        class_name: Of several classes, the one to ask about.
        threshold: One for all groups; None for 0.5, or for none where words alone gave the scores.
        bands: Into how many quantiles numbers are cut.
        min_patients: Fewest patients (photographs, where patients are unknown) of each class that
            a group must have to be tested.

    Raises:
        DataError: If the data set was never opened in this workspace.
        DifferentImagesError: If it holds none of the model's photographs any more.
        TargetError: If the column is not one to group by, or the class is not predicted.
        SingleClassError: If the photographs are all of one class.
    """
    dataset = stored_dataset(workspace, run.dataset_id)
    model = viewed(
        ScoredModel(run.id, run_predictions(workspace, run), run.cautions), class_name, None
    )
    chosen = _required(workspace, dataset, run.target, column)
    said = model.predictions.select(still_there(model.predictions, dataset))
    values = _values(workspace, dataset, column).loc[list(said.image_ids)]
    names, order, edges = _groups(chosen, values, bands)
    result = subgroups(
        said.y_true[:, 0],
        said.y_score[:, 0],
        names,
        order=order,
        threshold=HALF if threshold is None else threshold,
        patients=said.patient_ids,
        fewest=min_patients,
    )
    ranks_only = threshold is None and run.kind == "zero_shot"
    return GroupedRun(
        run.id,
        run.label,
        said.class_names[0],
        chosen,
        edges,
        without_shares(result) if ranks_only else result,
        len(said.y_true),
        said.n_patients,
        cautions_of([model]),
        ranks_only,
    )


def _described(name: str, column: "pd.Series[Any]") -> GroupingColumn | None:
    """Returns what kind of groups a column makes, or None if it makes none."""
    known = column.dropna()
    n_values, n_missing = int(known.nunique()), int(column.isna().sum())
    if n_values + (n_missing > 0) < 2:
        return None
    if n_values > _FEWEST_TO_CUT and _as_numbers(known) is not None:
        return GroupingColumn(name, "numbers", n_values, n_missing)
    if n_values <= MOST_GROUPS:
        return GroupingColumn(name, "names", n_values, n_missing)
    return None


def _as_numbers(column: "pd.Series[Any]") -> NDArray[np.float64] | None:
    """Returns a column as numbers, NaN where missing; None if some values are no numbers."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    return None if (~np.isfinite(numbers) & column.notna().to_numpy()).any() else numbers


def _required(
    workspace: Workspace, dataset: FundusDataset, target: Target, name: str
) -> GroupingColumn:
    offered = grouping_columns(workspace, dataset, target)
    found = next((one for one in offered if one.name == name), None)
    if found is not None:
        return found
    names = ", ".join(one.name for one in offered) or "none"
    if name.startswith(MEASURED) and stored_measurements(workspace, dataset) is None:
        raise TargetError(
            f"The photographs of {dataset.name} were not measured yet, so there is no {name!r}.",
            hint="Measure them first: `fundus shortcuts RUN`, or the Shortcuts tab of the page.",
        )
    if name in target.columns:
        raise TargetError(
            f"{name!r} holds the labels themselves; each group would have one class only.",
            hint=f"Choose one of {names}.",
        )
    raise TargetError(
        f"{dataset.name} has no column {name!r} of 2 to {MOST_GROUPS} values, or of numbers.",
        hint=f"Choose one of {names}.",
    )


def _values(workspace: Workspace, dataset: FundusDataset, name: str) -> "pd.Series[Any]":
    """Returns a column by image id."""
    measured = stored_measurements(workspace, dataset)
    if name.startswith(MEASURED) and measured is not None:
        column = measured.table[name.removeprefix(MEASURED)]
        return column.reindex(list(dataset.image_ids)).astype(object)
    return dataset.table.set_index("image_id")[name]


def _groups(
    column: GroupingColumn, values: "pd.Series[Any]", bands: int
) -> tuple[list[str | None], tuple[str, ...], tuple[float, ...]]:
    """Returns the group of each photograph, None where missing; names in order; edges of bands."""
    numbers = _as_numbers(values)
    if column.kind == "numbers" and numbers is not None:
        found = cut(numbers, bands)
        names = [found.names[band] if band >= 0 else None for band in found.of]
        return names, found.names, found.edges
    return [None if value is None or value != value else str(value) for value in values], (), ()
