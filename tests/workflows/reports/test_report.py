"""A report says what was computed, names nobody, and shows hostile names as text."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_core.errors import DataError, TargetError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.report.content import CautionList, Facts, Figure, Pictures, Report, Table, Words
from fundus_core.report.privacy import NO_NAME
from fundus_core.report.web_page import as_html
from fundus_core.workflows.data.datasets import dataset_id, open_dataset, stored_dataset
from fundus_core.workflows.data.measured import measure_dataset
from fundus_core.workflows.evaluation.compare import compare
from fundus_core.workflows.models.run_record import Run
from fundus_core.workflows.reports.report import make_report
from fundus_core.workflows.reports.report_subject import ReportOptions, options_from
from tests.fakes import write_dataset, write_photograph
from tests.report.pages import Page, assert_harmless
from tests.workflows.reported import probed

HOSTILE = '<script>alert("1")</script>'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that tests read only."""
    return Workspace(tmp_path_factory.mktemp("reports") / "workspace")


@pytest.fixture(scope="module")
def source(place: Workspace) -> DataSource:
    folder = write_dataset(place.root.parent / "photographs", n_patients=24)
    table = pd.read_csv(folder / "labels.csv")
    number = table["patient_id"].str[1:].astype(int)
    table["patient_id"] = [f"Doe{one:02d}" for one in number]
    table["site"] = np.where(number % 3 == 0, "north", f"south {HOSTILE}")
    table["age"] = 50 + number % 15
    table.to_csv(folder / "labels.csv", index=False)
    found = DataSource(folder)
    open_dataset(place, found)
    return found


@pytest.fixture(scope="module")
def runs(place: Workspace, source: DataSource) -> tuple[Run, Run]:
    return probed(place, source, seed=5), probed(place, source, probe="knn")


@pytest.fixture(scope="module")
def made(place: Workspace, runs: tuple[Run, Run]) -> Report:
    """A report on two models, with photographs."""
    options = ReportOptions(images=2, prevalences=(0.05,))
    return make_report(place, [run.id for run in runs], options)


def tables(report: Report, key: str) -> list[Table]:
    section = report.section(key)
    assert section is not None
    return [block for block in section.blocks if isinstance(block, Table)]


def words(report: Report, key: str) -> str:
    """All the paragraphs and facts of a section."""
    section = report.section(key)
    assert section is not None
    said = [block.text for block in section.blocks if isinstance(block, Words)]
    rows = [row for block in section.blocks if isinstance(block, Facts) for row in block.rows]
    return "\n".join([*said, *(": ".join(row) for row in rows)])


def test_make_report__has_the_figures_that_pages_show(
    made: Report, place: Workspace, runs: tuple[Run, Run]
) -> None:
    found = compare(place, [run.id for run in runs])

    (aucs,) = tables(made, "discrimination")
    assert [row[1] for row in aucs.rows] == [f"{one.auc.auc:.3f}" for one in found.runs]
    assert aucs.rows[0][2] == f"{found.runs[0].auc.low:.3f} to {found.runs[0].auc.high:.3f}"
    (pair,) = tables(made, "differences")[0].rows
    assert pair[:2] == ("A less B", f"{found.pairs[0].result.difference:+.3f}")
    test = found.pairs[0].result
    assert tables(made, "differences")[0].columns[3:6] == ("t", "df", "p")
    assert pair[3:5] == (f"{test.z:+.2f}", f"{test.degrees_of_freedom:.1f}")
    assert "patients are independent" in tables(made, "differences")[0].note
    said = made.summary[0]
    assert "On 48 photographs of 24 patients, 50.0 % of them with dr = 1" in said
    assert "the mean colour alone reaches" in said


def test_make_report__writes_methods_from_the_recipe(made: Report) -> None:
    said = words(made, "methods")

    assert "48 fundus photographs of 48 eyes of 24 patients" in said
    assert "3-fold cross-validation; folds were grouped by patient" in said
    assert "(seeds 0 and 5)" in said
    assert "Logistic regression with an L2 penalty" in said
    assert "Obuchowski's form" in said
    assert "numpy" in said
    section = made.section("references")
    assert section is not None
    listed = section.blocks[0].texts  # type: ignore[union-attr]
    numbers = {int(one) for mark in re.findall(r"\[([\d, ]+)\]", said) for one in mark.split(", ")}
    assert numbers == set(range(1, len(listed) + 1))
    assert any("Obuchowski (1997), Biometrics" in one for one in listed)


def test_make_report__gives_operating_points_and_what_calls_are_worth(made: Report) -> None:
    shares, worth, counts = tables(made, "operating")

    assert [row[0] for row in shares.rows] == ["A", "A", "B", "B"]
    assert [row[1] for row in worth.rows] == ["50.0 % (as here)", "5.0 %"] * 2
    assert all(sum(int(cell) for cell in row[2:]) == 48 for row in counts.rows)


