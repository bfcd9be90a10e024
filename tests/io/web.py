"""A server on this machine that behaves like those that weights are downloaded from."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


@dataclass
class Shelf:
    """What the server gives, and how well it behaves."""

    content: bytes = b""
    etag: str = '"v1"'
    ranges: bool = True
    """Whether it sends parts of a file."""

    breaks_off_after: list[int] = field(default_factory=list)
    """For each coming answer, after how many bytes it breaks off; whole ones once it is empty."""

    status: int = 200
    content_type: str = "application/octet-stream"
    length_known: bool = True
    hub_headers: dict[str, str] = field(default_factory=dict)
    """Sent with a redirection to the file, as the model hub does."""

    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path and headers of what was asked, in order."""


class _Handler(BaseHTTPRequestHandler):
    shelf: ClassVar[Shelf]
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        shelf = self.shelf
        shelf.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        if shelf.hub_headers and not self.path.startswith("/elsewhere"):
            self._answer(302, {"Location": "/elsewhere", **shelf.hub_headers}, b"")
        elif shelf.status != 200:
            self._answer(shelf.status, {}, b"no")
        else:
            self._file()

    def _file(self) -> None:
        shelf, start = self.shelf, 0
        headers = {"ETag": shelf.etag, "Content-Type": shelf.content_type}
        asked = self.headers.get("Range", "")
        if asked and shelf.ranges and self.headers.get("If-Range") == shelf.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        size = len(shelf.content)
        if start >= size > 0:
            self._answer(416, {"Content-Range": f"bytes */{size}"}, b"")
            return
        if start:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        self._answer(206 if start else 200, headers, shelf.content[start:])

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.shelf.length_known:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.shelf.breaks_off_after.pop(0) if self.shelf.breaks_off_after else len(body)
        self.wfile.write(body[:cut])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Tests are quiet."""


@contextmanager
def serving(shelf: Shelf) -> Iterator[str]:
    """Serves until the block ends, and returns the server's address."""
    handler = type("Handler", (_Handler,), {"shelf": shelf})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
