"""The opening page: three doors, the tour, and questions with their plan before anything starts."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.studies.presets import PRESETS
from fundus_core.ui import state, wiring
from fundus_core.ui.components import tour
from fundus_core.ui.components.doors import comparable
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from tests.fakes import write_dataset
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "data" / "start.py"


@pytest.fixture
def page(workspace: Path, started: list[list[str]], without_shipped_weights: None) -> AppTest:
    """The page of an empty workspace."""
    return AppTest.from_file(PAGE, default_timeout=60)


@pytest.fixture
def with_models(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]]
) -> AppTest:
    """The page of a data set with two models of one target and one of another."""
    evaluated.open_dataset(monkeypatch, workspace)
    for name in ("first", "second"):
        evaluated.store(workspace, name, evaluated.predictions(name, evaluated.GOOD))
    evaluated.store(
        workspace, "graded", evaluated.graded("graded", 0), target=evaluated.GRADE, baseline=False
    )
    return AppTest.from_file(PAGE, default_timeout=60)


def test_an_empty_workspace_is_led_to_photographs_or_the_demo(
    page: AppTest, started: list[list[str]]
) -> None:
    page.run()

    assert not page.exception
    assert evaluated.texts(page).count("It begins with photographs.") == 2

    page.button(key="door.demo").click().run()

    assert [line[0] for line in started] == ["demo", "check", "story"]


def test_the_model_to_look_at_is_the_best_of_the_commonest_target(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]]
) -> None:
    evaluated.open_dataset(monkeypatch, workspace)
    for name, scores in (("good", evaluated.GOOD), ("poor", evaluated.POOR)):
        evaluated.store(workspace, name, evaluated.predictions(name, scores))
    monkeypatch.setattr("streamlit.switch_page", lambda page: None)
    page = AppTest.from_file(PAGE, default_timeout=60)

    page.run()
    page.button(key="door.roc").click().run()

    assert "The highest AUC for dr" in evaluated.texts(page)
    assert page.session_state[state.KEY].run_ids == ("good",)


def test_a_data_set_without_embeddings_is_led_to_extract_them(
    page: AppTest, dataset_name: str
) -> None:
    page.run()

    assert not page.exception
    assert "No model was evaluated on it yet" in evaluated.texts(page)
    assert "Extract embeddings" in evaluated.texts(page)


def test_a_data_set_with_embeddings_is_led_to_fit_a_probe(
    page: AppTest, dataset_name: str, workspace: Path
) -> None:
    opened.store_embeddings(workspace, opened.image_ids(workspace, dataset_name))

    page.run()

    assert "Fit one" in evaluated.texts(page)


@pytest.mark.parametrize(
    ("door", "chosen", "target"),
    [("roc", ["second"], "dr"), ("compare", ["second", "first"], "dr")],
)
def test_a_door_chooses_models_for_the_page_behind_it(
    with_models: AppTest, monkeypatch: pytest.MonkeyPatch, door: str, chosen: list[str], target: str
) -> None:
    led: list[str] = []
    monkeypatch.setattr("streamlit.switch_page", led.append)
    with_models.run()

    with_models.button(key=f"door.{door}").click().run()

    assert not with_models.exception
    assert led == [f"pages/evaluate/{door}.py"]
    session = with_models.session_state[state.KEY]
    assert sorted(session.run_ids) == sorted(chosen)
    assert session.target == target


def test_comparable__takes_the_largest_group_on_equally_many_photographs(workspace: Path) -> None:
    few = {name: evaluated.GOOD[name] for name in list(evaluated.GOOD)[2:]}
    runs = [
        evaluated.run("a", evaluated.predictions("a", evaluated.GOOD)),
        evaluated.run("b", evaluated.predictions("b", few)),
        evaluated.run("c", evaluated.predictions("c", evaluated.GOOD)),
    ]

    assert [run.id for run in comparable(runs)] == ["a", "c"]
    assert comparable(runs[:2]) == ()
    assert comparable([]) == ()


def sidebar_page() -> None:
    """A page that has nothing but the sidebar's picker and the start of the tour."""
    from fundus_core.ui.components import dataset_picker, tour

    tour.offer()
    dataset_picker.picker()


