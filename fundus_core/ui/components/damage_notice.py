"""What a page leaves out because its checksum does not hold, by name and with the next step."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.io.damage import known_damage
from fundus_core.io.refused_reading import ASK_ITS_OWNER, all_may_be_read
from fundus_core.ui import damage_caches, text, wiring

_NAMED_AT_MOST = 3


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
    root = wiring.workspace().root
    found = [one for one in known_damage(root) if not stores or one.partition("/")[0] in stores]
    closed = [one for one in found if not all_may_be_read(root / one)]
    _warn(
        [one for one in found if one not in closed],
        "damaged",
        "Run `fundus doctor --repair`: it moves aside what is damaged, and it can be computed "
        "again.",
    )
    _warn(closed, "not to be read by this user", ASK_ITS_OWNER)


def _warn(found: Sequence[str], what: str, next_step: str) -> None:
    if not found:
        return
    more = len(found) - _NAMED_AT_MOST
    names = ", ".join(text.code(one) for one in found[:_NAMED_AT_MOST])
    they, are = ("it", "is") if len(found) == 1 else ("they", "are")
    st.warning(
        f"{text.count(len(found), 'stored result')} {are} left out because {they} {are} {what}: "
        f"{names}{f' and {more} more' if more > 0 else ''}. {next_step}",
        icon=":material/broken_image:",
    )
