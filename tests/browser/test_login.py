"""Log-in as a person does it: a button, the provider, the dashboard, and out again."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import no_error, settle
from tests.server.conftest import Server, closed, furnished, provider  # noqa: F401
from tests.server.provider import ANNA, Provider

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("where", ["overview", "images"])
def test_log_in_and_out(
    page: Page,
    closed: Server,  # noqa: F811
    provider: Provider,  # noqa: F811
    furnished: tuple[Path, str],  # noqa: F811
    where: str,
) -> None:
    provider.person = dict(ANNA)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{closed.address}/{where}?dataset={furnished[1]}")
    settle(page)
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("anna@eye.example")).to_be_visible()
    settle(page)
    no_error(page)
    expect(page.get_by_test_id("stSidebarNav").get_by_role("link", name="Overview")).to_be_visible()

    # It is the page of the address that was followed.
    assert f"{closed.address}/{where}" == page.url.partition("?")[0]
    assert furnished[1] in page.url
    page.wait_for_function("() => [...document.images].every(one => one.naturalWidth > 0)")

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    assert {_origin(one) for one in asked} - {"data:"} == {closed.address, provider.issuer}


def test_somebody_else_is_told_so(
    page: Page,
    closed: Server,  # noqa: F811
    provider: Provider,  # noqa: F811
) -> None:
    provider.person = ANNA | {"email": "eve@elsewhere.example", "sub": "eve"}

    page.goto(closed.address)
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_text("you are not on the list of this server")).to_be_visible()
    expect(page.get_by_text("eve@elsewhere.example").first).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    provider.person = dict(ANNA)
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("anna@eye.example")).to_be_visible()


def _origin(address: str) -> str:
    return "data:" if address.startswith("data:") else "/".join(address.split("/")[:3])
