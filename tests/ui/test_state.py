"""The session: in step with the address, and honest about ids that it does not know."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.testing.v1 import AppTest

from fundus_core.ui import state
from fundus_core.ui.session import FIXED_BEFOREHAND
from tests.pages import evaluated


def dataset_page() -> None:
    """A page that needs a data set and says which one it got."""
    import streamlit as st

    from fundus_core.ui import state

    st.markdown(f"opened {state.require_dataset().id}")


def run_page() -> None:
    """A page that needs two runs and says which of them are chosen."""
    import streamlit as st

    from fundus_core.ui import state

    runs = state.require_runs(minimum=2)
    st.markdown(f"{len(runs)} runs, chosen {','.join(state.current().run_ids)}")


def widget_page() -> None:
    """A page with widgets that are views of the session."""
    import streamlit as st

    from fundus_core.ui import state

    st.selectbox("Target", ["dr", "dme"], **state.bound("target", ["dr", "dme"]))
    st.multiselect("Runs", ["a", "b", "c"], **state.bound("run_ids", ["a", "b", "c"]))
    st.button("Other data", on_click=state.choose, kwargs={"dataset_id": "other"})


def select_page() -> None:
    """A page that selects two photographs."""
    import streamlit as st

    from fundus_core.ui import state

    state.current()
    st.button("Select", on_click=state.select, args=(["h0", "d1"], "by hand"))


def choosing_page() -> None:
    """A page that chooses a model and a class at once."""
    import streamlit as st

    from fundus_core.ui import state

    state.current()
    st.button("Choose", on_click=state.choose, kwargs={"run_ids": ("a", "b"), "class_name": "1"})


@pytest.fixture
def page(
    monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> Callable[[Callable[[], None]], AppTest]:
    """Makes a page of a function, in a workspace with one data set and no run."""
    evaluated.open_dataset(monkeypatch, workspace)
    return lambda script: AppTest.from_function(script, default_timeout=30)


PageMaker = Callable[[Callable[[], None]], AppTest]


def test_require_dataset__a_new_tab_opens_the_latest_and_the_address_says_so(
    page: PageMaker,
) -> None:
    at = page(dataset_page).run()

    assert at.markdown[0].value == "opened tiny-1"
    assert at.query_params["dataset"] == "tiny-1"


def test_require_dataset__an_unknown_one_in_the_address_is_said(page: PageMaker) -> None:
    at = page(dataset_page)
    at.query_params["dataset"] = "gone-123"
    at.run()

    assert "gone-123" in at.warning[0].value
    assert "Overview" in at.info[0].value
    assert "opened" not in evaluated.texts(at)


def test_require_runs__too_few_are_counted(page: PageMaker, workspace: Path) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))

    at = page(run_page).run()

    assert "at least 2 evaluated models" in at.info[0].value
    assert "has 1 evaluated model" in at.info[0].value


def test_require_runs__unknown_runs_of_the_address_are_left_out_and_said(
    page: PageMaker, workspace: Path
) -> None:
    for name in ("good", "poor"):
        evaluated.store(workspace, name, evaluated.predictions(name, evaluated.GOOD))
    at = page(run_page)
    evaluated.address(at, run=["good", "gone"])
    at.run()

    assert "gone" in at.warning[0].value
    assert at.markdown[0].value == "2 runs, chosen good"


def test_current__what_the_address_says_is_taken_over(page: PageMaker) -> None:
    at = page(widget_page)
    at.query_params.update({"dataset": "tiny-1", "target": "dme", "run": ["c", "a"]})
    at.run()

    assert at.selectbox[0].value == "dme"
    assert at.multiselect[0].value == ["c", "a"]


def test_current__a_page_change_that_clears_the_address_loses_nothing(page: PageMaker) -> None:
    at = page(widget_page)
    at.query_params["target"] = "dme"
    at.run()
    at.query_params.clear()
    at.run()

    assert at.selectbox[0].value == "dme"
    assert at.query_params["target"] == "dme"


def test_current__going_back_lets_go_of_what_was_chosen_since(page: PageMaker) -> None:
    at = page(widget_page)
    at.query_params.update({"dataset": "tiny-1", "target": "dr"})
    at.run()
    at.multiselect[0].select("b").run()
    assert at.query_params["run"] == "b"

    del at.query_params["run"]  # as the browser's arrow does
    at.run()

    assert at.session_state[state.KEY].run_ids == ()
    assert at.session_state[state.KEY].dataset_id == "tiny-1"


def test_current__a_data_set_that_is_waited_for_outlives_a_refresh(page: PageMaker) -> None:
    at = page(widget_page)
    at.query_params.update({"dataset": "tiny-1", "awaits": "next-1"})
    at.run()

    assert at.session_state[state.KEY].awaited_dataset == "next-1"


def test_choose__is_one_step_of_the_browsers_arrows_and_keeps_what_is_not_ours(
    page: PageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = page(choosing_page)
    at.query_params.update({"dataset": "tiny-1", "another": "1"})
    at.run()
    steps: list[str] = []
    send = ScriptRunContext.enqueue
    monkeypatch.setattr(
        ScriptRunContext,
        "enqueue",
        lambda ctx, message: (
            steps.append(message.page_info_changed.query_string)
            if message.HasField("page_info_changed")
            else None,
            send(ctx, message),
        ),
    )

    at.button[0].click().run()

    assert steps == ["another=1&dataset=tiny-1&run=a&run=b&class=1"]


def test_select__is_in_the_session_of_this_tab_and_in_the_address(page: PageMaker) -> None:
    at = page(select_page)
    at.query_params["dataset"] = "tiny-1"
    at.run()
    at.button[0].click().run()

    session = at.session_state[state.KEY]
    assert session.selection == ("h0", "d1")
    assert session.selection_key == at.query_params["selection"]


@pytest.mark.parametrize("entry", ["high", "nan", "inf", "-0.1", "1.5"])
def test_current__a_threshold_that_is_no_share_is_left_out(page: PageMaker, entry: str) -> None:
    at = page(widget_page)
    at.query_params["threshold"] = entry
    at.run()

    assert not at.exception
    assert at.session_state[state.KEY].threshold == FIXED_BEFOREHAND


def test_bound__a_choice_is_in_the_session_and_in_the_address(page: PageMaker) -> None:
    at = page(widget_page).run()
    at.multiselect[0].select("b").run()

    assert at.session_state[state.KEY].run_ids == ("b",)
    assert at.query_params["run"] == "b"


def test_bound__what_is_not_offered_falls_back_to_the_first(page: PageMaker) -> None:
    at = page(widget_page)
    at.query_params.update({"target": "amd", "run": ["x", "b"]})
    at.run()

    assert at.selectbox[0].value == "dr"
    assert at.multiselect[0].value == ["b"]


def test_choose__another_data_set_forgets_what_belonged_to_the_one_before(
    page: PageMaker,
) -> None:
    at = page(widget_page)
    at.query_params.update({"dataset": "tiny-1", "run": ["a"], "image": "h0"})
    at.run()
    at.button[0].click().run()

    session = at.session_state[state.KEY]
    assert (session.dataset_id, session.run_ids, session.image_id) == ("other", (), "")


def test_choose__a_field_that_is_not_there_is_a_defect(page: PageMaker) -> None:
    with pytest.raises(AttributeError, match="datset_id"):
        state.choose(datset_id="x")
