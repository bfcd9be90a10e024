"""What pages say besides results: errors the user can mend, cautions, and what this is not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from fundus_core.caution_codes import CAUTIONS, LOUD, explanation
from fundus_core.checks import Caution
from fundus_core.errors import FundusError
from fundus_core.ui import text
from fundus_core.ui.glossary import words_of


@contextmanager
def shown_to_user() -> Iterator[None]:
    """Shows a `FundusError` raised inside the block and ends the page; lets all others through."""
    try:
        yield
    except FundusError as error:
        show_error(error)
        st.stop()


def show_error(error: FundusError) -> None:
    """Shows what is wrong and what to do next, and lets the page go on."""
    st.error(
        f"{text.escaped(error.message)}\n\n{text.escaped(error.hint)}", icon=":material/error:"
    )


def cautions(found: Sequence[Caution]) -> None:
    """Shows what limits the figures on this page; those of `LOUD` come first, as warnings."""
    for caution in sorted(found, key=lambda one: (one.code not in LOUD, one.code)):
        meaning = CAUTIONS.get(caution.code, "")
        line = f"**{caution.code}** {text.escaped(caution.text)}"
        if caution.code in LOUD:
            said_already = meaning.rstrip(".") in caution.text
            more = "" if said_already else f"\n\n{text.escaped(meaning)}"
            st.warning(f"{line}{more}", icon=":material/warning:")
        elif caution.code != "FD007":  # the banner says so already
            st.caption(f":material/info: {line}", help=meaning)
    _explained(sorted({caution.code for caution in found} & CAUTIONS.keys()))


def all_cautions() -> None:
    """Shows every caution there is: its sentence in a table, its page behind it."""
    st.table({"Code": list(CAUTIONS), "Meaning": list(CAUTIONS.values())}, hide_index=True)
    for code in CAUTIONS:
        with st.expander(f"{code} in full"):
            st.markdown(explanation(code))


def _explained(codes: Sequence[str]) -> None:
    """Offers the page about each of the cautions shown."""
    if not codes:
        return
    with st.expander("What these cautions mean, and what to do", icon=":material/help:"):
        for code in codes:
            st.markdown(f"**{code}** {explanation(code)}")


def synthetic_banner(synthetic: bool) -> None:
    """Says loudly that the photographs were drawn by a program; nothing where they were not."""
    if synthetic:
        st.info(
            "**Synthetic photographs.** A program drew them; no figure on this page says anything "
            "about patients. (FD007)",
            icon=":material/draw:",
        )


def next_step(page: str, label: str, icon: str) -> None:
    """Draws a link to another page; in a page that runs without the frame, only its name.

    Args:
        page: The page's script, as in `PAGES` of `app.py`.
        label: What the reader will do there.
        icon: A material icon.
    """
    try:
        st.page_link(page, label=label, icon=icon)
    except StreamlitPageNotFoundError:
        st.caption(f"{icon} {label}")


def footer(page: str) -> None:
    """Says what this program is not, and what the words of the page mean, at the end of it.

    Args:
        page: Its name in the menu.
    """
    st.divider()
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.caption("Fundus Explorer is research software, not a medical device.", width="content")
        words = words_of(page)
        if words:
            with st.popover("Words on this page", icon=":material/dictionary:", type="tertiary"):
                for word, meaning in words.items():
                    st.markdown(f"**{text.escaped(word)}**: {text.escaped(meaning)}")
