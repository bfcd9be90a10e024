"""Settings of a door that are changed, damaged or taken away while the server runs."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.running import free_port
from tests.server.client import Visitor
from tests.server.conftest import COOKIE_SECRET, Server, secrets_for, served, write_secrets
from tests.server.provider import ANNA, Provider
from tests.server.test_login import OF_THE_DATA, is_inside, is_outside, with_cookie

ROUTES = ("/auth/login", "/auth/login?provider=x", "/auth/logout", "/oauth2callback?state=x")
ANOTHER_SECRET = "another-" + COOKIE_SECRET


@dataclass(frozen=True, slots=True)
class Watched:
    """A server with a door, the file that describes it, and the data set behind it."""

    server: Server
    path: Path
    whole: bytes
    data: str

    @property
    def address(self) -> str:
        return self.server.address


@pytest.fixture(scope="module", params=["home", "named"])
def running(
    request: pytest.FixtureRequest,
    provider: Provider,
    furnished: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watched]:
    """A server whose secrets are where Streamlit looks first, or where a variable says."""
    port, home = free_port(), tmp_path_factory.mktemp(request.param)
    path, environment = write_secrets(home, secrets_for(provider, port)), {}
    if request.param == "named":
        path = path.rename(home / "of-the-department.toml")
        environment = {"STREAMLIT_SECRETS_FILES": str(path)}
    whole = path.read_bytes()
    with served(home, port, furnished[0], {"FUNDUS_ALLOWED_USERS": "*", **environment}) as found:
        yield Watched(found, path, whole, furnished[1])


@pytest.fixture
def watched(running: Watched, provider: Provider) -> Iterator[Watched]:
    """The server with its settings whole, and Anna before it; its log says nothing of errors."""
    provider.person, provider.lie, provider.answer = dict(ANNA), "", ""
    restore(running)
    assert is_inside(with_cookie(Visitor(running.address)), running.data)
    yield running
    assert "Traceback" not in running.server.log.read_text(encoding="utf-8")


def restore(watched: Watched) -> None:
    """Puts the settings there again, in a new file."""
    if watched.path.is_dir() and not watched.path.is_symlink():
        watched.path.rmdir()
    new = watched.path.with_suffix(".new")
    new.write_bytes(watched.whole)
    new.replace(watched.path)


def renamed(path: Path) -> None:
    shutil.move(path, path.with_suffix(".away"))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


def holds(content: bytes) -> Callable[[Path], None]:
    """Returns what saves a file with that content, in place."""

    def save(path: Path) -> None:
        path.write_bytes(content)

    return save


SPOILED: dict[str, Callable[[Path], None]] = {
    "deleted": Path.unlink,
    "renamed away": renamed,
    "a folder": a_folder,
    "a pipe": a_pipe,
    "a link to nothing": a_link_to_nothing,
    "emptied": holds(b""),
    "cut short": holds(b"[auth\n"),
    "Latin-1": holds("[auth]\nredirect_uri = 'für'\n".encode("latin-1")),
    "UTF-16": holds("[auth]\n".encode("utf-16")),
    "auth is a text": holds(b'auth = "x"\n'),
    "auth is a list": holds(b'auth = ["x"]\n'),
    "a number for the secret": holds(b"[auth]\ncookie_secret = 12345678901234567890\n"),
    "no address": holds(b'[auth]\nredirect_uri = "http://[/oauth2callback"\n'),
    "a variable that cannot be": holds(b'"a=b" = "x"\n'),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_settings_that_are_damaged_let_nobody_in_at_once(watched: Watched, spoiled: str) -> None:
    inside = with_cookie(Visitor(watched.address))
    with inside.tab() as opened_before:
        opened_before.run(query=f"dataset={watched.data}")

        SPOILED[spoiled](watched.path)

        require_shut(opened_before.run(query=f"dataset={watched.data}").said)
    require_shut(inside.look(query=f"dataset={watched.data}").said)
    assert inside.http.get("/_stcore/metrics").status_code == 403
    assert inside.http.get("/media/x.png").status_code == 403
    assert inside.http.get("/_stcore/health").text == "ok"
    for path in ROUTES:
        assert inside.http.get(path).status_code < 500, path
    # And again: what was damaged, mended and then deleted is no less gone.
    restore(watched)
    assert is_inside(with_cookie(Visitor(watched.address)), watched.data)
    watched.path.unlink()
    require_shut(with_cookie(Visitor(watched.address)).look().said)


def require_shut(said: str) -> None:
    """Fails unless a page says that nobody may enter, and nothing of why to the public."""
    assert "Nobody can log in" in said
    assert OF_THE_DATA not in said
    assert "secrets" not in said


def test_a_log_in_page_that_stayed_open_leads_nowhere(watched: Watched) -> None:
    with Visitor(watched.address).tab() as session:
        seen = session.run()
        watched.path.unlink()

        seen = session.press(seen, "Log in")

    require_shut(seen.said)
    assert seen.redirect == ""


@pytest.mark.parametrize("age", ["new", "older", "the same"])
def test_a_new_secret_logs_everybody_out_however_old_its_file_is(
    watched: Watched, age: str
) -> None:
    before = watched.path.stat()
    inside = with_cookie(Visitor(watched.address))
    with inside.tab() as opened_before:
        opened_before.run(query=f"dataset={watched.data}")

        new = watched.path.with_suffix(".new")
        new.write_bytes(watched.whole.replace(COOKIE_SECRET.encode(), ANOTHER_SECRET.encode()))
        if age != "new":
            moment = 10**18 if age == "older" else before.st_mtime_ns
            os.utime(new, ns=(moment, moment))
        new.replace(watched.path)

        assert "please log in" in opened_before.run(query=f"dataset={watched.data}").said
    assert is_outside(inside)
    assert inside.http.get("/_stcore/metrics").status_code == 403
    renewed = with_cookie(Visitor(watched.address), secret=ANOTHER_SECRET)
    assert is_inside(renewed, watched.data)


def test_who_logs_in_after_a_change_enters(watched: Watched) -> None:
    watched.path.write_bytes(watched.whole.replace(COOKIE_SECRET.encode(), ANOTHER_SECRET.encode()))

    visitor = Visitor(watched.address)
    visitor.log_in()

    assert is_inside(visitor, watched.data)


def test_a_list_that_went_with_the_secrets_opens_nothing(watched: Watched) -> None:
    # Streamlit makes variables of what stands above the first section, and takes them back.
    watched.path.write_bytes(b'FUNDUS_ALLOWED_USERS = "*"\n' + watched.whole)
    assert is_outside(Visitor(watched.address))

    watched.path.unlink()

    require_shut(Visitor(watched.address).look(query=f"dataset={watched.data}").said)
    assert Visitor(watched.address).http.get("/_stcore/metrics").status_code == 403