def test_the_tour_has_five_steps_goes_back_and_is_closed_for_the_session(
    workspace: Path, started: list[list[str]]
) -> None:
    page = AppTest.from_function(sidebar_page)
    page.run()
    assert not [one for one in page.button if one.key == "tour.Next"]

    page.button(key="tour.begin").click().run()
    seen = [evaluated.texts(page)]
    for _ in range(4):
        page.button(key="tour.Next").click().run()
        seen.append(evaluated.texts(page))

    assert len(tour.STEPS) == 5
    for number, (text, step) in enumerate(zip(seen, tour.STEPS, strict=True), start=1):
        assert f"{number} of 5" in text
        assert step.link in text
    assert not [one for one in page.button if one.key == "tour.Next"]

    page.button(key="tour.Back").click().run()
    assert "4 of 5" in evaluated.texts(page)
    page.button(key="tour.Close the tour").click().run()
    page.run()

    assert "of 5" not in evaluated.texts(page)


def test_every_step_of_the_tour_is_about_a_page_that_exists() -> None:
    root = evaluated.PAGES.parent

    assert all((root / step.page).is_file() for step in tour.STEPS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_question_shows_its_plan_before_anything_starts(
    page: AppTest, started: list[list[str]], name: str
) -> None:
    page.run()

    page.radio(key="start.question").set_value(name).run()

    assert not page.exception
    assert "Plan" in [one.value for one in page.subheader]
    assert any("were not read yet" in one.value for one in page.info)
    assert started == []


def test_a_question_of_the_open_data_set_starts_as_a_study_of_it(
    page: AppTest, workspace: Path, tmp_path: Path, started: list[list[str]]
) -> None:
    source = DataSource(write_dataset(tmp_path / "twelve_patients") / "labels.csv")
    open_dataset(Workspace(workspace), source)
    page.run()
    page.radio(key="start.question").set_value("better_on_my_data").run()
    page.toggle(key="start.small").set_value(True).run()

    assert not page.exception
    assert {one.label: one.value for one in page.metric}["Cells"] == "4"
    page.checkbox(key="studies.skip").check().run()
    page.button(key="studies.run").click().run()

    (line,) = started
    assert line[:2] == ["study", str(PRESETS["better_on_my_data"].path)]
    assert ["--on", dataset_id(source), "--target", "dr"] == line[3:7]
    assert "--small" in line


def test_a_question_that_so_few_patients_cannot_answer_is_not_started(
    page: AppTest, dataset_name: str
) -> None:
    page.run()
    page.radio(key="start.question").set_value("better_on_my_data").run()
    page.toggle(key="start.small").set_value(True).run()

    assert "5 folds need 5" in evaluated.texts(page).replace("\\", "")
    assert page.button(key="studies.run").disabled


def test_the_words_are_explained(page: AppTest) -> None:
    page.run()

    words = next(one.value for one in page.dataframe if "Means" in one.value)
    assert "area under the ROC curve" in list(words["Means"])


def test_read_only__no_door_starts_anything(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDUS_READ_ONLY", "1")

    page.run()

    assert not page.exception
    assert wiring.read_only()
    assert not [one for one in page.button if one.key == "door.demo"]


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(evaluated.PAGES.glob("*/*.py")) if path.parent.name != "about"],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_every_page_of_an_empty_workspace_offers_a_next_step(
    path: Path, workspace: Path, started: list[list[str]]
) -> None:
    page = AppTest.from_file(path, default_timeout=60).run()

    assert not page.exception
    linked = "Open a data set" in evaluated.texts(page)
    assert linked or [button for button in page.button if not button.disabled]
