"""Log-in through a provider: who sees what, and what does not get past the door."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from tests.conftest import ROOT
from tests.server.client import Visitor
from tests.server.conftest import (
    COOKIE_SECRET,
    Server,
    command,
    secrets_for,
    surroundings,
    write_secrets,
)
from tests.server.provider import ANNA, CLIENT_SECRET, LIES, OTHER_LIES, Provider

OF_THE_DATA = "planted-data"
COOKIE = "_streamlit_user"

PAGES = sorted(path.stem for path in ROOT.glob("pages/*/*.py"))


@pytest.fixture
def visitor(closed: Server) -> Visitor:
    return Visitor(closed.address)


@pytest.fixture(autouse=True)
def honest(provider: Provider) -> Provider:
    """Anna stands before the door, and nobody lies, unless the test says so."""
    provider.person, provider.lie, provider.answer = dict(ANNA), "", ""
    return provider


def is_outside(visitor: Visitor, page: str = "", query: str = "") -> bool:
    """Says whether a visitor sees the log-in page; fails if anything else comes with it."""
    said = visitor.look(page, query).said
    assert OF_THE_DATA not in said
    assert "Overview" not in said
    return "please log in" in said


def is_inside(visitor: Visitor, data: str) -> bool:
    return OF_THE_DATA in visitor.look(query=f"dataset={data}").said


def with_cookie(visitor: Visitor, secret: str = COOKIE_SECRET, **claims: Any) -> Visitor:
    """Gives a visitor a cookie that says to be Anna's, signed with a secret."""
    said = {**ANNA, "iat": time.time(), "is_logged_in": True, "origin": visitor.address, **claims}
    value = create_signed_value(secret, COOKIE, json.dumps(said)).decode()
    visitor.http.cookies.set(COOKIE, value, domain="127.0.0.1")
    return visitor


@pytest.mark.parametrize("page", ["", *PAGES, "media/x", "../app", "nothing"])
def test_who_is_not_logged_in_sees_the_log_in_page_only(
    visitor: Visitor, furnished: tuple[Path, str], page: str
) -> None:
    assert is_outside(visitor, page, f"dataset={furnished[1]}")


def test_pages_called_by_their_checksum_are_behind_the_gate(
    closed: Server, visitor: Visitor, furnished: tuple[Path, str]
) -> None:
    visitor.log_in()
    query = f"dataset={furnished[1]}"
    inside = visitor.look(query=query)
    scripts = set(re.findall(r"'pageScriptHash': '(\w+)'", inside.said))
    assert len(scripts) >= len(PAGES)

    with Visitor(closed.address).tab() as session:
        for script in scripts:
            said = session.run(query=query, script=script).said
            assert "please log in" in said
            assert OF_THE_DATA not in said


def test_who_is_not_logged_in_is_not_heard_beyond_the_log_in_page(visitor: Visitor) -> None:
    with visitor.tab() as session:
        session.send(BackMsg(clear_cache=True))
        session.send(BackMsg(load_git_info=True))
        session.send(BackMsg(file_urls_request={"request_id": "1", "file_names": ["a.jpg"]}))
        seen = session.run()

    kinds = {one.WhichOneof("type") for one in seen.messages}
    assert "script_finished" in kinds
    assert not kinds & {"git_info_changed", "file_urls_response"}


def test_who_is_logged_in_is_heard(visitor: Visitor) -> None:
    with with_cookie(visitor).tab() as session:
        # A page that begins to run throws away what waits to be sent: only ask between pages.
        session.run()
        session.send(BackMsg(file_urls_request={"request_id": "1", "file_names": ["a.jpg"]}))
        answer = session.wait_for("file_urls_response")

    assert answer.file_urls_response.response_id == "1"


def test_who_is_logged_in_and_on_the_list_sees_the_dashboard(
    visitor: Visitor, furnished: tuple[Path, str]
) -> None:
    visitor.log_in()

    said = visitor.look(query=f"dataset={furnished[1]}").said

    assert OF_THE_DATA in said
    assert "Overview" in said
    assert "anna\\\\@eye\\\\.example" in said or "anna@eye\\\\.example" in said
    assert "Log out" in said


