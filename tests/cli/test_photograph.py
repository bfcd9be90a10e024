"""`fundus photograph` and `fundus differ`: what people and machines read."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fundus_core.cli.differ import differ
from fundus_core.cli.photograph import photograph
from fundus_core.errors import DataError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.run_names import names_by_target
from fundus_core.workflows.models.runs import list_runs, run_predictions, run_probe, save_run
from tests.cli.conftest import Probed, probe_once
from tests.fakes import write_photograph
from tests.pages import evaluated

app = typer.Typer()
app.command("photograph")(photograph)
app.command("differ")(differ)


def fundus(*arguments: object) -> str:
    """Returns what a command printed; errors propagate."""
    outcome = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    return outcome.stdout


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    tiny = ("--backbone", "timm:test_resnet", "--weights", "scratch", "--image-size", 64)
    folder = tmp_path_factory.mktemp("probed")
    return probe_once(folder, *tiny, "--precision", "fp32", "--folds", 2)


@pytest.fixture
def place(once: Probed, workspace: Path) -> Workspace:
    """A workspace with 24 photographs and a probe on them."""
    return Workspace(once.copied(workspace).workspace)


def test_photograph__scores_by_every_model_and_says_what_it_is_not(
    place: Workspace, tmp_path: Path
) -> None:
    other = write_photograph(tmp_path / "other.png", (200, 70, 20))

    told = fundus("photograph", other)
    report = json.loads(fundus("photograph", other, "--json"))

    assert "not a medical device" in told
    assert "95 % CI" in told
    (model,) = report["models"]
    (one,) = model["score"]["classes"]
    assert one["low"] <= one["probability"] <= one["high"]
    assert model["problems"] == []
    assert model["distance"]["n_usual"] == 24
    assert not report["in_data_set"]
    assert {one["name"] for one in report["quality"]} >= {"sharpness", "brightness"}


def test_photograph__of_the_data_set_is_recognised(place: Workspace, once: Probed) -> None:
    report = json.loads(fundus("photograph", once.data / "images/p00_OD.jpg", "--json"))

    assert report["in_data_set"]
    assert report["models"][0]["score"]["held_out"]


def test_photograph__a_model_that_cannot_score_says_why(place: Workspace, tmp_path: Path) -> None:
    other = write_photograph(tmp_path / "other.png", (200, 70, 20))
    evaluated.store(place.root, "table", evaluated.predictions("table", evaluated.GOOD))

    report = json.loads(fundus("photograph", other, "--json", "--run", "table"))

    (model,) = report["models"]
    assert "score" not in model
    assert any("keeps no probe" in problem for problem in model["problems"])


def test_photograph__of_one_that_taught_the_model_has_a_caution_and_no_probability(
    place: Workspace, once: Probed
) -> None:
    source = DataSource(once.data)
    used = predict(place, once.run_id, open_dataset(place, source), dataset_id(source)).run

    told = fundus("photograph", once.data / "images/p00_OD.jpg", "--run", used.id)

    lines = [line.strip() for line in told.splitlines()]
    assert "FD022: The photograph taught the model." in lines
    (score,) = [line for line in lines if "; the model learned from this photograph" in line]
    assert score.startswith("1: score 0.")
    assert lines.index("FD022: The photograph taught the model.") > lines.index(score)
    assert "probability" not in told
    assert "Of photographs of this data set that got this score" not in told


def test_photograph__models_of_one_name_are_told_apart_as_on_the_page(
    place: Workspace, once: Probed, tmp_path: Path
) -> None:
    other = write_photograph(tmp_path / "other.png", (200, 70, 20))
    (probe,) = list_runs(place)
    twin = replace(probe, id="twin", folds=probe.folds[:1])
    save_run(place, twin, run_predictions(place, probe), final=run_probe(place, probe))

    told = fundus("photograph", other)
    report = json.loads(fundus("photograph", other, "--json"))

    names = names_by_target([probe, twin])
    assert names == {probe.id: f"{probe.label}, 2 folds", "twin": f"{probe.label}, own split"}
    assert {f"{name}, dr" for name in names.values()} <= set(told.splitlines())
    assert {model["run_id"]: model["name"] for model in report["models"]} == names


def test_photograph__without_a_data_set_says_what_to_do(workspace: Path, tmp_path: Path) -> None:
    other = write_photograph(tmp_path / "other.png", (200, 70, 20))

    with pytest.raises(DataError, match="No data set was opened"):
        fundus("photograph", other)


def test_photograph__a_missing_file_is_named(place: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.jpg"):
        fundus("photograph", tmp_path / "nothing.jpg")


def test_differ__counts_and_lists(workspace: Path) -> None:
    for name, scores in (("good", evaluated.GOOD), ("poor", evaluated.POOR)):
        evaluated.store(workspace, name, evaluated.predictions(name, scores))

    told = fundus("differ", "good", "poor")
    report = json.loads(fundus("differ", "good", "poor", "--json"))

    assert "All photographs: both right" in told
    assert report["overall"]["n_only_first"] == len(report["only_first_right"])
    assert report["n_images"] == 12
    assert 0 < report["overall"]["p_value"] <= 1
