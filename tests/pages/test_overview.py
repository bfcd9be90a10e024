"""The overview: how a newcomer gets a data set, what it says of one, and what it refuses."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.ui import wiring
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.data.demo import demo_source
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "data" / "overview.py"


@pytest.fixture
def page(workspace: Path) -> AppTest:
    """The page of a workspace in which nothing was opened."""
    return AppTest.from_file(PAGE, default_timeout=30)


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of the jobs that the page starts; none is run."""
    lines: list[list[str]] = []

    def note(argv: Sequence[str], title: str) -> None:
        lines.append(list(argv))

    monkeypatch.setattr(wiring, "submit", note)
    return lines


def test_a_newcomer_is_one_click_from_the_demo(
    page: AppTest, workspace: Path, submitted: list[list[str]]
) -> None:
    page.run()
    page.button(key="open.demo").click().run()

    demo = str(workspace / "demo")
    assert not page.exception
    assert [line[:2] for line in submitted] == [["demo", demo], ["check", demo], ["story"]]


def test_a_demo_that_was_drawn_before_is_only_read(
    page: AppTest, workspace: Path, submitted: list[list[str]]
) -> None:
    (workspace / "demo").mkdir()
    (workspace / "demo" / "manifest.csv").write_text("path\n")

    page.run()
    page.button(key="open.demo").click().run()

    assert [line[0] for line in submitted] == ["check"]


def test_the_data_set_that_a_job_read_opens_by_itself(
    page: AppTest, workspace: Path, submitted: list[list[str]], tmp_path: Path
) -> None:
    opened.open_photographs(workspace, tmp_path / "other")
    source = demo_source(Workspace(workspace))
    page.run()
    page.button(key="open.demo").click().run()
    opened.write_source(source.path)
    open_dataset(Workspace(workspace), source)

    page.run()

    assert page.query_params["dataset"] == dataset_id(source)


def test_the_facts_of_a_data_set_are_shown(page: AppTest, workspace: Path, tmp_path: Path) -> None:
    opened.open_photographs(workspace, tmp_path / "photographs")

    page.run()

    assert not page.exception
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Photographs"] == "8"
    assert metrics["Patients"] == "4"
    assert metrics["Splits"] == "train 4 · test 4"
    assert metrics["Rejected"] == "0"


def test_rejected_rows_are_counted_and_listed(
    page: AppTest, workspace: Path, tmp_path: Path
) -> None:
    source = opened.write_source(tmp_path)
    with source.path.open("a") as table:
        table.write("photo99.png,P9,OD,test,dr\n")
    open_dataset(Workspace(workspace), source)

    page.run()

    assert "1 of 9 rows were rejected" in [heading.value for heading in page.subheader]
    listed = next(one.value for one in page.dataframe if "reason" in one.value)
    assert list(listed["reason"]) == ["missing"]


def test_a_table_that_was_left_out_is_listed_and_cautioned_of(
    page: AppTest, workspace: Path, tmp_path: Path
) -> None:
    source = opened.write_source(tmp_path)
    (tmp_path / "README.csv").write_text("topic,text\ncamera,Topcon\n")
    open_dataset(Workspace(workspace), DataSource(source.path.parent))

    page.run()

    assert not page.exception
    listed = next(one.value for one in page.dataframe if "reason" in one.value)
    assert list(listed["reason"]) == ["other_table"]
    assert listed["path"][0].endswith("README.csv")
    assert "1 table in its folder was left out" in [heading.value for heading in page.subheader]
    assert "FD027" in evaluated.texts(page)


def test_missing_patients_are_a_loud_caution(
    page: AppTest, workspace: Path, tmp_path: Path
) -> None:
    source = opened.write_source(tmp_path)
    lines = source.path.read_text().splitlines()
    source.path.write_text("\n".join(",".join(line.split(",")[::4]) for line in lines))
    open_dataset(Workspace(workspace), source)

    page.run()

    assert "FD003" in page.warning[0].value
    assert {m.label: m.value for m in page.metric}["Patients"] == "unknown"


