"""Labels to look at again, on the stress page: the list, its limits, one model or several."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.domain.predictions import Predictions
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.evaluation import label_quality
from fundus_core.workflows.evaluation.label_quality import review_labels
from tests.pages import evaluated

PAGE = evaluated.PAGES / "evaluate" / "stress.py"

ERR = evaluated.GOOD | {"h3": 0.98, "h5": 0.3}
"""The diseased are found; `h3` looks more diseased than all of them."""


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> AppTest:
    """The page with its tab of labels open, for someone who has a data set and no model yet."""
    evaluated.open_dataset(monkeypatch, workspace)
    opened = AppTest.from_file(PAGE, default_timeout=60)
    opened.session_state["stress.tab"] = "Labels"
    return opened


def listed(page: AppTest) -> list[str]:
    """Returns the photographs of the list, in its order."""
    table = next(one.value for one in page.dataframe if "Suggested" in one.value)
    return list(table["Photograph"])


def test_the_least_credible_label_is_shown_with_what_the_list_is_not(
    page: AppTest, workspace: Path
) -> None:
    evaluated.store(workspace, "one", evaluated.predictions("one", ERR))
    evaluated.address(page, run="one")

    page.run()

    assert not page.exception
    review = review_labels(Workspace(workspace), ["one"])
    assert listed(page) == list(review.suspects()["image_id"])
    assert listed(page)[0] == "h3"
    assert any("no proof that the label is wrong" in one.value for one in page.warning)
    said = evaluated.texts(page)
    assert "on 12 photographs of 3 patients" in said
    assert "given 0, suggested 1" in said.replace("\\", "")
    assert [b.key for b in page.button if b.key == "labels.suspects.h3"]


def test_photographs_that_left_the_data_set_are_not_listed(
    page: AppTest, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluated.dataset()
    fewer = whole.select([name for name in whole.image_ids if name != "h3"])
    evaluated.open_dataset(monkeypatch, workspace, fewer)
    monkeypatch.setattr(label_quality, "_dataset", lambda workspace, run: fewer)
    evaluated.store(workspace, "one", evaluated.predictions("one", ERR | {"h4": 0.97}))
    evaluated.address(page, run="one")

    page.run()

    assert not page.exception
    assert listed(page) == ["h4"]
    said = evaluated.texts(page)
    assert "on 11 photographs of 3 patients" in said
    assert "1 photograph that is no longer in the data set is left out" in said


def test_the_list_names_the_rows_that_are_selected(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "one", evaluated.predictions("one", ERR))
    evaluated.address(page, run="one")
    page.run()
    names = listed(page)

    page.session_state["fundus.session"].selection = (names[0],)
    page.run()

    assert not page.exception
    table = next(one.value for one in page.dataframe if "Suggested" in one.value)
    assert list(table["Selected"]) == ["selected"] + [""] * (len(names) - 1)


def test_several_models_show_where_they_disagree(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "one", evaluated.predictions("one", ERR))
    evaluated.store(workspace, "two", evaluated.predictions("two", evaluated.GOOD))
    evaluated.address(page, run=["one", "two"])
    page.run()

    page.segmented_control(key="labels.view").set_value("disputed").run()

    assert not page.exception
    assert listed(page)[0] == "h3"
    table = next(one.value for one in page.dataframe if "Suggested" in one.value)
    assert table["Disagreement"].iloc[0] == pytest.approx(0.98 - 0.35)
    assert {"Score of given label, one", "Score of given label, two"} <= set(table)


def test_the_model_under_stress_can_be_asked_alone(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "one", evaluated.predictions("one", ERR))
    evaluated.store(workspace, "two", evaluated.predictions("two", evaluated.POOR))
    evaluated.address(page, run=["one", "two"])
    page.run()
    together = evaluated.texts(page)

    page.toggle(key="labels.together").set_value(False).run()

    assert not page.exception
    assert "two, AUC" in together.replace("\\", "")
    assert "two, AUC" not in evaluated.texts(page).replace("\\", "")


def test_a_poor_model_is_said_to_be_one(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "two", evaluated.predictions("two", evaluated.POOR, patients=False))
    evaluated.address(page, run="two")

    page.run()

    assert not page.exception
    said = evaluated.texts(page)
    assert "AUC below 0.7 for 1 of 1 model" in said
    assert "Patients are unknown" in said


def test_scores_that_are_no_probabilities_are_refused(page: AppTest, workspace: Path) -> None:
    logits = {name: 8 * score - 4 for name, score in evaluated.GOOD.items()}
    evaluated.store(workspace, "logits", evaluated.predictions("logits", logits))
    evaluated.address(page, run="logits")

    page.run()

    assert not page.exception
    assert "scores outside of 0 to 1" in page.error[0].value


@pytest.mark.parametrize(("shown", "is_listed"), [(["one", "words"], True), (["words"], False)])
def test_words_alone_are_not_asked(
    page: AppTest, workspace: Path, shown: list[str], is_listed: bool
) -> None:
    """Beside a fitted model they are left out; a model of words that is looked at is refused."""
    evaluated.store(workspace, "one", evaluated.predictions("one", ERR))
    words = evaluated.predictions("words", evaluated.POOR)
    evaluated.store(workspace, "words", words, baseline=False, kind="zero_shot")
    evaluated.address(page, run=shown)

    page.run()

    assert not page.exception
    said = evaluated.texts(page).replace("\\", "")
    assert ("Models by words alone are not asked" in said) is is_listed
    assert any("scored by words alone" in one.value for one in page.error) is not is_listed
    assert "words, AUC" not in said


def test_of_several_diseases_one_is_chosen(
    monkeypatch: pytest.MonkeyPatch, page: AppTest, workspace: Path
) -> None:
    evaluated.open_dataset(
        monkeypatch, workspace, evaluated.dataset(targets=(evaluated.DR, evaluated.DISEASES))
    )
    said = evaluated.diseased("", 6.0, 0)
    y_true = said.y_true.copy()
    y_true[3, 0] = False
    y_true[5, 1] = ~y_true[5, 1]
    said = Predictions(
        "", said.task, said.class_names, said.image_ids, y_true, said.y_score, said.patient_ids
    )
    evaluated.store(workspace, "several", said, target=evaluated.DISEASES, baseline=False)
    evaluated.address(page, run="several", **{"class": "amd"})

    page.run()

    assert not page.exception
    table = next(one.value for one in page.dataframe if "Suggested" in one.value)
    assert set(table["Label"]) == {"amd"}
    assert np.isfinite(table["Quality"]).all()
    assert "all photographs have the same label: rvo" in evaluated.texts(page)
