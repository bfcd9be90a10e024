"""The selection in the frame of every page: counted, kept, shared by address, alone in its tab."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.io.workspace import Workspace
from fundus_core.ui import state, text
from fundus_core.workflows.data.selections import (
    delete_selection,
    save_selection,
    saved_selections,
)
from tests.pages import evaluated, opened


def framed_page() -> None:
    """A page with the bar of the frame."""
    from fundus_core.ui import state
    from fundus_core.ui.components import selection_bar

    state.current()
    selection_bar.selection_bar()


@pytest.fixture
def name(workspace: Path, tmp_path: Path) -> str:
    """The open data set: eight photographs, the two eyes of four patients."""
    return opened.open_photographs(workspace, tmp_path / "photographs")


@pytest.fixture
def ids(workspace: Path, name: str) -> tuple[str, ...]:
    """Its photographs."""
    return opened.image_ids(workspace, name)


def tab(name: str, *selected: str, key: str = "") -> AppTest:
    """Opens a tab at a data set, with photographs selected, or by an address that names them."""
    page = AppTest.from_function(framed_page, default_timeout=30)
    if key:
        page.query_params.update({"dataset": name, "selection": key})
    else:
        page.session_state[state.KEY] = state.Session(dataset_id=name, selection=selected)
    return page.run()


def test_nothing_is_drawn_without_a_data_set(workspace: Path) -> None:
    page = tab("", "a")

    assert not page.exception
    assert not page.button


def test_photographs_eyes_and_patients_are_counted(name: str, ids: tuple[str, ...]) -> None:
    nothing, some = tab(name), tab(name, *ids[:3])

    assert nothing.caption[0].value.split("  \n") == [
        "none of 8 photographs",
        "none of 8 eyes",
        "none of 4 patients",
    ]
    assert some.caption[0].value.split("  \n") == [
        "3 of 8 photographs",
        "3 of 8 eyes",
        "2 of 4 patients",
    ]


def test_invert_selects_all_others_and_clear_none(name: str, ids: tuple[str, ...]) -> None:
    page = tab(name, *ids[:3])
    page.button(key="selection.invert").click().run()
    inverted = page.session_state[state.KEY].selection
    page.button(key="selection.clear").click().run()

    assert inverted == ids[3:]
    assert page.session_state[state.KEY].selection == ()
    assert page.button(key="selection.clear").disabled


def test_what_is_saved_is_loaded_again_and_deleted(
    workspace: Path, name: str, ids: tuple[str, ...]
) -> None:
    page = tab(name, *ids[:3])
    page.text_input(key="selection.name").input("Mine").run()
    page.button(key="selection.save").click().run()
    page.button(key="selection.clear").click().run()
    page.button(key="selection.load").click().run()

    assert page.session_state[state.KEY].selection == ids[:3]
    page.button(key="selection.delete").click().run()
    assert saved_selections(Workspace(workspace), name) == ()
    assert page.session_state[state.KEY].selection == ids[:3]


def test_a_name_that_another_tab_took_meanwhile_is_replaced_only_when_that_was_said(
    workspace: Path, name: str, ids: tuple[str, ...]
) -> None:
    first, second = tab(name, *ids[:5]), tab(name, *ids[:3])
    for page in (first, second):
        page.text_input(key="selection.name").input("reading list").run()
    first.button(key="selection.save").click().run()
    second.button(key="selection.save").click().run()

    (kept,) = saved_selections(Workspace(workspace), name)
    assert kept.n_images == 5
    assert not first.error
    assert "a selection of 5 photographs" in text.plain(second.error[0].value)
    assert second.button(key="selection.save").label == "Replace it"

    second.button(key="selection.save").click().run()

    (kept,) = saved_selections(Workspace(workspace), name)
    assert kept.n_images == 3
    assert not second.error


def test_a_name_that_was_typed_and_saved_at_once_replaces_nothing(
    workspace: Path, name: str, ids: tuple[str, ...]
) -> None:
    save_selection(Workspace(workspace), name, "Mine", ids[:5])
    save_selection(Workspace(workspace), name, "Yours", ids[:4])
    page = tab(name, *ids[:3])
    page.text_input(key="selection.name").input("Mine").run()

    page.text_input(key="selection.name").input("Yours")
    page.button(key="selection.save").click().run()

    assert [one.n_images for one in saved_selections(Workspace(workspace), name)] == [5, 4]
    assert "a selection of 4 photographs" in text.plain(page.error[0].value)


def test_photographs_that_vanished_are_counted(
    workspace: Path, name: str, ids: tuple[str, ...]
) -> None:
    save_selection(Workspace(workspace), name, "Mine", [*ids[:2], "gone"])
    page = tab(name)
    page.button(key="selection.load").click().run()

    said = evaluated.texts(page)
    assert "2 of 8 photographs" in said
    assert "1 selected photograph is no longer in the data set" in said


def test_an_address_brings_the_selection_to_another_tab(name: str, ids: tuple[str, ...]) -> None:
    first = tab(name, *ids[:3])
    first.button(key="selection.invert").click().run()
    key = first.query_params["selection"]

    second = tab(name, key=key)

    assert len(str(key)) == 10
    assert second.session_state[state.KEY].selection == ids[3:]
    assert second.session_state[state.KEY].selection_origin == "all but those selected before"


def test_two_tabs_do_not_disturb_each_other(name: str, ids: tuple[str, ...]) -> None:
    first = tab(name, *ids[:3])
    first.button(key="selection.invert").click().run()
    second = tab(name, key=first.query_params["selection"])
    second.button(key="selection.invert").click().run()
    first.run()

    assert first.session_state[state.KEY].selection == ids[3:]
    assert second.session_state[state.KEY].selection == ids[:3]


@pytest.mark.parametrize("key", ["0123456789", "../../../etc/passwd", "<b>"])
def test_an_address_of_a_selection_that_is_not_kept_is_said(name: str, key: str) -> None:
    page = tab(name, key=key)

    assert not page.exception
    assert "does not hold any more" in page.warning[0].value
    assert page.session_state[state.KEY].selection == ()


def test_in_read_only_mode_photographs_are_selected_and_nothing_is_written(
    workspace: Path, name: str, ids: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_READ_ONLY", "1")
    page = tab(name, *ids[:3])
    page.button(key="selection.invert").click().run()

    assert not page.exception
    assert page.session_state[state.KEY].selection == ids[3:]
    assert page.button(key="selection.save").disabled
    assert not (workspace / "selections").exists()


def test_a_selection_that_another_window_replaced_is_not_deleted(
    workspace: Path, name: str, ids: tuple[str, ...]
) -> None:
    place = Workspace(workspace)
    seen = save_selection(place, name, "hazy", ids[:2]).named
    page = tab(name)
    save_selection(place, name, "hazy", ids[2:5], replacing=seen.key)

    page.button(key="selection.delete").click().run()

    assert not page.exception
    assert "another selection by now, of 3 photographs" in page.error[0].value
    assert [one.n_images for one in saved_selections(place, name)] == [3]


@pytest.mark.parametrize("button", ["selection.load", "selection.delete"])
def test_a_selection_that_another_window_deleted_is_not_taken_for_another_one(
    workspace: Path, name: str, ids: tuple[str, ...], button: str
) -> None:
    for saved, members in (("eyes", ids[:2]), ("hazy", ids[2:5])):
        save_selection(Workspace(workspace), name, saved, members)
    page = tab(name)
    page.selectbox(key="selection.menu").set_value("hazy").run()
    delete_selection(Workspace(workspace), name, "hazy")

    page.button(key=button).click().run()

    assert not page.exception
    assert "hazy" in page.error[0].value
    assert [one.name for one in saved_selections(Workspace(workspace), name)] == ["eyes"]
    assert page.session_state[state.KEY].selection == ()
