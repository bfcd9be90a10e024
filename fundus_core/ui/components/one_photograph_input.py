"""Where a reader hands one photograph over: a file, or the camera of a phone."""

import streamlit as st

from fundus_core.errors import ImageError
from fundus_core.ui import messages, photograph_caches
from fundus_core.workflows.single.one_photograph import MAX_MEGABYTES, STATEMENT, Received

TYPES = ("jpg", "jpeg", "jfif", "png", "tif", "tiff", "bmp", "webp", "gif", "ppm")
"""Endings the browser offers; what is in a file is told by its first bytes."""

_PRIVACY = (
    "The photograph stays in the memory and a temporary folder of this dashboard while this tab "
    "shows it, and is not stored in the workspace. Of its file only the pixels and the orientation "
    "are read: names, dates and places written beside them are not."
)


def statement() -> None:
    """Says what this page is not for, before anything else."""
    st.warning(f"**{STATEMENT}**", icon=":material/warning:")


def hand_over() -> Received | None:
    """Draws the place for a photograph and returns it; None until there is one that can be read."""
    by_camera = st.toggle(
        "Use the camera of this device",
        key="photograph.by_camera",
        help="A picture of a screen or a print is not a fundus photograph: it is scored all the "
        "same, and what the scores are worth then is not known.",
    )
    if by_camera:
        file = st.camera_input("A picture by the camera", key="photograph.camera")
    else:
        file = st.file_uploader(
            "A fundus photograph",
            type=TYPES,
            key="photograph.file",
            max_upload_size=MAX_MEGABYTES,
        )
    st.caption(f":material/lock: {_PRIVACY}")
    if file is None:
        return None
    try:
        return photograph_caches.received(file.getvalue())
    except ImageError as error:
        messages.show_error(error)
        return None
