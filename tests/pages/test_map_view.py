"""The part of a map that is zoomed to: in the session, in the address, on the chart."""

import json
from pathlib import Path

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.ui import state
from fundus_core.ui.components.map_view import view_of
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "embed" / "map.py"


@pytest.mark.parametrize(
    "ends",
    ["", "1,2,3", "1,2,3,4,5", "2,1,0,1", "0,1,1,1", "0,nan,0,1", "0,inf,0,1", "a,b,c,d"],
)
def test_view_of__anything_but_four_numbers_in_order_is_the_whole_map(ends: str) -> None:
    assert view_of([f"a1-pca:{ends}"], "a1-pca") is None


def test_view_of__each_map_has_its_own() -> None:
    views = ["a1-pca:0,1,2,3", "a1-pca-laid:4,5,6,7"]

    assert view_of(views, "a1-pca-laid") == ((4.0, 5.0), (6.0, 7.0))
    assert view_of(views, "b2-pca") is None


@pytest.fixture
def page(workspace: Path, dataset_name: str) -> AppTest:
    """The map of one backbone."""
    opened.store_embeddings(workspace, opened.image_ids(workspace, dataset_name), "resnet18")
    return AppTest.from_file(PAGE, default_timeout=60)


def axes(page: AppTest) -> list[object]:
    """Returns the ends of both axes of the chart, None for those that plotly chooses."""
    (chart,) = page.get("plotly_chart")
    layout = go.Figure(json.loads(chart.proto.spec)).layout
    return [layout.xaxis.range, layout.yaxis.range]


def test_the_address_says_what_a_map_shows(page: AppTest) -> None:
    name = evaluated.recipe("resnet18").fingerprint()[:8]
    page.query_params["view"] = f"{name}-pca:-1,2,-3,4"

    page.run()

    assert not page.exception
    assert axes(page) == [(-1, 2), (-3, 4)]
    assert page.query_params["view"] == f"{name}-pca:-1,2,-3,4"


def test_without_a_view_the_whole_map_is_shown(page: AppTest) -> None:
    page.run()

    assert axes(page) == [None, None]


def test_another_view_by_the_address_makes_the_chart_anew(page: AppTest) -> None:
    page.run()
    before = page.session_state[state.KEY].view_count

    page.query_params["view"] = "someone-pca:0,1,0,1"
    page.run()

    assert page.session_state[state.KEY].view_count == before + 1
