"""What a page leaves out because its checksum does not hold, by name and with the next step."""

import streamlit as st

from fundus_core.io.left_out import left_out
from fundus_core.ui import damage_caches, text, wiring


def notice(*stores: str) -> None:
    """Names the results that reading has met and left out; nothing where all are whole.

    They are damaged, or may not be read by the user whom the dashboard works for.

    Place it after what reads them.

    Args:
        stores: Folders of the workspace, e.g. `runs`; none for all of them, whose records are
            looked at.
    """
    if not stores:
        damage_caches.look_at_records()
    for one in left_out(wiring.workspace().root, *stores):
        st.warning(one.sentences(text.code), icon=":material/broken_image:")
