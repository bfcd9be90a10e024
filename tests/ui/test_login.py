"""Who may enter, and which settings of a door are no settings."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import Secrets
from streamlit.testing.v1 import AppTest

from fundus_core.ui import login, wiring
from fundus_core.ui.login import VARIABLE, door, is_logged_in, may_enter
from tests.conftest import ROOT

COMPLETE = {
    "redirect_uri": "https://fundus.eye.example/oauth2callback",
    "cookie_secret": "0123456789abcdef0123456789abcdef",
    "client_id": "fundus",
    "client_secret": "planted-secret",
    "server_metadata_url": "https://login.eye.example/.well-known/openid-configuration",
}


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Streamlit looks for secrets in this test; nothing is there yet."""
    path, ask = tmp_path / "secrets.toml", config.get_option
    answers = {"secrets.files": [str(path)]}
    monkeypatch.setattr(config, "get_option", lambda key: answers.get(key) or ask(key))
    fresh = Secrets()
    monkeypatch.setattr(Secrets, "_maybe_install_file_watchers", lambda self: None)
    monkeypatch.setattr(st, "secrets", fresh)
    monkeypatch.setattr(login, "_has_stood", threading.Event())
    return path


def write(path: Path, **changed: str | None) -> None:
    settings = COMPLETE | changed
    lines = [f'{key} = "{value}"' for key, value in settings.items() if value is not None]
    path.write_text("\n".join(["[auth]", *lines]), encoding="utf-8")


def test_door__nobody_configured_one(secrets: Path) -> None:
    assert door() is None

    secrets.write_text('[other]\npassword = "x"\n', encoding="utf-8")

    assert door() is None


def test_door__complete(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "anna@eye.example,  @clinic.example sub:17")
    write(secrets)

    found = door()

    assert found is not None
    assert found.faults == ()
    assert found.allowed == ("anna@eye.example", "@clinic.example", "sub:17")
    assert (found.host, found.origin) == ("fundus.eye.example", "https://fundus.eye.example")


@pytest.mark.parametrize(
    ("changed", "allowed", "sentence"),
    [
        ({"client_secret": None, "client_id": ""}, "*", "lacks client_id, client_secret"),
        ({"cookie_secret": "short"}, "*", "at least 32 characters"),
        ({"redirect_uri": "https://fundus.eye.example/"}, "*", "must end in /oauth2callback"),
        (
            {"redirect_uri": "http://fundus.eye.example/oauth2callback"},
            "*",
            "redirect_uri must begin with https://",
        ),
        ({"server_metadata_url": "http://login.eye.example/x"}, "*", "server_metadata_url must"),
        ({}, "", "so nobody may enter"),
        ({}, "anna", "'anna' is no address"),
        ({}, "anna@", "'anna@' is no address"),
        ({}, "sub:", "'sub:' is no address"),
    ],
)
def test_door__settings_that_are_none_shut_it(
    secrets: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, str | None],
    allowed: str,
    sentence: str,
) -> None:
    monkeypatch.setenv(VARIABLE, allowed)
    write(secrets, **changed)

    found = door()

    assert found is not None
    assert any(sentence in fault for fault in found.faults), found.faults
    assert "planted-secret" not in str(found)
    assert "short" not in str(found)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('redirect_uri = "https://[/oauth2callback"', "redirect_uri must begin with https://"),
        ('server_metadata_url = "https://["', "server_metadata_url must begin with https://"),
        ("cookie_secret = 12345678901234567890123456789012345", "lacks cookie_secret"),
        ("client_id = [1]", "lacks client_id"),
        ('expose_tokens = "all"', "expose_tokens must not be set"),
    ],
)
def test_door__settings_of_another_kind_shut_it(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, line: str, sentence: str
) -> None:
    monkeypatch.setenv(VARIABLE, "*")
    write(secrets, **{line.partition(" = ")[0]: None})
    secrets.write_text(f"{secrets.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")

    found = door()

    assert found is not None
    assert any(sentence in fault for fault in found.faults), found.faults


def test_door__streamlit_goes_on_with_no_secrets_while_there_are_faults(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "*")
    write(secrets)
    whole = secrets.read_bytes()
    assert door() is not None
    assert st.secrets["auth"]["client_id"] == "fundus"

    for content in (b"\xff", b"[auth\n", b'auth = "x"\n', b"[auth]\n"):
        secrets.write_bytes(content)
        door()
        assert dict(st.secrets) == {}, content

    secrets.write_bytes(whole)
    assert door() is not None
    assert st.secrets["auth"]["client_id"] == "fundus"


def test_door__once_it_stood_it_stays_until_the_end(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "*")
    write(secrets)
    whole = secrets.read_bytes()
    door()
    monkeypatch.delenv(VARIABLE)

    for change in (secrets.unlink, lambda: secrets.write_bytes(b"")):
        change()
        found = door()
        assert found is not None
        assert found.faults

    monkeypatch.setenv(VARIABLE, "*")
    secrets.write_bytes(whole)
    found = door()
    assert found is not None
    assert not found.faults


def test_door__secrets_of_another_program_that_are_mended_leave_none(secrets: Path) -> None:
    secrets.write_bytes(b"[auth\n")
    assert door() is not None

    secrets.write_bytes(b"[other]\n")

    assert door() is None


