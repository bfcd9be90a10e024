"""Evaluated models as runs of MLflow: parameters, figures and predictions.

References:
    MLflow documentation, "MLflow Tracking".
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fundus_core.errors import DataError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

OURS = "fundus_run"
"""Tag that holds the id of our run, by which one is not logged twice."""

_LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True)
class Logged:
    """What MLflow is to know of one evaluated model."""

    run_id: str
    label: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    """By the name of the Parquet file that each is logged as."""


def log_runs(runs: Sequence[Logged], *, uri: str, experiment: str) -> tuple[int, int]:
    """Logs runs that were not logged before.

    Args:
        runs: What to log.
        uri: Tracking server, as MLflow takes it: a folder's `file:` or a `sqlite:` or `http:` URI.
        experiment: Its name; made if it is not there.

    Returns:
        How many runs were logged, and how many were there already.

    Raises:
        DataError: If MLflow is not installed, or the server cannot be reached.
    """
    try:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise DataError(
            "Runs are logged by mlflow, which is not installed.",
            hint="Install it: pip install mlflow",
        ) from error
    try:
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        place = found.experiment_id if found else client.create_experiment(experiment)
        known = {run.data.tags.get(OURS) for run in client.search_runs([place], max_results=50_000)}
        new = [run for run in runs if run.run_id not in known]
        for run in new:
            _log(client, place, run)
    except (MlflowException, OSError) as error:
        raise DataError(
            f"MLflow at {uri} refused: {error}", hint="Check the URI and that it can be written to."
        ) from error
    return len(new), len(runs) - len(new)


def _log(client: "MlflowClient", experiment_id: str, run: Logged) -> None:
    made = client.create_run(experiment_id, run_name=run.label, tags={**run.tags, OURS: run.run_id})
    number = made.info.run_id
    try:
        for name, text in run.params.items():
            client.log_param(number, name, text[:_LONGEST_VALUE])
        for name, figure in run.metrics.items():
            client.log_metric(number, name, figure)
        with tempfile.TemporaryDirectory(prefix="fundus-") as folder:
            for name, table in run.tables.items():
                table.to_parquet(Path(folder) / name, index=False)
                client.log_artifact(number, str(Path(folder) / name))
    except BaseException:
        client.delete_run(number)  # half a run would be taken for one that was logged
        raise
    client.set_terminated(number)
