"""The calibration page: figures with their meaning, recalibration, decision curves, refusals."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.domain.predictions import Predictions
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.evaluation.calibration import calibration_of
from fundus_core.workflows.evaluation.decision_curves import decision_curve_of
from tests.pages import evaluated

PAGE = evaluated.PAGES / "evaluate" / "calibration.py"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> AppTest:
    """The page as it opens for someone who has a data set and no model yet."""
    evaluated.open_dataset(monkeypatch, workspace)
    return AppTest.from_file(PAGE, default_timeout=30)


def scored(seed: int = 0, *, shift: float = 0.0) -> Predictions:
    """Returns predictions of one disease for 60 photographs of 30 patients in three folds."""
    said = evaluated.diseased("model", 2.0, seed).binary("dr")
    logit = np.log(said.y_score / (1 - said.y_score)) + shift
    return replace(
        said,
        class_names=("1",),
        y_score=1 / (1 + np.exp(-logit)),
        fold=np.arange(60) // 2 % 3,
    )


def store(place: Path, run_id: str, said: Predictions) -> None:
    evaluated.store(place, run_id, said, baseline=False)


def widget(widgets: object, key: str):  # type: ignore[no-untyped-def]
    return next(one for one in widgets if one.key == key)  # type: ignore[attr-defined]


def test_the_card_says_what_each_figure_means(page: AppTest, workspace: Path) -> None:
    store(workspace, "timid", scored(shift=-2))

    page.run()

    assert not page.exception
    found = calibration_of(Workspace(workspace), "timid").classes[0].before
    said = evaluated.texts(page)
    gap = found.line.in_the_large
    assert f"{100 * found.mean_predicted:.1f} % predicted on average, 50.0 %" in said
    assert f"too low**, by {100 * (gap.value or 0):.1f} points" in said
    assert f"**Slope {found.line.slope.value:.2f}" in said
    assert f"(ECE) {found.errors.ece:.3f}" in said
    assert f"about {found.errors.ece_by_chance:.3f} by chance alone" in said
    row = evaluated.table(page, "Model").iloc[0]
    assert row["Brier (95 % CI)"].startswith(f"{found.brier.value:.3f} (")


def test_recalibration_is_shown_with_its_folds(page: AppTest, workspace: Path) -> None:
    store(workspace, "timid", scored(shift=-2))

    page.run()
    widget(page.selectbox, "calibration.method").set_value("temperature").run()

    assert not page.exception
    said = evaluated.texts(page)
    assert "Temperature scaling, in the 3 folds of its cross-validation" in said
    assert "No patient is in two folds (verified)." in said
    turned = evaluated.table(page, "after temperature scaling").set_index("Figure")
    after = calibration_of(Workspace(workspace), "timid", recalibration="temperature").classes[0]
    assert after.after is not None
    assert turned.loc["Brier (95 % CI)", "after temperature scaling"].startswith(
        f"{after.after.brier.value:.3f} ("
    )


def test_recalibration_is_refused_where_a_patient_is_in_two_folds(
    page: AppTest, workspace: Path
) -> None:
    store(workspace, "leaky", replace(scored(), fold=np.arange(60) % 2))

    page.run()

    assert not page.exception
    assert "30 of 30 patients are in more than one fold" in page.error[0].value
    assert page.slider  # the decision curve is still there


def test_the_decision_curve_is_read_at_the_chosen_threshold(page: AppTest, workspace: Path) -> None:
    store(workspace, "a", scored(0))
    store(workspace, "b", scored(1))
    evaluated.address(page, run=["a", "b"])
    page.run()

    widget(page.slider, "calibration.at").set_value(40).run()

    assert not page.exception
    found = decision_curve_of(Workspace(workspace), ["a", "b"])
    worth = 100 * found.models[0].curve.model.value[39]
    said = evaluated.texts(page)
    assert "Acting from 40 % on, by a" in said
    assert f"worth as much as finding {worth:.1f} with dr \\= 1" in said
    table = evaluated.table(page, "More than treating all (95 % CI)").set_index("Model")
    difference = 100 * found.differences[0].result.difference.value[39]
    assert table.loc["b", "First model less this one (95 % CI)"].startswith(f"{difference:+.1f} (")
    assert list(table.index) == ["a", "b", "treat all", "treat none"]


def test_the_recalibrated_scores_can_be_decided_by(page: AppTest, workspace: Path) -> None:
    store(workspace, "timid", scored(shift=-2))
    page.run()
    column = "More than treating all (95 % CI)"
    before = evaluated.table(page, column).iloc[0, 1]

    widget(page.toggle, "calibration.decide_after").set_value(True).run()

    assert not page.exception
    assert evaluated.table(page, column).iloc[0, 1] != before


def test_another_prevalence_is_cautioned_and_shown(page: AppTest, workspace: Path) -> None:
    store(workspace, "a", scored())
    page.run()

    widget(page.number_input, "calibration.prevalence").set_value(5.0).run()

    assert not page.exception
    said = evaluated.texts(page)
    assert "FD015" in said + "".join(one.value for one in page.warning)
    assert "**At a prevalence of 5 %**" in said
    assert "at a prevalence of 5 %, net benefit is" in said


def test_scores_that_are_no_probabilities_are_refused_and_the_others_shown(
    page: AppTest, workspace: Path
) -> None:
    cosines = scored()
    store(workspace, "cosines", replace(cosines, y_score=4 * cosines.y_score - 2))
    store(workspace, "good", scored(1))
    evaluated.address(page, run=["cosines", "good"])

    page.run()

    assert not page.exception
    assert "cosines\\: The model gives no probabilities" in page.error[0].value
    assert list(evaluated.table(page, "Model")["Model"]) == ["good"]


def test_unknown_patients_are_said_loudly(page: AppTest, workspace: Path) -> None:
    store(workspace, "a", replace(scored(), patient_ids=None))

    page.run()

    assert not page.exception
    assert "FD003" in page.warning[0].value
    assert "Patients are unknown, so one may be in two folds." in evaluated.texts(page)


@pytest.mark.parametrize("several", ["grades", "diseases"])
def test_all_classes_have_a_table_and_grades_a_top_label(
    page: AppTest, workspace: Path, several: str
) -> None:
    if several == "grades":
        evaluated.store(
            workspace, "many", as_shares(evaluated.graded("many", 0)), target=evaluated.GRADE
        )
    else:
        said = evaluated.diseased("many", 2.0, 0)
        evaluated.store(workspace, "many", said, target=evaluated.DISEASES)

    page.run()

    assert not page.exception
    said_of = evaluated.texts(page)
    table = evaluated.table(page, "Class")
    if several == "grades":
        assert list(table["Class"]) == ["grade \\= 0", "grade \\= 1", "grade \\= 2"]
        assert "The class decided for:" in said_of
    else:
        assert list(table["Class"]) == ["dr", "amd"]
        assert "**Left out**, because all photographs or none have them: rvo." in said_of


def as_shares(said: Predictions) -> Predictions:
    return replace(said, y_score=said.y_score / said.y_score.sum(axis=1, keepdims=True))


def test_without_a_model_the_page_says_where_to_get_one(page: AppTest) -> None:
    page.run()

    assert not page.exception
    assert "1 evaluated model" in page.info[0].value
    assert not page.table
