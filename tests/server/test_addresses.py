"""Who reaches the server as it is shipped: this machine, by its own names, from its own pages."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from scripts.running import free_port
from tests.conftest import ROOT
from tests.server.client import Session, Visitor
from tests.server.conftest import (
    Server,
    command,
    secrets_for,
    served,
    surroundings,
    write_secrets,
)
from tests.server.provider import Provider

ELSEWHERE = "http://elsewhere.example"


@contextmanager
def refused_with(status: int) -> Iterator[None]:
    with pytest.raises(InvalidStatus) as caught:
        yield
    assert caught.value.response.status_code == status


@pytest.mark.parametrize(
    "origin",
    [
        ELSEWHERE,
        "https://elsewhere.example",
        "http://127.0.0.1.elsewhere.example",
        "http://localhost.elsewhere.example",
        "http://8.8.8.8",
        "null",
        "file://",
    ],
)
def test_a_page_elsewhere_is_refused_at_once(opened: Server, origin: str) -> None:
    visitor, began = Visitor(opened.address), time.monotonic()

    with refused_with(403), visitor.tab(origin=origin):
        pass

    # Streamlit would ask a server on the internet whether that page is its own, and wait for it.
    assert time.monotonic() - began < 1
    assert "external IP" not in opened.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "127.0.0.1.elsewhere.example:80", "0.0.0.0", "127.0.0.2"]
)
@pytest.mark.parametrize("origin", [ELSEWHERE, "", None, "http://elsewhere.example:80"])
def test_another_name_for_this_machine_is_refused(
    opened: Server, host: str, origin: str | None
) -> None:
    visitor = Visitor(opened.address)

    with refused_with(403), visitor.tab(host=host, origin=origin):
        pass


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_names_are_served(opened: Server, name: str) -> None:
    visitor, own = Visitor(opened.address), f"{name}:{opened.port}"

    with visitor.tab(host=own, origin=f"http://{own}") as session:
        assert "Overview" in session.run().said


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_page_on_another_port_of_this_machine_is_refused(
    opened: Server, name: str, scheme: str
) -> None:
    visitor = Visitor(opened.address)

    for port in ("", f":{opened.port + 1}", ":80", ":x"):
        with refused_with(403), visitor.tab(origin=f"{scheme}://{name}{port}"):
            pass
        origin = {"Origin": f"{scheme}://{name}{port}"}
        assert visitor.http.get("/_stcore/host-config", headers=origin).status_code == 403


def test_the_environment_cannot_take_the_protection_away(
    furnished: tuple[Path, str], tmp_path: Path
) -> None:
    variables = {
        "STREAMLIT_SERVER_ENABLE_CORS": "false",
        "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
    }
    with served(tmp_path, free_port(), furnished[0], variables) as server:
        for origin in (ELSEWHERE, "http://127.0.0.1:1"):
            with refused_with(403), Visitor(server.address).tab(origin=origin):
                pass


def test_who_ends_the_command_ends_the_server(tmp_path: Path) -> None:
    with served(tmp_path, free_port(), tmp_path / "workspace", {}) as server:
        (listening,) = [
            one
            for one in psutil.net_connections(kind="tcp")
            if one.status == psutil.CONN_LISTEN and one.laddr.port == server.port
        ]
        assert listening.pid == server.pid


def test_with_log_in_only_the_name_that_the_provider_knows_is_served(closed: Server) -> None:
    visitor = Visitor(closed.address)

    for host in ("localhost", "elsewhere.example"):
        with refused_with(403), visitor.tab(host=f"{host}:{closed.port}"):
            pass

    with visitor.tab() as session:
        assert isinstance(session, Session)


def test_it_listens_on_this_machine_alone(opened: Server) -> None:
    listening = [
        one.laddr.ip
        for one in psutil.net_connections(kind="tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == opened.port
    ]

    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize(("address", "with_login"), [("::", False), ("0.0.0.0", True)])
def test_other_addresses_are_refused_with_and_without_log_in(
    provider: Provider, tmp_path: Path, address: str, with_login: bool
) -> None:
    if with_login:
        write_secrets(tmp_path, secrets_for(provider, 8501))

    done = subprocess.run(
        [*command(8501, tmp_path / "workspace"), "--address", address],
        cwd=ROOT,
        env=surroundings(tmp_path, {"FUNDUS_ALLOWED_USERS": "*"} if with_login else {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert f"will not listen on {address}" in done.stderr
    assert "docs/server.md" in " ".join(done.stderr.split())
    assert not (tmp_path / "workspace").exists()