def test_make_report__compares_groups_of_the_usual_columns(made: Report) -> None:
    captions = [one.caption for one in tables(made, "subgroups")]

    assert captions[0].startswith("By site")
    assert sum(one.startswith("By age") for one in captions) == 2
    assert not any("patient_id" in one for one in captions)


def test_make_report__names_nobody(made: Report, place: Workspace, source: DataSource) -> None:
    page = as_html(made)

    assert "Doe" not in page
    assert str(source.path) not in page
    assert str(place.root) not in page
    assert "p00_OD" not in page


def test_make_report__shows_hostile_names_as_text(made: Report) -> None:
    page = Page(as_html(made))

    assert_harmless(page)
    assert f"south {HOSTILE}" in page.text


def test_make_report__shows_photographs_without_their_files(
    place: Workspace, tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "workspace")
    folder = write_dataset(tmp_path / "photographs", n_patients=16)
    for path in (folder / "images").iterdir():
        exif = Image.Exif()
        exif[0x010E] = "Jane Doe, born 1950"
        Image.open(path).convert("RGB").save(path, exif=exif)
    source = DataSource(folder)
    run = probed(elsewhere, source)

    named = make_report(elsewhere, [run.id], ReportOptions(images=3, file_names=True))
    unnamed = make_report(elsewhere, [run.id], ReportOptions(images=3))

    section = named.section("photographs")
    assert section is not None
    groups = [block for block in section.blocks if isinstance(block, Pictures)]
    pictures = [one for group in groups for one in group.pictures]
    assert pictures
    assert all(b"Jane" not in one.jpeg for one in pictures)
    assert all(not Image.open(io.BytesIO(one.jpeg)).getexif() for one in pictures)
    assert all(re.match(r"p\d\d_O[DS], score 0\.\d{3}", one.caption) for one in pictures)
    assert not re.search(r"p\d\d_O[DS]", as_html(unnamed))
    assert make_report(elsewhere, [run.id]).section("photographs") is None


def test_make_report__takes_names_of_files_out_of_cautions(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    folder = write_dataset(tmp_path / "photographs", n_patients=12)
    table = pd.read_csv(folder / "labels.csv")
    copy = folder / "images" / "Jane Doe OD.jpg"
    copy.write_bytes((folder / table["image"][0]).read_bytes())
    twice = table.iloc[[0]].assign(image="images/Jane Doe OD.jpg")
    pd.concat([table, twice]).to_csv(folder / "labels.csv", index=False)
    run = probed(place, DataSource(folder))

    made = make_report(place, [run.id])

    section = made.section("data")
    assert section is not None
    cautions = [one for b in section.blocks if isinstance(b, CautionList) for one in b.cautions]
    assert "FD005" in {one.code for one in cautions}
    page = as_html(made)
    assert NO_NAME in page
    assert "Jane" not in page
    assert "p00_OD" not in page


def test_make_report__holds_every_caution_with_its_page(
    made: Report, runs: tuple[Run, Run], place: Workspace
) -> None:
    section = made.section("cautions")
    assert section is not None

    said = as_html(made)
    for code in {one.code for run in runs for one in run.cautions}:
        assert f"{code}: " in said
        assert "What to do" in said


def test_make_report__on_patients(place: Workspace, runs: tuple[Run, Run]) -> None:
    made = make_report(place, [runs[0].id], ReportOptions(aggregate="max"))

    (aucs,) = tables(made, "discrimination")
    assert aucs.columns[3] == "Positive / all patients"
    assert aucs.rows[0][3] == "12 / 24"
    assert "One model was reported" in words(made, "differences")


def test_make_report__on_several_classes(place: Workspace, source: DataSource) -> None:
    grades = [probed(place, source, target="grade"), probed(place, source, target="grade", folds=4)]

    made = make_report(place, [run.id for run in grades])

    assert len(tables(made, "discrimination")) == 2
    pairs = tables(made, "differences")[0]
    assert {row[1] for row in pairs.rows} >= {"macro average", "micro average", "grade = 0"}
    section = made.section("operating")
    assert section is not None
    assert sum(isinstance(block, Figure) for block in section.blocks) == 2
    assert_harmless(Page(as_html(made)))


def test_make_report__of_one_class_of_several(place: Workspace, source: DataSource) -> None:
    run = probed(place, source, target="grade")

    made = make_report(place, [run.id], ReportOptions(class_name="0"))

    assert "grade = 0" in made.title
    assert tables(made, "operating")


def test_make_report__tests_no_class_of_several_that_too_few_patients_have(
    place: Workspace, source: DataSource
) -> None:
    runs = [probed(place, source, target="grade", probe=name).id for name in ("logistic", "knn")]
    untested = compare(place, runs, class_name="2").untested

    made = make_report(place, runs, ReportOptions(class_name="2"))

    assert "a test needs 10 of each" in untested
    assert f"The models are not tested: {untested}." in words(made, "differences")
    assert not tables(made, "differences")
    assert any(untested in said for said in made.summary)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("grade", ReportOptions(class_name="0")),
        ("grade", ReportOptions(class_name="2")),
        ("grade", ReportOptions()),
        ("dr", ReportOptions()),
        ("dr", ReportOptions(aggregate="mean")),
        ("grade", ReportOptions(class_name="1", aggregate="max")),
    ],
    ids=str,
)
def test_make_report__the_mean_colour_is_asked_the_same_question(
    place: Workspace, source: DataSource, target: str, options: ReportOptions
) -> None:
    run = probed(place, source, target=target)  # it knows the mean colour alone

    made = make_report(place, [run.id], options)

    ((_, auc, interval, _, _, colour, p),) = tables(made, "discrimination")[0].rows
    assert colour == f"{auc} ({interval})"
    assert p == "1.00"
    one_class = bool(options.class_name) or target == "dr"
    assert (f"the mean colour alone reaches {auc}." in made.summary[0]) is one_class


