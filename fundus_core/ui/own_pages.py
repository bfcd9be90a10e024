"""Requests are answered only if they come from a page of this server, on its own port.

Streamlit compares the name of the page's server with its own, and forgets the port: without a
log-in, a page that another program of the same machine serves could open a session, and read what
the cookies say, since cookies do not tell ports apart either.
"""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fundus_core.ui import login

_PORTS = {"http": 80, "https": 443}


class OwnPages:
    """Refuses requests that a page of another server makes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 403 itself, or hands the request on."""
        if scope["type"] in {"http", "websocket"}:
            headers = HTTPConnection(scope).headers
            origin = headers.get("Origin")
            if origin is not None and not is_own(origin, headers.get("Host", "")):
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008})
                    return
                refused = PlainTextResponse("This page is of another server.", status_code=403)
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_own(origin: str, host: str) -> bool:
    """Says whether a page is of this server.

    Where log-in is required it must be of the address that the provider sends browsers to;
    elsewhere of the name and port by which the browser calls this server. Whether that name is
    one of the server's own is for Streamlit to say (`server.allowedHosts`).

    Args:
        origin: Scheme, name and port of the page, as browsers send them.
        host: Name and port of this server, as the browser calls it.
    """
    page = _place(origin)
    if page is None:
        return False
    required = login.door()
    if required is not None and not required.faults:
        return page == _place(required.origin)
    return page == _place(f"{urlsplit(origin).scheme}://{host}")


def _place(address: str) -> tuple[str, str, int] | None:
    """Returns scheme, name and port; None where there is no server in an address."""
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.hostname is None or port is None:
        return None
    return parts.scheme, parts.hostname, port