@pytest.mark.parametrize(
    ("person", "listed_as"),
    [
        ({"email": "eve@elsewhere.example"}, "eve@elsewhere.example"),
        ({"email": "eve@sub.eye.example"}, "eve@sub.eye.example"),
        ({"email": "eve@eye.example.elsewhere.example"}, "eve@eye.example.elsewhere.example"),
        ({"email_verified": False}, "sub:anna-17"),
        ({"email_verified": None}, "sub:anna-17"),
        ({"email": ""}, "sub:anna-17"),
        ({"email": "a@b@eye.example"}, "a@b@eye.example"),
        ({"email": "@eye.example"}, "@eye.example"),
        ({"sub": "Ben-4", "email": "ben@elsewhere.example"}, "ben@elsewhere.example"),
    ],
)
def test_who_is_logged_in_and_not_on_the_list_is_told_so(
    visitor: Visitor, honest: Provider, person: dict[str, Any], listed_as: str
) -> None:
    honest.person |= person
    visitor.log_in()

    with visitor.tab() as session:
        seen = session.run()
        assert "not on the list of this server" in seen.said
        assert f"`{listed_as}`" in seen.said
        assert OF_THE_DATA not in seen.said
        assert "Overview" not in seen.said
        assert session.press(seen, "Log out").redirect == "/auth/logout"


@pytest.mark.parametrize(
    "person",
    [
        {"email": "Ben@EYE.example"},
        {"email_verified": "true"},
        {"sub": "ben-4", "email": "ben@elsewhere.example", "email_verified": False},
    ],
)
def test_who_is_on_the_list_enters(
    visitor: Visitor, honest: Provider, furnished: tuple[Path, str], person: dict[str, Any]
) -> None:
    honest.person |= person

    visitor.log_in()

    assert is_inside(visitor, furnished[1])


@pytest.mark.parametrize("lie", [*LIES, *OTHER_LIES])
def test_a_token_that_is_not_the_providers_word_for_us_logs_nobody_in(
    visitor: Visitor, honest: Provider, lie: str
) -> None:
    honest.lie = lie
    if lie == "other person":
        honest.person["email"] = "eve@elsewhere.example"

    visitor.log_in()

    assert COOKIE not in visitor.http.cookies
    assert is_outside(visitor)


def test_a_cookie_that_we_signed_lets_in(visitor: Visitor, furnished: tuple[Path, str]) -> None:
    # Else the tests below would show nothing.
    assert is_inside(with_cookie(visitor), furnished[1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another-secret-0123456789abcdefghijk"},
        {"secret": ""},
        {"origin": "http://localhost:1"},
        {"origin": None},
        pytest.param({"iat": time.time() - 12.1 * 3600}, id="iat 12.1 hours ago"),
        {"iat": None},
        {"iat": "now"},
        {"is_logged_in": False},
        {"is_logged_in": "yes"},
    ],
    ids=str,
)
def test_a_cookie_of_another_hand_place_or_day_lets_nobody_in(
    visitor: Visitor, wrong: dict[str, Any]
) -> None:
    assert is_outside(with_cookie(visitor, **wrong))
    assert visitor.http.get("/_stcore/metrics").status_code == 403


def test_a_cookie_that_was_changed_lets_nobody_in(visitor: Visitor) -> None:
    value = with_cookie(visitor).http.cookies[COOKIE]
    body, rest = value.split(".", 1)

    for changed in (f"{body[:-2]}AA.{rest}", body, f"{body}.", "{}", "chunks-3", ""):
        visitor.http.cookies.set(COOKIE, changed, domain="127.0.0.1")

        assert is_outside(visitor), changed
        assert visitor.http.get("/_stcore/metrics").status_code == 403


def test_a_cookie_used_by_a_page_elsewhere_lets_nobody_in(visitor: Visitor) -> None:
    with_cookie(visitor)

    for way in ({"origin": None}, {"xsrf": "2|00000000|00|1"}, {"xsrf": ""}):
        with visitor.tab(**way) as session:  # type: ignore[arg-type]
            assert "please log in" in session.run().said, way


def test_the_session_of_another_is_not_taken_over(
    closed: Server, visitor: Visitor, furnished: tuple[Path, str]
) -> None:
    stranger, colleague = Visitor(closed.address), Visitor(closed.address)
    with_cookie(visitor)
    with_cookie(colleague, email="ben@eye.example", sub="ben")

    with visitor.tab() as annas:
        annas.run(query=f"dataset={furnished[1]}")
        for other in (stranger, colleague):
            with other.tab(existing=annas.id) as session:
                seen = session.run()
                assert session.id != annas.id
                assert "anna" not in seen.said


