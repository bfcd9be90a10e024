"""The page of studies: what it plans, what it starts, and what it shows of what was found."""

import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pandas as pd
import pytest
import timm
import yaml
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from fundus_core.errors import StudyError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.studies.document import StudyDocument
from fundus_core.studies.run import open_study, run_study
from fundus_core.ui import state, study_caches, study_wiring, text, wiring
from fundus_core.ui.components.study_figures import methods_sentence
from fundus_core.ui.components.study_results import reading_sentence, shown_frame
from fundus_core.ui.study_wiring import StudyChoice, keep_study
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.models.runs import list_runs
from tests.fakes import write_dataset
from tests.pages import evaluated, opened

PAGE = evaluated.PAGES / "model" / "studies.py"

TINY: dict[str, Any] = {
    "title": "Tiny <b>study</b>",
    "question": "Does it run?",
    "reference": "Nobody (2026)",
    "notes": "Two networks that were never trained.",
    "data": [{"name": "redness", "source": "data", "target": "dr"}],
    "models": [
        {"name": "A", "backbone": "timm:test_resnet", "weights": "scratch"},
        {
            "name": "Large",
            "backbone": "vgg19",
            "stand_in": {"backbone": "timm:test_efficientnet", "weights": "scratch"},
        },
    ],
    "axes": {"strategy": ["logistic"], "image_size": [64]},
    "validation": {"folds": 2},
    "metrics": ["auc", "balanced_accuracy"],
    "against": {"model": "A"},
    "figures": [
        {"kind": "heat map", "title": "All at once"},
        {"kind": "forest", "title": "Row by row"},
        {"kind": "convergence"},
        {"kind": "curve", "title": "By size", "x": "image_size"},
    ],
}


@pytest.fixture
def page(workspace: Path, started: list[list[str]], without_shipped_weights: None) -> AppTest:
    """The page of an empty workspace without any weights."""
    return AppTest.from_file(PAGE, default_timeout=60)


@pytest.fixture
def tiny(workspace: Path) -> Callable[..., Path]:
    """Adds `TINY` with some changes as the reader's own study, beside its photographs."""
    write_dataset(files_of(workspace) / "data", n_patients=12)
    return lambda **changes: write(workspace, **changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which `TINY` was run; no test runs anything else in it."""
    folder = tmp_path_factory.mktemp("finished")
    write_dataset(files_of(folder) / "data", n_patients=8)
    path = write(folder)
    run_study(open_study(Workspace(folder), path, "small"))
    return path


@pytest.fixture
def done(finished: Path, page: AppTest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The study file of a workspace in which it was run, which the page opens."""
    monkeypatch.setenv("FUNDUS_WORKSPACE", str(workspace_of(finished)))
    return finished


def files_of(workspace: Path) -> Path:
    return workspace / "studies" / study_wiring.FILES


def workspace_of(path: Path) -> Path:
    return path.parents[2]


def write(workspace: Path, name: str = "tiny", **changes: Any) -> Path:
    path = files_of(workspace) / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**TINY, **changes}), encoding="utf-8")
    return path


def choose(page: AppTest, path: Path, size: str = "small") -> None:
    page.run()
    menu(page, "Study").set_value(str(path)).run()
    if size != "small":
        menu(page, "Size").set_value(size).run()


def menu(page: AppTest, label: str) -> Any:
    return next(one for one in [*page.selectbox, *page.radio] if one.label == label)


def button(page: AppTest, label: str) -> Any:
    return next(one for one in page.button if one.label == label)


def read(workspace: Path, path: Path) -> None:
    open_study(Workspace(workspace), path, "small")


def numbers(page: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in page.metric}


def test_the_studies_of_the_papers_are_offered_with_what_they_ask(page: AppTest) -> None:
    page.run()

    assert not page.exception
    offered = menu(page, "Study").options
    assert "Eight fine-tuning strategies" in offered
    assert len(offered) == 7  # four papers and the three questions of the opening page
    menu(page, "Study").set_value(offered[0]).run()
    said = evaluated.texts(page)
    assert "Which strategy suits which network" in said
    assert "2406\\.10050" in said
    assert "3 models × 8 strategies" in said
    assert "Small networks take the place of 3 of 3 backbones" in page.warning[0].value
    assert "Synthetic photographs" in page.info[0].value


def test_each_size_says_what_it_is(page: AppTest) -> None:
    page.run()

    (sizes,) = [one for one in page.radio if one.label == "Size"]

    assert sizes.options == ["Full", "Small stand-ins", "Smoke test"]
    assert sizes.value == "small"
    captions = list(sizes.proto.captions)
    assert "small networks take the place" in captions[1]
    assert "kept apart" in captions[2]


