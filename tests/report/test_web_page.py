"""A report's page shows every text as it is, and needs and runs nothing."""

import json
from io import BytesIO

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from fundus_core.checks import Caution
from fundus_core.domain.visible import visible
from fundus_core.plots.roc import RocTrace, roc_figure
from fundus_core.report.content import (
    CautionList,
    Facts,
    Figure,
    Heading,
    Listing,
    Picture,
    Pictures,
    Points,
    Report,
    Section,
    Table,
    Words,
    rewritten,
)
from fundus_core.report.embedded import manifest_in
from fundus_core.report.svg import inline_svg
from fundus_core.report.web_page import as_html
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.roc import roc_curve
from tests.report.pages import Page, assert_harmless

HOSTILE = '</script><img src=x onerror="alert(1)"><b>&amp; ]]> --> {{x}} `fundus <i>`'


def curves(*names: str) -> go.Figure:
    y_true, y_score = np.arange(20) % 2, np.linspace(0, 1, 20) + 0.1 * (np.arange(20) % 2)
    found = auc_interval(y_true, y_score)
    return roc_figure([RocTrace(name, roc_curve(y_true, y_score), found) for name in names])


def jpeg() -> bytes:
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    return file.getvalue()


def report(text: str) -> Report:
    """A report in which everything that can be said is the same text."""
    blocks = (
        Words(text),
        Words(text, "note"),
        Points((text, text)),
        Points((text,), numbered=True),
        Facts(((text, text),)),
        Table(text, (text, "n"), ((text, "0.5"), (text, "-1.0")), text),
        Figure(curves(text), text, text),
        Pictures(text, (Picture(jpeg(), text),)),
        CautionList((Caution("FD007", text), Caution(text, text))),
        Listing(text),
        Heading(text),
    )
    manifest = {"title": text, "nested": [{text: text}]}
    return Report(text, text, text, (text,), (Section("one", text, blocks),), manifest)


@pytest.mark.parametrize("text", [HOSTILE, "plain", "<script>alert(1)</script>", "a\u2028b\x00c"])
def test_as_html__shows_names_that_are_markup_as_text(text: str) -> None:
    page = Page(as_html(report(text)))

    assert_harmless(page)
    shown = page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert shown.count(" ".join(visible(text).split())) >= 10
    manifest = manifest_in(page.html)
    assert json.loads(manifest)["title"] == text
    assert not set("<>&") & set(manifest)


def test_as_html__numbers_tables_and_figures_through() -> None:
    blocks = report("x").sections[0].blocks
    twice = Report("t", "", "", (), (Section("a", "A", blocks), Section("b", "B", blocks)), {})

    said = Page(as_html(twice)).text

    assert "Table 2." in said
    assert "Figure 4." in said
    assert "Table 3." not in said


def test_as_html__sets_numbers_right_and_with_a_minus() -> None:
    table = Table("c", ("Name", "Value"), (("A-1", "-0.5"), ("B", "+0.2 (-0.1 to +0.5)")))
    page = as_html(Report("t", "", "", (), (Section("a", "A", (table,)),), {}))

    assert '<td class="right">\N{MINUS SIGN}0.5</td>' in page
    assert "<td>A-1</td>" in page


def test_as_html__tells_browsers_to_fetch_nothing() -> None:
    page = Page(as_html(report("x")))

    (policy,) = [a["content"] for _, a in page.tags if "http-equiv" in a]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert "http" not in page.html.replace("http-equiv", "")


def test_as_html__describes_figures_to_those_who_do_not_see_them() -> None:
    page = Page(as_html(report("ROC curve, AUC 0.9")))

    labels = [about["aria-label"] for tag, about in page.tags if tag == "svg"]
    assert labels == ["ROC curve, AUC 0.9"]
    assert page.attributes("alt") == ["Fundus photograph: ROC curve, AUC 0.9"]


def test_inline_svg__is_the_same_each_time_and_disturbs_no_other() -> None:
    first = inline_svg(curves("a"), prefix="figure-1", alt="")
    again = inline_svg(curves("a"), prefix="figure-1", alt="")
    other = inline_svg(curves("a"), prefix="figure-2", alt="")

    assert first == again
    ids = {one for tag, about in Page(first).tags for one in [about.get("id")] if one}
    assert ids
    assert not ids & {about.get("id") for _, about in Page(other).tags}
    references = [one.removeprefix("#") for one in Page(first).attributes("href")]
    assert set(references) <= ids
    assert "<style" not in first


def test_table__refuses_rows_of_another_length() -> None:
    with pytest.raises(ValueError, match="2 columns"):
        Table("c", ("a", "b"), (("1",),))


def test_rewritten__reaches_every_text() -> None:
    page = as_html(rewritten(report("secret"), lambda text: text.replace("secret", "told")))

    shown = page.partition('<script type="application/json"')[0]
    figure = shown[shown.index("<svg") : shown.index("</svg>")]
    codes = '<span class="code">secret</span>'  # of the program, not of the data
    assert "secret" not in shown.replace(figure, "").replace(codes, "")
