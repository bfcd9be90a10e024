"""A page is one's own by name and port, as the browser or the provider of the log-in says."""

import pytest

from fundus_core.ui import login, own_pages
from fundus_core.ui.login import Door
from fundus_core.ui.own_pages import is_own


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8501", "127.0.0.1:8501"),
        ("http://localhost:8501", "localhost:8501"),
        ("http://[::1]:8501", "[::1]:8501"),
        ("http://LOCALHOST", "localhost:80"),
        ("https://fundus.example", "fundus.example"),
        ("https://fundus.example", "fundus.example:443"),
        ("https://fundus.example:8443", "fundus.example:8443"),
    ],
)
def test_is_own__the_name_and_port_that_the_browser_calls(origin: str, host: str) -> None:
    assert is_own(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:9000", "127.0.0.1:8501"),
        ("http://127.0.0.1", "127.0.0.1:8501"),
        ("http://localhost:8501", "127.0.0.1:8501"),
        ("https://fundus.example", "fundus.example:8501"),
        ("https://fundus.example:8443", "fundus.example"),
        ("https://elsewhere.example", "fundus.example"),
        ("https://fundus.example.elsewhere.example", "fundus.example"),
        ("null", "127.0.0.1:8501"),
        ("", "127.0.0.1:8501"),
        ("file://", "127.0.0.1:8501"),
        ("http://", ""),
        ("http://127.0.0.1:x", "127.0.0.1:x"),
        ("http://[::1", "[::1"),
        ("http://127.0.0.1:99999", "127.0.0.1:99999"),
        ("chrome-extension://abc", "abc"),
    ],
)
def test_is_own__no_other(origin: str, host: str) -> None:
    assert not is_own(origin, host)


def test_is_own__with_log_in_only_the_address_that_the_provider_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    required = Door((), ("*",), "fundus.example", "https://fundus.example:443")
    monkeypatch.setattr(login, "door", lambda: required)
    assert own_pages.login.door() is required

    assert is_own("https://fundus.example", "127.0.0.1:8501")
    assert not is_own("http://fundus.example", "fundus.example")
    assert not is_own("https://fundus.example:8501", "fundus.example:8501")
    assert not is_own("http://127.0.0.1:8501", "127.0.0.1:8501")