def test_the_open_data_set_is_offered_by_its_name_as_text(page: AppTest, workspace: Path) -> None:
    folder = files_of(workspace) / "photographs"
    opened.write_source(folder)
    source = DataSource((folder / opened.TABLE).rename(folder / "a *b* :red[c].csv"))
    open_dataset(Workspace(workspace), source)
    evaluated.address(page, dataset=dataset_id(source))

    page.run()

    (offered,) = [one for one in page.radio if one.label == "Photographs"]
    shown = offered.options[1]
    assert "*b*" not in shown
    assert text.plain(shown) == "a *b* :red[c], the open data set"


def test_photographs_that_were_not_read_are_read_by_a_job_first(
    page: AppTest, tiny: Callable[..., Path], started: list[list[str]]
) -> None:
    path = tiny()
    choose(page, path)

    button(page, "Read the photographs").click().run()

    assert not page.exception
    assert started == [["study", str(path), "--small", "--dry-run"]]
    assert not page.metric


def test_the_plan_is_shown_and_nothing_runs_before_the_button(
    page: AppTest, tiny: Callable[..., Path], workspace: Path, started: list[list[str]]
) -> None:
    path = tiny()
    read(workspace, path)
    choose(page, path)

    assert not page.exception
    assert started == []
    assert numbers(page) == {"Cells": "2", "Stored already": "0", "Cannot be run": "0"}
    assert "Time unknown: a backbone's cost was never measured" in evaluated.texts(page)

    button(page, "Run 2 cells").click().run()

    assert started == [["study", str(path), "--small"]]
    assert list_runs(Workspace(workspace)) == ()


def test_cells_that_cannot_be_run_are_named_with_the_way_out_and_can_be_left_out(
    page: AppTest, tiny: Callable[..., Path], workspace: Path, started: list[list[str]]
) -> None:
    path = tiny()
    read(workspace, path)
    choose(page, path, "full")

    assert numbers(page)["Cannot be run"] == "1"
    said = evaluated.texts(page)
    assert "its weights are not on this machine" in said
    assert "redness, Large, logistic" in said.replace("\\", "")
    assert button(page, "Run 1 cell").disabled
    assert any(one.label == "Fetch weights" for one in page.button)

    page.checkbox(key="studies.skip").check().run()
    button(page, "Run 1 cell").click().run()

    assert started == [["study", str(path), "--skip"]]


def test_cells_that_were_run_before_their_weights_were_gone_stand_in_no_way(
    page: AppTest, tiny: Callable[..., Path], workspace: Path
) -> None:
    weights = files_of(workspace) / "mine.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), weights)
    model = {"name": "A", "backbone": "timm:test_resnet", "weights": weights.name}
    path = tiny(models=[model])
    run_study(open_study(Workspace(workspace), path, "small"))
    weights.unlink()

    choose(page, write(workspace, models=[model, TINY["models"][1]], figures=[]))

    assert not page.exception
    assert numbers(page) == {"Cells": "2", "Stored already": "1", "Cannot be run": "0"}
    assert not button(page, "Run 1 cell").disabled


