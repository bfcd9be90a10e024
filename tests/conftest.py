"""Fixtures shared by every test, and what no test may do: reach the network, or hog the cores."""

import os

# Before NumPy and torch are imported: they read it once. Test processes run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# For child processes, which the guard below cannot reach.
os.environ["HF_HUB_OFFLINE"] = "1"

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

KEPT_VARIABLES = {"FUNDUS_REAL_DATA", "FUNDUS_BROWSER"}
"""The variables of ours that are meant for the tests; all others are for users."""

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


class NetworkUsedError(RuntimeError):
    """A test tried to reach another machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs the real photographs, so that it can be selected."""
    for item in items:
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace or weights folder set in the shell must not reach a test."""
    for name in os.environ:
        if name.startswith("FUNDUS_") and name not in KEPT_VARIABLES:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_cache_shared_between_tests() -> None:
    """Streamlit's caches are process-wide and outlive an AppTest."""
    if "streamlit" in sys.modules:
        import streamlit as st

        st.cache_data.clear()
        st.cache_resource.clear()


@pytest.fixture(autouse=True)
def _same_main_module_afterwards() -> Iterator[None]:
    """An AppTest leaves its page as `__main__`, which a spawned process would then run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuses every connection but to this machine, and fails a test that hides the refusal."""
    refused: list[str] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def refuse_others(host: object) -> None:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if not name.startswith(LOOPBACK):
            refused.append(name)
            raise NetworkUsedError(f"A test tried to reach {name}.")

    def guarded_connect(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple):
            refuse_others(address[0])
        connect(self, address)

    def guarded_look_up(host: object, *args: object, **options: object) -> object:
        if host is not None:
            refuse_others(host)
        return look_up(host, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
    yield
    assert not refused, f"tried to reach {', '.join(refused)}"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace that `FUNDUS_WORKSPACE` names."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(folder))
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real photographs, weights and golden numbers; skips where there is none."""
    folder = Path(os.environ.get("FUNDUS_REAL_DATA") or ROOT.parent / "shared")
    if not (folder / "data" / "classification").is_dir():
        pytest.skip(f"no real photographs in {folder}; FUNDUS_REAL_DATA names another folder")
    return folder


@pytest.fixture
def without_shipped_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leaves the weights that come with the program out."""
    monkeypatch.setattr("fundus_core.io.weights.SHIPPED", tmp_path / "no-weights")
