"""Entry point: the frame around every page, and the table of pages."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from fundus_core.io.refused_reading import refusals_explained
from fundus_core.ui import legibility, login, messages, outside, state, wiring
from fundus_core.ui.components import dataset_picker, selection_bar, story_panel
from fundus_core.ui.icon import ICON


def _page(path: str, title: str, icon: str, *, opening: bool = False) -> StreamlitPage:
    return st.Page(path, title=title, icon=f":material/{icon}:", default=opening)


# A section of the menu is a folder under pages/. The folders are needed: Streamlit would run a
# script lying directly in pages/ on its own, without this frame, if the first visitor after a
# start opened it by its address.
PAGES = {
    "Data": [
        _page("pages/data/start.py", "Start", "home", opening=True),
        _page("pages/data/overview.py", "Overview", "dataset"),
        _page("pages/data/images.py", "Images", "image"),
        _page("pages/data/story.py", "The demo's story", "auto_stories"),
    ],
    "Embed": [
        _page("pages/embed/extract.py", "Extract", "memory"),
        _page("pages/embed/map.py", "Map", "bubble_chart"),
        _page("pages/embed/agreement.py", "Agreement", "join_inner"),
    ],
    "Model": [
        _page("pages/model/linear_probe.py", "Linear probe", "linear_scale"),
        _page("pages/model/fine_tune.py", "Fine-tune", "tune"),
        _page("pages/model/studies.py", "Studies", "grid_view"),
        _page("pages/model/zero_shot.py", "Zero-shot", "match_word"),
        _page("pages/model/pretrain.py", "Pre-train", "model_training"),
    ],
    "Evaluate": [
        _page("pages/evaluate/roc.py", "ROC", "show_chart"),
        _page("pages/evaluate/compare.py", "Compare models", "balance"),
        _page("pages/evaluate/calibration.py", "Calibration", "speed"),
        _page("pages/evaluate/stress.py", "Stress", "science"),
        _page("pages/evaluate/report.py", "Report", "description"),
    ],
    "Explain": [
        _page("pages/explain/grad_cam.py", "Explain", "center_focus_strong"),
        _page("pages/explain/photograph.py", "One photograph", "add_a_photo"),
        _page("pages/explain/vessels.py", "Vessels", "account_tree"),
    ],
    "About": [
        _page("pages/about/jobs.py", "Jobs", "pending_actions"),
        _page("pages/about/methods.py", "Methods", "menu_book"),
    ],
}

st.set_page_config(page_title="Fundus Explorer", page_icon=ICON, layout="wide")
legibility.style()
login.gate(PAGES)  # before anything that reads the workspace
wiring.workspace()  # ends here, with the reason, where it cannot be opened
page = st.navigation(PAGES, expanded=True)
if page.title == "Start" and state.is_new() and story_panel.comes_first():
    st.switch_page("pages/data/story.py")
with st.sidebar, outside.shown():
    dataset_picker.picker()
    selection_bar.selection_bar()
    login.account()
wiring.spare_the_collector()  # of what earlier runs have loaded: a page may end early
body = st.container()
messages.footer(page.title)  # placed below the page before it runs
with body, messages.shown_to_user(), refusals_explained():
    outside.show_refused()
    page.run()