def test_the_open_data_set_can_take_the_place_of_the_files(
    page: AppTest,
    tiny: Callable[..., Path],
    workspace: Path,
    started: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tiny()
    read(workspace, path)
    known = wiring.datasets()
    page.session_state[state.KEY] = state.Session(dataset_id=known[0].id)
    choose(page, path)

    menu(page, "Photographs").set_value("open").run()
    menu(page, "Target").set_value("grade").run()
    button(page, "Run 2 cells").click().run()

    assert not page.exception
    assert started == [["study", str(path), "--small", "--on", known[0].id, "--target", "grade"]]


def test_results_are_told_as_far_as_they_are_stored(page: AppTest, done: Path) -> None:
    axes = {"strategy": ["logistic", "knn"], "image_size": [64]}
    choose(page, write(workspace_of(done), "longer", axes=axes))

    assert not page.exception
    assert numbers(page) == {"Cells": "4", "Stored already": "2", "Cannot be run": "0"}
    frame = page.dataframe[0].value
    assert list(frame["State"]) == ["done", "not run"] * 2
    assert list(frame["Model"])[2] == ("Large (stand-in: timm:test_efficientnet, random weights)")
    assert 0 < frame["AUC"][0] < 1
    low, _, high = frame["95 % CI, AUC"][0].partition(" to ")
    assert float(low) < frame["AUC"][0] < float(high)
    assert frame["p (Holm)"].notna().tolist() == [False, False, True, False]
    assert "2 of 4 rows are there" in evaluated.texts(page)
    assert "The reference is the cell of A" in evaluated.texts(page)


def test_figures_are_drawn_where_there_is_something_to_draw(page: AppTest, done: Path) -> None:
    choose(page, done)

    titles = [one.value for one in page.subheader]
    assert titles == [
        "Plan", "Results", "All at once", "Row by row", "How fast they learn", "By size",
    ]  # fmt: skip
    assert len(page.get("plotly_chart")) == 3
    assert "Nothing to draw: its cells have results, but no held-out loss." in evaluated.texts(page)
    sizes = evaluated.table(page, "Tokens")
    assert list(sizes["Side, px"]) == ["64", "64"]
    assert all(float(seconds) >= 0 for seconds in sizes["Seconds"])


def test_what_limits_the_figures_stands_beside_them(
    page: AppTest, tiny: Callable[..., Path], workspace: Path
) -> None:
    place = files_of(workspace) / "data"
    labels = pd.read_csv(place / "labels.csv").drop(columns="patient_id")
    labels.to_csv(place / "labels.csv", index=False)
    shutil.copytree(place, place.with_name("copy"))
    copy = {"name": "B", "source": "copy", "target": "dr", "role": "external"}
    shown = {"kind": "forest", "title": "Outside", "where": {"tested_on": "B"}}
    path = tiny(
        data=[*TINY["data"], copy], models=TINY["models"][:1], figures=[TINY["figures"][1], shown]
    )
    run_study(open_study(Workspace(workspace), path, "small"))

    choose(page, path)

    assert not page.exception
    inside, outside = page.dataframe[0].value["Cautions"]
    assert ("FD003" in inside, "FD003" in outside) == (True, True)
    assert ("FD022" in inside, "FD022" in outside) == (False, True)
    assert sum("FD003" in one.value for one in page.warning) == 1
    said = [one.value for one in page.caption]
    taught = "**FD022** Row tested on B: 24 of 24 photographs taught the model"
    assert any(taught in one.value.replace("\\", "") for one in page.warning), page.warning
    (reading,) = [one for one in said if one.startswith("Of the pooled")]
    assert "1 row is **no external test**" in reading
    row_by_row, only_outside = (one for one in said if one.startswith("Each row is a cell"))
    assert "no external test" not in row_by_row
    assert "1 row is **no external test**" in only_outside
    assert "What these cautions mean, and what to do" in [one.label for one in page.expander]
    assert "2 folds of single photographs, for patients are unknown" in evaluated.texts(page)
    assert not any("by patient" in one for one in said)
    assert "by the bootstrap of photographs." in reading


def test_methods_sentence__says_which_photographs_were_judged() -> None:
    folds = StudyDocument.model_validate(TINY)
    split = StudyDocument.model_validate({**TINY, "validation": {"use_split": True}})
    one = {"status": "done", "n_patients": 3, "cautions": "", "averaged": ""}
    inside, outside = (
        pd.DataFrame([{**one, "tested_on": name}]) for name in ("held-out patients", "C")
    )
    both = pd.concat([inside, outside])

    assert "Held-out photographs of cross-validation" in methods_sentence(inside, folds)
    for rows, document in ((outside, folds), (inside, split), (both, split)):
        said = methods_sentence(rows, document) + reading_sentence(document, rows)
        assert ("Photographs of C, named as external" in said) == (rows is not inside)
        assert ("test side of the table's own split" in said) == (rows is not outside)
        assert "cross-validation" not in said
        assert ("chosen on the other folds" in said) == (document is folds)
        assert ("for external data, one chosen on all held-out" in said) == (rows is not inside)


def test_shown_frame__says_why_there_is_no_value_or_no_interval(done: Path) -> None:
    choice = StudyChoice(done, "small")
    table = study_caches.study_table(choice).assign(
        auc_low=float("nan"), auc_reason="all resamples give the same value",
        balanced_accuracy=float("nan"), balanced_accuracy_low=float("nan"),
        balanced_accuracy_reason="",
    )  # fmt: skip

    frame = shown_frame(table, ["auc", "balanced_accuracy"])

    assert list(frame["95 % CI, AUC"]) == ["none: all resamples give the same value"] * 2
    assert list(frame["95 % CI, Balanced accuracy"]) == ["", ""]


def test_patients_that_are_known_are_told_to_be_kept_together(page: AppTest, done: Path) -> None:
    choose(page, done)

    words = evaluated.texts(page)
    assert "2 folds, grouped by patient;" in words
    assert "DeLong's, clustered by patient," in words
    assert "bootstrap of patients." in words
    assert "no external test" not in words


def test_nothing_is_left_to_run_when_all_is_stored(page: AppTest, done: Path) -> None:
    choose(page, done)

    assert numbers(page)["Stored already"] == "2"
    assert button(page, "Nothing is left to run").disabled


def test_chosen_rows_are_taken_to_the_roc_page(page: AppTest, done: Path) -> None:
    choose(page, done)
    assert "Choose rows to see their ROC curves" in evaluated.texts(page)

    page.session_state["studies.rows"] = {"selection": {"rows": [0, 1], "columns": []}}
    page.run()
    button(page, "Compare models").click().run()

    session = page.session_state[state.KEY]
    assert set(session.run_ids) == {one.id for one in list_runs(Workspace(workspace_of(done)))}
    assert session.target == "dr"


def test_runs_of_a_smoke_test_are_not_taken_to_other_pages(page: AppTest, done: Path) -> None:
    path = write(workspace_of(done), "smoke", smoke={"photographs": 12})
    run_study(open_study(Workspace(workspace_of(done)), path, "smoke"))
    choose(page, path, "smoke")

    assert not page.exception
    assert numbers(page)["Stored already"] == "2"
    assert "not listed on other pages" in evaluated.texts(page)
    assert not [one for one in page.button if one.label == "ROC curves"]


def test_a_file_that_cannot_be_run_says_why_and_nothing_crashes(
    page: AppTest, tiny: Callable[..., Path]
) -> None:
    path = tiny(models=[{"name": "A", "backbone": "resnet18", "wait": "x"}])

    choose(page, path)

    assert not page.exception
    assert "wait" in page.error[0].value.replace("\\", "")
    assert not page.radio


def test_a_figure_of_a_column_that_is_not_there_is_refused_with_its_name(
    page: AppTest, done: Path
) -> None:
    figures = [{"kind": "heat map", "rows": "network"}]
    choose(page, write(workspace_of(done), "wrong", figures=figures))

    assert not page.exception
    assert "'network'" in page.error[0].value.replace("\\", "")


def test_photographs_outside_the_allowed_folders_are_not_read(
    page: AppTest, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = write_dataset(tmp_path / "outside", n_patients=8)
    path = tiny(data=[TINY["data"][0] | {"source": str(place)}])
    monkeypatch.setenv("FUNDUS_DATA_ROOTS", str(tmp_path / "elsewhere"))

    choose(page, path)

    assert "outside the folders" in page.error[0].value
    assert not page.button


def test_the_small_size_is_proposed_after_a_study_that_has_none(
    page: AppTest, tiny: Callable[..., Path]
) -> None:
    plain, other = tiny(name="plain", models=TINY["models"][:1]), tiny()
    choose(page, plain)
    assert menu(page, "Size").value == "full"

    menu(page, "Study").set_value(str(other)).run()

    assert menu(page, "Size").value == "small"


def test_weights_outside_the_allowed_folders_are_not_looked_for(
    page: AppTest, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret.pth").write_bytes(b"secret")
    monkeypatch.setenv("FUNDUS_DATA_ROOTS", str(tmp_path / "elsewhere"))

    for name in ("secret.pth", "nothing.pth"):
        path = tiny(models=[TINY["models"][0] | {"weights": str(tmp_path / name)}])
        choose(page, path)

        assert "outside the folders" in page.error[0].value
        assert not page.button


def test_keep_study__stores_what_can_be_run_under_a_safe_name(workspace: Path) -> None:
    content = yaml.safe_dump(TINY).encode()

    kept = keep_study(Workspace(workspace), "../../my study.yml", content)

    assert kept.parent == workspace / "studies" / study_wiring.FILES
    assert re.fullmatch(r"my-study-[0-9a-f]{6}\.yaml", kept.name)
    assert kept.read_bytes() == content
    assert [one.title for one in study_caches.studies() if not one.shipped] == [TINY["title"]]


def test_a_variable_of_the_environment_is_not_told_to_who_adds_a_file(
    page: AppTest, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "of the server")

    choose(page, tiny(data=[TINY["data"][0] | {"source": "${SECRET}"}]))

    assert "read by the command line alone" in page.error[0].value
    assert "of the server" not in evaluated.texts(page)
    assert not page.button


def test_an_uploaded_study_is_in_the_menu_at_once(page: AppTest, workspace: Path) -> None:
    page.run()
    content = yaml.safe_dump(TINY).encode()

    page.file_uploader[0].set_value(("mine.yaml", content, "application/yaml")).run()
    button(page, "Add it to this workspace").click().run()

    assert not page.exception
    assert "Tiny <b>study</b> (mine.yaml)" in menu(page, "Study").options


def test_an_uploaded_study_with_a_mistake_is_refused_in_a_sentence(page: AppTest) -> None:
    page.run()
    content = yaml.safe_dump({**TINY, "metrics": ["aucc"]}).encode()

    page.file_uploader[0].set_value(("mine.yaml", content, "application/yaml")).run()
    button(page, "Add it to this workspace").click().run()

    assert not page.exception
    assert "'aucc' is unknown" in page.error[0].value.replace("\\", "")
    assert len(menu(page, "Study").options) == 7


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"title: [", "is no YAML"),
        (b"title: x", "question: Field required"),
        (b"#" * 200_001, "200,001 bytes"),
        (
            yaml.safe_dump({**TINY, "axes": {"seed": list(range(10_001))}}).encode(),
            "20,002 cells",
        ),
    ],
)
def test_keep_study__stores_nothing_that_cannot_be_run(
    workspace: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(StudyError, match=reason):
        keep_study(Workspace(workspace), "mine.yaml", content)

    assert [one for one in study_caches.studies() if not one.shipped] == []


def test_keep_study__replaces_a_file_of_the_same_name_and_no_other(workspace: Path) -> None:
    content = yaml.safe_dump(TINY).encode()
    names = ("a b.yaml", "a-b.yaml", "a+b.yaml", "眼" * 79 + "x.yaml", "眼" * 80 + ".yml")

    kept = [keep_study(Workspace(workspace), name, content) for name in names]
    again = [keep_study(Workspace(workspace), name, content) for name in names]

    assert len(set(kept)) == len(names)
    assert kept == again
    assert kept[1].name == "a-b.yaml"
    assert max(len(path.name.encode()) for path in kept) < 150


NO_PATHS = {
    "a" * 400: "is too long",
    "circle": "lead in a circle",
    "a\0b": "is no path",
    "~nobody_here/x": "your own home folder alone",
    "\ud800": "is no path",
}


@pytest.mark.parametrize("part", ["source", "table"])
@pytest.mark.parametrize("named", NO_PATHS, ids=ascii)
def test_a_study_that_names_no_path_is_refused_in_a_sentence(
    page: AppTest, tiny: Callable[..., Path], workspace: Path, named: str, part: str
) -> None:
    for folder in (files_of(workspace), files_of(workspace) / "data"):
        (folder / "circle").symlink_to("circle")
    path = tiny(data=[TINY["data"][0] | {part: named}])

    choose(page, path)

    assert not page.exception
    assert NO_PATHS[named] in page.error[0].value.replace("\\", "")
    assert not page.button


def test_keep_study__two_tabs_may_add_the_same_at_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, both = yaml.safe_dump(TINY).encode(), Barrier(2)
    read = study_wiring.read_study

    def slowly(path: Path) -> object:
        found = read(path)
        both.wait(10)
        return found

    monkeypatch.setattr(study_wiring, "read_study", slowly)
    with ThreadPoolExecutor(2) as pool:
        kept = list(
            pool.map(lambda _: keep_study(Workspace(workspace), "mine.yaml", content), "ab")
        )

    folder = workspace / "studies" / study_wiring.FILES
    assert kept == [folder / "mine.yaml"] * 2
    assert list(folder.iterdir()) == [folder / "mine.yaml"]


def test_figures_of__other_data_keeps_those_of_the_first_data_set_without_their_titles(
    done: Path,
) -> None:
    path = write(
        workspace_of(done),
        "two",
        data=[*TINY["data"], {"name": "elsewhere", "target": "dr"}],
        figures=[
            {"kind": "forest", "title": "Redness", "where": {"data": "redness"}},
            {"kind": "forest", "title": "Elsewhere", "where": {"data": "elsewhere"}},
            {"kind": "forest", "title": "Outside", "where": {"tested_on": "held-out patients"}},
        ],
    )
    choice = StudyChoice(path, "full", wiring.datasets()[0].id, "dr")

    (kept,) = study_wiring.figures_of(choice, study_caches.study_document(choice))

    assert (kept.title, kept.where) == ("", {})
