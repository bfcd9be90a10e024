"""What a page leaves out because its checksum does not hold, by name and with the next step."""

import streamlit as st

from fundus_core.io.damage import known_damage
from fundus_core.ui import damage_caches, text, wiring

_NAMED_AT_MOST = 3


def notice(*stores: str) -> None:
    """Names the damaged results that reading has met in this workspace; nothing where all is whole.

    Place it after what reads them.

    Args:
        stores: Folders of the workspace, e.g. `runs`; none for all of them, whose records are
            looked at.
    """
    if not stores:
        damage_caches.look_at_records()
    damaged = known_damage(wiring.workspace().root)
    found = [one for one in damaged if not stores or one.partition("/")[0] in stores]
    if not found:
        return
    more = len(found) - _NAMED_AT_MOST
    names = ", ".join(text.code(one) for one in found[:_NAMED_AT_MOST])
    are = "is" if len(found) == 1 else "are"
    st.warning(
        f"{text.count(len(found), 'stored result')} {are} left out because {are} damaged: "
        f"{names}{f' and {more} more' if more > 0 else ''}. Run `fundus doctor --repair`: it moves "
        "aside what is damaged, and it can be computed again.",
        icon=":material/broken_image:",
    )
