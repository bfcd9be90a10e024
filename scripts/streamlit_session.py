"""A browser tab without a browser: a client of Streamlit's own protocol, for load and timing.

It does what the page's script in a browser does: opens the stream, asks for a page, remembers the
address and the sliders that the server draws, fetches pictures, and asks again for what redraws
itself. Whatever a reader would see as an error is noted.
"""

import asyncio
import random
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Slider_pb2 import Slider
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

SECONDS_TO_ANSWER = 120.0

_FAILED = {
    ForwardMsg.FINISHED_WITH_COMPILE_ERROR: "the page's script could not be compiled",
}
_GOES_ON = ForwardMsg.FINISHED_EARLY_FOR_RERUN


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One page of the app's menu."""

    title: str
    """As the menu has it."""

    path: str
    """Its part of the address; empty for the opening page."""

    script: str
    """The name by which the server knows its script."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request."""

    page: str
    """Title of the page."""

    seconds: float
    """From the request to the last byte of the page, without its pictures."""

    n_bytes: int
    """Sent by the server, decompressed, without its pictures."""

    errors: tuple[str, ...]
    """What a reader would see as an error; empty where all is well."""


@dataclass(slots=True)
class Tab:
    """One open tab, as `open_tab` yields it."""

    address: str
    """Of the server, as `http://HOST:PORT`."""

    socket: ClientConnection

    menu: tuple[MenuEntry, ...] = ()
    """The pages, as the server named them."""

    page: MenuEntry = MenuEntry("", "", "")
    """The page that is shown."""

    query: str = ""
    """What follows the question mark of the address."""

    sliders: dict[str, Slider] = field(default_factory=dict)
    """Sliders of one handle on the page, by id."""

    repeated: dict[str, float] = field(default_factory=dict)
    """Parts of the page that redraw themselves -> every how many seconds."""

    _pictures: set[str] = field(default_factory=set)
    """Addresses of pictures on the page that were not fetched yet."""

    _fetched: set[str] = field(default_factory=set)

    async def visit(self, entry: MenuEntry, query: str = "") -> Answer:
        """Opens a page, as a click in the menu does."""
        self.page, self.query = entry, query
        return await self._ask(ClientState(page_script_hash=entry.script))

    async def rerun(self) -> Answer:
        """Has the page drawn again."""
        return await self._ask(ClientState(page_script_hash=self.page.script))

    async def act(self, chance: random.Random) -> Answer:
        """Moves a slider if the page has one, else has the page drawn again."""
        if not self.sliders:
            return await self.rerun()
        slider = self.sliders[chance.choice(sorted(self.sliders))]
        state = ClientState(page_script_hash=self.page.script)
        moved = state.widget_states.widgets.add(id=slider.id)
        steps = max(1, round((slider.max - slider.min) / slider.step))
        moved.double_array_value.data.append(slider.min + slider.step * chance.randrange(steps))
        return await self._ask(state)

    async def think(self, seconds: float) -> list[Answer]:
        """Waits, while parts of the page that redraw themselves do; returns what they answered."""
        until = time.monotonic() + seconds
        answers = []
        while self.repeated:
            part, every = min(self.repeated.items(), key=lambda one: one[1])
            if time.monotonic() + every > until:
                break
            await asyncio.sleep(every)
            state = ClientState(page_script_hash=self.page.script, fragment_id=part)
            state.is_auto_rerun = True
            answers.append(await self._ask(state))
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        return answers

    async def _ask(self, state: ClientState) -> Answer:
        """Sends a request and reads until the page is drawn and its pictures are there."""
        state.query_string = self.query
        began = time.perf_counter()
        n_bytes, errors = 0, []
        try:
            await self.socket.send(BackMsg(rerun_script=state).SerializeToString())
            async with asyncio.timeout(SECONDS_TO_ANSWER):
                while True:
                    data = await self.socket.recv(decode=False)
                    n_bytes += len(data)
                    message = ForwardMsg.FromString(data)
                    errors += self._take(message)
                    if _ends(message):
                        break
        except TimeoutError:
            errors.append(f"no answer within {SECONDS_TO_ANSWER:.0f} s")
        except ConnectionClosed as closed:
            errors.append(f"the server closed the connection: {closed}")
        seconds = time.perf_counter() - began
        errors += await self._fetch_pictures()
        return Answer(self.page.title, seconds, n_bytes, tuple(errors))

    def _take(self, message: ForwardMsg) -> list[str]:
        """Remembers what a message says; returns what it says went wrong."""
        match message.WhichOneof("type"):
            case "new_session" if not message.metadata.run.fragment_ids:
                self.sliders, self.repeated = {}, {}
            case "navigation":
                self._take_menu(message)
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "auto_rerun":
                self.repeated[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            case "stop_auto_rerun":
                for part in message.stop_auto_rerun.fragment_ids:
                    self.repeated.pop(part, None)
            case "delta":
                return [error for one in _elements(message.delta) for error in self._see(one)]
            case "page_not_found":
                return [f"there is no page {message.page_not_found.page_name!r}"]
            case "script_finished" if message.script_finished in _FAILED:
                return [_FAILED[message.script_finished]]
        return []

    def _take_menu(self, message: ForwardMsg) -> None:
        """Takes over the pages of the app, and which of them is drawn."""
        self.menu = tuple(
            MenuEntry(page.page_name, page.url_pathname, page.page_script_hash)
            for page in message.navigation.app_pages
        )
        shown = message.navigation.page_script_hash
        self.page = next((entry for entry in self.menu if entry.script == shown), self.page)

    def _see(self, element: Element) -> list[str]:
        """Remembers an element of the page; returns the error that it shows."""
        match element.WhichOneof("type"):
            case "exception" if not element.exception.is_warning:
                return [f"{element.exception.type}: {element.exception.message}"]
            case "alert" if element.alert.format == Alert.ERROR:
                return [element.alert.body]
            case "slider" if _one_handle(element.slider):
                self.sliders[element.slider.id] = element.slider
            case "imgs":
                self._pictures.update(picture.url for picture in element.imgs.imgs)
        return []

    async def _fetch_pictures(self) -> list[str]:
        """Fetches the pictures of a page that the tab does not have yet; returns what failed."""
        wanted = sorted(self._pictures - self._fetched)
        self._pictures.clear()
        self._fetched.update(wanted)
        return [error for url in wanted if (error := await asyncio.to_thread(self._fetch, url))]

    def _fetch(self, url: str) -> str:
        """Fetches one picture; returns what went wrong."""
        if not url.startswith("/"):
            return ""
        try:
            with urllib.request.urlopen(self.address + url, timeout=SECONDS_TO_ANSWER) as answer:
                answer.read()
        except (urllib.error.URLError, TimeoutError) as error:
            return f"a picture could not be fetched: {error}"
        return ""


@asynccontextmanager
async def open_tab(
    address: str, path: str = "", query: str = ""
) -> AsyncIterator[tuple[Tab, Answer]]:
    """Opens a page by its address, as a new tab does; closes it afterwards.

    Args:
        address: Of the server, as `http://HOST:PORT`.
        path: Of the page; empty for the opening page.
        query: What follows the question mark.

    Raises:
        OSError: If nobody listens there.
    """
    socket = await connect(
        f"ws://{urlsplit(address).netloc}/_stcore/stream",
        origin=Origin(address),
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,  # a page of many points is larger than the default
        ping_interval=None,  # browsers answer pings and send none
        open_timeout=SECONDS_TO_ANSWER,
        proxy=None,
    )
    async with socket:
        tab = Tab(address, socket, query=query)
        yield tab, await tab._ask(ClientState(page_name=path))


async def crowd(
    address: str,
    n_tabs: int,
    n_reruns: int,
    path: str = "",
    *,
    pause: Callable[[], float] = lambda: 0.0,
) -> list[Answer]:
    """Opens tabs at once, has each draw its page anew some times, and closes them.

    Args:
        address: Of the server.
        n_tabs: How many.
        n_reruns: Of each tab.
        path: Of the page.
        pause: Returns the seconds before a rerun.

    Returns:
        The answers to the reruns, and those to the openings where they hold an error.
    """

    async def one() -> list[Answer]:
        answers = []
        async with open_tab(address, path) as (tab, opened):
            for _ in range(n_reruns):
                await asyncio.sleep(pause())
                answers.append(await tab.rerun())
        return answers + ([opened] if opened.errors else [])

    each = await asyncio.gather(*(one() for _ in range(n_tabs)))
    return [answer for answers in each for answer in answers]


def _ends(message: ForwardMsg) -> bool:
    """Says whether nothing follows; a script that runs itself anew goes on."""
    return message.WhichOneof("type") == "script_finished" and message.script_finished != _GOES_ON


def _elements(delta: Delta) -> Iterator[Element]:
    """Yields what is drawn anew."""
    match delta.WhichOneof("type"):
        case "new_element":
            yield delta.new_element
        case "new_transient":
            yield from delta.new_transient.elements


def _one_handle(slider: Slider) -> bool:
    """Says whether a slider can be moved here: one number, not disabled, not part of a form."""
    return (
        len(slider.default) == 1
        and slider.step > 0
        and not (slider.disabled or slider.form_id or slider.options)
    )
