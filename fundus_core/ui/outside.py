"""What Streamlit calls outside the run of a page: callbacks, and fragments that run alone.

What `app.py` puts around a page is not around these, nor does Streamlit let an error out of a
fragment: unless they are wrapped here, what the user could mend ends in a traceback.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any

import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.io.refused_reading import refusals_explained
from fundus_core.ui import messages, text

SECONDS_KEPT = 15.0
"""How long the error of a callback is shown in a fragment that is drawn anew every second."""

_KEY = "fundus.refused"
_drawing: ContextVar[str] = ContextVar("drawing", default="")
"""Name of the fragment that is being drawn; empty where none is."""


@dataclass(slots=True)
class _Kept:
    """What a callback of a fragment could not do."""

    fragment: str
    error: FundusError
    at: float
    """Seconds of `time.monotonic`."""

    is_told: bool = False
    """Whether the note in the corner was drawn."""


def callback(function: Callable[..., object]) -> Callable[..., None]:
    """Returns what to give to a widget as `on_click` and the like; call it where that is drawn.

    What the user can mend, a full disk among it, is then said at the top of the page and in its
    corner, which is seen from everywhere; of a widget in a fragment, at the top of the fragment. A
    callback of a fragment may draw nothing itself: that would replace what the page begins with.
    """
    fragment_name = _drawing.get()

    @wraps(function)
    def told(*args: Any, **kwargs: Any) -> None:
        st.session_state.pop(_KEY, None)
        try:
            with refusals_explained():
                function(*args, **kwargs)
        except FundusError as error:
            if fragment_name:
                st.session_state[_KEY] = _Kept(fragment_name, error, time.monotonic())
            else:
                messages.show_error(error)
                _in_the_corner(error)

    return told


def fragment(
    *, run_every: float | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Returns a decorator that makes a function a fragment, which says what it could not do.

    What is drawn after it on the page is drawn all the same.

    Args:
        run_every: Seconds after which it is drawn anew by itself; None for never.
    """

    def decorated(function: Callable[..., None]) -> Callable[..., None]:
        name = f"{function.__module__}.{function.__qualname__}"

        @wraps(function)
        def said(*args: Any, **kwargs: Any) -> None:
            outer = _drawing.set(name)
            try:
                _show_kept(name)
                with shown():
                    function(*args, **kwargs)
            finally:
                _drawing.reset(outer)

        return st.fragment(said, run_every=run_every)

    return decorated


@contextmanager
def shown() -> Iterator[None]:
    """Shows what could not be done inside the block, in words, and goes on behind it."""
    try:
        with refusals_explained():
            yield
    except FundusError as error:
        messages.show_error(error)


def show_refused() -> None:
    """Shows what a callback of a fragment could not do, where the whole page is drawn after it."""
    kept: _Kept | None = st.session_state.get(_KEY)
    if kept is not None:
        _show_kept(kept.fragment)
        del st.session_state[_KEY]


def _show_kept(name: str) -> None:
    kept: _Kept | None = st.session_state.get(_KEY)
    if kept is None or kept.fragment != name or time.monotonic() - kept.at > SECONDS_KEPT:
        return
    messages.show_error(kept.error)
    if not kept.is_told:
        kept.is_told = True
        _in_the_corner(kept.error)


def _in_the_corner(error: FundusError) -> None:
    st.toast(text.escaped(error.message), icon=":material/error:", duration="long")
