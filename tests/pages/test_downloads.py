"""Files that leave the dashboard: of synthetic photographs, each says that it is of such."""

from types import SimpleNamespace

import pandas as pd
import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from fundus_core.caution_codes import CAUTIONS
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.tables import About
from fundus_core.ui.components import downloads
from fundus_core.workflows.data.datasets import dataset_id
from tests.conftest import ROOT
from tests.fakes import write_dataset
from tests.hostile import walked

OFFERING = ("data/images", "evaluate/roc", "evaluate/compare", "evaluate/stress", "explain/vessels")
"""Pages that offer files at once."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, DataSource]:
    """A workspace with two models of synthetic photographs."""
    folder = tmp_path_factory.mktemp("drawn")
    source, place = DataSource(write_dataset(folder / "data", 8)), Workspace(folder / "workspace")
    (labels,) = source.path.glob("*.csv")
    pd.read_csv(labels).assign(synthetic=1).to_csv(labels, index=False)
    walked.filled(place, source)
    return place, source


@pytest.fixture
def offered(
    drawn: tuple[Workspace, DataSource], monkeypatch: pytest.MonkeyPatch
) -> dict[str, About]:
    """What stands above each figure and table that was offered, by the name of its files."""
    found: dict[str, About] = {}
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(drawn[0].root))
    monkeypatch.setattr(
        downloads, "_offer", lambda name, about, files: found.__setitem__(name, about)
    )
    return found


def test_every_file_of_synthetic_photographs_says_that_they_are(
    drawn: tuple[Workspace, DataSource], offered: dict[str, About]
) -> None:
    for path in OFFERING:
        page = AppTest.from_file(ROOT / "pages" / f"{path}.py", default_timeout=120)
        page.session_state["images.view"] = "Table"
        page.query_params["dataset"] = dataset_id(drawn[1])
        page.run()
        assert not page.exception, (path, page.exception[0].value)

    assert [name for name, about in offered.items() if "FD007" not in said_of(about)] == []
    assert {"auc", "compare-aucs", "marks-measures", "photographs", "power"} <= offered.keys()


def said_of(about: About) -> set[str]:
    """Returns the codes of the cautions in a file."""
    return {code for code in CAUTIONS if any(line.startswith(code) for line in about.lines())}


def test_files_of_two_data_sets_are_called_otherwise(
    drawn: tuple[Workspace, DataSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    monkeypatch.setattr(
        DeltaGenerator, "download_button", lambda *_, file_name, **__: called.append(file_name)
    )
    chosen = SimpleNamespace()
    monkeypatch.setattr(downloads, "state", SimpleNamespace(current=lambda: chosen))

    for mark in ("0a1b2c", "3d4e5f"):
        chosen.dataset_id = f"messidor-{mark}"
        downloads.table(pd.DataFrame({"a": [1]}), name="t", caption="", methods="", cautions=())

    assert called == [
        f"messidor-{mark}-t.{ending}"
        for mark in ("0a1b2c", "3d4e5f")
        for ending in ("csv", "tex", "txt")
    ]
