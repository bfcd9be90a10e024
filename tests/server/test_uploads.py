"""Files sent past the browser: what the server takes, and what the pages make of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.hostile.damaged_pictures import damaged_formats
from tests.hostile.pictures import png_bomb
from tests.hostile.test_paths import UPLOADS
from tests.hostile.walked import files_of
from tests.server.client import XSRF, Seen, Session, Visitor
from tests.server.conftest import Server

MEGABYTE = 1024 * 1024
PAGE, UPLOADER = "photograph", "A fundus photograph"

BOMBS = {"pixels.jpg": png_bomb(20_000, 20_000), "pixels.png": png_bomb(50_000, 50_000)}


@pytest.fixture
def visitor(opened: Server) -> Visitor:
    return Visitor(opened.address)


@pytest.fixture
def query(furnished: tuple[Path, str]) -> str:
    """The address of a data set with models, without which the page asks for nothing."""
    return f"dataset={furnished[1]}"


def put(
    visitor: Visitor, session: str, data: bytes, name: str = "a.jpg", xsrf: str | None = None
) -> int:
    """Sends a file as the upload of a session, with any name and proof; returns the status."""
    proof = visitor.http.cookies[XSRF] if xsrf is None else xsrf
    return status(
        visitor,
        session,
        files={"file": (name, data, "image/jpeg")},
        headers={"X-Xsrftoken": proof} if proof else {},
    )


def status(visitor: Visitor, session: str, **request: Any) -> int:
    """Returns how an upload is answered; a server that refuses may hang up before it said why."""
    place = f"/_stcore/upload_file/{session}/planted"
    with visitor.http.stream("PUT", place, **request) as answer:
        return int(answer.status_code)


def shown(session: Session, before: Seen, query: str, name: str, size: int) -> Seen:
    """Runs the page with the file that was sent."""
    given = UploadedFileInfo(name=name, size=size, file_id="planted")
    return session.run(
        WidgetState(
            id=before.widget("file_uploader", UPLOADER),
            file_uploader_state_value=FileUploaderState(uploaded_file_info=[given]),
        ),
        page=PAGE,
        query=query,
    )


@pytest.mark.parametrize("xsrf", ["", "2|00000000|00000000000000000000000000000000|1", "x"])
def test_a_file_sent_by_a_page_elsewhere_is_refused(
    visitor: Visitor, query: str, xsrf: str
) -> None:
    with visitor.tab() as session:
        session.run(page=PAGE, query=query)

        answer = put(visitor, session.id, damaged_formats()[0], xsrf=xsrf)

    assert answer == 403


def test_a_file_for_a_session_that_is_not_there_is_refused(visitor: Visitor) -> None:
    assert put(visitor, "00000000-0000-0000-0000-000000000000", b"x") == 400


@pytest.mark.parametrize("says_its_size", [True, False])
def test_a_file_that_is_too_large_is_refused(
    visitor: Visitor, query: str, says_its_size: bool
) -> None:
    def in_pieces() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        for _ in range(60):
            yield bytes(MEGABYTE)
        yield b"\r\n--x--\r\n"

    with visitor.tab() as session:
        session.run(page=PAGE, query=query)
        if says_its_size:
            answer = put(visitor, session.id, bytes(51 * MEGABYTE))
        else:
            answer = status(
                visitor,
                session.id,
                content=in_pieces(),
                headers={
                    "X-Xsrftoken": visitor.http.cookies[XSRF],
                    "Content-Type": "multipart/form-data; boundary=x",
                },
            )

    assert answer == 413


@pytest.mark.parametrize("name", [*UPLOADS, *BOMBS])
def test_a_file_of_another_kind_is_taken_by_the_server_and_refused_by_the_page(
    visitor: Visitor, furnished: tuple[Path, str], query: str, name: str
) -> None:
    data, kept = (UPLOADS | BOMBS)[name], files_of(furnished[0])
    with visitor.tab() as session:
        before = session.run(page=PAGE, query=query)
        answer = put(visitor, session.id, data, name)
        seen = shown(session, before, query, name, len(data))

    assert answer == 204  # Streamlit judges by nothing but the size
    errors = [one for one in seen.messages if one.delta.new_element.HasField("alert")]
    assert any("pixels" in str(one) or "photograph" in str(one) for one in errors)
    assert "exception" not in seen.said
    assert "alert(1)" not in seen.said
    assert files_of(furnished[0]) == kept


def test_a_photograph_is_taken(visitor: Visitor, query: str) -> None:
    # Else the tests above would show nothing.
    data = damaged_formats()[0]
    with visitor.tab() as session:
        before = session.run(page=PAGE, query=query)
        put(visitor, session.id, data)
        seen = shown(session, before, query, "a.jpg", len(data))

    assert "/media/" in seen.said


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "program.exe", "a.jpg\0.html"])
def test_a_file_by_another_name_is_refused_by_the_page(
    visitor: Visitor, query: str, name: str
) -> None:
    data = damaged_formats()[0]
    with visitor.tab() as session:
        before = session.run(page=PAGE, query=query)
        put(visitor, session.id, data, name)
        seen = shown(session, before, query, name, len(data))

    assert "/media/" not in seen.said


def test_what_was_uploaded_is_not_handed_out(visitor: Visitor, query: str) -> None:
    with visitor.tab() as session:
        session.run(page=PAGE, query=query)
        put(visitor, session.id, UPLOADS["page.jpg"], "page.html")

        for path in (f"_stcore/upload_file/{session.id}/planted", "media/planted", "page.html"):
            answer = visitor.http.get(f"/{path}")
            assert UPLOADS["page.jpg"] not in answer.content


def test_nothing_of_it_reaches_the_disk(
    visitor: Visitor, opened: Server, furnished: tuple[Path, str], query: str
) -> None:
    marker = b"\xff\xd8planted-upload" + bytes(3 * MEGABYTE)
    with visitor.tab() as session:
        session.run(page=PAGE, query=query)
        put(visitor, session.id, marker)

        kept = [*files_of(opened.home), *files_of(furnished[0])]
        assert len(kept) > 10
        assert not [path for path in kept if _holds(path)]


def _holds(path: Path) -> bool:
    return b"planted-upload" in path.read_bytes()
