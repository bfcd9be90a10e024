"""A report as PDF: what is written for typst is text, and without typst a sentence says so."""

import re
from pathlib import Path

import pytest

from fundus_core.errors import StoreError
from fundus_core.report import pdf
from tests.report.test_web_page import HOSTILE, report


def test_as_typst__gives_texts_as_strings(tmp_path: Path) -> None:
    written = pdf.as_typst(report('"#read("/etc/passwd") \\ $x$ [*bold*]'), tmp_path)

    outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', written)
    assert "read(" not in outside
    assert "bold" not in outside
    assert sorted(one.suffix for one in tmp_path.iterdir()) == [".jpg", ".pdf"]


def test_as_pdf__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)

    with pytest.raises(StoreError, match="typst, which is not installed") as refusal:
        pdf.as_pdf(report("x"))

    assert "pip install typst" in refusal.value.hint


@pytest.mark.parametrize("text", ["plain", HOSTILE, 'a "#read" \\ $ @ref <label> // * _ `'])
def test_as_pdf__sets_every_text(text: str) -> None:
    pytest.importorskip("typst")

    made = pdf.as_pdf(report(text))

    assert made.startswith(b"%PDF-")
    assert len(made) > 5000
