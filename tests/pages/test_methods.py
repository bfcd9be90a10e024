"""The methods page: it names everything that the menus offer."""

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.caution_codes import CAUTIONS
from fundus_core.explain.methods import METHODS
from fundus_core.probes import PROBES
from fundus_core.projections import PROJECTORS
from fundus_core.report.method_notes import STATISTICS, STEPS
from fundus_core.ui.method_notes import PAPERS
from tests.pages import evaluated

PAGE = evaluated.PAGES / "about" / "methods.py"


@pytest.fixture
def said(workspace: object) -> str:
    """All that the page says, without a data set or a model in the workspace."""
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    tables = [str(value) for table in page.table for value in table.value.to_numpy().ravel()]
    return "\n".join([*tables, *[one.value for one in page.markdown]])


@pytest.mark.parametrize("menu", [PROBES, PROJECTORS, METHODS], ids=["probe", "map", "heat map"])
def test_every_entry_of_a_menu_is_there_with_its_paper(said: str, menu: dict) -> None:
    assert [entry.label for entry in menu.values() if entry.label not in said] == []
    assert [entry.reference for entry in menu.values() if entry.reference not in said] == []


def test_every_backbone_is_there_with_its_licence(said: str) -> None:
    assert [spec.title for spec in BACKBONES.values() if spec.title not in said] == []
    assert [spec.id for spec in BACKBONES.values() if spec.licence not in said] == []


def test_every_caution_is_explained(said: str) -> None:
    assert [code for code, meaning in CAUTIONS.items() if code + "\n" + meaning not in said] == []


def test_everything_computed_says_what_it_does_not_show(said: str) -> None:
    assert [note.name for note in (*STEPS, *STATISTICS) if note.not_shown not in said] == []


def test_each_paper_says_what_runs_and_what_does_not(said: str) -> None:
    assert len(PAPERS) == 4
    assert [paper.title for paper in PAPERS if paper.so_far not in said] == []
    assert [paper.title for paper in PAPERS if paper.missing not in said] == []


def test_it_says_what_the_program_is_not(said: str) -> None:
    assert "not a medical device" in said
