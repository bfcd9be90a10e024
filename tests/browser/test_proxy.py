"""The nginx of docs/server.md between a browser and the dashboard; skipped where there is none."""

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from scripts.running import free_port
from tests.browser.steps import no_error, settle
from tests.conftest import ROOT
from tests.server.conftest import (  # noqa: F401
    Server,
    furnished,
    provider,
    secrets_for,
    served,
    write_secrets,
)
from tests.server.provider import ANNA, Provider

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]


@pytest.fixture(scope="module")
def proxied(
    provider: Provider,  # noqa: F811
    furnished: tuple[Path, str],  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of a proxy in front of a dashboard; both as the document says."""
    home, port, outside = tmp_path_factory.mktemp("proxied"), free_port(), free_port()
    address = f"https://localhost:{outside}"
    settings = secrets_for(provider, port) | {"redirect_uri": f"{address}/oauth2callback"}
    path = write_secrets(home, settings).rename(home / "elsewhere.toml")
    environment = {"FUNDUS_ALLOWED_USERS": "@eye.example", "STREAMLIT_SECRETS_FILES": str(path)}
    with served(home, port, furnished[0], environment) as server:
        process = subprocess.Popen(
            [NGINX or "", "-p", str(home), "-c", str(_settings(home, server, outside))]
        )
        _wait(outside, process)
        yield address
        process.terminate()
        process.wait(timeout=20)


def _settings(home: Path, server: Server, outside: int) -> Path:
    """Writes the document's example with the ports and files of this test."""
    document = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    example = re.findall(r"```nginx\n(.*?)```", document, re.DOTALL)[0]
    for was, now in {
        "listen 443 ssl": f"listen 127.0.0.1:{outside} ssl",
        "server_name fundus.eye.example": "server_name localhost",
        "/etc/fundus/": f"{home}/",
        "127.0.0.1:8501": f"127.0.0.1:{server.port}",
    }.items():
        assert was in example
        example = example.replace(was, now)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", "privkey.pem", "-out", "fullchain.pem"],
        cwd=home, check=True, capture_output=True,
    )  # fmt: skip
    places = "".join(
        f"{name}_temp_path {home}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    settings = home / "nginx.conf"
    settings.write_text(
        f"daemon off;\nworker_processes 1;\npid {home}/nginx.pid;\nerror_log {home}/error.log;\n"
        f"events {{}}\nhttp {{\naccess_log {home}/access.log;\n{places}{example}\n}}\n",
        encoding="utf-8",
    )
    return settings


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("nginx did not start")


def test_log_in_and_pages_work_behind_the_proxy(
    proxied: str,
    provider: Provider,  # noqa: F811
    furnished: tuple[Path, str],  # noqa: F811
    browser: Browser,
) -> None:
    provider.person, provider.lie, provider.answer = dict(ANNA), "", ""
    context = browser.new_context(
        ignore_https_errors=True, viewport={"width": 1280, "height": 1400}
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)

    page.goto(f"{proxied}/images?dataset={furnished[1]}")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("anna@eye.example")).to_be_visible()
    settle(page)
    page.wait_for_function("() => [...document.images].every(one => one.naturalWidth > 0)")
    for name in ("overview", "map", "roc", "photograph"):
        page.goto(f"{proxied}/{name}?dataset={furnished[1]}")
        settle(page)
        no_error(page)
    cookies = {one["name"]: one for one in context.cookies() if one["domain"] == "localhost"}
    context.close()

    assert not [one for one in complaints if "Content Security Policy" in one]
    assert all(one["secure"] for one in cookies.values())
    assert cookies["_streamlit_user"]["httpOnly"]


def test_the_proxy_says_what_browsers_may_do(proxied: str) -> None:
    answers = {path: _asked(proxied, path) for path in ("/", "/_stcore/metrics", "/_stcore/health")}

    assert " 404 " in answers["/_stcore/metrics"]
    assert " 200 " in answers["/_stcore/health"]
    for header in ("Strict-Transport-Security", "X-Frame-Options", "Content-Security-Policy"):
        assert header in answers["/"]


def _asked(address: str, path: str) -> str:
    """Returns the head of an answer."""
    port = int(address.rpartition(":")[2])
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as plug,
    ):
        plug.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n".encode())
        answer = b""
        while data := plug.recv(65536):
            answer += data
    return answer.decode(errors="replace").partition("\r\n\r\n")[0]
