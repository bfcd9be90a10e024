"""Whether the dashboard can listen where it was told to, before anything is begun for it."""

import errno
import os
import socket

from fundus_core.errors import FundusError

_LOCALHOST = ("localhost", "::1")
"""What browsers try for this name: the server listens on the first alone, others may on both."""

_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}


def require_free_port(address: str, port: int) -> None:
    """Refuses a port that another program has, or that this user may not have.

    Nothing is heard there meanwhile: the port is taken as the server would take it, and left. Of
    localhost both addresses are tried, if this machine has IPv6: browsers would come upon whatever
    listens on the other one.

    Args:
        address: Where the server would listen: an address, or localhost.
        port: From 1 to 65535.

    Raises:
        FundusError: With the system's reason.
    """
    for one in _LOCALHOST if address == "localhost" else (address,):
        try:
            _take(one, port)
        except OSError as error:
            if one == _LOCALHOST[1] and error.errno in _NO_IPV6:
                continue
            where = f" of {one}" if one != address else ""
            raise FundusError(
                f"The dashboard cannot listen on port {port}{where}: {error.strerror}.",
                hint="Name another port (--port), or end the program that listens there.",
            ) from error


def _take(address: str, port: int) -> None:
    """Takes a port and leaves it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as trial:
        if os.name != "nt":  # else a port counts as taken for a minute after its server has ended
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((address, port))
