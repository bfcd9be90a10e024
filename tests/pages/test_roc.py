"""The ROC page: curves, a threshold, and the photographs a model is wrong about."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button, ButtonGroup, Selectbox

from fundus_core.checks import Caution
from fundus_core.domain.predictions import Predictions
from fundus_core.plots.roc import interval_text
from fundus_core.stats.classes import class_aucs
from fundus_core.stats.decisions import decide_across_folds
from fundus_core.stats.delong import AucInterval, auc_interval
from fundus_core.stats.operating import point_of_calls
from fundus_core.stats.patient_level import AGGREGATES, patient_level
from fundus_core.stats.threshold_rules import RULES
from tests.pages import evaluated

PAGE = evaluated.PAGES / "evaluate" / "roc.py"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> AppTest:
    """The page as it opens for someone who has a data set and no model yet."""
    evaluated.open_dataset(monkeypatch, workspace)
    return AppTest.from_file(PAGE, default_timeout=30)


def names_below(page: AppTest, part: str) -> list[str]:
    """Returns the photographs of one gallery, in order."""
    return [one.key.rpartition(".")[2] for one in page.button if part in (one.key or "")]


def segment(page: AppTest, key: str) -> ButtonGroup:
    """Returns a choice of segments."""
    return next(one for one in page.button_group if one.key == key)


def picker(page: AppTest, label: str) -> Selectbox:
    """Returns a menu."""
    return next(one for one in page.selectbox if one.label.startswith(label))


def seek(page: AppTest) -> Button:
    """Returns the button that seeks a threshold on the same photographs."""
    return next(one for one in page.button if one.label.startswith("Seek"))


def unescaped(page: AppTest) -> str:
    """Returns all that a page says, as the reader sees it."""
    return evaluated.texts(page).replace("\\", "")


def of_six_patients() -> Predictions:
    """Returns scores of 12 photographs, two of each patient; P0 and P1 are diseased.

    At one half both photographs of P0, P1 and P5 are called.
    """
    score = np.array([0.9, 0.8, 0.7, 0.75, 0.05, 0.1, 0.3, 0.2, 0.4, 0.45, 0.55, 0.85])
    return Predictions(
        "good",
        "binary",
        ("1",),
        tuple(evaluated.PATIENTS),
        (np.arange(12) < 4)[:, None],
        score[:, None],
        np.array([f"P{row // 2}" for row in range(12)]),
        np.arange(12) // 2 % 2,
    )


def test_each_model_has_a_row_with_its_interval_and_the_mean_colour_stands_below(
    page: AppTest, workspace: Path
) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))
    evaluated.store(workspace, "poor", evaluated.predictions("poor", evaluated.POOR))

    page.run()

    assert not page.exception
    rows = evaluated.table(page, "Model")
    assert sorted(rows["Model"][:2]) == ["good", "poor"]
    assert rows["AUC (95 % CI)"][list(rows["Model"]).index("good")].startswith("0.944 (")
    assert "colour" in rows["Model"][2]


def test_the_way_the_interval_was_made_is_said(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))

    page.run()

    assert "3 patients are independent" in evaluated.texts(page)


def test_unknown_patients_are_said_loudly(page: AppTest, workspace: Path) -> None:
    scores = evaluated.predictions("good", evaluated.GOOD, patients=False)
    evaluated.store(workspace, "good", scores, cautions=[Caution("FD003", "None names it.")])

    page.run()

    assert "patients are unknown" in evaluated.texts(page)
    assert "FD003" in page.warning[0].value


def test_the_threshold_of_the_address_decides_the_shares(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))
    evaluated.address(page, threshold="0.4")

    page.run()

    # Two of six healthy photographs and all six diseased ones score 0.4 or more.
    assert [metric.value for metric in page.metric] == ["1.000", "0.667"]
    assert page.slider[0].value == 0.4


@pytest.mark.parametrize("entry", ["nan", "7", "-1", "much"])
def test_a_threshold_that_is_none_gives_way_to_one_half(
    page: AppTest, workspace: Path, entry: str
) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))
    evaluated.address(page, threshold=entry)

    page.run()

    assert not page.exception
    assert page.slider[0].value == 0.5


def test_a_threshold_sought_on_the_same_photographs_is_said_to_flatter(
    page: AppTest, workspace: Path
) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))
    page.run()
    fixed = evaluated.texts(page)
    assert not page.warning

    seek(page).click().run()

    assert "sought on these very photographs" not in fixed
    assert "sought on these very photographs" in evaluated.texts(page)
    assert any("FD017" in one.value for one in page.warning)
    assert page.slider[0].value == pytest.approx(0.475)
    assert page.query_params["threshold"] == "0.475"


def test_a_threshold_is_written_with_all_digits_that_decide(page: AppTest, workspace: Path) -> None:
    close = dict(evaluated.GOOD, h5=0.59512, d1=0.59516)
    evaluated.store(workspace, "good", evaluated.predictions("good", close))
    evaluated.address(page, threshold="0.59514")

    page.run()
    precise = [metric.value for metric in page.metric]
    said = evaluated.texts(page)
    evaluated.address(page, threshold="0.595")
    page.run()

    assert "Threshold 0.59514, set by the slider" in said
    assert "Threshold 0.595, set by the slider" in evaluated.texts(page)
    assert precise != [metric.value for metric in page.metric]


def test_models_of_different_photographs_are_said_to_be_so(page: AppTest, workspace: Path) -> None:
    fewer = {
        name: score for name, score in evaluated.GOOD.items() if name not in {"h0", "d0", "d1"}
    }
    evaluated.store(workspace, "all", evaluated.predictions("all", evaluated.GOOD))
    evaluated.store(workspace, "same", evaluated.predictions("same", evaluated.POOR))
    page.run()
    alike = [one.value for one in page.warning], evaluated.texts(page)

    evaluated.store(workspace, "fewer", evaluated.predictions("fewer", fewer))
    evaluated.address(page, run=["all", "same", "fewer"])
    page.run()

    assert not page.exception
    assert not any("same photographs" in warning for warning in alike[0])
    assert ": 6 positive and 6 negative" in alike[1]
    said = next(one.value for one in page.warning if "not judged on the same" in one.value)
    assert all(part in said for part in ("all, 12", "same, 12", "fewer, 9", "9 in common"))
    words = evaluated.texts(page)
    assert "fewer, 4 positive and 5 negative" in words
    assert ": 6 positive and 6 negative" not in words
    assert "each of its own photographs" in words


def test_a_run_named_twice_is_drawn_once(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))
    evaluated.address(page, run=["good", "good"])

    page.run()

    assert not page.exception
    assert page.multiselect[0].value == ["good"]


def test_errors_are_listed_the_surest_first(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "poor", evaluated.predictions("poor", evaluated.POOR))

    page.run()
    false_positives = names_below(page, "errors.false_positives")
    segment(page, "errors.kind").set_value("false_negatives").run()
    false_negatives = names_below(page, "errors.false_negatives")
    segment(page, "errors.kind").set_value("confident").run()
    confident = names_below(page, "errors.confident")

    assert false_positives == ["h5", "h4", "h3"]
    assert false_negatives == ["d5", "d4", "d3"]
    # Scores 0.85, 0.2, 0.3, 0.7, 0.55, 0.45: by how far they are from their labels.
    assert confident == ["h5", "d5", "h4", "d4", "h3", "d3"]


def test_the_threshold_moves_matrix_shares_worth_and_errors_together(
    page: AppTest, workspace: Path
) -> None:
    evaluated.store(workspace, "poor", evaluated.predictions("poor", evaluated.POOR))
    page.run()
    before = evaluated.texts(page)

    page.slider[0].set_value(0.8).run()

    # Of the healthy only h5 (0.85) scores 0.8 or more, of the diseased only d0 (0.9).
    assert [metric.value for metric in page.metric] == ["0.167", "0.833"]
    matrix = evaluated.table(page, "Called positive")
    assert matrix.to_numpy().tolist() == [["1", "5"], ["1", "5"]]
    assert names_below(page, "errors.false_positives") == ["h5"]
    assert "Of 100 photographs with the disease, 17 " in unescaped(page)
    assert evaluated.texts(page) != before


def test_the_curve_can_be_chosen_a_threshold_for_by_every_rule(
    page: AppTest, workspace: Path
) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))
    page.run()

    sought = {}
    for rule in RULES:
        picker(page, "Rule that seeks").set_value(rule).run()
        assert not page.exception
        sought[rule] = seek(page).label

    assert sought["youden"] == "Seek it here: 0.475"
    # All six diseased score 0.5 or more; one healthy photograph scores 0.65.
    assert sought["specificity"] == "Seek it here: 0.655"
    assert sought["sensitivity"] == "Seek it here: 0.475"
    assert sought["cost"].startswith("Seek it here: ")


def test_thresholds_chosen_across_folds_are_said_to_be_and_are_not_warned_of(
    page: AppTest, workspace: Path
) -> None:
    scores = evaluated.predictions("good", evaluated.GOOD)
    evaluated.store(workspace, "good", scores)
    page.run()

    segment(page, "operating.way").set_value("rule").run()

    assert not page.exception
    assert not page.slider
    said = evaluated.texts(page)
    assert "Chosen across folds by highest sensitivity + specificity" in said
    assert "in 2 folds" in said
    assert not page.warning
    decisions = decide_across_folds(scores.y_true, scores.y_score, scores.fold)
    point = point_of_calls(scores.y_true[:, 0], decisions.decided[:, 0])
    assert [metric.value for metric in page.metric] == [
        f"{point.sensitivity:.3f}",
        f"{point.specificity:.3f}",
    ]


def test_without_folds_a_rule_can_only_seek_on_the_same_photographs(
    page: AppTest, workspace: Path
) -> None:
    scores = replace(evaluated.predictions("good", evaluated.GOOD), fold=None)
    evaluated.store(workspace, "good", scores)

    page.run()

    assert "operating.way" not in [one.key for one in page.button_group]
    assert page.slider[0].value == 0.5


def test_the_prevalence_decides_what_a_call_is_worth(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))
    page.run()

    page.number_input(key="operating.prevalence").set_value(20.0).run()

    rows = evaluated.table(page, "Meaning").set_index("Number")
    # All diseased and one of six healthy photographs are called: 0.2 / (0.2 + 0.8 / 6) is 0.6.
    value = rows.filter(like="Positive predictive", axis=0).iloc[0, -1]
    assert value.replace("\\", "").startswith("0.600 (")
    assert "screened where 20 % have the disease (200 of them)" in unescaped(page)


def test_by_patient_a_row_is_a_patient(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "good", of_six_patients(), baseline=False)
    page.run()
    by_image = evaluated.table(page, "Model")

    segment(page, "level").set_value("patient").run()

    assert not page.exception
    by_patient = evaluated.table(page, "Model")
    assert (by_image["Positive"][0], by_image["Negative"][0]) == ("4", "8")
    assert (by_patient["Positive"][0], by_patient["Negative"][0]) == ("2", "4")
    said = unescaped(page)
    assert "6 patients, each diseased if any photograph is" in said
    assert "Of 100 patients with the disease" in said
    assert "All 2 photographs of these patients" in said


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_by_patient_scores_can_be_put_together_in_every_way(
    page: AppTest, workspace: Path, aggregate: str
) -> None:
    evaluated.store(workspace, "good", of_six_patients(), baseline=False)
    page.run()
    segment(page, "level").set_value("patient").run()

    picker(page, "A patient's score is").set_value(aggregate).run()

    assert not page.exception
    scores = patient_level(of_six_patients(), aggregate)
    found = auc_interval(scores.y_true[:, 0], scores.y_score[:, 0], patients=scores.patient_ids)
    assert evaluated.table(page, "Model")["AUC (95 % CI)"][0] == interval_text(found)


def test_patients_are_not_offered_where_they_are_unknown(page: AppTest, workspace: Path) -> None:
    scores = evaluated.predictions("good", evaluated.GOOD, patients=False)
    evaluated.store(workspace, "good", scores)

    page.run()

    assert "level" not in [one.key for one in page.button_group]
    assert "Patients are unknown" in evaluated.texts(page)


def test_grades_have_a_confusion_matrix_with_kappa(page: AppTest, workspace: Path) -> None:
    scores = evaluated.graded("graded", 0)
    evaluated.store(workspace, "graded", scores, target=evaluated.GRADE, baseline=False)

    page.run()

    assert not page.exception
    assert "What is taken for what" in [one.value for one in page.subheader]
    rows = evaluated.table(page, "Metric").set_index("Metric")
    said = scores.y_score.argmax(axis=1), scores.y_true.argmax(axis=1)
    kappa = cohen_kappa_score(*said, weights="quadratic")
    assert rows.iloc[0, 0].replace("\\", "").startswith(f"{kappa:.3f}")
    assert "Wilson's intervals" in unescaped(page)


def test_several_labels_have_no_confusion_matrix(page: AppTest, workspace: Path) -> None:
    scores = evaluated.diseased("multi", 1.5, 0)
    evaluated.store(workspace, "multi", scores, target=evaluated.DISEASES)

    page.run()

    assert "What is taken for what" not in [one.value for one in page.subheader]


def test_a_photograph_chosen_by_its_name_is_in_the_address(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "poor", evaluated.predictions("poor", evaluated.POOR))
    page.run()

    next(one for one in page.button if (one.key or "").endswith(".h5")).click().run()

    assert page.query_params["image"] == "h5"


def test_of_several_classes_one_is_looked_at(page: AppTest, workspace: Path) -> None:
    evaluated.store(
        workspace, "graded", evaluated.graded("graded", 0), target=evaluated.GRADE, baseline=False
    )
    evaluated.address(page, **{"class": "2"})

    page.run()

    assert not page.exception
    assert next(one for one in page.selectbox if "Class" in one.label).value == "2"
    assert "grade \\= 2" in evaluated.texts(page)
    assert list(evaluated.table(page, "Model")["Positive"]) == ["4"]


def test_several_diseases_open_together_with_their_averages(page: AppTest, workspace: Path) -> None:
    scores = evaluated.diseased("multi", 1.5, 0)
    evaluated.store(workspace, "multi", scores, target=evaluated.DISEASES)

    page.run()

    assert not page.exception
    assert next(one for one in page.selectbox if "Class" in one.label).value == ""
    rows = evaluated.table(page, "Class").set_index("Class")
    found = class_aucs(
        scores.y_true, scores.y_score, scores.class_names, patients=scores.patient_ids
    )
    assert list(rows["Positive"]) == ["30", "20", "0", "", ""]
    assert list(rows["Patients with it"])[:3] == ["15", "10", "0"]
    assert rows.loc["dr", "AUC (95 % CI)"] == interval_text(found.classes[0].interval)
    assert rows.loc["**Macro average (2 of 3 classes)**", "AUC (95 % CI)"] == interval_text(
        found.macro
    )
    assert rows.loc["**Micro average (2 of 3 classes)**", "AUC (95 % CI)"] == interval_text(
        found.micro
    )
    assert "Mean colour, own folds" in rows
    assert not page.slider


def test_an_auc_below_one_half_is_explained(page: AppTest, workspace: Path) -> None:
    inverted = {name: 1 - score for name, score in evaluated.GOOD.items()}
    for name, scores in (("good", evaluated.GOOD), ("poor", inverted)):
        evaluated.store(workspace, name, evaluated.predictions(name, scores), baseline=False)
    evaluated.address(page, run=["good"])
    page.run()
    good = evaluated.texts(page)

    evaluated.address(page, run=["good", "poor"])
    page.run()

    assert "AUCs below 0.5" not in good
    assert "AUCs below 0.5" in evaluated.texts(page)


def test_a_target_of_many_columns_has_a_short_name_in_the_menu(
    page: AppTest, workspace: Path
) -> None:
    columns = ("dr", "amd", "rvo", "erm", "myopia")
    target = replace(evaluated.DISEASES, name=",".join(columns))
    evaluated.store(workspace, "multi", evaluated.diseased("multi", 1.5, 0), target=target)

    page.run()

    menu = next(one for one in page.selectbox if one.label == "Target")
    assert menu.options == ["dr, amd, rvo and 2 more"]


def test_a_disease_that_no_photograph_has_is_said_to_be_left_out(
    page: AppTest, workspace: Path
) -> None:
    scores = evaluated.diseased("multi", 1.5, 0)
    evaluated.store(workspace, "multi", scores, target=evaluated.DISEASES)

    page.run()

    assert "Not in the averages:** rvo, 0 of 60 images have it" in evaluated.texts(page)


def test_of_two_models_of_several_diseases_one_is_drawn(page: AppTest, workspace: Path) -> None:
    for name, strength in (("multi", 1.5), ("other", 0.5)):
        scores = evaluated.diseased(name, strength, 0)
        evaluated.store(workspace, name, scores, target=evaluated.DISEASES, baseline=False)
    evaluated.address(page, run=["multi", "other"])
    page.run()
    first = evaluated.table(page, "Class")

    next(one for one in page.selectbox if one.label == "Curves of").set_value("other").run()

    assert not page.exception
    assert "Mean colour, own folds" not in first
    assert not first.equals(evaluated.table(page, "Class"))


def test_a_disease_without_photographs_is_explained_when_chosen_alone(
    page: AppTest, workspace: Path
) -> None:
    scores = evaluated.diseased("multi", 1.5, 0)
    evaluated.store(workspace, "multi", scores, target=evaluated.DISEASES)
    evaluated.address(page, **{"class": "rvo"})

    page.run()

    assert not page.exception
    assert "0 positive" in page.error[0].value


def test_scores_of_a_probe_of_another_data_set_are_said_to_be_so(
    page: AppTest, workspace: Path
) -> None:
    scores = evaluated.predictions("outside", evaluated.GOOD)
    evaluated.store(workspace, "outside", scores, kind="external", baseline=False)

    page.run()

    assert not page.exception
    assert "fitted on another data set" in evaluated.texts(page)
    assert "pooled" not in evaluated.texts(page)
    assert list(evaluated.table(page, "Model")["Model"]) == ["outside"]


def test_labels_from_the_data_cannot_make_the_browser_fetch_anything(
    page: AppTest, workspace: Path
) -> None:
    beacon = "![x](http://host/)"
    scores = evaluated.predictions(beacon, evaluated.GOOD)
    evaluated.store(workspace, "good", scores, label=beacon)

    page.run()

    shown = [evaluated.texts(page), *evaluated.table(page, "Model")["Model"]]
    assert not [one for one in shown if beacon in one]


def test_without_a_model_the_page_says_where_to_get_one(page: AppTest) -> None:
    page.run()

    assert not page.exception
    assert "Linear probe" in page.info[0].value
    assert not page.slider


def test_a_run_that_is_not_there_is_named_and_left_out(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))
    evaluated.address(page, run=["gone", "good"])

    page.run()

    assert not page.exception
    assert "gone" in page.warning[0].value
    assert page.multiselect[0].value == ["good"]


def test_labels_of_one_class_are_explained_not_crashed(page: AppTest, workspace: Path) -> None:
    scores = evaluated.predictions("good", evaluated.GOOD, labels="x")
    any_auc = AucInterval(0.5, 0.4, 0.6, 0.05, 0.95, "delong", 6, 6, None)
    evaluated.store(workspace, "good", scores, auc=any_auc, baseline=False)

    page.run()

    assert not page.exception
    assert "0" in page.error[0].value
    assert not page.metric
