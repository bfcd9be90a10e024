"""The map page: maps side by side, a selection shared by both, and one photograph."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.domain.predictions import Predictions
from fundus_core.io.workspace import Workspace
from fundus_core.ui import state, wiring
from fundus_core.ui.components.map_colours import OUTCOME
from fundus_core.workflows.data.selections import keep_selection
from fundus_core.workflows.models.runs import save_run
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "embed" / "map.py"


@pytest.fixture
def page(workspace: Path) -> AppTest:
    """The page of a workspace."""
    return AppTest.from_file(PAGE, default_timeout=60)


@pytest.fixture
def ids(workspace: Path, dataset_name: str) -> tuple[str, ...]:
    """Its photographs, with embeddings of two backbones."""
    names = opened.image_ids(workspace, dataset_name)
    opened.store_embeddings(workspace, names, "resnet18")
    opened.store_embeddings(workspace, names, "resnet50")
    return names


def charts(page: AppTest) -> list[str]:
    """Returns the alternative texts of the charts on a page."""
    return [chart.proto.alt for chart in page.get("plotly_chart")]


def with_selection(page: AppTest, dataset_name: str, *image_ids: str) -> AppTest:
    """Runs the page as after a lasso around some photographs."""
    page.session_state[state.KEY] = state.Session(dataset_id=dataset_name, selection=image_ids)
    return page.run()


def test_two_backbones_are_drawn_side_by_side_with_their_trustworthiness(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()

    assert not page.exception
    assert [alt.partition(" by ")[0] for alt in charts(page)] == ["Map of 8 photographs"] * 2
    assert evaluated.texts(page).count("Trustworthiness **") == 2


def test_the_address_names_the_backbones(page: AppTest, ids: tuple[str, ...]) -> None:
    wanted = evaluated.recipe("resnet50").fingerprint()
    page.query_params["backbone"] = wanted

    page.run()

    assert len(charts(page)) == 1
    assert "ResNet-50" in charts(page)[0]


def test_a_selection_shows_its_photographs(
    page: AppTest, dataset_name: str, ids: tuple[str, ...]
) -> None:
    with_selection(page, dataset_name, ids[1], ids[6])

    assert not page.exception
    assert page.subheader[0].value == "2 photographs selected"
    keys = [button.key for button in page.button]
    assert [key for key in keys if key in {f"map.{name}" for name in ids}] == [
        f"map.{ids[1]}",
        f"map.{ids[6]}",
    ]


def test_clearing_the_selection_lets_go_of_it(
    page: AppTest, dataset_name: str, ids: tuple[str, ...]
) -> None:
    with_selection(page, dataset_name, ids[1], ids[6])
    page.button(key="map.clear").click().run()

    assert not page.subheader
    assert "Draw a lasso" in page.info[-1].value
    assert "selection" not in page.query_params


def test_a_selection_is_in_the_address_by_a_short_key(
    page: AppTest, dataset_name: str, ids: tuple[str, ...], workspace: Path
) -> None:
    key = keep_selection(Workspace(workspace), dataset_name, ids[2:5], origin="by hand")
    page.query_params.update({"dataset": dataset_name, "selection": key})

    page.run()

    assert page.subheader[0].value == "3 photographs selected"
    assert page.query_params["selection"] == key
    assert page.session_state[state.KEY].selection_origin == "by hand"


def test_the_right_map_is_laid_over_the_left_one_unless_asked_not_to(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()
    laid = evaluated.texts(page)
    page.toggle(key="map.laid_over").set_value(False).run()

    assert laid.count("Laid over the left map") == 1
    assert "Laid over the left map" not in evaluated.texts(page)
    assert len(charts(page)) == 2


def test_the_view_of_the_map_is_in_the_address(page: AppTest, ids: tuple[str, ...]) -> None:
    page.run()
    page.selectbox(key="map.colour").select("eye").run()

    assert page.query_params["colour"] == "eye"
    again = AppTest.from_file(PAGE, default_timeout=60)
    again.query_params.update({"colour": "eye", "map": "pca"})
    again.run()
    assert again.selectbox(key="map.colour").value == "eye"


def test_neighbours_here_not_there_are_counted_and_become_the_selection(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.query_params["image"] = ids[0]
    page.run()
    page.segmented_control(key="map.neighbours").set_value(5).run()

    assert not page.exception
    assert "5 of 5 neighbours are the same" in evaluated.texts(page)  # the vectors are equal
    page.button(key="selection.neighbours").click().run()
    assert set(page.session_state[state.KEY].selection) >= {ids[0]}
    assert len(page.session_state[state.KEY].selection) == 6


def test_a_photograph_opens_with_its_neighbours_by_each_backbone(
    page: AppTest, dataset_name: str, ids: tuple[str, ...]
) -> None:
    with_selection(page, dataset_name, ids[1], ids[6])
    page.button(key=f"map.{ids[1]}").click().run()

    assert not page.exception
    assert page.subheader[1].value == "P0 OS"
    assert evaluated.texts(page).count("Most alike for") == 2
    near = [b.key for b in page.button if (b.key or "").startswith("near.")]
    assert near[0].rpartition(".")[2] in {ids[0], ids[2], ids[3]}


def test_a_map_that_takes_long_is_computed_by_a_job(
    page: AppTest, ids: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[list[str]] = []

    def note(argv: Sequence[str], title: str) -> None:
        lines.append(list(argv))

    monkeypatch.setattr(wiring, "submit", note)
    page.run()
    page.segmented_control(key="choice.method").set_value("tsne").run()
    button = next(b for b in page.button if (b.key or "").startswith("map.compute."))
    button.click().run()

    assert not page.exception
    line = lines[0]
    assert line[0] == "project"
    assert line[line.index("--method") + 1] == "tsne"
    assert line[line.index("--weights") + 1] == "scratch"
    assert line[line.index("--image-size") + 1] == "64"


def test_the_prediction_of_a_run_is_shown_for_the_open_photograph(
    page: AppTest, dataset_name: str, ids: tuple[str, ...], workspace: Path
) -> None:
    scores = evaluated.predictions("probe", dict.fromkeys(evaluated.PATIENTS, 0.5))
    held_out = Predictions(
        "probe", "binary", ("1",), ids, scores.y_true[4:], scores.y_score[4:] + 0.25
    )
    run = replace(evaluated.run("probe-1", scores), dataset_id=dataset_name)
    save_run(Workspace(workspace), run, held_out)
    page.query_params["image"] = ids[0]

    page.run()
    page.selectbox(key="map.colour").select(OUTCOME).run()

    assert not page.exception
    shown = next(one.value for one in page.dataframe if "score" in one.value)
    assert list(shown["score"]) == [0.75]


def test_without_embeddings_the_page_says_where_to_make_some(
    page: AppTest, dataset_name: str
) -> None:
    page.run()

    assert "Extract" in page.info[0].value
    assert not charts(page)


def test_too_few_photographs_for_a_map_are_said_not_crashed(
    page: AppTest, workspace: Path, dataset_name: str
) -> None:
    names = opened.image_ids(workspace, dataset_name)
    opened.store_embeddings(workspace, names[:3])

    page.run()

    assert not page.exception
    assert "at least 4 photographs" in page.error[0].value


def test_without_a_data_set_the_page_says_where_to_open_one(page: AppTest) -> None:
    page.run()

    assert "Overview" in page.info[0].value
