"""What a tab shows is its address: by link, back, forward, after a refresh, beside other tabs."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from scripts.running import draw_around
from tests.browser.conftest import Furnished
from tests.browser.steps import (
    JOB_MS,
    counts,
    go,
    no_error,
    select_right_eyes,
    settle,
    wait_for_jobs,
)

pytestmark = pytest.mark.browser

SLIDER = "Threshold: called positive from this score on"


def view(place: Furnished, page: str, *more: str) -> str:
    """Returns the address of a page of the data set."""
    return f"{place.address}/{page}?" + "&".join([f"dataset={place.dataset_id}", *more])


def threshold(page: Page) -> Locator:
    """Returns where the slider of the threshold says its number."""
    slider = page.locator("[class*=st-key-choice-threshold]")
    return slider.get_by_test_id("stSliderThumbValue").first


def seek(page: Page) -> None:
    """Has the threshold sought instead of 0.3."""
    page.get_by_role("button", name=re.compile("^Seek it here")).click()
    expect(page).not_to_have_url(re.compile(r"threshold=0\.3(&|$)"))
    settle(page)


def test_two_tabs_do_not_disturb_each_other(
    page: Page, second_tab: Page, furnished: Furnished
) -> None:
    one, other = furnished.run_ids
    page.goto(view(furnished, "roc", f"run={one}", "target=abnormal", "threshold=0.3"))
    settle(page)
    second_tab.goto(view(furnished, "images", f"run={other}", "threshold=0.7"))
    settle(second_tab)

    select_right_eyes(second_tab)
    go(second_tab, "ROC")
    page.bring_to_front()
    seek(page)

    expect(counts(page)).to_contain_text("none of 100 photographs")
    expect(counts(second_tab)).not_to_contain_text("none of 100 photographs")
    assert f"run={one}" in page.url
    assert f"run={other}" not in page.url
    assert "query=" not in page.url
    assert f"run={other}" in second_tab.url
    expect(threshold(second_tab)).to_have_text("0.7")
    expect(threshold(page)).not_to_have_text("0.3")
    first = threshold(page).inner_text()

    for tab in (page, second_tab):
        tab.reload()
        settle(tab)
        no_error(tab)
    expect(counts(page)).to_contain_text("none of 100 photographs")
    expect(counts(second_tab)).not_to_contain_text("none of 100 photographs")
    expect(threshold(page)).to_have_text(first)
    expect(threshold(second_tab)).to_have_text("0.7")


def test_back_and_forward_restore_page_runs_filter_and_threshold(
    page: Page, furnished: Furnished
) -> None:
    one, other = furnished.run_ids
    page.goto(view(furnished, "roc", f"run={one}", f"run={other}", "threshold=0.3"))
    settle(page)
    go(page, "Images")
    select_right_eyes(page)
    number = re.findall(r"(\d+) of 100 photographs", counts(page).inner_text())[0]
    go(page, "ROC")
    expect(page).to_have_url(re.compile("selection="))
    seek(page)
    expect(threshold(page)).not_to_have_text("0.3")
    sought = threshold(page).inner_text()

    page.go_back()
    settle(page)
    expect(threshold(page)).to_have_text("0.3")
    expect(counts(page)).to_contain_text(f"{number} of 100 photographs")
    while "/images" not in page.url:
        page.go_back()
        settle(page)
    field = page.get_by_role("textbox", name="Search in the table")
    expect(field).to_have_value('eye == "OD"')
    expect(counts(page)).to_contain_text(f"{number} of 100 photographs")
    assert f"run={one}" in page.url
    assert f"run={other}" in page.url
    while "/roc" not in page.url:
        page.go_forward()
        settle(page)
    page.go_forward()
    settle(page)
    expect(page.locator("h1")).to_have_text("ROC curves")
    expect(threshold(page)).to_have_text(sought)
    no_error(page)


def test_what_a_map_shows_is_in_the_address(page: Page, furnished: Furnished) -> None:
    page.goto(view(furnished, "map", "map=pca"))
    settle(page)
    chart(page)
    whole = shown(page)

    zoom(page)
    expect(page).to_have_url(re.compile(r"view=[0-9a-f]{8}-pca"))
    page.wait_for_timeout(1500)  # the last turns of the wheel
    part = shown(page)
    assert width(part) < 0.8 * width(whole)

    steps = 0
    while "view=" in page.url:  # a wheel that turns slowly is several steps
        page.go_back()
        settle(page)
        steps += 1
    chart(page)
    assert width(shown(page)) == pytest.approx(width(whole), rel=0.01)
    for _ in range(steps):
        page.go_forward()
        settle(page)
    chart(page)
    assert shown(page) == pytest.approx(part, rel=0.01, abs=0.01)
    page.reload()
    settle(page)
    chart(page)
    assert width(shown(page)) == pytest.approx(width(part), rel=0.01)
    go(page, "Images")
    go(page, "Map")
    chart(page)
    assert shown(page) == pytest.approx(part, rel=0.01, abs=0.01)
    draw_around(page, ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)))
    expect(page).to_have_url(re.compile("selection="), timeout=JOB_MS)
    settle(page)
    chart(page)
    assert shown(page) == pytest.approx(part, rel=0.01, abs=0.01)
    no_error(page)


def chart(page: Page) -> None:
    """Waits until the first map listens to the mouse."""
    plot = page.locator(".js-plotly-plot").first
    plot.locator("canvas").first.wait_for(state="attached")
    page.wait_for_timeout(2000)  # the canvas is there before plotly listens, or is made anew
    plot.scroll_into_view_if_needed()


def zoom(page: Page) -> None:
    """Turns the wheel over the first map."""
    box = page.locator(".js-plotly-plot").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    for _ in range(4):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(150)


def shown(page: Page) -> list[float]:
    """Returns the ends of both axes of the first map."""
    ends: list[float] = page.evaluate(
        "() => { const { xaxis, yaxis } = document.querySelector('.js-plotly-plot').layout;"
        " return [...xaxis.range, ...yaxis.range]; }"
    )
    return ends


def width(ends: list[float]) -> float:
    """Returns the length of the horizontal axis."""
    return ends[1] - ends[0]


def test_a_refresh_in_mid_job_finds_the_job_again(page: Page, furnished: Furnished) -> None:
    page.goto(view(furnished, "extract"))
    settle(page)
    page.get_by_test_id("stMain").get_by_text("Random", exact=True).click()
    settle(page)
    page.get_by_role("button", name=re.compile("^Extract with 1 backbone")).click()
    expect(page.get_by_role("progressbar").first).to_be_visible(timeout=JOB_MS)

    page.reload()

    expect(page.get_by_role("progressbar").first).to_be_visible(timeout=JOB_MS)
    go(page, "Jobs")
    expect(page.get_by_role("heading", name=re.compile("^(Under way|Ended)")).first).to_be_visible()
    go(page, "Extract")
    wait_for_jobs(page)
    no_error(page)
    expect(page.get_by_text("Look at the map")).to_be_visible()
