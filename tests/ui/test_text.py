"""Texts: data never becomes markup, and numbers keep the digits that mean something."""

import pytest

from fundus_core.ui import text

BEACONS = (
    "![x](http://host/leak)",
    "[click](http://host)",
    "<img src=http://host>",
    "`code` ![x](http://host)",
    ":red[alarm]",
    "$\\href{http://host}{x}$",
)


@pytest.mark.parametrize("label", BEACONS)
def test_escaped__no_mark_of_markdown_is_left_bare(label: str) -> None:
    shown = text.escaped(label)

    for mark in "![](<>`$:":
        assert shown.count(mark) == shown.count("\\" + mark)


def test_escaped__a_label_stays_on_its_line() -> None:
    assert text.escaped("two\n\n# lines") == "two \\# lines"


@pytest.mark.parametrize("label", BEACONS)
def test_code__a_label_cannot_end_the_code_it_is_in(label: str) -> None:
    shown = text.code(label)

    assert (shown[0], shown[-1]) == ("`", "`")
    assert "`" not in shown[1:-1]
