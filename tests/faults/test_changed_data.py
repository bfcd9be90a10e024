"""A data set that was changed under its models: every page and command goes on, and says so."""

from pathlib import Path

import pandas as pd
import pytest

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.measured import measure_dataset
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import list_runs
from tests.cli.conftest import Fundus
from tests.fakes import write_dataset
from tests.hostile import walked

WORDS = "Of 24 photographs that the model was judged on"


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DataSource]:
    """Two models of 24 photographs, of which two files and a label are no longer as they were."""
    folder = tmp_path_factory.mktemp("changed")
    place, data = Workspace(folder / "workspace"), write_dataset(folder / "data")
    source = DataSource(data)
    dataset, _ = walked.filled(place, source)
    measure_dataset(place, dataset)
    table = pd.read_csv(data / "labels.csv", dtype=str)
    table.loc[5, "dr"] = "0" if table.loc[5, "dr"] == "1" else "1"
    table.to_csv(data / "labels.csv", index=False)
    for name in table["image"].iloc[:2]:
        (data / name).unlink()
    open_dataset(place, source)
    return place.root, source


@pytest.fixture
def runs(changed: tuple[Path, DataSource], monkeypatch: pytest.MonkeyPatch) -> tuple[Run, ...]:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(changed[0]))
    return list_runs(Workspace(changed[0]))


@pytest.mark.parametrize("path", walked.PAGES)
def test_every_page_goes_on(
    changed: tuple[Path, DataSource], runs: tuple[Run, ...], path: str
) -> None:
    walked.page_of(path, changed[1])


@pytest.mark.parametrize("page", ["roc", "compare", "calibration", "report", "stress"])
def test_pages_of_figures_say_what_was_changed(
    changed: tuple[Path, DataSource], runs: tuple[Run, ...], page: str
) -> None:
    shown = walked.page_of(f"pages/evaluate/{page}.py", changed[1])

    said = " ".join(one.text for one in walked.said_by(shown)).replace("\\", "")
    assert WORDS in said
    assert "2 are no longer in the data set, 1 are labelled otherwise now" in said


@pytest.mark.parametrize(
    "command",
    [
        ["roc"], ["metrics"], ["operating"], ["curves"], ["calibrate"], ["decision-curve"],
        ["subgroups", "--by", "eye"], ["shortcuts"], ["label-errors"], ["report"],
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_commands_about_a_model_say_so(
    fundus: Fundus, runs: tuple[Run, ...], command: list[str], tmp_path: Path
) -> None:
    out = ["--out", tmp_path / "report.html"] if command == ["report"] else []

    done = fundus(command[0], runs[0].id, *command[1:], *out)

    assert done.exit_code == 0, done.stderr[-2000:]
    said = (tmp_path / "report.html").read_text(encoding="utf-8") if out else done.stdout
    assert WORDS in " ".join(said.split())


@pytest.mark.parametrize("command", ["compare", "tests", "differ"])
def test_commands_about_two_models_go_on(
    fundus: Fundus, runs: tuple[Run, ...], command: str
) -> None:
    done = fundus(command, runs[0].id, runs[1].id)

    assert done.exit_code == 0, done.stderr[-2000:]


def test_a_model_that_is_fitted_again_says_nothing(
    fundus: Fundus, changed: tuple[Path, DataSource], runs: tuple[Run, ...]
) -> None:
    done = fundus(
        "probe", changed[1].path, "--backbone", "mean_colour", "--target", "dr", "--folds", 2
    )

    assert done.exit_code == 0, done.stderr[-2000:]
    assert "FD026" not in done.stdout
    assert dataset_id(changed[1]) == runs[0].dataset_id