def test_a_folder_that_is_not_there_is_refused(page: AppTest) -> None:
    page.run()
    page.text_input(key="open.path").input("/nowhere/at/all").run()

    assert not page.exception
    assert "There is nothing at" in page.error[0].value
    assert "open.read" not in [button.key for button in page.button]


TYPED = {
    "~nobody_here/x": "your own home folder alone",
    "a" * 300: "is too long",
    "/" + "a/" * 3000: "is too long",
    "a\0b": "is no path",
    "circle": "lead in a circle",
}


@pytest.mark.parametrize("typed", TYPED, ids=[text[:12].strip("\0") for text in TYPED])
@pytest.mark.parametrize("box", ["open.path", "open.table"])
def test_what_is_no_path_is_refused_in_a_sentence(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: str, box: str
) -> None:
    (tmp_path / "circle").symlink_to("circle")
    monkeypatch.chdir(tmp_path)
    page.run()
    if box == "open.table":
        page.text_input(key="open.path").input(str(tmp_path)).run()
    page.text_input(key=box).input(typed).run()

    assert not page.exception
    assert TYPED[typed] in page.error[0].value.replace("\\", "")


@pytest.mark.parametrize("typed", ["a" * 300, "circle", "there/" + "a" * 300])
def test_outside_the_allowed_folders_nothing_is_told_of_what_is_there(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: str
) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "there").mkdir()
    monkeypatch.setenv("FUNDUS_DATA_ROOTS", str(tmp_path / "allowed"))
    page.run()
    page.text_input(key="open.path").input(str(tmp_path / typed)).run()

    assert "outside the folders" in page.error[0].value


def test_folders_outside_the_allowed_ones_are_refused(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("FUNDUS_DATA_ROOTS", str(tmp_path / "allowed"))

    page.run()
    page.text_input(key="open.path").input(str(tmp_path / "allowed" / ".." / "other")).run()

    assert "outside the folders" in page.error[0].value


def test_a_table_is_read_with_the_columns_that_were_named(
    page: AppTest, submitted: list[list[str]], tmp_path: Path
) -> None:
    source = opened.write_source(tmp_path)

    page.run()
    page.text_input(key="open.path").input(str(source.path)).run()
    page.selectbox(key="open.columns.patient").select("disease").run()
    page.button(key="open.read").click().run()

    assert not page.exception
    line = submitted[0]
    assert line[:2] == ["check", str(source.path)]
    assert line[line.index("--patient-column") + 1] == "disease"


def test_a_patient_column_without_patients_is_warned_of(page: AppTest, tmp_path: Path) -> None:
    source = opened.write_source(tmp_path)
    lines = [line.split(",") for line in source.path.read_text().splitlines()]
    blank = [lines[0], *([row[0], "", *row[2:]] for row in lines[1:])]
    source.path.write_text("\n".join(",".join(row) for row in blank))

    page.run()
    page.text_input(key="open.path").input(str(source.path)).run()

    assert "FD003" in page.warning[0].value


@pytest.mark.parametrize("hide", ["0", "1"])
def test_rows_of_a_table_are_shown_unless_names_are_hidden(
    page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hide: str
) -> None:
    source = opened.write_source(tmp_path)
    monkeypatch.setenv("FUNDUS_HIDE_IDS", hide)

    page.run()
    page.text_input(key="open.path").input(str(source.path)).run()

    assert not page.exception
    shown = [table.value for table in page.dataframe if "patient_id" in table.value]
    assert len(shown) == (hide == "0")
    assert ("rows are not shown" in evaluated.texts(page)) == (hide == "1")
    assert page.selectbox(key="open.columns.patient").options[1:3] == ["image", "patient_id"]


def test_what_a_table_will_be_read_as_is_said_before_reading(page: AppTest, tmp_path: Path) -> None:
    source = opened.write_source(tmp_path)

    page.run()
    page.text_input(key="open.path").input(str(source.path)).run()

    assert "photograph: `image` · patient: `patient_id`" in evaluated.texts(page)
