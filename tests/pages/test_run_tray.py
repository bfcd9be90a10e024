"""The chosen models follow the reader in the sidebar."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.domain.dataset import Target
from tests.pages import evaluated

ROC = evaluated.PAGES / "evaluate" / "roc.py"
PROBE = evaluated.PAGES / "model" / "linear_probe.py"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> AppTest:
    """The ROC page with three models, two of them chosen."""
    evaluated.open_dataset(monkeypatch, workspace)
    for name in ("one", "two", "three"):
        evaluated.store(workspace, name, evaluated.predictions(name, evaluated.GOOD))
    found = AppTest.from_file(ROC, default_timeout=30)
    evaluated.address(found, run=["one", "two"])
    return found


def sidebar(page: AppTest) -> str:
    return "\n".join(str(one.value) for one in [*page.sidebar.markdown, *page.sidebar.caption])


def test_the_tray_names_the_chosen_models_with_their_auc(page: AppTest) -> None:
    page.run()

    assert not page.exception
    assert "2 models chosen" in sidebar(page)
    assert "one · AUC 0.94" in sidebar(page)
    assert "three" not in sidebar(page)


def test_the_tray_links_to_where_models_are_looked_at(page: AppTest) -> None:
    page.run()

    for place in ("ROC", "Compare, errors that differ", "Calibration", "Heat maps side by side"):
        assert place in sidebar(page)


def test_removing_takes_a_model_off_the_page_and_the_address(page: AppTest) -> None:
    page.run()

    page.button(key="tray.remove.one").click().run()

    assert page.multiselect(key="choice.run_ids").value == ["two"]
    assert page.query_params["run"] == "two"


def test_adding_puts_a_model_behind_the_others(page: AppTest) -> None:
    page.run()

    page.selectbox(key="tray.more").select("dr: three").run()
    page.button(key="tray.add").click().run()

    assert page.multiselect(key="choice.run_ids").value == ["one", "two", "three"]
    assert "3 models chosen" in sidebar(page)


def test_models_of_one_name_for_two_targets_are_told_apart(page: AppTest, workspace: Path) -> None:
    scores = evaluated.predictions("three", evaluated.GOOD)
    other = Target("dme", "binary", ("0", "1"), ("dme",))
    evaluated.store(workspace, "four", scores, label="three", target=other)
    page.run()

    menu = page.selectbox(key="tray.more")
    assert {"dr: three", "dme: three"} <= set(menu.options)
    menu.select("dr: three").run()
    page.button(key="tray.add").click().run()

    assert page.multiselect(key="choice.run_ids").value == ["one", "two", "three"]


def test_starting_over_begins_with_the_newest(page: AppTest) -> None:
    page.run()

    page.button(key="tray.clear").click().run()

    assert len(page.multiselect(key="choice.run_ids").value) == 3


def test_a_model_of_another_target_stays_in_the_tray(page: AppTest, workspace: Path) -> None:
    evaluated.store(
        workspace, "graded", evaluated.graded("graded", 0), target=evaluated.GRADE, baseline=False
    )
    evaluated.address(page, run=["one", "graded"], target="dr")

    page.run()

    assert not page.exception
    assert page.multiselect(key="choice.run_ids").value == ["one"]
    assert page.query_params["run"] == ["one", "graded"]
    assert "graded · AUC" in sidebar(page)
    assert sidebar(page).rstrip().count("· grade") == 1


def test_pages_that_fit_models_show_it_too(page: AppTest) -> None:
    fitting = AppTest.from_file(PROBE, default_timeout=30)
    evaluated.address(fitting, run=["one"])

    fitting.run()

    assert "1 model chosen" in sidebar(fitting)