def test_door__secrets_that_did_not_change_are_not_parsed_again(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(secrets)
    door()

    def parse(*arguments: object) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr(Secrets, "_parse_toml_file", parse)

    assert door() is not None


def test_door__secrets_in_a_folder_are_looked_at_as_well(
    tmp_path: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "*")
    folder, ask = tmp_path / "mounted", config.get_option
    answers = {"secrets.files": [str(folder)]}
    monkeypatch.setattr(config, "get_option", lambda key: answers.get(key) or ask(key))
    (folder / "auth").mkdir(parents=True)
    for key, value in COMPLETE.items():
        (folder / "auth" / key).write_text(value, encoding="utf-8")
    found = door()
    assert found is not None
    assert found.faults == ()

    (folder / "auth" / "client_secret").unlink()

    found = door()
    assert found is not None
    assert "lacks client_secret" in found.faults[0]


@pytest.mark.parametrize("text", ["[auth\n", "\xff", 'auth = "x"\n'])
@pytest.mark.parametrize("allowed", ["", "*"])
def test_door__secrets_that_cannot_be_read_shut_it(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, text: str, allowed: str
) -> None:
    monkeypatch.setenv(VARIABLE, allowed)
    secrets.write_bytes(text.encode("latin-1"))

    found = door()

    assert found is not None
    assert found.faults


@pytest.mark.parametrize("allowed", ["", " , "])
def test_door__a_list_that_is_empty_shuts_it_also_without_secrets(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    monkeypatch.setenv(VARIABLE, allowed)

    found = door()

    assert found is not None
    assert found.faults


def test_door__secrets_that_are_named_and_not_there_shut_it(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert door() is None
    monkeypatch.setattr(config, "is_manually_set", lambda key: key == "secrets.files")

    found = door()

    assert found is not None
    assert "none of the files" in found.faults[0]


def test_door__a_folder_in_place_of_the_secrets_shuts_it(secrets: Path) -> None:
    secrets.mkdir()

    found = door()

    assert found is not None
    assert found.faults


@pytest.mark.skipif(os.geteuid() == 0, reason="whoever may read everything reads this as well")
def test_door__secrets_that_may_not_be_read_shut_it(secrets: Path) -> None:
    write(secrets)
    secrets.chmod(0)

    found = door()

    assert found is not None
    assert found.faults


def test_door__a_list_without_settings_shuts_it(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "@eye.example")

    found = door()

    assert found is not None
    assert "have no section [auth]" in found.faults[0]


def test_door__the_header_of_a_proxy_in_place_of_a_log_in_shuts_it(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "*")
    write(secrets)
    ask = config.get_option
    monkeypatch.setattr(
        config,
        "get_option",
        lambda key: {"X-User": "email"} if key == "server.trustedUserHeaders" else ask(key),
    )

    found = door()

    assert found is not None
    assert "trustedUserHeaders" in found.faults[0]


@pytest.mark.parametrize(
    ("claims", "allowed", "enters"),
    [
        ({"email": "anna@eye.example", "email_verified": True}, "anna@eye.example", True),
        ({"email": "ANNA@eye.EXAMPLE", "email_verified": True}, "anna@Eye.example", True),
        ({"email": "anna@eye.example", "email_verified": True}, "ben@eye.example", False),
        ({"email": "anna@eye.example"}, "@eye.example", False),
        ({"email": "anna@eye.example", "email_verified": "false"}, "@eye.example", False),
        ({"email": "anna@eye.example", "email_verified": 1.5}, "@eye.example", False),
        ({"email": "anna@noteye.example", "email_verified": True}, "@eye.example", False),
        ({"email": "anna@\u212aeye.example", "email_verified": True}, "@keye.example", False),
        ({"email": None, "email_verified": True}, "@eye.example", False),
        ({"sub": "17"}, "sub:17", True),
        ({"sub": "17"}, "sub:1", False),
        ({"sub": "a"}, "sub:A", False),
        ({"sub": "17"}, "*", True),
        ({}, "*", False),
        ({"sub": ""}, "*", False),
        ({"sub": "17", "email": "*", "email_verified": True}, "@x.example", False),
    ],
)
def test_may_enter__who_is_on_the_list(claims: dict[str, Any], allowed: str, enters: bool) -> None:
    assert may_enter(claims, (allowed,)) is enters


def test_may_enter__an_empty_list_is_nobody() -> None:
    assert not may_enter({"sub": "17", "email": "a@b.c", "email_verified": True}, ())


@pytest.mark.parametrize(
    ("hours", "is_in"), [(0.0, True), (login.HOURS - 0.1, True), (login.HOURS + 0.1, False)]
)
def test_is_logged_in__for_a_day(hours: float, is_in: bool) -> None:
    assert is_logged_in({"is_logged_in": True, "iat": time.time() - hours * 3600}) is is_in


def test_gate__nothing_of_the_workspace_is_read_before_it(
    secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(secrets)
    monkeypatch.setenv(VARIABLE, "@eye.example")
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(tmp_path / "workspace"))

    def read(*arguments: object) -> None:
        raise AssertionError("the workspace was asked for")

    monkeypatch.setattr(wiring, "workspace", read)

    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()

    assert not page.exception
    assert [button.label for button in page.button] == ["Log in"]
    assert not (tmp_path / "workspace").exists()