def test_a_callback_works_for_the_browser_that_asked_and_once(
    closed: Server, visitor: Visitor
) -> None:
    went = visitor.log_in()
    callback = next(one for one in went if "/oauth2callback?" in one)
    victim = Visitor(closed.address)

    victim.follow(callback)  # an attacker's log-in, sent as a link
    for changed in (
        callback,
        re.sub("state=[^&]+", "state=another", callback),
        re.sub("code=[^&]+", "code=another", callback),
        re.sub("[?].*", "", callback),
    ):
        again = Visitor(closed.address)
        again.http.get(again.begin())  # which asks for a log-in of its own
        again.follow(changed)
        assert is_outside(again), changed

    assert is_outside(victim)


def test_a_provider_that_refuses_logs_nobody_in(visitor: Visitor, honest: Provider) -> None:
    honest.answer = "access_denied"

    went = visitor.log_in()

    assert went[-1] == f"{visitor.address}/"
    assert is_outside(visitor)


def test_nobody_is_sent_elsewhere(visitor: Visitor, provider: Provider) -> None:
    elsewhere = "https://elsewhere.example"
    own = (visitor.address, provider.issuer)
    start = visitor.begin()

    asked = [
        f"{start}&{name}={elsewhere}" for name in ("next", "redirect_uri", "return_to", "origin")
    ]
    asked += ["/auth/login?provider=" + elsewhere, "/auth/logout?next=" + elsewhere]
    asked += ["//elsewhere.example", "/oauth2callback?state=x&redirect_uri=" + elsewhere]
    for address in asked:
        for host in ("", "elsewhere.example"):
            answer = visitor.http.get(
                visitor.address + address, headers={"Host": host} if host else {}
            )
            to = answer.headers.get("Location", "/")
            assert to.startswith(("/", *own)), (address, to)
            assert not to.startswith("//")
            assert "elsewhere" not in to


@pytest.mark.parametrize("place", ["/images?dataset=x", "/", "/roc?run=a&run=b%20c"])
def test_whoever_logs_in_comes_to_the_page_that_was_asked_for(visitor: Visitor, place: str) -> None:
    visitor.http.headers["Referer"] = visitor.address + place

    assert visitor.log_in()[-1] == visitor.address + place
    # Once: the next log-in is asked where it wants to go.
    del visitor.http.headers["Referer"]
    visitor.http.cookies.delete(COOKIE)
    assert visitor.log_in()[-1] == f"{visitor.address}/"


ELSEWHERE = (
    "//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example",
    "@elsewhere.example", "/a\r\nX: y", "/" + "x" * 3000, ".elsewhere.example/",
)  # fmt: skip


@pytest.mark.parametrize("place", ELSEWHERE)
def test_the_page_that_was_asked_for_is_one_of_ours(visitor: Visitor, place: str) -> None:
    start = visitor.begin()
    visitor.http.headers["Referer"] = (visitor.address + place).split("\r")[0]
    assert visitor.follow(start)[-1] == f"{visitor.address}/" or place.startswith("/a")
    del visitor.http.headers["Referer"]
    visitor.http.cookies.delete(COOKIE)
    visitor.http.cookies.set("fundus_wanted", quote(place, safe=""), domain="127.0.0.1")

    assert visitor.log_in()[-1] == f"{visitor.address}/"


def test_pictures_downloads_and_uploads_are_behind_the_door(
    closed: Server, visitor: Visitor, furnished: tuple[Path, str]
) -> None:
    visitor.log_in()
    stranger = Visitor(closed.address)
    said = visitor.look("images", f"dataset={furnished[1]}").said
    pictures = sorted(set(re.findall(r"/media/\w+\.\w+", said)))
    assert pictures

    for path in pictures:
        assert visitor.http.get(path).status_code == 200
        for way in (path, f"/{path}", path.replace("media", "%6dedia"), f"/x/..{path}", f"{path}/"):
            answer = stranger.http.get(closed.address + way)
            assert "image" not in answer.headers.get("Content-Type", ""), way
        assert stranger.http.get(path).status_code == 403
        assert stranger.http.head(path).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "/_stcore/agent/interact",
        "/_stcore/agent/mcp",
        "/_stcore/upload_file/x/y",
        "/_stcore/script-health-check",
        "/_stcore/bidi-components/x",
        "/component/x/y",
        "/media/x",
        "/app/static/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_what_belongs_to_pages_is_behind_the_door(visitor: Visitor, path: str, method: str) -> None:
    assert visitor.http.request(method, path).status_code == 403


