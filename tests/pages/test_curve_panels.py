"""What the ROC and the compare page say of curves beyond the AUC, when asked to."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.stats.hand_till import hand_till_auc
from fundus_core.stats.partial_auc import partial_auc
from fundus_core.stats.precision_recall import precision_recall_curve
from fundus_core.stats.resampled_tests import permutation_test
from fundus_core.ui import curve_caches
from fundus_core.ui.components.areas_tabs import PARTS, PRECISION
from tests.pages import evaluated

ROC = evaluated.PAGES / "evaluate" / "roc.py"
COMPARE = evaluated.PAGES / "evaluate" / "compare.py"

Y_TRUE = [name.startswith("d") for name in evaluated.PATIENTS]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> Path:
    """A workspace with two models of twelve photographs of three patients."""
    evaluated.open_dataset(monkeypatch, workspace)
    for name, scores in (("good", evaluated.GOOD), ("poor", evaluated.POOR)):
        evaluated.store(workspace, name, evaluated.predictions(name, scores))
    return workspace


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> Path:
    """A workspace with two models of three diseases in 60 photographs of 30 patients."""
    evaluated.open_dataset(monkeypatch, workspace)
    for seed, name in enumerate(("good", "poor")):
        scores = evaluated.diseased(name, 2.0 - seed, seed)
        evaluated.store(workspace, name, scores, target=evaluated.DISEASES)
    return workspace


def opened(page: Path, tab: str = "", **entries: str | list[str]) -> AppTest:
    """Returns a page as it is drawn, with one of the tabs of areas open."""
    drawn = AppTest.from_file(page, default_timeout=60)
    evaluated.address(drawn, **entries)
    if tab:
        drawn.session_state["roc.areas"] = tab
    return drawn.run()


def test_bands__are_those_of_each_point_until_the_whole_curve_is_asked_for(place: Path) -> None:
    page = opened(ROC, run="good")
    before = evaluated.texts(page)

    page.segmented_control(key="roc.band").set_value("simultaneous").run()

    assert not page.exception
    assert "band of each point on its own" in before
    assert "95 % simultaneous band" in evaluated.texts(page)


def test_bands__can_be_left_out(place: Path) -> None:
    page = opened(ROC, run="good")

    page.segmented_control(key="roc.band").set_value("none").run()

    assert not page.exception
    assert "Shaded" not in evaluated.texts(page)


def test_partial_areas__are_those_of_the_range_chosen(many: Path) -> None:
    page = opened(ROC, PARTS, run=["good", "poor"], **{"class": "dr"})
    page.slider(key="partial.range").set_value((0.6, 0.9)).run()

    shown = evaluated.table(page, "Partial AUC (95 % CI)").set_index("Model")

    said = evaluated.diseased("good", 2.0, 0)
    about = {"start": 0.6, "end": 0.9, "patients": said.patient_ids}
    area = partial_auc(said.y_true[:, 0], said.y_score[:, 0], **about)
    assert not page.exception
    assert shown.loc["good", "Partial AUC (95 % CI)"].startswith(f"{area.area.value:.3f} (")
    assert shown.loc["good", "Corrected (95 % CI)"].startswith(f"{area.corrected.value:.3f} (")
    assert "Sensitivity at specificity 0.6 (95 % CI)" in shown
    assert "McClish" in evaluated.texts(page)


def test_partial_areas__of_too_few_patients_say_why_there_is_no_interval(place: Path) -> None:
    page = opened(ROC, PARTS, run="good")

    assert not page.exception
    assert "a bootstrap needs 5" in evaluated.texts(page)


def test_partial_areas__of_a_range_without_width_ask_for_one(place: Path) -> None:
    page = opened(ROC, PARTS, run="good")

    page.slider(key="partial.range").set_value((0.9, 0.9)).run()

    assert not page.exception
    assert "range with width" in page.info[-1].value


def test_precision__names_the_prevalence_and_what_depends_on_it(many: Path) -> None:
    page = opened(ROC, PRECISION, run=["good", "poor"], **{"class": "amd"})

    said = evaluated.diseased("good", 2.0, 0)
    curve = precision_recall_curve(said.y_true[:, 1], said.y_score[:, 1])
    assert not page.exception
    assert f"prevalence here, {curve.prevalence:.3f}" in evaluated.texts(page)
    assert "where the disease is rarer" in evaluated.texts(page)
    shown = evaluated.table(page, "Average precision (95 % CI)")
    assert list(shown["Model"]) == ["good", "poor"]


def test_precision__is_not_computed_until_its_tab_is_opened(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*asked: object) -> None:
        raise AssertionError(asked)

    monkeypatch.setattr(curve_caches, "precision_recall", refuse)
    monkeypatch.setattr(curve_caches, "partial", refuse)

    assert not opened(ROC, run="good").exception


def test_classes_that_exclude_one_another_are_told_apart_two_at_a_time(
    monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> None:
    evaluated.open_dataset(monkeypatch, workspace)
    said = evaluated.graded("grades", 0)
    evaluated.store(workspace, "grades", said, target=evaluated.GRADE)

    page = opened(ROC, run="grades")

    found = hand_till_auc(said.y_true, said.y_score, said.class_names, n_resamples=10)
    assert not page.exception
    assert f"Mean AUC over 3 pairs of classes: **{found.interval.value:.3f}" in evaluated.texts(
        page
    )
    assert len(evaluated.table(page, "Against")) == 3


def test_other_tests__run_when_asked_and_say_what_they_assume(many: Path) -> None:
    page = opened(COMPARE, run=["good", "poor"], **{"class": "dr"})
    before = evaluated.texts(page)
    page.selectbox(key="other.test").set_value("permutation").run()

    page.button(key="other.run").click().run()

    good, poor = (evaluated.diseased("", 2.0 - seed, seed) for seed in (0, 1))
    scores = good.y_score[:, 0], poor.y_score[:, 0]
    test = permutation_test(good.y_true[:, 0], *scores, patients=good.patient_ids)
    said = evaluated.texts(page)
    assert not page.exception
    assert "swapping their ranks" not in before
    assert f"difference of the AUC {test.difference:+.3f}; no interval" in said
    assert f"p = {test.p_value:.4f}" in said
    assert "swapping their ranks" in said
    assert "60 photographs of 30 patients" in said


def test_other_tests__of_a_part_of_the_curve_offer_its_range(many: Path) -> None:
    page = opened(COMPARE, run=["good", "poor"], **{"class": "dr"})
    page.selectbox(key="other.test").set_value("partial-auc").run()
    page.slider(key="other.range").set_value((0.2, 1.0)).run()

    page.button(key="other.run").click().run()

    assert not page.exception
    assert "partial AUC over specificity 0\\.2 to 1" in evaluated.texts(page)


def test_other_tests__of_too_few_patients_are_refused_in_words(place: Path) -> None:
    page = opened(COMPARE, run=["good", "poor"])

    page.button(key="other.run").click().run()

    assert not page.exception
    assert "a bootstrap needs at least 5 of each" in page.error[0].value
