"""Use case: which backbone and which method point at lesions best, where the lesions are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.progress import Progress, silent
from fundus_core.errors import DataError, SaliencyError
from fundus_core.explain.lesions import cell_side, lesion_share
from fundus_core.explain.location import region_shares
from fundus_core.explain.methods import METHODS
from fundus_core.explain.trust import LESIONS
from fundus_core.io.workspace import Workspace
from fundus_core.stats.bootstrap import Interval, bootstrap_intervals
from fundus_core.stats.resampling import Weights
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.data.photographs import photograph
from fundus_core.workflows.explanations.explain import SHOWN_SIDE, explain_many
from fundus_core.workflows.explanations.truth import MaskFiles, field_of, mask_files
from fundus_core.workflows.models.runs import load_run, run_predictions

MIDDLE = "middle"
"""What the row is called of a map that knows nothing but where the middle of the retina is."""

_AT_ONCE = 8
_WIDTH = 0.5
"""Standard deviation of the heat of `MIDDLE`, as a share of the field's radius."""


@dataclass(frozen=True, slots=True)
class Case:
    """A photograph whose lesions are known."""

    image: str
    """Path, or id in the run's data set."""

    patient: str | None
    masks: MaskFiles


@dataclass(frozen=True, slots=True)
class TableRow:
    """How well the maps of one model by one method point at lesions."""

    run_id: str
    """Empty for `MIDDLE`."""

    method: str
    """Key of `METHODS`, or `MIDDLE`."""

    n_photographs: int
    """Photographs with a map."""

    n_without_map: int
    """Photographs in which nothing speaks for the class; they are in no figure."""

    auc: Interval
    """Mean over photographs of the AUC by which the map tells lesion pixels from the rest of the
    field of view; 0.5 is chance."""

    share_over_area: Interval
    """Mean share of heat on lesions over the mean share of the field that they cover; 1 is what an
    even map reaches."""

    hits: Interval
    """Share of maps whose maximum lies on a lesion, give or take half a cell (pointing game)."""

    refused: str = ""
    """Why the method does not serve the model; empty where it does."""


@dataclass(frozen=True, slots=True)
class _Measured:
    auc: float
    share: float
    area: float
    hit: bool


def demo_cases(
    workspace: Workspace, run_id: str, *, n_photographs: int = 40, seed: int = 0
) -> tuple[Case, ...]:
    """Draws held-out positive photographs with lesions at random, one per patient.

    Raises:
        DataError: If the run is not of photographs like the demo's, or none of them has lesions.
    """
    run = load_run(workspace, run_id)
    dataset = stored_dataset(workspace, run.dataset_id)
    files, said = mask_files(dataset), run_predictions(workspace, run)
    patients = said.patient_ids
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(said.y_true[:, 0]))
    chosen: dict[str, Case] = {}
    for row in rows:
        image_id = said.image_ids[row]
        patient = image_id if patients is None else str(patients[row])
        masks = files.get(image_id, MaskFiles())
        if len(chosen) == n_photographs or patient in chosen or masks.lesions is None:
            continue
        if LESIONS in masks.regions((64, 64)):
            chosen[patient] = Case(image_id, patient, masks)
    if not chosen:
        raise DataError(
            f"No photograph of run {run_id} has known lesions.",
            hint="Choose a run on the demo photographs.",
        )
    return tuple(chosen.values())


def explanation_table(
    workspace: Workspace,
    run_ids: Sequence[str],
    cases: Sequence[Case],
    *,
    methods: Sequence[str] = tuple(METHODS),
    class_name: str | None = None,
    progress: Progress = silent,
) -> tuple[TableRow, ...]:
    """Measures the maps of models by methods on the lesions of the same photographs.

    Args:
        workspace: Where the runs are.
        run_ids: Models, all of which know the photographs of the cases.
        cases: Photographs with their masks.
        methods: Keys of `METHODS`.
        class_name: The class explained; the positive one by default.
        progress: Told after every few photographs.

    Returns:
        First the row of `MIDDLE`, then one per model and method.

    Raises:
        SaliencyError: If a model cannot be explained at all, or a method is unknown.
        DataError: If a photograph or a mask cannot be found.
    """
    patients = _patients(cases)
    measured = [_of_the_middle(workspace, run_ids[0], case) for case in cases]
    rows = [_row("", MIDDLE, measured, patients)]
    steps = [(run_id, method) for run_id in run_ids for method in methods]
    for number, (run_id, method) in enumerate(steps):
        progress(number, len(steps), f"{METHODS[method].label} of {run_id}")
        try:
            rows.append(
                _row(
                    run_id,
                    method,
                    _measured(workspace, run_id, cases, method, class_name),
                    patients,
                )
            )
        except SaliencyError as reason:
            rows.append(_row(run_id, method, [None] * len(cases), patients, reason.message))
    progress(len(steps), len(steps), "Measured heat maps on lesions")
    return tuple(rows)