def test_what_needs_no_log_in_tells_nothing(visitor: Visitor) -> None:
    assert visitor.http.get("/_stcore/health").text == "ok"
    for path in ("/", "/roc", "/_stcore/host-config", "/favicon.png"):
        answer = visitor.http.get(path)
        assert answer.status_code == 200
        assert OF_THE_DATA not in answer.text


def test_log_out_ends_it_here_and_at_the_provider(
    closed: Server, visitor: Visitor, honest: Provider, furnished: tuple[Path, str]
) -> None:
    visitor.log_in()
    with visitor.tab() as session:
        seen = session.run(query=f"dataset={furnished[1]}")
        away = session.press(seen, "Log out").redirect
        # The open session is nobody's from here on.
        assert "please log in" in session.run().said

    went = visitor.follow(away)

    assert went[-1] == f"{closed.address}/"
    assert honest.signed_out[-1]["id_token_hint"] in honest.tokens
    assert COOKIE not in visitor.http.cookies
    assert is_outside(visitor)
    assert visitor.http.get("/_stcore/metrics").status_code == 403


def test_cookies_are_not_for_scripts_and_not_for_other_sites(visitor: Visitor) -> None:
    visitor.log_in()

    cookies = {one.name: one for one in visitor.http.cookies.jar}

    for name in (COOKIE, f"{COOKIE}_tokens"):
        assert cookies[name].has_nonstandard_attr("HttpOnly")
        assert cookies[name].get_nonstandard_attr("SameSite") == "lax"


def test_no_token_and_no_secret_is_in_the_log(
    closed: Server, visitor: Visitor, honest: Provider
) -> None:
    visitor.log_in()
    for lie in (*LIES, *OTHER_LIES):
        honest.lie = lie
        Visitor(closed.address).log_in()

    log = closed.log.read_text(encoding="utf-8")

    planted = [COOKIE_SECRET, CLIENT_SECRET, *honest.tokens, *visitor.http.cookies.values()]
    assert len(planted) > 20
    assert not [one for one in planted if one and one in log]
    assert "token exchange failed" in log  # it does say that something went wrong


@pytest.mark.parametrize(
    ("lacking", "allowed", "sentence"),
    [("client_secret", "*", "lacks client_secret"), ("", "", "FUNDUS_ALLOWED_USERS is empty")],
)
def test_a_server_with_half_a_door_does_not_start(
    provider: Provider, tmp_path: Path, lacking: str, allowed: str, sentence: str
) -> None:
    settings = {k: v for k, v in secrets_for(provider, 8501).items() if k != lacking}
    write_secrets(tmp_path, settings)

    done = subprocess.run(
        command(8501, tmp_path / "workspace"),
        cwd=ROOT,
        env=surroundings(tmp_path, {"FUNDUS_ALLOWED_USERS": allowed}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert sentence in done.stderr
    assert "docs/server.md" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [one for one in (COOKIE_SECRET, CLIENT_SECRET) if one in done.stderr + done.stdout]


def test_a_server_whose_secrets_are_no_text_does_not_start(
    provider: Provider, tmp_path: Path
) -> None:
    path = write_secrets(tmp_path, secrets_for(provider, 8501))
    path.write_bytes("# für\n".encode("latin-1") + path.read_bytes())

    done = subprocess.run(
        command(8501, tmp_path / "workspace"),
        cwd=ROOT,
        env=surroundings(tmp_path, {"FUNDUS_ALLOWED_USERS": "*"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "secrets cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_changes_where_no_log_in_is_configured(
    opened: Server, furnished: tuple[Path, str]
) -> None:
    visitor = Visitor(opened.address)

    said = visitor.look("images", f"dataset={furnished[1]}").said

    assert OF_THE_DATA in said
    assert "Log out" not in said
    assert "log in" not in said
    picture = re.findall(r"/media/\w+\.\w+", said)[0]
    assert visitor.http.get(picture).status_code == 200
    assert visitor.http.get("/_stcore/metrics").status_code == 200


def test_log_in_costs_nothing_to_import_where_it_is_not_used() -> None:
    code = "import sys, fundus_core.ui.login, fundus_core.ui.doorkeeper; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"authlib", "joserfc", "cryptography", "httpx2"}
