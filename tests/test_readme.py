"""The README tells the truth."""

import re

from scripts.readme import README, with_table

TEXT = README.read_text(encoding="utf-8")


def test_the_table_of_backbones_is_that_of_the_catalogue() -> None:
    assert with_table(TEXT) == TEXT, "run `make readme`"


def test_every_picture_and_page_it_links_to_exists() -> None:
    linked = re.findall(r"\]\(((?!http)[^)#]+)\)", TEXT)

    missing = [link for link in linked if not (README.parent / link).exists()]

    assert linked
    assert not missing


def test_it_says_that_it_is_no_medical_device() -> None:
    assert "not a medical device" in TEXT