def table_frame(rows: Sequence[TableRow]) -> pd.DataFrame:
    """Returns the rows as a table with plain, well-named columns."""
    columns: dict[str, list[object]] = {
        "run": [row.run_id for row in rows],
        "method": [row.method for row in rows],
        "photographs": [row.n_photographs for row in rows],
        "without map": [row.n_without_map for row in rows],
    }
    for name, title in (("auc", "AUC"), ("share_over_area", "share/area"), ("hits", "hits")):
        intervals: list[Interval] = [getattr(row, name) for row in rows]
        columns[title] = [one.value for one in intervals]
        columns[f"{title} low"] = [one.low for one in intervals]
        columns[f"{title} high"] = [one.high for one in intervals]
    return pd.DataFrame({**columns, "refused": [row.refused for row in rows]})


def _measured(
    workspace: Workspace,
    run_id: str,
    cases: Sequence[Case],
    method: str,
    class_name: str | None,
) -> list[_Measured | None]:
    """Returns what each map reaches; None where there is no map."""
    found: list[_Measured | None] = []
    for first in range(0, len(cases), _AT_ONCE):
        some = cases[first : first + _AT_ONCE]
        outcomes = explain_many(
            workspace, run_id, [case.image for case in some], class_name=class_name, method=method
        )
        for case, outcome in zip(some, outcomes, strict=True):
            if isinstance(outcome, SaliencyError):
                found.append(None)
                continue
            cells = max(outcome.saliency.values.shape)
            found.append(
                _on_lesions(outcome.heat, outcome.photograph, case, cell_side(outcome.heat, cells))
            )
    return found


def _on_lesions(
    heat: NDArray[np.float32], picture: NDArray[np.uint8], case: Case, cell: float
) -> _Measured | None:
    height, width = heat.shape
    lesions = case.masks.regions((height, width)).get(LESIONS)
    if lesions is None:
        raise DataError(
            f"The mask of {case.image} marks no lesion.", hint="Leave this photograph out."
        )
    field = field_of(picture) | lesions
    region = region_shares(heat, field, {LESIONS: lesions})[LESIONS]
    share = lesion_share(heat, lesions, field, cell=cell)
    if region.auc is None:  # the lesions were cropped away
        return None
    return _Measured(region.auc, share.share, share.chance, share.hit)


def _of_the_middle(workspace: Workspace, run_id: str, case: Case) -> _Measured | None:
    """Returns what heat around the middle of the field of view reaches."""
    run = load_run(workspace, run_id)
    table = stored_dataset(workspace, run.dataset_id).table.set_index("image_id")
    path = table.loc[case.image, "path"] if case.image in table.index else case.image
    picture = photograph(Path(str(path)), image_id=case.image, max_side=SHOWN_SIDE)
    field = field_of(picture)
    rows, columns = np.nonzero(field)
    radius = np.sqrt(field.sum() / np.pi)
    y, x = np.ogrid[: field.shape[0], : field.shape[1]]
    squared = (y - rows.mean()) ** 2 + (x - columns.mean()) ** 2
    heat = np.exp(-squared / (2 * (_WIDTH * radius) ** 2)).astype(np.float32)
    return _on_lesions(heat, picture, case, 2 * radius / 7)


def _row(
    run_id: str,
    method: str,
    measured: Sequence[_Measured | None],
    patients: NDArray[np.str_] | None,
    refused: str = "",
) -> TableRow:
    has_map = np.array([one is not None for one in measured], bool)
    values = np.array(
        [(one.auc, one.share, one.area, one.hit) for one in measured if one is not None], float
    ).reshape(-1, 4)

    def figures(weights: Weights) -> NDArray[np.float64]:
        auc, share, area, hit = (weights @ values / weights.sum(axis=1, keepdims=True)).T
        return np.stack([auc, share / area, hit], axis=1)

    if not has_map.any():
        nothing = Interval(None, None, None, 0.95, "", 0, refused or "no photograph has a map")
        return TableRow(run_id, method, 0, len(measured), nothing, nothing, nothing, refused)
    auc, ratio, hits = bootstrap_intervals(
        figures,
        {"any": np.ones(len(values), bool)},
        patients=None if patients is None else patients[has_map],
    )
    n_maps = int(has_map.sum())
    return TableRow(run_id, method, n_maps, len(measured) - n_maps, auc, ratio, hits, refused)


def _patients(cases: Sequence[Case]) -> NDArray[np.str_] | None:
    known = [case.patient for case in cases]
    return None if any(patient is None for patient in known) else np.array(known, dtype=str)
