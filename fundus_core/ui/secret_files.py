"""Streamlit's secrets as they stand in their files now.

Streamlit watches the files itself, and stops for good once one of them is missing or cannot be
read; to a file that is older than the one before it pays no attention. So they are compared byte
by byte each time somebody asks, and Streamlit reads them when they changed, and only then.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import Secrets

_NOT_THERE = "not there"


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read last."""

    by: Secrets
    contents: Mapping[str, object]
    """As `_content` gives them, by path."""

    values: Mapping[str, Any]
    fault: str
    """Why nothing is known of the values; empty if they are."""


_lock = threading.Lock()
_known: list[_Known] = []


def read() -> Mapping[str, Any]:
    """Returns the secrets; empty where there are none.

    Raises:
        ValueError: If there are some that cannot be read, or that are no TOML.
    """
    with _lock:
        contents = {path: _content(path) for path in config.get_option("secrets.files")}
        known = _known[0] if _known else None
        if known is None or known.by is not st.secrets or known.contents != contents:
            known = _Known(st.secrets, contents, *_loaded(contents))
            _known[:] = [known]
    if known.fault:
        raise ValueError(known.fault)
    if config.is_manually_set("secrets.files") and _none_is_there(contents):
        raise ValueError("none of the files that secrets.files names is there")
    return known.values


def hide() -> None:
    """Has Streamlit take the secrets for empty, until they change.

    It reads them at every request, and answers none where they are not of the kind it expects.
    """
    with st.secrets._lock:
        st.secrets._reset()
        st.secrets._secrets = {}


def stop_watching() -> None:
    """Keeps Streamlit from looking after the files; to be called before it reads them."""
    st.secrets._file_watchers_installed = True


def _content(path: str) -> object:
    """Returns the bytes of a file, or of the files in a folder; a word where they cannot be had."""
    place = Path(path)
    try:
        if place.is_file():
            return place.read_bytes()
        if place.is_dir():
            inside = sorted([*place.glob("*"), *place.glob("*/*")])
            return [(str(one), one.read_bytes() if one.is_file() else b"") for one in inside]
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return "it is no file" if os.path.lexists(place) else _NOT_THERE


def _none_is_there(contents: Mapping[str, object]) -> bool:
    return all(content == _NOT_THERE for content in contents.values())


def _loaded(contents: Mapping[str, object]) -> tuple[Mapping[str, Any], str]:
    """Has Streamlit read the files anew; returns the secrets, and why there are none."""
    there = {path: content for path, content in contents.items() if content != _NOT_THERE}
    refused = [f"{path}: {why}" for path, why in there.items() if isinstance(why, str)]
    with st.secrets._lock:
        st.secrets._reset()
        try:
            if not refused and st.secrets.load_if_toml_exists():
                return st.secrets.to_dict(), ""
        except (OSError, ValueError) as error:
            refused = [f"{' or '.join(there)}: {error}"]
        hide()
    if refused or not there:
        return {}, "; ".join(refused)
    return {}, f"{' or '.join(there)} is no valid TOML"
