"""`fundus photograph` and `fundus differ`: what people and machines read."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fundus_core.cli.differ import differ
from fundus_core.cli.photograph import photograph
from fundus_core.errors import DataError
from fundus_core.io.workspace import Workspace
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