def test_make_report__says_how_patients_were_scored(
    place: Workspace, runs: tuple[Run, Run]
) -> None:
    made = make_report(place, [runs[0].id], ReportOptions(aggregate="mean"))

    (aucs,) = tables(made, "discrimination")
    assert "scored by the mean score of the photographs" in aucs.caption
    assert "scored by the mean score of the photographs" in words(made, "methods")
    assert "by photograph" in tables(made, "calibration")[0].caption
    assert all("by photograph" in one.caption for one in tables(made, "subgroups"))


def test_make_report__has_the_shortcuts_once_they_were_measured(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    source = DataSource(write_dataset(tmp_path / "photographs", n_patients=24))
    run = probed(place, source)
    before = make_report(place, [run.id])

    measure_dataset(place, stored_dataset(place, dataset_id(source)))
    after = make_report(place, [run.id])

    assert "fundus shortcuts" in words(before, "shortcuts")
    assert tables(after, "shortcuts")[0].columns[0] == "Shortcut"


def test_make_report__without_patients_says_so(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    folder = tmp_path / "photographs"
    for number in range(24):
        red = 100 + 40 * (number % 2) + number
        name = ("healthy", "ill")[number % 2]
        write_photograph(folder / name / f"{number}.jpg", (red, 60, 30 + number))
    source = DataSource(folder)
    open_dataset(place, source)
    target = stored_dataset(place, dataset_id(source)).targets[0].name
    run = probed(place, source, target=target)

    made = make_report(place, [run.id])

    assert "patients are unknown" in " ".join(made.summary)
    assert "Patients were unknown" in words(made, "methods")
    with pytest.raises(TargetError, match="Patients are unknown"):
        make_report(place, [run.id], ReportOptions(aggregate="max"))


def test_make_report__of_runs_whose_data_set_is_gone(
    place: Workspace, runs: tuple[Run, Run], tmp_path: Path
) -> None:
    elsewhere = Workspace(tmp_path / "workspace")
    shutil.copytree(place.runs, elsewhere.runs)

    made = make_report(elsewhere, [runs[0].id])

    assert "no longer remembered" in words(made, "data")
    assert made.manifest["runs"][0]["reason"]


def test_make_report__refuses_different_targets(
    place: Workspace, source: DataSource, runs: tuple[Run, Run]
) -> None:
    for target in ("grade", "grade=1"):
        other = probed(place, source, target=target)

        with pytest.raises(TargetError, match=f"predicts {target}."):
            make_report(place, [runs[0].id, other.id])


def test_make_report__refuses_a_class_that_is_not_scored(
    place: Workspace, runs: tuple[Run, Run]
) -> None:
    with pytest.raises(TargetError, match="no class 'x'"):
        make_report(place, [runs[0].id], ReportOptions(class_name="x"))


def test_options_from__refuses_what_makes_no_sense() -> None:
    good = {"title": "x", "by": ["site"], "prevalences": [0.1], "images": 1}

    assert options_from(good).by == ("site",)
    for wrong in ({"images": "1"}, {"title": ["x"]}, {"prevalences": [7.0]}, {"more": 1}):
        with pytest.raises(DataError, match="make no sense"):
            options_from(good | wrong)


def test_manifest__is_plain_json(made: Report) -> None:
    assert json.loads(json.dumps(made.manifest))["format"] == "fundus-report"
