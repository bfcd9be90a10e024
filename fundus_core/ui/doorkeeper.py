"""What of the server answers before somebody has logged in.

`login.gate` stands before every page. Pictures, downloads and uploads do not pass it: Streamlit
hands them out by an address that nobody can guess, and asks no more. Where log-in is required,
the doorkeeper stands before every request and lets through what the log-in page is made of.

It also remembers where somebody wanted to go: after a log-in, Streamlit itself opens its first
page, whichever link was followed.
"""

import re
import sys
from urllib.parse import quote, unquote

from google.protobuf.message import DecodeError
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.starlette import starlette_app
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from fundus_core.ui import login, secret_files
from fundus_core.ui.login_cookie import claims_in
from fundus_core.ui.own_pages import OwnPages

_CORE = "/_stcore/"
_OPEN = ("/_stcore/health", "/_stcore/host-config", "/_stcore/stream")
_SHUT = (_CORE, "/media/", "/component/", "/app/static/")
_HEARD = ("rerun_script", "app_heartbeat", "stop_script")

_WANTED = "fundus_wanted"
"""Cookie with the address of the page that somebody asked for before the log-in."""

_PLACE = re.compile(r"/(?![/\\])[!-~]{0,2000}")
"""A path of this server: `//host` and `/\\host` would be another one."""


class Doorkeeper:
    """Refuses requests for what belongs to pages, unless they come from somebody who may enter."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 403 itself, or hands the request on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        found = login.door()  # before Streamlit reads any cookie: it hears of new settings here
        if scope["type"] == "websocket" and not _may_pass(scope, found):
            receive = _only_asking(receive)
        path = _below_base(scope["path"]) if scope["type"] == "http" else ""
        if _is_shut(path) and not _may_pass(scope, found):
            refused = PlainTextResponse("Log in first.", status_code=403)
            await refused(scope, receive, send)
            return
        if path == "/auth/login":
            send = _remembering(HTTPConnection(scope), found, send)
        elif path == "/oauth2callback":
            send = _returning(HTTPConnection(scope), send)
        await self._app(scope, receive, send)


def stand() -> None:
    """Places `OwnPages` and the doorkeeper before all that Streamlit answers, once it starts.

    `streamlit.App` takes such a middleware as well, but a server started by it opens no browser.
    """
    secret_files.stop_watching()
    others = starlette_app.create_streamlit_middleware
    starlette_app.create_streamlit_middleware = lambda: [*_middleware(), *others()]


def require_sound() -> login.Door | None:
    """Returns the door, None where there is none; ends the process if it is not as it must be."""
    required = login.door()
    if required is not None and required.faults:
        sys.stderr.write("\n".join(["The dashboard was not started.", *required.faults, _HELP]))
        sys.exit(2)
    return required


def _middleware() -> list[Middleware]:
    """Returns what stands before Streamlit; the doorkeeper only where log-in is required.

    It is asked when the server is made, which is after Streamlit has read its settings.
    """
    required = require_sound()
    if required is None:
        return [Middleware(OwnPages)]
    config.set_option("server.allowedHosts", [required.host])
    return [Middleware(OwnPages), Middleware(Doorkeeper)]


_HELP = "How log-in is set up is told in docs/server.md.\n"


def _below_base(path: str) -> str:
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return path.removeprefix(f"/{base}") if base else path


def _is_shut(path: str) -> bool:
    return path.startswith(_SHUT) and path not in _OPEN


def _only_asking(receive: Receive) -> Receive:
    """Returns a way to listen that hears no more than the log-in page says.

    Streamlit lets every connection clear the caches of all, and tells it what git says of the
    program's folder.
    """

    async def hear() -> Message:
        while True:
            message = await receive()
            data = message.get("bytes")
            if not data or _kind(data) in _HEARD:
                return message

    return hear


def _kind(data: bytes) -> str | None:
    """Returns which message of a browser this is; None for what is none."""
    try:
        kind: str | None = BackMsg.FromString(data).WhichOneof("type")
    except DecodeError:
        return None
    return kind


def _remembering(request: HTTPConnection, found: login.Door | None, send: Send) -> Send:
    """Returns a way to answer that has the browser keep which page it came from."""
    came_from = request.headers.get("Referer", "")
    place = came_from.removeprefix(found.origin) if found else ""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start" and _PLACE.fullmatch(place):
            kept = f"{_WANTED}={quote(place, safe='')}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"
            MutableHeaders(scope=message).append("Set-Cookie", kept)
        await send(message)

    return answer


def _returning(request: HTTPConnection, send: Send) -> Send:
    """Returns a way to answer that sends whoever has just logged in to the page they wanted."""
    place = unquote(request.cookies.get(_WANTED, ""))

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            made = [one.partition("=")[0] for one in headers.getlist("Set-Cookie")]
            if USER_COOKIE_NAME in made and _PLACE.fullmatch(place):
                headers["Location"] = place
                headers.append("Set-Cookie", f"{_WANTED}=; Path=/; HttpOnly; Max-Age=0")
        await send(message)

    return answer


def _may_pass(scope: Scope, found: login.Door | None) -> bool:
    if found is None:
        return True
    if found.faults:
        return False
    claims = claims_in(HTTPConnection(scope).cookies, found.origin)
    return login.is_logged_in(claims) and login.may_enter(claims, found.allowed)
