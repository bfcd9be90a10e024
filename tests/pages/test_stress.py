"""The stress page: groups of photographs, shortcuts, and what it says when it cannot."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import auc_interval
from fundus_core.ui.components import shortcut_panel
from fundus_core.workflows.evaluation.shortcuts import shortcuts_of
from fundus_core.workflows.evaluation.subgroups import NO_THRESHOLD, subgroups_of
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.models.runs import run_predictions, save_run
from tests.pages import evaluated
from tests.workflows.stressed import stored_run, write_table

PAGE = evaluated.PAGES / "evaluate" / "stress.py"


@pytest.fixture
def run(workspace: Path, tmp_path: Path) -> Run:
    """A weak model on photographs of which the diseased ones are brighter."""
    folder = write_table(tmp_path / "data", shortcut=True)
    return stored_run(Workspace(workspace), folder, strength=0.5)


def opened(run: Run, tab: str = "Subgroups") -> AppTest:
    """Returns the page with a tab open, before it is run."""
    page = AppTest.from_file(PAGE, default_timeout=60)
    evaluated.address(page, dataset=run.dataset_id, run=run.id)
    page.session_state["stress.tab"] = tab
    return page


def test_stress__shows_each_group_with_its_test(workspace: Path, run: Run) -> None:
    page = opened(run)

    page.run()

    assert not page.exception
    table = evaluated.table(page, "Group").set_index("Group")
    found = subgroups_of(Workspace(workspace), run, "site").result
    assert list(table.index) == ["all", "north", "south"]
    for one in found.groups:
        assert one.auc is not None
        assert table.loc[one.name, "AUC (95 % CI)"].startswith(f"{one.auc.auc:.3f} (")
    assert found.auc_test is not None
    said = evaluated.texts(page)
    assert f"χ² = {found.auc_test.statistic:.2f} on 1 degree of freedom" in said
    assert "patients, not photographs, are independent" in said


def test_stress__scores_of_words_alone_are_judged_only_where_a_threshold_is_asked_for(
    workspace: Path, run: Run
) -> None:
    words = replace(run, id="words", kind="zero_shot")
    save_run(Workspace(workspace), words, run_predictions(Workspace(workspace), run))
    page = opened(words)

    page.run()

    assert not page.exception
    assert not page.slider
    assert "Sensitivity" not in evaluated.table(page, "Group")
    assert NO_THRESHOLD in [one.value for one in page.info]

    page.toggle(key="stress.judged").set_value(True).run()

    assert not page.exception
    assert page.slider(key="stress.threshold").value == 0.5
    found = subgroups_of(Workspace(workspace), words, "site", threshold=0.5).result
    assert found.overall.sensitivity is not None
    assert evaluated.table(page, "Group")["Sensitivity"][0].startswith(
        f"{found.overall.sensitivity.value:.3f} ("
    )


def test_stress__greys_and_names_groups_that_are_too_small(run: Run) -> None:
    page = opened(run)
    page.run()
    menu = next(one for one in page.selectbox if one.label == "Group photographs by")

    menu.set_value(next(one for one in menu.options if one.startswith("age"))).run()

    assert not page.exception
    table = evaluated.table(page, "Not tested")
    unknown = table[table["Group"] == ":gray[not stated]"].iloc[0]
    assert unknown["Not tested"] == ":gray[too few]"
    next(one for one in page.number_input if one.label == "Bands").set_value(2).run()
    assert "(2 groups, without not stated)." in evaluated.texts(page)
    assert "the names state the edges" in evaluated.texts(page)


def test_stress__warns_of_a_shortcut_that_is_not_beaten(workspace: Path, run: Run) -> None:
    page = opened(run, "Shortcuts")

    page.run()

    assert not page.exception
    assert "is not shown to be better than: mean colour, brightness and sharpness" in (
        page.warning[0].value
    )
    table = evaluated.table(page, "Learned from").set_index("Learned from")
    light = next(
        one for one in shortcuts_of(Workspace(workspace), run).probes if one.key == "light"
    )
    assert light.result is not None
    shown = table.loc["brightness and sharpness", "Model less it (95 % CI)"]
    assert shown.startswith(f"{light.result.difference:+.3f} (")
    assert "in the very folds of the model" in evaluated.texts(page)


def test_stress__says_what_is_left_of_the_auc(run: Run) -> None:
    page = opened(run, "Shortcuts")
    page.run()
    menu = next(one for one in page.selectbox if one.label == "Compare photographs alike in")

    menu.set_value("camera").run()

    assert not page.exception
    assert "Among photographs alike in camera** (2 strata) the AUC is" in evaluated.texts(page)


def test_stress__many_photographs_are_measured_by_a_job(
    run: Run, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortcut_panel, "MOST_AT_ONCE", 50)
    page = opened(run, "Shortcuts")
    page.run()

    page.button(key="stress.measure").click().run()

    assert not page.exception
    assert started == [["shortcuts", "run"]]
    assert "96 photographs must be measured first" in page.info[0].value


def test_stress__of_unknown_patients_says_that_p_is_too_small(workspace: Path, run: Run) -> None:
    place = Workspace(workspace)
    nameless = replace(run_predictions(place, run), patient_ids=None)
    save_run(place, run, nameless)

    page = opened(run).run()

    assert not page.exception
    assert "because patients are unknown" in evaluated.texts(page)
    alone = auc_interval(nameless.y_true[:, 0], nameless.y_score[:, 0])
    shown = evaluated.table(page, "Group")["AUC (95 % CI)"].iloc[0]
    assert shown.startswith(f"{alone.auc:.3f} (")


def test_stress__without_a_model_says_where_to_get_one(
    monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    evaluated.open_dataset(monkeypatch, workspace)

    page = AppTest.from_file(PAGE, default_timeout=30).run()

    assert not page.exception
    assert "1 evaluated model" in page.info[0].value
