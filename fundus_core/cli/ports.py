"""Whether the dashboard can listen where it was told to, before anything is begun for it."""

import os
import socket

from fundus_core.errors import FundusError


def require_free_port(address: str, port: int) -> None:
    """Refuses a port that another program has, or that this user may not have.

    Nothing is heard there meanwhile: the port is taken as the server would take it, and left.

    Raises:
        FundusError: With the system's reason.
    """
    with socket.socket() as trial:
        if os.name != "nt":  # else a port counts as taken for a minute after its server has ended
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            raise FundusError(
                f"The dashboard cannot listen on port {port}: {error.strerror}.",
                hint="Name another port (--port), or end the program that listens there.",
            ) from error
