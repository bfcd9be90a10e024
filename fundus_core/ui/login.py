"""Log-in through the department's own provider (OpenID Connect), and who may enter.

Nobody is asked to log in where nobody configured it: for a dashboard that listens on its own
machine, the accounts of that machine are the log-in. It is required as soon as the secrets of
Streamlit have a section `[auth]`, or `FUNDUS_ALLOWED_USERS` is set, or there are secrets that
cannot be read: each means that somebody wanted a door, and a door that is not understood stays
shut. How to set it up is told in docs/server.md.
"""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, urlsplit

import streamlit as st
from streamlit import config
from streamlit.navigation.page import StreamlitPage

from fundus_core.domain.visible import visible
from fundus_core.ui import outside, secret_files, text
from fundus_core.ui.login_cookie import claims_in

VARIABLE = "FUNDUS_ALLOWED_USERS"
"""Who may enter, separated by commas or blanks: addresses, `@domain`, `sub:ID`, or `*`."""

HOURS = 12
"""How long one log-in lasts: a day at a shared workstation. Streamlit's cookie lasts 30 days."""

EVERYBODY = "*"
"""In the list: whoever the provider lets in. To be used where the provider itself decides."""

_SHORTEST_SECRET = 32
_KEYS = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
_CALLBACK = "/oauth2callback"
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}

_has_stood = threading.Event()
"""Set once there was a door without faults: then there is one until the process ends."""


@dataclass(frozen=True, slots=True)
class Door:
    """How visitors are let in, where log-in is required."""

    faults: tuple[str, ...]
    """What is wrong with the settings, a sentence each; while there are any, nobody enters."""

    allowed: tuple[str, ...]
    """Entries of `FUNDUS_ALLOWED_USERS`."""

    host: str = ""
    """Name of the server as browsers address it."""

    origin: str = ""
    """Scheme, host and port that browsers see."""


def door() -> Door | None:
    """Returns how visitors are let in; None where no log-in is configured.

    The environment and Streamlit's secrets are asked each time: settings that are damaged or
    deleted while the server runs close it, and Streamlit goes on with none.
    """
    found = _door()
    if found is None and _has_stood.is_set():
        found = Door(("The section [auth] of the secrets is gone.",), ())
    if found is not None and found.faults:
        secret_files.hide()
    elif found is not None:
        _has_stood.set()
    return found


def _door() -> Door | None:
    allowed = tuple(os.environ.get(VARIABLE, "").replace(",", " ").split())
    try:
        secrets = secret_files.read()
    except ValueError as error:
        return Door((f"Streamlit's secrets cannot be read: {error}.",), allowed)
    settings = secrets.get("auth")
    if settings is None and VARIABLE not in os.environ:
        return None
    if not isinstance(settings, Mapping):
        return Door((f"{VARIABLE} is set, and the secrets have no section [auth].",), allowed)
    address = _parts(str(settings.get("redirect_uri", "")))
    return Door(
        tuple(_faults(settings, allowed)),
        allowed,
        host=address.hostname or "",
        origin=f"{address.scheme}://{address.netloc}",
    )


def _faults(settings: Mapping[str, Any], allowed: tuple[str, ...]) -> list[str]:
    """Returns what is wrong with the settings; never their values, one of which is a secret."""
    said = {key: _text(settings.get(key)) for key in _KEYS}
    missing = [key for key, value in said.items() if not value]
    if missing:
        return [f"The section [auth] of the secrets lacks {', '.join(missing)}."]
    found = []
    if len(said["cookie_secret"]) < _SHORTEST_SECRET:
        found.append(f"cookie_secret must have at least {_SHORTEST_SECRET} characters.")
    if not said["redirect_uri"].endswith(_CALLBACK):
        found.append(f"redirect_uri must end in {_CALLBACK}.")
    found += [
        f"{key} must begin with https:// (http:// only on this machine)."
        for key in ("redirect_uri", "server_metadata_url")
        if not _is_encrypted(said[key])
    ]
    if not allowed:
        found.append(f"{VARIABLE} is empty, so nobody may enter; name addresses, @domain, or *.")
    found += [f"{VARIABLE}: {one!r} is no address." for one in allowed if not _is_entry(one)]
    if "expose_tokens" in settings:
        found.append("expose_tokens must not be set: nothing here needs a token.")
    if config.get_option("server.trustedUserHeaders"):
        found.append("server.trustedUserHeaders must not be set: it would replace the log-in.")
    if find_spec("authlib") is None:
        found.append("Authlib is not installed: pip install 'fundus-explorer[server]'.")
    return found


def _text(value: object) -> str:
    """Returns a setting; nothing for numbers and the like, which Streamlit cannot sign with."""
    return value.strip() if isinstance(value, str) else ""


