"""The Grad-CAM page: one photograph, one or two models, and what it says when there is no map."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.errors import SaliencyError
from fundus_core.explain.cam import SaliencyMap
from fundus_core.ui import wiring
from tests.pages import evaluated

PAGE = evaluated.PAGES / "explain" / "grad_cam.py"


def explanation(
    run_id: str, image: str, class_name: str, *, method: str = "grad_cam"
) -> SimpleNamespace:
    """A map that is hot on the right; the run called `colour` cannot be explained."""
    if run_id == "colour":
        raise SaliencyError("It has no places.", hint="Choose a network.")
    values = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)
    return SimpleNamespace(
        photograph=np.full((8, 8, 3), 120, np.uint8),
        saliency=SaliencyMap(values, 2.5, "layer4", method, class_name),
        heat=np.kron(values, np.ones((4, 4), np.float32)),
        class_name=class_name,
        score=0.42,
        held_out=run_id != "trained on all",
    )


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> AppTest:
    """The page as it opens for someone who has a data set and no model yet."""
    evaluated.open_dataset(monkeypatch, workspace)
    monkeypatch.setattr(wiring, "explanation", explanation)
    photograph = np.full((8, 8, 3), 120, np.uint8)
    monkeypatch.setattr(wiring, "photograph", lambda path, max_side=1024: photograph)
    return AppTest.from_file(PAGE, default_timeout=30)


def store(workspace: Path, *names: str) -> None:
    for name in names:
        evaluated.store(workspace, name, evaluated.predictions(name, evaluated.POOR))


def test_the_photograph_of_the_largest_error_is_shown_first(page: AppTest, workspace: Path) -> None:
    store(workspace, "poor")

    page.run()

    assert not page.exception
    # h5 scores 0.85 without the disease; d5, with it, scores 0.2.
    assert page.query_params["image"] == "h5"
    assert "Labelled **not dr \\= 1**" in evaluated.texts(page)


def test_two_models_are_shown_side_by_side_for_the_same_photograph(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "one", "two")
    evaluated.address(page, run=["one", "two"], image="d2")

    page.run()

    assert not page.exception
    assert evaluated.texts(page).count("Score for dr \\= 1: **0.420**") == 2
    assert "Labelled **dr \\= 1**" in evaluated.texts(page)


def test_what_a_map_does_not_show_is_said(page: AppTest, workspace: Path) -> None:
    store(workspace, "poor")

    page.run()

    assert "not show that these places are diseased" in evaluated.texts(page)
    assert "2 × 2 cells" in evaluated.texts(page)


def test_a_probe_that_may_have_seen_the_photograph_is_said_to(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "trained on all")

    page.run()

    assert "may include this one" in evaluated.texts(page)
    assert "held this photograph out" not in evaluated.texts(page)


def test_a_probe_of_another_data_set_is_given_the_file_and_said_to_be_one(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def remembered(run_id: str, image: str, class_name: str, *, method: str) -> SimpleNamespace:
        asked.append(image)
        return explanation("trained on all", image, class_name, method=method)

    monkeypatch.setattr(wiring, "explanation", remembered)
    scores = evaluated.predictions("outside", evaluated.POOR)
    evaluated.store(workspace, "outside", scores, kind="external", baseline=False)

    page.run()

    assert asked == ["/nowhere/h5.jpg"]
    assert "another data set" in evaluated.texts(page)


def test_a_model_without_a_map_is_explained_and_the_other_drawn(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "colour", "one")
    evaluated.address(page, run=["colour", "one"])

    page.run()

    assert not page.exception
    assert "It has no places" in page.info[0].value
    assert "Score for dr \\= 1: **0.420**" in evaluated.texts(page)


def test_the_other_class_of_two_can_be_asked_for(page: AppTest, workspace: Path) -> None:
    store(workspace, "poor")
    evaluated.address(page, image="d2")
    page.run()

    next(one for one in page.selectbox if one.label == "Class").set_value("0").run()

    assert not page.exception
    assert "Score for dr \\= 0" in evaluated.texts(page)
    assert "Labelled **dr \\= 1**" in evaluated.texts(page)


def test_a_method_that_ignores_the_class_says_so(page: AppTest, workspace: Path) -> None:
    store(workspace, "poor")
    page.run()

    next(one for one in page.selectbox if one.label == "Method").set_value("eigen_cam").run()

    assert "same map whichever class" in page.info[0].value


def test_a_photograph_that_is_not_there_is_named_and_another_shown(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "poor")
    evaluated.address(page, image="gone")

    page.run()

    assert not page.exception
    assert "gone" in page.warning[0].value
    assert page.query_params["image"] == "h5"


def test_of_many_chosen_models_two_are_drawn_and_the_choice_is_kept(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "one", "two", "three")
    evaluated.address(page, run=["one", "two", "three"])

    page.run()

    assert not page.exception
    assert evaluated.texts(page).count("Score for dr \\= 1") == 2
    assert page.query_params["run"] == ["one", "two", "three"]


def test_fine_tuned_models_stay_chosen_for_other_pages(page: AppTest, workspace: Path) -> None:
    store(workspace, "one", "two")
    scores = evaluated.predictions("tuned", evaluated.GOOD)
    evaluated.store(workspace, "tuned", scores, kind="finetune", baseline=False)
    evaluated.address(page, run=["tuned", "one"])

    page.run()

    assert not page.exception
    assert "stay chosen on other pages" in evaluated.texts(page)
    assert page.multiselect[0].value == ["one"]
    assert page.query_params["run"] == ["tuned", "one"]

    page.multiselect[0].select("two").run()

    assert page.query_params["run"] == ["one", "two", "tuned"]


def test_where_only_fine_tuned_models_are_chosen_a_probe_is_shown_beside_them(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "one")
    scores = evaluated.predictions("tuned", evaluated.GOOD)
    evaluated.store(workspace, "tuned", scores, kind="finetune", baseline=False)
    evaluated.address(page, run=["tuned"])

    page.run()

    assert not page.exception
    assert page.multiselect[0].value == ["one"]
    assert page.query_params["run"] == ["tuned", "one"]


def test_without_a_model_the_page_says_where_to_get_one(page: AppTest) -> None:
    page.run()

    assert not page.exception
    assert "Linear probe" in page.info[0].value
