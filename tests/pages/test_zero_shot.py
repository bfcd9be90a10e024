"""The zero-shot page: what is said of each class, what it starts, and what it lists."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.io.findings import read_findings, write_findings
from tests.pages import evaluated

PAGE = evaluated.PAGES / "model" / "zero_shot.py"

DME = Target("dme", "binary", ("0", "1"), ("dme",))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]]) -> AppTest:
    """The page as it opens on labels of diabetic retinopathy."""
    return opened(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.DR,)))


def opened(monkeypatch: pytest.MonkeyPatch, place: Path, dataset: FundusDataset) -> AppTest:
    evaluated.open_dataset(monkeypatch, place, dataset)
    return AppTest.from_file(PAGE, default_timeout=30)


def choose_flair(page: AppTest) -> None:
    page.multiselect(key="zero_shot.backbones").set_value(["flair"]).run()


def ask(page: AppTest) -> None:
    next(one for one in page.button if one.label.startswith("Ask")).click().run()


def test_the_words_of_both_classes_are_there_to_be_edited(page: AppTest) -> None:
    page.run()

    assert not page.exception
    areas = {area.label.replace("\\", ""): area.value for area in page.text_area}
    assert list(areas) == ["dr = 0: no diabetic retinopathy", "dr = 1: diabetic retinopathy"]
    assert "microaneurysms" in areas["dr = 1: diabetic retinopathy"]


def test_the_programs_own_words_need_no_file(page: AppTest, started: list[list[str]]) -> None:
    page.run()
    choose_flair(page)

    ask(page)

    assert not page.exception
    asked = "zero-shot /nowhere --backbone flair --target dr --prototypes mean --tokens published"
    assert [" ".join(line) for line in started] == [asked]


def test_edited_words_are_handed_over_in_a_file(page: AppTest, started: list[list[str]]) -> None:
    page.run()
    choose_flair(page)
    page.text_area[1].set_value("a red dot\n\n  a   yellow spot ").run()

    ask(page)

    path = Path(started[0][started[0].index("--findings") + 1])
    findings = json.loads(path.read_text(encoding="utf-8"))["findings"]
    assert findings["diabetic retinopathy"]["descriptions"] == ["a red dot", "a yellow spot"]
    assert len(findings) > 80


def test_a_class_of_which_nothing_is_said_cannot_be_asked_for(page: AppTest) -> None:
    page.run()
    choose_flair(page)

    page.text_area[0].set_value(" ").run()

    assert next(one for one in page.button if one.label.startswith("Ask")).disabled
    assert "Say something of every class" in evaluated.texts(page)


def test_each_of_several_columns_has_its_words_and_their_opposites(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]]
) -> None:
    page = opened(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.DR, DME)))
    page.run()

    page.selectbox(key="zero_shot.target").set_value("several 0/1 columns together").run()

    labels = {area.label.replace("\\", "") for area in page.text_area}
    assert labels == {
        "dr: diabetic retinopathy",
        "dme: macular oedema",
        "against: no diabetic retinopathy",
        "against: no macular oedema",
    }


def test_classes_without_words_are_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]]
) -> None:
    page = opened(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.GRADE,)))

    page.run()

    assert not page.exception
    said = page.error[0].value.replace("\\", "")
    assert "say nothing of grade=0, grade=1, grade=2" in said
    assert "--findings" in said


def test_without_a_chosen_backbone_nothing_can_be_started(page: AppTest) -> None:
    page.run()

    page.multiselect(key="zero_shot.backbones").set_value([]).run()

    assert next(one for one in page.button if one.label.startswith("Ask")).disabled


def test_missing_weights_are_explained(page: AppTest) -> None:
    page.run()

    choose_flair(page)

    assert "flair.safetensors" in evaluated.texts(page).replace("\\", "")


def test_only_models_that_learned_from_words_are_listed(page: AppTest, workspace: Path) -> None:
    scores = evaluated.predictions("words", evaluated.GOOD)
    evaluated.store(workspace, "a-probe", scores)
    evaluated.store(workspace, "words-alone", scores, kind="zero_shot", baseline=False)

    page.run()

    listed = page.dataframe[0].value
    assert list(listed["Run"]) == ["words-alone"]
    assert "not calibrated" in evaluated.texts(page)


def test_before_the_first_model_it_says_where_results_appear(page: AppTest) -> None:
    page.run()

    assert "None yet" in page.info[0].value


def test_without_a_target_it_leads_to_the_columns(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]]
) -> None:
    page = opened(monkeypatch, workspace, evaluated.dataset(targets=()))

    page.run()

    assert "no target column" in page.info[0].value


def handed_over(started: list[list[str]]) -> dict[str, list[str]]:
    """Returns the words of the last run that was started: finding -> what is said of it."""
    line = started[-1]
    content = json.loads(Path(line[line.index("--findings") + 1]).read_text(encoding="utf-8"))
    return {name: one["descriptions"] for name, one in content["findings"].items()}


def name_file(page: AppTest, place: str | Path) -> None:
    page.text_input(key="zero_shot.findings").set_value(str(place)).run()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A file of findings in which something else is said of everything."""
    ours = read_findings()
    changed = [replace(one, descriptions=(f"my {one.name}",)) for one in ours.findings]
    write_findings(replace(ours, findings=tuple(changed)), tmp_path / "mine.json")
    return tmp_path / "mine.json"


