"""Refuses every connection but to this machine.

Python imports a module of this name when it starts; `conftest.py` puts this folder on the path of
the processes that tests start, and imports it itself.
"""

import socket
from typing import Any

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")

refused: list[str] = []
"""Other machines that this process asked for."""


class NetworkUsedError(RuntimeError):
    """A test tried to reach another machine."""


def _refuse_others(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if not name.startswith(LOOPBACK):
        refused.append(name)
        raise NetworkUsedError(f"A test tried to reach {name}.")


def _guarded_socket(method: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple):  # else a socket of this machine's file system
            _refuse_others(address[0])
        return method(self, address)

    return guarded


def _guarded_look_up(look_up: Any) -> Any:
    def guarded(host: Any, *args: Any, **options: Any) -> Any:
        if host is not None:
            _refuse_others(host)
        return look_up(host, *args, **options)

    return guarded


for _name in ("connect", "connect_ex"):
    setattr(socket.socket, _name, _guarded_socket(getattr(socket.socket, _name)))
socket.getaddrinfo = _guarded_look_up(socket.getaddrinfo)
