"""Logging to MLflow: each run once, and none by half. The library itself is stood in for."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from fundus_core.errors import DataError
from fundus_core.exports.mlflow_log import Logged, log_runs


class Server:
    """What MLflow's client does, as far as it is used: runs in a list."""

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.refuses = ""

    def get_experiment_by_name(self, name: str) -> SimpleNamespace | None:
        found = self.experiments.get(name)
        return SimpleNamespace(experiment_id=found) if found else None

    def create_experiment(self, name: str) -> str:
        return self.experiments.setdefault(name, f"e{len(self.experiments)}")

    def search_runs(self, places: list[str], max_results: int) -> list[SimpleNamespace]:
        kept = [run for run in self.runs.values() if run["place"] in places]
        return [SimpleNamespace(data=SimpleNamespace(tags=run["tags"])) for run in kept]

    def create_run(self, place: str, run_name: str, tags: dict[str, str]) -> SimpleNamespace:
        number = f"r{len(self.runs)}"
        self.runs[number] = {"place": place, "name": run_name, "tags": tags, "logged": {}}
        return SimpleNamespace(info=SimpleNamespace(run_id=number))

    def log_param(self, number: str, name: str, value: str) -> None:
        self.runs[number]["logged"][name] = value

    def log_metric(self, number: str, name: str, value: float) -> None:
        if name == self.refuses:
            raise RefusedError(f"no {name}")
        self.runs[number]["logged"][name] = value

    def log_artifact(self, number: str, path: str) -> None:
        self.runs[number]["logged"][Path(path).name] = pd.read_parquet(path).to_dict("list")

    def set_terminated(self, number: str) -> None:
        self.runs[number]["ended"] = True

    def delete_run(self, number: str) -> None:
        del self.runs[number]


class RefusedError(Exception):
    """What the server raises."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found = Server()
    tracking, exceptions = ModuleType("mlflow.tracking"), ModuleType("mlflow.exceptions")
    tracking.MlflowClient = lambda tracking_uri: found  # type: ignore[attr-defined]
    exceptions.MlflowException = RefusedError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", ModuleType("mlflow"))
    monkeypatch.setitem(sys.modules, "mlflow.tracking", tracking)
    monkeypatch.setitem(sys.modules, "mlflow.exceptions", exceptions)
    return iter([found]).__next__()


TABLES = {"predictions.parquet": pd.DataFrame({"image_id": ["a"], "y_score": [0.5]})}


def logged(run_id: str) -> Logged:
    return Logged(run_id, "ViT", {"probe": "x" * 900}, {"auc": 0.9}, {"synthetic": "true"}, TABLES)


def test_log__a_run_is_logged_once(server: Server) -> None:
    first = log_runs([logged("a")], uri="sqlite://", experiment="eyes")
    second = log_runs([logged("a"), logged("b")], uri="sqlite://", experiment="eyes")

    assert (first, second) == ((1, 0), (1, 1))
    assert [run["tags"]["fundus_run"] for run in server.runs.values()] == ["a", "b"]
    assert all(run["ended"] for run in server.runs.values())
    assert server.runs["r0"]["logged"]["auc"] == 0.9
    assert len(server.runs["r0"]["logged"]["probe"]) == 500  # the longest MLflow takes
    (table,) = TABLES.values()
    assert server.runs["r0"]["logged"]["predictions.parquet"] == table.to_dict("list")


def test_log__half_a_run_is_taken_back(server: Server) -> None:
    server.refuses = "auc"

    with pytest.raises(DataError, match="refused: no auc"):
        log_runs([logged("a")], uri="sqlite://", experiment="eyes")

    assert server.runs == {}


def test_log__without_the_library_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)

    with pytest.raises(DataError, match="mlflow, which is not installed"):
        log_runs([logged("a")], uri="sqlite://", experiment="eyes")