def test_the_words_of_a_named_file_are_shown_and_handed_over(
    page: AppTest, started: list[list[str]], mine: Path
) -> None:
    page.run()
    choose_flair(page)

    name_file(page, mine)
    ask(page)

    shown = [area.value for area in page.text_area]
    assert shown == ["my no diabetic retinopathy", "my diabetic retinopathy"]
    assert {words[0][:3] for words in handed_over(started).values()} == {"my "}


def test_without_the_file_the_words_are_the_programs_again(
    page: AppTest, started: list[list[str]], mine: Path
) -> None:
    page.run()
    choose_flair(page)
    name_file(page, mine)

    name_file(page, "")
    ask(page)

    assert "--findings" not in started[-1]
    assert "microaneurysms" in page.text_area[1].value


def test_words_of_a_file_that_is_cleared_after_another_target_are_gone(
    monkeypatch: pytest.MonkeyPatch, workspace: Path, started: list[list[str]], mine: Path
) -> None:
    page = opened(monkeypatch, workspace, evaluated.dataset(targets=(evaluated.DR, DME)))
    page.run()
    choose_flair(page)
    name_file(page, mine)
    page.selectbox(key="zero_shot.target").set_value("dme").run()

    name_file(page, "")
    ask(page)

    assert "--findings" not in started[-1]


def test_a_file_that_was_changed_meanwhile_is_read_anew(page: AppTest, mine: Path) -> None:
    page.run()
    name_file(page, mine)
    mine.write_text(mine.read_text(encoding="utf-8").replace("my ", "your "), encoding="utf-8")

    page.run()

    assert page.text_area[1].value == "your diabetic retinopathy"


def test_what_was_edited_stays_while_file_and_target_do(
    page: AppTest, started: list[list[str]], mine: Path
) -> None:
    page.run()
    name_file(page, mine)
    page.text_area[1].set_value("a red dot").run()

    choose_flair(page)
    ask(page)

    said = handed_over(started)
    assert said["diabetic retinopathy"] == ["a red dot"]
    assert said["no diabetic retinopathy"] == ["my no diabetic retinopathy"]


def test_what_was_edited_is_not_said_of_another_data_set(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated.add_second(monkeypatch)
    evaluated.address(page)
    page.run()
    page.text_area[1].set_value("a red dot").run()

    evaluated.address(page, dataset="tiny-2")
    page.run()

    assert "microaneurysms" in page.text_area[1].value


def test_fields_are_called_by_plain_words(page: AppTest) -> None:
    page.run()

    assert [area.label for area in page.text_area] == [
        "dr = 0: no diabetic retinopathy",
        "dr = 1: diabetic retinopathy",
    ]
