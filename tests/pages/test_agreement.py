"""The agreement page: matrices, two maps laid over one another, and where backbones disagree."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.io.workspace import Workspace
from fundus_core.ui import state
from fundus_core.workflows.data.datasets import stored_dataset
from fundus_core.workflows.embeddings.agreement import agreement, measured_maps
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "embed" / "agreement.py"


@pytest.fixture
def page(workspace: Path) -> AppTest:
    """The page of a workspace."""
    return AppTest.from_file(PAGE, default_timeout=60)


@pytest.fixture
def ids(workspace: Path, dataset_name: str) -> tuple[str, ...]:
    """Its photographs; the second backbone has none of the last one."""
    names = opened.image_ids(workspace, dataset_name)
    opened.store_embeddings(workspace, names, "resnet18")
    opened.store_embeddings(workspace, names[:7], "resnet50")
    return names


def charts(page: AppTest) -> list[str]:
    """Returns the alternative texts of the charts on a page."""
    return [chart.proto.alt for chart in page.get("plotly_chart")]


def test_both_measures_are_drawn_and_listed_with_their_chance(
    page: AppTest, workspace: Path, dataset_name: str, ids: tuple[str, ...]
) -> None:
    page.run()

    assert not page.exception
    found = agreement(Workspace(workspace), stored_dataset(Workspace(workspace), dataset_name), k=1)
    assert charts(page)[0].startswith("Matrix of the share of 1 common neighbours")
    assert charts(page)[1].startswith("Matrix of the debiased linear CKA")
    assert f"Chance gives {1 / 6:.3f}" in evaluated.texts(page)
    row = evaluated.table(page, "Backbone A").iloc[0]
    assert row["By chance"] == r"0\.167"
    assert row["CKA, biased"] == f"{found.pairs[0].cka.biased:.3f}".replace(".", r"\.")
    assert "4 patients are too few" in evaluated.texts(page)


def test_photographs_without_one_of_the_embeddings_are_counted(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()

    assert "On the 7 photographs of 4 patients that all have embedded" in evaluated.texts(page)
    assert "1 photograph of the data set lack" in evaluated.texts(page)


def test_two_maps_are_laid_over_one_another_with_their_quality(
    page: AppTest, workspace: Path, dataset_name: str, ids: tuple[str, ...]
) -> None:
    page.run()

    assert [alt.partition(" by ")[0] for alt in charts(page)[2:]] == [
        "PCA map of 7 photographs"
    ] * 2
    place = Workspace(workspace)
    key = evaluated.recipe("resnet50").fingerprint()
    quality = measured_maps(place, stored_dataset(place, dataset_name), key)[0].quality
    said = evaluated.texts(page)
    assert (
        f"Trustworthiness **{quality.trustworthiness:.3f}**, continuity "
        f"**{quality.continuity:.3f}**"
    ) in said
    assert "of its spread unexplained" in said


def test_a_photograph_opens_with_its_neighbours_under_both_backbones(
    page: AppTest, ids: tuple[str, ...]
) -> None:
    page.run()
    page.button(key=f"agreement.least.{ids[2]}").click().run()

    assert not page.exception
    assert page.session_state[state.KEY].image_id == ids[2]
    assert evaluated.texts(page).count("**Nearest for ") == 2
    near = [b.key for b in page.button if (b.key or "").startswith("agreement.near.")]
    assert len(near) == 2
    notes = [note for note in evaluated.texts(page).splitlines() if note.endswith(" · both")]
    assert len(notes) in {0, 2}


def test_a_photograph_that_was_not_compared_is_said_to_be_so(
    page: AppTest, dataset_name: str, ids: tuple[str, ...]
) -> None:
    page.session_state[state.KEY] = state.Session(dataset_id=dataset_name, image_id=ids[7])

    page.run()

    assert not page.exception
    assert "lacks one of the embeddings" in evaluated.texts(page)


def test_neighbours_of_other_patients_raise_the_chance(page: AppTest, ids: tuple[str, ...]) -> None:
    page.run()
    page.toggle(key="agreement.others").set_value(True).run()

    assert not page.exception
    assert "Chance gives 0.195" in evaluated.texts(page)  # six of 1 in 5, the last of 1 in 6


def test_a_map_that_takes_long_is_computed_by_a_job(
    page: AppTest, ids: tuple[str, ...], started: list[list[str]]
) -> None:
    page.run()
    page.segmented_control(key="choice.method").set_value("tsne").run()
    key = evaluated.recipe("resnet50").fingerprint()
    page.button(key=f"agreement.compute.{key}").click().run()

    assert not page.exception
    assert started[0][0] == "project"
    assert started[0][started[0].index("--method") + 1] == "tsne"


def test_one_backbone_of_the_two_asks_for_the_other(
    page: AppTest, dataset_name: str, ids: tuple[str, ...]
) -> None:
    one = (evaluated.recipe("resnet50").fingerprint(),)
    page.session_state[state.KEY] = state.Session(dataset_id=dataset_name, backbones=one)

    page.run()

    assert not page.exception
    assert "Choose two backbones" in page.info[-1].value


def test_with_one_backbone_the_page_says_where_to_get_another(
    page: AppTest, workspace: Path, dataset_name: str
) -> None:
    opened.store_embeddings(workspace, opened.image_ids(workspace, dataset_name))

    page.run()

    assert not page.exception
    assert "at least two" in page.info[0].value
    assert not charts(page)


def test_embeddings_without_common_photographs_are_refused(
    page: AppTest, workspace: Path, dataset_name: str
) -> None:
    names = opened.image_ids(workspace, dataset_name)
    opened.store_embeddings(workspace, names[:4], "resnet18")
    opened.store_embeddings(workspace, names[4:], "resnet50")

    page.run()

    assert not page.exception
    assert "of which 0 are the same" in page.error[0].value


def test_without_a_data_set_the_page_says_where_to_open_one(page: AppTest) -> None:
    page.run()

    assert "Overview" in page.info[0].value
