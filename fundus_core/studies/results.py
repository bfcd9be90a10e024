"""The results of a study as one table, however much of it has been run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from fundus_core.domain.axes import AXES, INSIDE
from fundus_core.errors import FundusError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import AucComparison
from fundus_core.stats.multiplicity import holm
from fundus_core.studies.cells import CellRecord, external_run, stored_run
from fundus_core.studies.document import FigurePart
from fundus_core.studies.grid import Cell, counterparts
from fundus_core.studies.run import Study
from fundus_core.workflows.evaluation.aucs import paired_test, untested_average
from fundus_core.workflows.evaluation.metrics import run_metrics
from fundus_core.workflows.models.averages import averaged_of
from fundus_core.workflows.models.run_names import averaged_text
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs, run_curves, run_predictions

_UNKNOWN = (None, None, None)

Status = Literal["done", "failed", "not run"]

COMPARISON = ("difference", "difference_low", "difference_high", "p_value", "p_holm")
"""Columns of the comparison with the cells the study names by `against`."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One cell, tested on one data set."""

    cell: Cell
    tested_on: str
    run: Run | None
    record: CellRecord | None

    @property
    def status(self) -> Status:
        if self.run is not None:
            return "done"
        return "failed" if self.record is not None and self.record.problem else "not run"


def study_table(study: Study) -> pd.DataFrame:
    """Returns one row per cell and data set it is tested on.

    Columns: `AXES` (`model` names stand-ins as such), `weights`, `tested_on`, `status`, `problem`,
    `run_id`, `averaged` (of several classes how many the macro averages of the row are over, where
    it is not all), `n_images`, `n_patients`, `seconds`, `peak_mb`, `best_epoch` (mean over folds);
    for every metric NAME of the study `NAME`, `NAME_low`, `NAME_high` and `NAME_reason`, why there
    is no value or no interval; `cautions`, the codes of what limits the row's figures, joined by
    commas (`study_cautions` has their texts); `COMPARISON`, the AUC minus that of the cell of
    `against`, paired by photograph, clustered by patient where patients are known, its p-values
    corrected by Holm over all rows; `untested`, why there is none for want of patients of an
    averaged class; and `relative_gain` in percent over the cell of `gain_over`,
    where both average the same classes.
    What is not known is NaN or empty.
    """
    rows = _rows(study)
    table = pd.DataFrame([_values(study, row) for row in rows])
    return table.join(_comparison(study, rows)).assign(relative_gain=_gains(study, rows, table))


