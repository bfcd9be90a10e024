"""The guard: no test reaches another machine, by no process, and none can hide that it tried."""

import socket
import subprocess
import sys

import pytest

from tests.no_network import sitecustomize as guard

ELSEWHERE = ("192.0.2.1", 443)  # an address that documents use and nobody has


@pytest.mark.parametrize("way", ["connect", "connect_ex"])
def test_guard__another_machine_is_refused_and_noted(way: str) -> None:
    with socket.socket() as plug, pytest.raises(guard.NetworkUsedError):
        getattr(plug, way)(ELSEWHERE)

    assert guard.refused == ["192.0.2.1"]
    guard.refused.clear()  # else this test fails


def test_guard__the_name_of_another_machine_is_not_looked_up() -> None:
    with pytest.raises(guard.NetworkUsedError):
        socket.getaddrinfo("example.org", 443)

    assert guard.refused == ["example.org"]
    guard.refused.clear()


def test_guard__a_process_that_a_test_starts_is_refused_too() -> None:
    code = f"import socket; socket.create_connection({ELSEWHERE})"

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=False)

    assert done.returncode == 1
    assert b"NetworkUsedError" in done.stderr


def test_guard__this_machine_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as plug:
        plug.connect(server.getsockname())

        assert plug.getpeername() == server.getsockname()
