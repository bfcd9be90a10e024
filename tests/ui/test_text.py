"""Texts: data never becomes markup, and numbers keep the digits that mean something."""

import time
from datetime import UTC, datetime

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


@pytest.mark.parametrize(
    "label",
    [
        *BEACONS,
        *("1. one", "- one", "# one", "_one_", "a _one_", "one -> two", "a -- b", "www.host.org"),
        *(":smile:", "a :red: b", "http://host", "x@host.org", "a*b*", "1) one", "> one", "~a~"),
        *("x WWW.host.org", "a/www.host", "a (www.host)", "[a](b)", "a(b)", "(a) b", "a//b"),
    ],
)
def test_field_label__what_could_be_markdown_is_escaped(label: str) -> None:
    assert text.field_label(label) == text.escaped(label)


@pytest.mark.parametrize(
    "label",
    [
        *("dr = 1: no_dr", "grade = 0: normal", "Stade 2, œdème", "non-x"),
        *("Pooling of RETFound MAE ViT-L/16 (colour photographs)", "V2 x 0.35", "vit.a_1k"),
    ],
)
def test_field_label__plain_words_are_left_as_they_are(label: str) -> None:
    assert text.field_label(label) == label


def test_escaped__a_label_stays_on_its_line() -> None:
    assert text.escaped("two\n\n# lines") == "two \\# lines"


@pytest.mark.parametrize("label", BEACONS)
def test_code__a_label_cannot_end_the_code_it_is_in(label: str) -> None:
    shown = text.code(label)

    assert (shown[0], shown[-1]) == ("`", "`")
    assert "`" not in shown[1:-1]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Pacific/Honolulu"])
@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        datetime.max,
        datetime.min.replace(tzinfo=UTC),
        "no moment",
        "",
        *BEACONS,
    ],
    ids=str,
)
def test_when__never_fails_and_is_never_markup(
    monkeypatch: pytest.MonkeyPatch, moment: datetime | str, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()

    shown = text.when(moment)

    monkeypatch.undo()
    time.tzset()
    assert not set(shown) & set("![](<>`$/")
    assert shown in {str(moment), "not known"} or str(moment)[:4] in {"9999", "0001"}
