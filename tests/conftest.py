"""Fixtures shared by every test, and what no test may do: reach the network, or hog the cores."""

import os

# Before NumPy and torch are imported: they read it once. Test processes run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Libraries that could look something up on the model hub do not even try.
os.environ["HF_HUB_OFFLINE"] = "1"

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.no_network import sitecustomize as no_network  # from here on

ROOT = Path(__file__).parents[1]

_FOR_CHILDREN = [str(Path(no_network.__file__).parent), os.environ.get("PYTHONPATH", "")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, _FOR_CHILDREN))

KEPT_VARIABLES = {"FUNDUS_REAL_DATA", "FUNDUS_BROWSER"}
"""The variables of ours that are meant for the tests; all others are for users."""


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
    monkeypatch.setattr("fundus_core.io.workspace._found", [])


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
def _no_network_hidden() -> Iterator[None]:
    """Fails a test that reached for another machine and hid the refusal."""
    no_network.refused.clear()
    yield
    assert not no_network.refused, f"tried to reach {', '.join(no_network.refused)}"


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
