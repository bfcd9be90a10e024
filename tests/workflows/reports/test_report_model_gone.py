"""A report on the use of a model elsewhere, where the run that trained it is gone or damaged."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from fundus_core.cli import main
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.report.content import Report, Table
from fundus_core.report.web_page import as_html
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.evaluation.operating import operate
from fundus_core.workflows.models.predict import predict
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import PREDICTIONS, list_runs
from fundus_core.workflows.reports.bundle import export_bundle
from fundus_core.workflows.reports.bundle_open import open_bundle
from fundus_core.workflows.reports.report import make_report
from tests.fakes import write_dataset
from tests.workflows.reported import opened, probed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Run, Run, Run]:
    """A workspace with a model, its use on other people, and a run that is nobody's business."""
    folder = tmp_path_factory.mktemp("gone")
    place = Workspace(folder / "workspace")
    model = probed(place, opened(place, folder / "inside"))
    other = probed(place, opened(place, folder / "secret", n_patients=24), target="grade")
    table = pd.read_csv(write_dataset(folder / "outside", n_patients=12, side=80) / "labels.csv")
    table["patient_id"] = "Q" + table["patient_id"]
    table.to_csv(folder / "outside" / "labels.csv", index=False)
    source = DataSource(folder / "outside")
    used = predict(place, model.id, open_dataset(place, source), dataset_id(source)).run
    return place, model, used, other


def removed(place: Workspace, model: Run) -> None:
    shutil.rmtree(place.runs / model.id)


def unreadable(place: Workspace, model: Run) -> None:
    (place.runs / model.id / "artifact.json").write_text("{")


def damaged(place: Workspace, model: Run) -> None:
    (place.runs / model.id / PREDICTIONS).write_bytes(b"PAR1")


def checklists(report: Report) -> dict[str, tuple[str, str]]:
    """Returns first letter of the guideline and item -> how it is answered, and with what."""
    (section,) = (one for one in report.sections if one.key == "checklists")
    return {
        f"{block.caption[0]}{row[0]}": (row[3], row[4])
        for block in section.blocks
        if isinstance(block, Table)
        for row in block.rows
    }


@pytest.mark.parametrize("loss", [removed, unreadable, damaged])
def test_make_report__says_that_the_model_is_gone_and_nothing_of_other_runs(
    whole: tuple[Workspace, Run, Run, Run],
    tmp_path: Path,
    loss: Callable[[Workspace, Run], None],
) -> None:
    there, model, used, other = whole
    place = Workspace(tmp_path / "workspace")
    shutil.copytree(there.root, place.root)
    loss(place, model)

    made = make_report(place, [used.id])
    page = as_html(made)

    assert not [one for one in (other.id, "secret", "grade") if one in page]
    assert str(tmp_path) not in page
    found = checklists(made)
    gone = "the run that trained it is not here, or is damaged"
    where = f"photographs that may be of its own data set ({gone})"
    assert found["C33"][0] == "in part"
    assert found["C33"][1].startswith(f"Judged on {where}")
    assert found["T22"][1].startswith(
        "Not made again by the program: the run whose model it uses is not in this workspace, or "
        "is damaged."
    )
    assert "another data set" not in page
    assert found["C20"][0] == "in part"
    assert "Which photographs taught the model is not stored here." in found["C20"][1]


def test_open_bundle__of_a_use_elsewhere_says_that_its_model_is_not_here(
    whole: tuple[Workspace, Run, Run, Run], tmp_path: Path
) -> None:
    place, model, used, _ = whole
    there = Workspace(tmp_path / "workspace")
    shutil.copytree(place.root, there.root)
    export_bundle(there, used.dataset_id, tmp_path / "all.zip")

    done = open_bundle(there, tmp_path / "all.zip")
    (found,) = list_runs(there, dataset_id=done.dataset_id)

    assert found.auc == used.auc
    assert found.trained_as == f"{model.id}-bundle"
    judged = operate(there, found.id)
    assert judged.source == "same photographs"  # never by the run that was made here
    assert "is not in this workspace" in " ".join(
        one.text for one in judged.cautions if one.code == "FD017"
    )
    said = CliRunner().invoke(main.app, ["metrics", found.id, "--workspace", str(there.root)])
    assert "is not in this workspace" in said.stdout
    page = as_html(make_report(there, [found.id]))
    assert f"trained as {model.id} in another workspace was applied" in page
    with_model = CliRunner().invoke(main.app, ["metrics", used.id, "--workspace", str(there.root)])
    assert "is not in this workspace" not in with_model.stdout


def test_make_report__of_a_model_that_is_here_says_what_it_knows(
    whole: tuple[Workspace, Run, Run, Run],
) -> None:
    place, _, used, _ = whole

    found = checklists(make_report(place, [used.id]))

    assert found["C33"][1].startswith("Judged on photographs of another data set")
    assert found["C20"] == (
        "here",
        "Neither a photograph nor an id of a patient is among those that taught the model.",
    )
