"""Names from data are text: on every page, in figures, reports, exports and in the terminal."""

import csv
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from fundus_core.exports.content import Content
from fundus_core.exports.fiftyone import write_fiftyone
from fundus_core.io.manifest import DataSource
from fundus_core.io.tables import read_table
from fundus_core.io.workspace import Workspace
from fundus_core.report.web_page import as_html
from fundus_core.tables import About, as_csv, as_latex, safe_csv
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.reports.report import ReportOptions, make_report
from tests.cli.conftest import Fundus, fundus  # noqa: F401
from tests.hostile import walked
from tests.hostile.named import FORMULAS, LABELS, NAMES, write_named
from tests.report.pages import Page, assert_harmless

MARKDOWN_SHOWN_AS_TEXT = {
    ("selectbox", "options"),
    ("selectbox", "rawValue"),
    ("multiselect", "options"),
    ("multiselect", "rawValues"),
    ("dataframe", "cell"),
    ("arrow_data_frame", "cell"),
    ("download_button", "fileName"),
}
"""Streamlit draws these as they are; and alternative texts of any element."""

ALIVE = re.compile(
    r"(?<!\\)<(?:script|img|a\b|b>|/b>)|(?<!\\)!\[x|(?<!\\)\[x\]\(|(?<!\\):red\[|(?<!\\)\*\*bold"
    r"|(?<!\\)\$x\^"
)
"""Markup of the payloads that nothing has made harmless."""

IN_FIGURES = re.compile(r"<(?:script|img|a\b|b>|/b>)")
"""Plotly obeys a few tags of HTML and knows no Markdown."""

UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\x1b\x07]")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    return write_named(tmp_path_factory.mktemp("named") / "data")


@pytest.fixture(scope="module")
def place(source: DataSource) -> Workspace:
    """A workspace with two models of hostile labels; tests only read it."""
    found = Workspace(source.path.parent / "workspace")
    walked.filled(found, source)
    return found


def test_the_data_set_is_as_hostile_as_it_is_meant(place: Workspace, source: DataSource) -> None:
    dataset = open_dataset(place, source)

    assert len(dataset) == 32
    assert set(dataset.targets[0].classes) == set(LABELS)
    assert {name.rsplit(" ", 1)[0] for name in dataset.table["patient_id"]} > set(FORMULAS)
    assert not any(UNSEEN.search(str(cell)) for cell in dataset.table.drop(columns="path").stack())


@pytest.mark.parametrize("path", walked.PAGES)
def test_pages_show_names_as_text(
    path: str, place: Workspace, source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(place.root))

    page = walked.page_of(path, source)

    said = list(walked.said_by(page))
    alive = [
        one
        for one in said
        if one.field not in ("alt", "id")  # drawn as it is, and not drawn
        and (one.kind, one.field) not in MARKDOWN_SHOWN_AS_TEXT
        and (IN_FIGURES if one.kind == "plotly_chart" else ALIVE).search(_without_tags_of_ours(one))
    ]
    assert alive == []
    assert path != "pages/data/images.py" or any("onerror" in one.text for one in said)
    assert not [one for one in said if UNSEEN.search(one.text) and not _is_path(one.text)]


def _without_tags_of_ours(said: walked.Said) -> str:
    """Returns the text without the tags that our own figures use."""
    return re.sub(r"<br>|</?extra>", "", said.text) if said.kind == "plotly_chart" else said.text


def _is_path(text: str) -> bool:
    return text.startswith("/") and text.endswith(".jpg")


def test_the_report_shows_names_as_text(place: Workspace) -> None:
    from fundus_core.workflows.models.runs import list_runs

    ids = [run.id for run in list_runs(place)]

    html = as_html(make_report(place, ids, ReportOptions(images=4, file_names=True)))

    page = Page(html)
    assert_harmless(page)
    assert "![x](http" in page.text
    assert not UNSEEN.search(html)


def test_exports_hold_no_formula_and_come_back(
    place: Workspace, source: DataSource, tmp_path: Path
) -> None:
    table = open_dataset(place, source).table
    about = About(f"Map of {NAMES[6]},{FORMULAS[0]}", FORMULAS[1])

    plain, explained = safe_csv(table), as_csv(table, about)

    for text in (plain, explained):
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert not [cell for cell in cells if _is_formula(cell)]
    (tmp_path / "again.csv").write_text(plain, encoding="utf-8")
    again = read_table(tmp_path / "again.csv")
    columns = [name for name in table if table[name].notna().any() and name != "path"]
    pd.testing.assert_frame_equal(again[columns], table[columns].astype(object))
    assert "\\includegraphics" not in as_latex(table, about)


def _is_formula(cell: str) -> bool:
    """Says whether a spreadsheet would run a cell; a signed number it would not."""
    try:
        float(cell)
    except ValueError:
        return cell.lstrip(" ")[:1] in {"=", "@", "+", "-"}
    return False


def test_other_programs_get_names_as_they_are(place: Workspace, tmp_path: Path) -> None:
    import numpy as np

    table = pd.DataFrame({"image_id": ["a"], "path": ["/x/a.jpg"], "=1+1": [LABELS[1]]})

    write_fiftyone(Content("x", table, np.zeros((1, 2), np.float32)), tmp_path / "fiftyone")

    samples = json.loads((tmp_path / "fiftyone" / "samples.json").read_text(encoding="utf-8"))
    assert LABELS[1] in samples["samples"][0].values()


def test_commands_write_no_command_to_the_terminal(
    fundus: Fundus,  # noqa: F811
    source: DataSource,
) -> None:
    shown, as_json = fundus("check", source.path), fundus("check", source.path, "--json")

    assert shown.exit_code == as_json.exit_code == 0
    assert not UNSEEN.search(shown.stdout + shown.stderr + as_json.stdout + as_json.stderr)
    assert as_json.json["n_images"] == 32


def test_commands_write_tables_without_formulas(
    fundus: Fundus,  # noqa: F811
    source: DataSource,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    fundus("embed", source.path, "--backbone", "mean_colour", "--out", out)
    fundus("project", source.path, "--backbone", "mean_colour", "--out", tmp_path / "map.csv")

    for path in (out / "image_ids.csv", tmp_path / "map.csv"):
        rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
        cells = [cell for row in rows for cell in row]
        assert len(cells) > 90
        assert not [cell for cell in cells if _is_formula(cell)]
