"""Every page of the dashboard over one workspace, and all that it hands to the browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, stored_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.embeddings.project import project_dataset
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from tests.conftest import ROOT
from tests.fakes import write_dataset

PAGES = tuple(path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("pages/*/*.py")))
COLOUR = BackboneChoice("mean_colour")


@dataclass(frozen=True, slots=True)
class Said:
    """A text that a page hands to the browser."""

    kind: str
    """Of the element: markdown, selectbox, plotly_chart, ..."""

    field: str
    """Which of its fields; the innermost name."""

    text: str


def filled(workspace: Workspace, source: DataSource) -> tuple[FundusDataset, list[Run]]:
    """Opens a data set and fits two models to its first target; returns all as it is stored."""
    open_dataset(workspace, source)
    dataset, name = stored_dataset(workspace, dataset_id(source)), dataset_id(source)
    target = dataset.targets[0].name
    choices = [ProbeChoice(target, probe, folds=2) for probe in ("logistic", "knn")]
    runs = [probe_dataset(workspace, dataset, name, COLOUR, choice) for choice in choices]
    project_dataset(workspace, dataset, COLOUR, method="pca")
    return dataset, runs


def furnished(folder: Path) -> tuple[Workspace, DataSource, FundusDataset]:
    """Writes 24 photographs of 12 patients and fits two models to them, in a workspace."""
    source = DataSource(write_dataset(folder / "data", 12, side=72))
    place = Workspace(folder / "workspace")
    dataset, _ = filled(place, source)
    return place, source, dataset


def page_of(path: str, source: DataSource) -> AppTest:
    """Runs a page with the data set open."""
    page = AppTest.from_file(str(ROOT / path), default_timeout=120)
    page.query_params["dataset"] = dataset_id(source)
    page.run()
    assert not page.exception, page.exception[0].value
    return page


def said_by(page: AppTest) -> Iterator[Said]:
    """Yields every text of every element, cells of tables and figures among them."""
    for node in page._tree:
        proto = getattr(node, "proto", None)
        if proto is None:
            continue
        for field, text in _texts(MessageToDict(proto), ""):
            yield Said(node.type, field, text)
        if node.type in ("arrow_data_frame", "dataframe", "table"):
            frame = node.value
            for column in frame.columns:
                cells = (str(cell) for cell in [column, *frame[column]])
                yield from (Said(node.type, "cell", cell) for cell in cells)


def _texts(value: Any, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, field)
    elif isinstance(value, str):
        yield field, value


def files_of(folder: Path) -> list[Path]:
    """Returns all plain files below a folder; links are names, not content."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
