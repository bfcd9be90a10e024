"""The tour shows every page, and its pictures are there."""

import re
from pathlib import Path

import pytest

from scripts.screenshots import PAGES as PICTURED
from scripts.tour import SECTIONS, TOUR, Stop, document

ROOT = Path(__file__).parents[1]
STOPS = [stop for stops in SECTIONS.values() for stop in stops]


def test_tour__goes_through_the_menu_in_its_order() -> None:
    app = (ROOT / "app.py").read_text(encoding="utf-8")

    assert re.findall(r'_page\("[^"]+", "([^"]+)"', app) == [stop.title for stop in STOPS]
    assert re.findall(r'^    "(\w+)": \[', app, re.MULTILINE) == list(SECTIONS)


def test_tour__is_written_from_its_table() -> None:
    assert TOUR.read_text(encoding="utf-8") == document(), "run `make screenshots`"


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.picture)
def test_tour__has_a_picture_of_every_page(stop: Stop) -> None:
    assert stop.picture in PICTURED
    assert (ROOT / "docs" / "images" / f"{stop.picture}.png").stat().st_size > 20_000
