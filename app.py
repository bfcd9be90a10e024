"""Entry point: the frame around every page, and the table of pages."""

import streamlit as st

from fundus_core.ui import messages, state
from fundus_core.ui.components import dataset_picker, story_panel

# A section of the menu is a folder under pages/. The folders are needed: Streamlit would run a
# script lying directly in pages/ on its own, without this frame, if the first visitor after a
# start opened it by its address.
PAGES = {
    "Data": [
        st.Page(
            "pages/data/overview.py", title="Overview", icon=":material/dataset:", default=True
        ),
        st.Page("pages/data/images.py", title="Images", icon=":material/image:"),
        st.Page("pages/data/story.py", title="The demo's story", icon=":material/auto_stories:"),
    ],
    "Embed": [
        st.Page("pages/embed/extract.py", title="Extract", icon=":material/memory:"),
        st.Page("pages/embed/map.py", title="Map", icon=":material/bubble_chart:"),
        st.Page("pages/embed/agreement.py", title="Agreement", icon=":material/join_inner:"),
    ],
    "Model": [
        st.Page(
            "pages/model/linear_probe.py", title="Linear probe", icon=":material/linear_scale:"
        ),
        st.Page("pages/model/fine_tune.py", title="Fine-tune", icon=":material/tune:"),
        st.Page("pages/model/studies.py", title="Studies", icon=":material/grid_view:"),
        st.Page("pages/model/zero_shot.py", title="Zero-shot", icon=":material/match_word:"),
        st.Page("pages/model/pretrain.py", title="Pre-train", icon=":material/model_training:"),
    ],
    "Evaluate": [
        st.Page("pages/evaluate/roc.py", title="ROC", icon=":material/show_chart:"),
        st.Page("pages/evaluate/compare.py", title="Compare models", icon=":material/balance:"),
        st.Page("pages/evaluate/calibration.py", title="Calibration", icon=":material/speed:"),
        st.Page("pages/evaluate/stress.py", title="Stress", icon=":material/science:"),
    ],
    "Explain": [
        st.Page(
            "pages/explain/grad_cam.py", title="Explain", icon=":material/center_focus_strong:"
        ),
        st.Page("pages/explain/vessels.py", title="Vessels", icon=":material/account_tree:"),
    ],
    "About": [
        st.Page("pages/about/jobs.py", title="Jobs", icon=":material/pending_actions:"),
        st.Page("pages/about/methods.py", title="Methods", icon=":material/menu_book:"),
    ],
}

st.set_page_config(page_title="Fundus Explorer", page_icon=":material/visibility:", layout="wide")
page = st.navigation(PAGES, expanded=True)
if page.title == "Overview" and state.is_new() and story_panel.comes_first():
    st.switch_page("pages/data/story.py")
with st.sidebar:
    dataset_picker.picker()
body = st.container()
messages.footer()  # placed below the page before it runs: a page may end early
with body:
    page.run()
