"""Which study: one of those that come with the program, or a file of the reader's own."""

from pathlib import Path

import streamlit as st

from fundus_core.ui import messages, outside, state, study_caches, text, wiring
from fundus_core.ui.study_wiring import StudyListing, keep_study


def pick_study() -> StudyListing:
    """Draws the menu of studies, the place for files, and what the chosen one is about.

    Ends the page where the chosen file cannot be run.
    """
    listed = {str(one.path): one for one in study_caches.studies()}
    before = state.remembered("studies.file", None)
    if before is not None and before not in listed:
        st.warning(f"{text.code(Path(before).name)} is no longer there: another study is shown.")
    chosen = listed[
        st.selectbox(
            "Study",
            list(listed),
            format_func=lambda path: _label(listed[path]),
            key="studies.file",
            persist_state="session",
        )
    ]
    _uploader()
    if chosen.problem is not None:
        messages.show_error(chosen.problem)
        file_text(chosen)
        st.stop()
    _about(chosen)
    return chosen


def file_text(chosen: StudyListing) -> None:
    """Draws the study file itself."""
    with st.expander("The study file", icon=":material/description:"):
        st.caption(
            f"{text.code(chosen.path.name)}. Copy it, change it, and add it above as a study of "
            "your own; in such a file, folders are named by their full path."
        )
        st.code(chosen.path.read_text(encoding="utf-8", errors="replace"), language="yaml")


def _label(listing: StudyListing) -> str:
    return listing.title if listing.shipped else f"{listing.title} ({listing.path.name})"


def _about(chosen: StudyListing) -> None:
    document = chosen.document
    if document is None:
        return
    st.markdown(f"**{text.escaped(document.question)}**")
    st.caption(f"After {text.escaped(document.reference)}. {text.escaped(document.notes)}")


def _uploader() -> None:
    """Draws the place for study files of the reader's own."""
    with st.expander("Add a study of your own", icon=":material/upload_file:"):
        file = st.file_uploader("Study file (YAML)", type=["yaml", "yml"], key="studies.upload")
        if file is None:
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Add it to this workspace",
                key="studies.add",
                icon=":material/add:",
                disabled=wiring.read_only(),
                on_click=outside.callback(_add),
                args=(file.name, file.getvalue()),
                help="A file of the same name, with whichever ending, that was added before is "
                "replaced.",
            )


def _add(name: str, content: bytes) -> None:
    """Keeps a file that can be run; of another one, says what is wrong."""
    kept = keep_study(wiring.workspace(), name, content)
    st.toast(
        f"{text.escaped(kept.name)} was added to the menu of studies.", icon=":material/check:"
    )
