"""A dashboard behind a door, and a provider that knows who stands before it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id
from scripts.running import free_port
from tests.conftest import ROOT
from tests.fakes import write_dataset
from tests.hostile import walked
from tests.server.provider import CLIENT_ID, CLIENT_SECRET, Provider, running

COOKIE_SECRET = "planted-cookie-secret-0123456789abcdef"
SECONDS_TO_START = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A dashboard that runs."""

    address: str
    log: Path
    home: Path
    pid: int

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])


@pytest.fixture(scope="package")
def provider() -> Iterator[Provider]:
    """One provider for all tests; each sets whom it takes the browser for."""
    with running(free_port()) as found:
        yield found


@pytest.fixture(scope="package")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A workspace with a data set and two models, and the data set's id; tests only look at it."""
    folder = tmp_path_factory.mktemp("furnished")
    source = DataSource(write_dataset(folder / "planted-data", n_patients=8))
    walked.filled(Workspace(folder / "workspace"), source)
    return folder / "workspace", dataset_id(source)


@pytest.fixture(scope="package")
def closed(
    provider: Provider, furnished: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A dashboard that asks for a log-in, and lets in whoever is of eye.example."""
    port, home = free_port(), tmp_path_factory.mktemp("closed")
    write_secrets(home, secrets_for(provider, port))
    environment = {"FUNDUS_ALLOWED_USERS": "@eye.example, sub:ben-4"}
    with served(home, port, furnished[0], environment) as found:
        yield found


@pytest.fixture(scope="package")
def opened(
    furnished: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The dashboard as it is shipped."""
    with served(tmp_path_factory.mktemp("opened"), free_port(), furnished[0], {}) as found:
        yield found


def secrets_for(provider: Provider, port: int) -> dict[str, str]:
    """Returns complete settings for a server on a port."""
    return {
        "redirect_uri": f"http://127.0.0.1:{port}/oauth2callback",
        "cookie_secret": COOKIE_SECRET,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "server_metadata_url": f"{provider.issuer}/.well-known/openid-configuration",
    }


def write_secrets(home: Path, settings: Mapping[str, str]) -> Path:
    """Writes the secrets where Streamlit looks for those of a user."""
    path = home / ".streamlit" / "secrets.toml"
    path.parent.mkdir(exist_ok=True)
    lines = ["[auth]", *(f'{key} = "{value}"' for key, value in settings.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def command(port: int, workspace: Path) -> list[str]:
    """Returns how a user starts the dashboard."""
    options = ["--no-browser", "--no-demo", "--workspace", str(workspace), "--port", str(port)]
    return [sys.executable, "-m", "fundus_core", "app", *options]


def surroundings(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables of a server: a home of its own and nothing of the user's."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("FUNDUS_")}
    return mine | {"HOME": str(home), "OMP_NUM_THREADS": "1"} | dict(environment)


@contextmanager
def served(
    home: Path, port: int, workspace: Path, environment: Mapping[str, str]
) -> Iterator[Server]:
    """Runs the dashboard as a user would, and ends it and its children afterwards."""
    log = home / "log.txt"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command(port, workspace),
            cwd=ROOT,
            env=surroundings(home, environment),
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    found = Server(f"http://127.0.0.1:{port}", log, home, process.pid)
    try:
        _wait(found, process)
        yield found
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < give_up and process.poll() is None:
        try:
            httpx2.get(f"{server.address}/_stcore/health", timeout=1)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"The dashboard did not start: {server.log.read_text()}")