def _parts(address: str) -> SplitResult:
    """Returns the parts of an address; empty ones for what is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _is_encrypted(address: str) -> bool:
    parts = _parts(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)


def _is_entry(entry: str) -> bool:
    """Says whether an entry of the list is of one of its four kinds."""
    if entry == EVERYBODY or (entry.startswith("sub:") and len(entry) > len("sub:")):
        return True
    return entry.isascii() and entry.count("@") == 1 and not entry.endswith("@")


def is_logged_in(claims: Mapping[str, Any]) -> bool:
    """Says whether somebody is logged in, and not for too long.

    Args:
        claims: What the provider said of the visitor, from a cookie that this server signed.
    """
    issued = claims.get("iat")
    if claims.get("is_logged_in") is not True or not isinstance(issued, int | float):
        return False
    return time.time() - issued < HOURS * 3600


def may_enter(claims: Mapping[str, Any], allowed: tuple[str, ...]) -> bool:
    """Says whether a visitor is on the list.

    An address counts only if the provider says that it made sure of it: with some providers people
    may write any address into their account.

    Args:
        claims: What the provider said of the visitor.
        allowed: Entries of `FUNDUS_ALLOWED_USERS`.

    Examples:
        >>> anna = {"email": "Anna@Eye.Example", "email_verified": True, "sub": "17"}
        >>> may_enter(anna, ("@eye.example",)), may_enter(anna, ("@example",))
        (True, False)
        >>> may_enter(anna | {"email_verified": False}, ("@eye.example",))
        False
    """
    named = {EVERYBODY, f"sub:{claims.get('sub')}"} if claims.get("sub") else set[str]()
    address = str(claims.get("email", ""))
    verified = claims.get("email_verified") in (True, "true")
    if verified and address.isascii() and address.count("@") == 1:
        name, _, domain = address.lower().partition("@")
        named |= {f"{name}@{domain}", f"@{domain}"} if name and domain else set[str]()
    return not named.isdisjoint(one if _is_exact(one) else one.lower() for one in allowed)


def _is_exact(entry: str) -> bool:
    return entry.startswith("sub:")


def gate(pages: Mapping[str, Sequence[StreamlitPage]]) -> None:
    """Ends the page here unless the visitor may see what follows; draws the log-in page instead.

    Call it in the frame around the pages, before anything that reads the workspace.

    Args:
        pages: Those behind the gate. Their addresses show the log-in page until somebody is logged
            in; without them, Streamlit would say that there are no such pages.
    """
    found = door()
    if found is None:
        return
    claims = _claims(found)
    if is_logged_in(claims) and may_enter(claims, found.allowed):
        return

    def outside() -> None:
        _outside(found, claims)

    addresses = [page.url_path for section in pages.values() for page in section]
    doors = [
        st.Page(outside, title="Log in", url_path=address or None, default=not address)
        for address in addresses
    ]
    st.navigation(doors, position="hidden").run()
    st.stop()


def _claims(found: Door) -> Mapping[str, Any]:
    """Returns what the provider said of the visitor; nothing while the settings have faults.

    A tab keeps what the cookie said when it was opened, so the cookie is read again.
    """
    if found.faults or not is_logged_in(st.user):
        return {}
    return claims_in(st.context.cookies, found.origin)


def _outside(found: Door, claims: Mapping[str, Any]) -> None:
    """Draws what those see who may not enter."""
    st.title("Fundus Explorer")
    if found.faults:
        # What is wrong may name files and people: that is for whoever starts the server.
        st.error(
            "Nobody can log in: the settings of this server are damaged or not complete.\n\n"
            "Whoever runs it is told what is wrong by starting it again with `fundus app`.",
            icon=":material/error:",
        )
    elif is_logged_in(claims):
        st.error(
            f"You are logged in as {text.escaped(name_of(claims))}, and may not enter: you are "
            "not on the list of this server.\n\nAsk whoever runs it to add "
            f"{text.code(_listed_as(claims))}, or log in as somebody else.",
            icon=":material/block:",
        )
        st.button("Log out", on_click=outside.callback(st.logout), icon=":material/logout:")
    else:
        st.markdown("Photographs and results are shown to those who may see them: please log in.")
        st.button(
            "Log in",
            on_click=outside.callback(_log_in),
            type="primary",
            icon=":material/login:",
        )
        st.caption(f"A log-in lasts {HOURS} hours.")


def _log_in() -> None:
    """Sends the visitor to the provider, unless the settings were damaged meanwhile."""
    found = door()
    if found is not None and not found.faults:
        st.login()


def account() -> None:
    """Draws who is logged in, and how to log out; nothing where no log-in is configured."""
    if door() is None:
        return
    with st.container(key="account", gap="xsmall"):
        st.caption(f":material/person: {text.escaped(name_of(st.user))}")
        st.button(
            "Log out",
            on_click=outside.callback(st.logout),
            icon=":material/logout:",
            type="tertiary",
        )


def name_of(claims: Mapping[str, Any]) -> str:
    """Returns how a visitor is called: by address, else by name, else by the provider's number."""
    return next(
        (visible(str(claims[key])) for key in ("email", "name", "sub") if claims.get(key)), "nobody"
    )


def _listed_as(claims: Mapping[str, Any]) -> str:
    """Returns the entry of `FUNDUS_ALLOWED_USERS` that would let a visitor in."""
    verified = claims.get("email_verified") in (True, "true")
    return str(claims["email"]) if verified and claims.get("email") else f"sub:{claims.get('sub')}"
