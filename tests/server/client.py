"""A browser without a window: cookies, redirects, and Streamlit's messages over a WebSocket."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2
from google.protobuf.json_format import MessageToDict
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

XSRF = "_streamlit_xsrf"


@dataclass
class Seen:
    """What one run of a page sent."""

    messages: list[ForwardMsg] = field(default_factory=list)

    @property
    def said(self) -> str:
        """All texts of all elements, and the names of pages."""
        return "\n".join(str(MessageToDict(one)) for one in self.messages)

    @property
    def redirect(self) -> str:
        """Where the browser is sent; empty if nowhere."""
        found = [one.auth_redirect.url for one in self.messages if one.HasField("auth_redirect")]
        return found[-1] if found else ""

    def widget(self, kind: str, label: str) -> str:
        """Returns the id of a button or uploader by its label."""
        for one in self.messages:
            element = one.delta.new_element
            if element.WhichOneof("type") == kind and getattr(element, kind).label == label:
                return str(getattr(element, kind).id)
        raise LookupError(f"no {kind} {label!r}")


class Session:
    """One tab: a WebSocket and the session behind it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.id = ""

    def run(self, *states: WidgetState, page: str = "", query: str = "", script: str = "") -> Seen:
        """Runs a page, as a browser asks for it, and returns what came.

        Args:
            states: Of widgets.
            page: The path of the page.
            query: What stands behind its path.
            script: The page by the checksum that browsers call it by.
        """
        message = BackMsg()
        message.rerun_script.page_script_hash = script
        message.rerun_script.page_name = page
        message.rerun_script.query_string = query
        message.rerun_script.widget_states.widgets.extend(states)
        self.send(message)
        seen = Seen()
        while True:
            data = self._connection.recv(timeout=60)
            assert isinstance(data, bytes)
            seen.messages.append(ForwardMsg.FromString(data))
            last = seen.messages[-1]
            if last.HasField("new_session"):
                self.id = last.new_session.initialize.session_id
            # One that was cut short by a rerun is followed by another.
            if last.HasField("script_finished") and last.script_finished in (
                ForwardMsg.FINISHED_SUCCESSFULLY,
                ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
            ):
                return seen

    def wait_for(self, kind: str) -> ForwardMsg:
        """Returns the next message of a kind; TimeoutError if nothing comes for a minute."""
        while True:
            data = self._connection.recv(timeout=60)
            assert isinstance(data, bytes)
            message = ForwardMsg.FromString(data)
            if message.WhichOneof("type") == kind:
                return message

    def send(self, message: BackMsg) -> None:
        """Says something else than that a page should run."""
        self._connection.send(message.SerializeToString())

    def press(self, seen: Seen, label: str) -> Seen:
        """Presses a button of what was seen last."""
        return self.run(WidgetState(id=seen.widget("button", label), trigger_value=True))


class Visitor:
    """A browser: what it keeps between requests are its cookies."""

    def __init__(self, address: str) -> None:
        self.address = address
        # Without connections that stay, there is nothing to close afterwards.
        self.http = httpx2.Client(base_url=address, timeout=30, headers={"Connection": "close"})
        self.http.get("/_stcore/health")
        self.http.get("/")
        self.http.get("/_stcore/host-config")

    @property
    def cookie(self) -> str:
        """All cookies, as a header."""
        return "; ".join(f"{one.name}={one.value}" for one in self.http.cookies.jar)

    @contextmanager
    def tab(
        self,
        *,
        origin: str | None = "",
        host: str = "",
        xsrf: str | None = None,
        existing: str = "",
    ) -> Iterator[Session]:
        """Opens a tab; by default as a page of the server itself would.

        Args:
            origin: The page that asks, if not one of the server's own; None for no page.
            host: The name it calls the server by, if not its address.
            xsrf: What it sends as a proof; by default what its cookie says.
            existing: A session that it says to have been in before.
        """
        proof = self.http.cookies.get(XSRF, default="") if xsrf is None else xsrf
        where = urlsplit(self.address)
        # The socket leads to the server whatever the address says.
        plug = socket.create_connection((where.hostname or "", where.port or 0))
        with connect(
            f"ws://{host or where.netloc}/_stcore/stream",
            sock=plug,
            origin=self.address if origin == "" else origin,  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookie},
            subprotocols=[  # type: ignore[arg-type]
                one for one in ("streamlit", proof, existing) if one
            ],
            proxy=None,
        ) as connection:
            yield Session(connection)

    def look(self, page: str = "", query: str = "") -> Seen:
        """Opens a page in a tab of its own and closes it again."""
        with self.tab() as session:
            return session.run(page=page, query=query)

    def begin(self) -> str:
        """Presses the button of the log-in page; returns where the browser is sent."""
        with self.tab() as session:
            return session.press(session.run(), "Log in").redirect

    def follow(self, address: str) -> list[str]:
        """Follows redirects, to any server of this machine; returns the addresses."""
        went = [address]
        while True:
            answer = self.http.get(went[-1])
            if not answer.is_redirect:
                return went
            went.append(str(answer.next_request.url if answer.next_request else ""))

    def log_in(self) -> list[str]:
        """Logs in through the provider; returns all addresses the browser went to."""
        return self.follow(self.begin())