def figure_rows(study: Study, figure: FigurePart, table: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of a study's table that a figure shows."""
    named: dict[str, Any] = {model.name: model.shown for model in study.document.models}
    chosen = table
    for column, value in figure.where.items():
        values = value if isinstance(value, list) else [value]
        chosen = chosen[chosen[column].isin([named.get(str(one), one) for one in values])]
    return chosen if "tested_on" in figure.where else chosen[chosen["tested_on"] == INSIDE]


def convergence(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Returns the learning curves of the fine-tuned cells of a table.

    Columns: those of `AXES`, `run_id`, `fold` (from 1), `epoch`, `train_loss`, `validation_loss`.
    """
    workspace = study.files.workspace
    runs = {run.id: run for run in list_runs(workspace)}
    found = []
    for _, row in table[table["run_id"] != ""].drop_duplicates("run_id").iterrows():
        curves = run_curves(workspace, runs[row["run_id"]])
        for fold, epochs in enumerate(curves.folds if curves else ()):
            found += [
                {
                    **{axis: row[axis] for axis in AXES},
                    "run_id": row["run_id"],
                    "fold": fold + 1,
                    "epoch": epoch.number,
                    "train_loss": epoch.train_loss,
                    "validation_loss": epoch.validation_loss,
                }
                for epoch in epochs
            ]
    return pd.DataFrame(found)


def _rows(study: Study) -> list[_Row]:
    runs = {run.id: run for run in list_runs(study.files.workspace)}
    rows = []
    for cell in study.cells:
        record, run = study.files.record_of(cell), stored_run(study.files, cell, runs)
        rows.append(_Row(cell, INSIDE, run, record))
        for outside in study.files.external_to(cell):
            found = external_run(record, outside, runs) if record and run else None
            rows.append(_Row(cell, outside.part.name, found, record))
    return rows


def _values(study: Study, row: _Row) -> dict[str, Any]:
    run, record = row.run, row.record
    return {
        **row.cell.values(),
        "model": row.cell.model.shown,
        "weights": row.cell.model.weights_shown,
        "tested_on": row.tested_on,
        "status": row.status,
        "problem": record.problem if record else "",
        "run_id": run.id if run else "",
        "averaged": averaged_text(run) if run else "",
        "n_images": run.n_images if run else np.nan,
        "n_patients": run.n_patients if run and run.n_patients else np.nan,
        "seconds": record.seconds if record and run else np.nan,
        "peak_mb": record.peak_mb if record and run else np.nan,
        "best_epoch": _best_epoch(study.files.workspace, run),
        **_metrics(study, run),
        "cautions": ", ".join(sorted({one.code for one in run.cautions})) if run else "",
    }


def _best_epoch(workspace: Workspace, run: Run | None) -> float:
    """Returns the mean over folds of the epoch with the lowest held-out loss."""
    curves = run_curves(workspace, run) if run and run.kind == "finetune" else None
    best = []
    for fold in curves.folds if curves else ():
        losses = [epoch.validation_loss for epoch in fold]
        if losses and None not in losses:
            best.append(1 + int(np.argmin(np.array(losses, float))))
    return float(np.mean(best)) if best else float("nan")


def _metrics(study: Study, run: Run | None) -> dict[str, float | str]:
    """Returns the study's metrics of a run with their intervals; the AUC's is DeLong's."""
    spans: dict[str, tuple[float | None, float | None, float | None]] = {}
    reasons: dict[str, str] = {}
    if run is not None and run.auc is not None:
        for result in run_metrics(study.files.workspace, run).results:
            spans[result.name] = (result.pooled.value, result.pooled.low, result.pooled.high)
            reasons[result.name] = result.pooled.reason
        spans["auc"], reasons["auc"] = (run.auc.auc, run.auc.low, run.auc.high), ""
    found: dict[str, float | str] = {}
    for name in study.document.metrics:
        for end, value in zip(("", "_low", "_high"), spans.get(name, _UNKNOWN), strict=True):
            found[f"{name}{end}"] = float("nan") if value is None else value
        found[f"{name}_reason"] = reasons.get(name, _why_not_measured(run))
    return found


def _why_not_measured(run: Run | None) -> str:
    """Says why a metric was not looked for; nothing where there is no run."""
    if run is None:
        return ""
    if run.auc is None:
        return "there are no labels of both kinds"
    return f"it is no metric of {run.target.task} targets"


def _comparison(study: Study, rows: Sequence[_Row]) -> pd.DataFrame:
    """Tests every row against the row of `against`, everything else equal."""
    tests: list[AucComparison | None] = [None] * len(rows)
    untested = [""] * len(rows)
    for number, other in enumerate(_counterparts(rows, study.document.against)):
        if other is not None and other != number:
            tests[number] = _tested(study.files.workspace, rows[number].run, rows[other].run)
            if tests[number] is None:
                untested[number] = _why_untested(study.files.workspace, rows[number].run)
    done = [number for number, test in enumerate(tests) if test is not None]
    corrected = dict(zip(done, holm([t.p_value for t in tests if t]), strict=True)) if done else {}
    return pd.DataFrame(
        [
            (test.difference, test.low, test.high, test.p_value, float(corrected[number]))
            if test
            else (np.nan,) * len(COMPARISON)
            for number, test in enumerate(tests)
        ],
        columns=list(COMPARISON),
    ).assign(untested=untested)


def _counterparts(rows: Sequence[_Row], rule: Mapping[str, Any]) -> list[int | None]:
    """Returns for every row the number of that of the rule's cell, tested on the same data set."""
    found: list[int | None] = [None] * len(rows)
    for tested_on in {row.tested_on for row in rows} if rule else ():
        numbers = [number for number, row in enumerate(rows) if row.tested_on == tested_on]
        others = counterparts([rows[number].cell for number in numbers], rule)
        for number, other in zip(numbers, others, strict=True):
            found[number] = None if other is None else numbers[other]
    return found


def _tested(workspace: Workspace, a: Run | None, b: Run | None) -> AucComparison | None:
    """Returns the paired test of two runs on the same photographs, if one can be made."""
    if a is None or b is None:
        return None
    first, second = run_predictions(workspace, a), run_predictions(workspace, b)
    if first.image_ids != second.image_ids:
        return None
    try:
        return paired_test(first, second)
    except FundusError:
        return None


def _why_untested(workspace: Workspace, run: Run | None) -> str:
    """Says why the average of a run is not tested, if its classes have too few patients."""
    try:
        return "" if run is None else untested_average(run_predictions(workspace, run))
    except FundusError:
        return ""


def _gains(study: Study, rows: Sequence[_Row], table: pd.DataFrame) -> list[float]:
    """Returns by how many percent each row's metric exceeds that of the `gain_over` cell.

    Over a metric that is not above 0 there is none.
    """
    rule, fallback = study.document.gain_over, study.document.metrics[0]
    if not rule:
        return [float("nan")] * len(rows)
    metric = [row.cell.data.metric or fallback for row in rows]
    value = [float(table[name].iloc[number]) for number, name in enumerate(metric)]
    averaged = [averaged_of(row.run) if row.run else () for row in rows]
    return [
        100 * (value[number] / value[other] - 1)
        if other is not None and value[other] > 0 and averaged[number] == averaged[other]
        else float("nan")
        for number, other in enumerate(_counterparts(rows, rule))
    ]
