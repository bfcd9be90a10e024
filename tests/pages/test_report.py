"""The report page: a file to send, what is in it, and what it refuses."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.report.embedded import manifest_in
from fundus_core.ui import report_caches
from fundus_core.workflows.reports.bundle import Exported
from fundus_core.workflows.reports.report_subject import ReportOptions
from tests.pages import evaluated
from tests.report.pages import Page, assert_harmless

PAGE = evaluated.PAGES / "evaluate" / "report.py"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> AppTest:
    """The page as it opens for someone who has a data set and no model yet."""
    evaluated.open_dataset(monkeypatch, workspace)
    return AppTest.from_file(PAGE, default_timeout=60)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The pages that were written."""
    found: list[bytes] = []
    write = report_caches.page_of

    def kept(report):  # type: ignore[no-untyped-def]
        found.append(write(report))
        return found[-1]

    monkeypatch.setattr(report_caches, "page_of", kept)
    return found


def store(place: Path, run_id: str, **about: object) -> None:
    said = evaluated.predictions(run_id, evaluated.GOOD)
    evaluated.store(place, run_id, said, **about)  # type: ignore[arg-type]


def widget(widgets: object, key: str):  # type: ignore[no-untyped-def]
    return next(one for one in widgets if one.key == key)  # type: ignore[attr-defined]


def test_the_report_is_made_when_asked_for(
    page: AppTest, workspace: Path, made: list[bytes]
) -> None:
    store(workspace, "one")
    store(workspace, "two")
    evaluated.address(page, run=["one", "two"])

    page.run()
    assert not made
    widget(page.button, "report.make").click().run()

    assert not page.exception
    (written,) = made
    html = Page(written.decode())
    assert_harmless(html)
    assert [one["id"] for one in json.loads(manifest_in(html.html))["runs"]] == ["one", "two"]
    assert "reached an AUC of 0\\.944" in evaluated.texts(page)
    assert "sections" in evaluated.texts(page)


def test_options_reach_the_report(page: AppTest, workspace: Path, made: list[bytes]) -> None:
    store(workspace, "one")
    page.run()

    widget(page.text_input, "report.title").set_value("For <b>Professor</b> X")
    widget(page.number_input, "report.prevalence").set_value(5.0)
    widget(page.button, "report.make").click().run()

    assert not page.exception
    said = Page(made[0].decode())
    assert "For <b>Professor</b> X" in said.text
    assert "5.0 %" in said.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "For \\<b\\>Professor\\<\\/b\\> X" in evaluated.texts(page)


def test_a_report_that_cannot_be_made_says_why(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(workspace, "one")
    page.run()
    (workspace / "runs" / "one" / "predictions.parquet").write_bytes(b"torn")

    widget(page.button, "report.make").click().run()

    assert not page.exception
    assert "missing or damaged" in page.error[0].value


def test_a_report_stays_when_something_else_is_touched(
    page: AppTest, workspace: Path, made: list[bytes]
) -> None:
    store(workspace, "one")
    page.run()
    widget(page.button, "report.make").click().run()

    widget(page.toggle, "bundle.embeddings").set_value(True).run()

    assert not page.exception
    assert "reached an AUC of 0\\.944" in evaluated.texts(page)
    assert not [one for one in page.info if "when it was made" in one.value]
    assert len(made) == 1


def test_a_report_of_an_earlier_choice_says_so(
    page: AppTest, workspace: Path, made: list[bytes]
) -> None:
    store(workspace, "one")
    page.run()
    widget(page.button, "report.make").click().run()

    widget(page.text_input, "report.title").set_value("Another title").run()

    assert "reached an AUC of 0\\.944" in evaluated.texts(page)
    assert [one for one in page.info if "when it was made" in one.value]
    assert len(made) == 1


def test_a_report_that_failed_does_not_stay(page: AppTest, workspace: Path) -> None:
    store(workspace, "one")
    page.run()
    (workspace / "runs" / "one" / "predictions.parquet").write_bytes(b"torn")
    widget(page.button, "report.make").click().run()

    widget(page.toggle, "bundle.embeddings").set_value(True).run()

    assert not page.exception
    assert not page.error


def test_without_a_model_the_page_says_where_to_fit_one(page: AppTest) -> None:
    page.run()

    assert not page.exception
    assert "Fit a probe first" in page.info[0].value


def test_the_bundle_is_offered_with_what_stays_behind(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def bundle(dataset_id, options):  # type: ignore[no-untyped-def]
        asked.append((dataset_id, options.keep_patient_ids))
        return b"zip", Exported(Path("b.zip"), dataset_id, 12, 1, 0, ("born",), 3)

    monkeypatch.setattr(report_caches, "bundle", bundle)
    store(workspace, "one")
    page.run()

    widget(page.toggle, "bundle.keep_ids").set_value(True).run()
    assert "Patient ids will be in the file" in page.warning[-1].value
    widget(page.button, "bundle.make").click().run()

    assert not page.exception
    assert asked == [("tiny-1", True)]
    assert "Left out, as they may tell patients apart: `born`" in evaluated.texts(page)
    assert "Patient ids are in it as they are" in evaluated.texts(page)
    widget(page.toggle, "bundle.keep_ids").set_value(False).run()
    assert "Patient ids are in it as they are" in evaluated.texts(page)


def test_report__is_not_made_twice(workspace: Path) -> None:
    store(workspace, "one")

    first = report_caches.report(["one"], ReportOptions())
    again = report_caches.report(["one"], ReportOptions())

    assert first is again
