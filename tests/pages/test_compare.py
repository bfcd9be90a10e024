"""The compare page: several models, one family of tests, and what it says when it cannot."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fundus_core.checks import Caution
from fundus_core.io.workspace import Workspace
from fundus_core.stats.delong import compare_paired
from fundus_core.ui import text
from fundus_core.workflows.evaluation.classes import compare_classes
from fundus_core.workflows.evaluation.compare import compare
from fundus_core.workflows.evaluation.errors_that_differ import errors_that_differ
from tests.pages import evaluated

PAGE = evaluated.PAGES / "evaluate" / "compare.py"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> AppTest:
    """The page as it opens for someone who has a data set and no model yet."""
    evaluated.open_dataset(monkeypatch, workspace)
    return AppTest.from_file(PAGE, default_timeout=30)


def store_two(workspace: Path, *, patients: bool = True) -> None:
    for name, scores in (("good", evaluated.GOOD), ("poor", evaluated.POOR)):
        evaluated.store(workspace, name, evaluated.predictions(name, scores, patients=patients))


def test_the_pair_is_tested_by_patient_with_plain_delong_beside(
    page: AppTest, workspace: Path
) -> None:
    store_two(workspace)
    evaluated.address(page, run=["good", "poor"])

    page.run()

    assert not page.exception
    y_true = [name.startswith("d") for name in evaluated.PATIENTS]
    scores = [list(one.values()) for one in (evaluated.GOOD, evaluated.POOR)]
    by_patient = compare_paired(y_true, *scores, patients=list(evaluated.PATIENTS.values()))
    plain = compare_paired(y_true, *scores)
    pair = evaluated.table(page, "Pair").iloc[0]
    assert pair["Difference (95 % CI)"].startswith(f"{by_patient.difference:+.3f} (")
    assert (pair["t"], pair["df"]) == (
        f"{by_patient.z:.2f}",
        f"{by_patient.degrees_of_freedom:.1f}",
    )
    assert pair["Plain DeLong (z; p)"].startswith(f"{plain.z:.2f}; ")
    assert "Obuchowski" in pair["Method"]
    assert "12 photographs of 3 patients" in evaluated.texts(page)


def test_every_model_has_its_own_cautions_on_the_page(page: AppTest, workspace: Path) -> None:
    own = {name: Caution("FD022", f"{n} taught it.") for name, n in (("good", 3), ("poor", 7))}
    for name, scores in (("good", evaluated.GOOD), ("poor", evaluated.POOR)):
        said = evaluated.predictions(name, scores)
        evaluated.store(workspace, name, said, cautions=[own[name]])
    evaluated.address(page, run=["good", "poor"])

    page.run()

    said = [one.value for one in page.warning if one.value.startswith("**FD022**")]
    assert [one.partition("** ")[2].partition("\n\n")[0] for one in said] == [
        text.escaped(f"Model {one}") for one in ("good: 3 taught it.", "poor: 7 taught it.")
    ]


def test_unknown_patients_are_said_loudly_and_no_second_test_is_shown(
    page: AppTest, workspace: Path
) -> None:
    store_two(workspace, patients=False)

    page.run()

    assert not page.exception
    assert "Patients are unknown" in evaluated.texts(page)
    assert "Plain DeLong (z; p)" not in evaluated.table(page, "Pair")
    assert "FD003" in page.warning[0].value


def test_three_models_give_three_pairs_corrected_together(page: AppTest, workspace: Path) -> None:
    store_two(workspace)
    third = evaluated.GOOD | {"h5": 0.99}
    evaluated.store(workspace, "third", evaluated.predictions("third", third))

    page.run()

    assert not page.exception
    assert len(evaluated.table(page, "Pair")) == 3
    assert "3 pairs" in evaluated.texts(page)


def test_the_mean_colour_is_of_the_photographs_that_are_compared(
    page: AppTest, workspace: Path
) -> None:
    few = {name: evaluated.POOR[name] for name in list(evaluated.POOR)[1:]}
    for name, scores in (("good", evaluated.GOOD), ("colour", few)):
        evaluated.store(workspace, name, evaluated.predictions(name, scores))
    evaluated.address(page, run=["good", "colour"])
    page.run()

    next(one for one in page.toggle if "common" in one.label).set_value(True).run()

    assert not page.exception
    shown = evaluated.table(page, "Model").set_index("Model")
    own = shown.loc["colour", "AUC (95 % CI)"]
    assert list(shown["Mean colour, own folds"]) == [own, own]


@pytest.mark.parametrize("level", ["image", "patient"])
def test_the_mean_colour_is_of_the_class_and_the_level_that_were_chosen(
    page: AppTest, workspace: Path, level: str
) -> None:
    for name, strength, seed in (("good", 1.5, 0), ("colour", 0.2, 9)):
        said = evaluated.diseased(name, strength, seed)
        evaluated.store(workspace, name, said, target=evaluated.DISEASES)
    evaluated.address(page, run=["good", "colour"])
    page.run()
    next(one for one in page.selectbox if "Class" in one.label).set_value("amd").run()

    page.segmented_control(key="level").set_value(level).run()

    assert not page.exception
    shown = evaluated.table(page, "Model").set_index("Model")
    assert list(shown["Positive"]) == (["20"] if level == "image" else ["10"]) * 2
    own = shown.loc["colour", "AUC (95 % CI)"]
    assert list(shown["Mean colour, own folds"]) == [own, own]


def store_three(workspace: Path) -> None:
    for name, strength in (("good", 2.0), ("middling", 1.0), ("poor", 0.2)):
        scores = evaluated.diseased(name, strength, seed=len(name)).binary("dr")
        evaluated.store(workspace, name, scores, baseline=False)


def test_three_models_are_tested_at_once(page: AppTest, workspace: Path) -> None:
    store_three(workspace)

    page.run()

    assert not page.exception
    joint = compare(Workspace(workspace), ["good", "middling", "poor"]).all_equal.result
    assert joint is not None
    told = evaluated.texts(page)
    assert f"Chi-square = {joint.statistic:.2f} with 2 degrees of freedom" in told
    assert "patients as independent of each other" in told


def test_the_correction_is_the_one_that_was_chosen(page: AppTest, workspace: Path) -> None:
    store_three(workspace)
    page.run()
    assert "p (Holm)" in evaluated.table(page, "Pair")

    page.radio(key="compare.correction").set_value("bh").run()

    shown = evaluated.table(page, "Pair")
    pairs = compare(Workspace(workspace), page.multiselect[0].value).pairs
    assert list(shown["p (Benjamini-Hochberg)"]) == [text.bare_p(pair.p_bh) for pair in pairs]
    assert "share of false ones" in evaluated.texts(page)


def test_a_single_pair_has_no_correction_to_choose(page: AppTest, workspace: Path) -> None:
    store_two(workspace)

    page.run()

    assert not page.radio
    assert "Chi-square" not in evaluated.texts(page)


def test_a_model_is_held_against_a_margin(page: AppTest, workspace: Path) -> None:
    store_three(workspace)
    page.run()
    page.selectbox(key="margin.reference").set_value("good").run()
    narrow = evaluated.texts(page)

    page.number_input(key="margin.of").set_value(0.5).run()

    assert not page.exception
    assert narrow.count("at least as good up to 0.05") == 2
    assert "at least as good up to 0.5: **shown**" in evaluated.texts(page)


def test_the_next_study_is_planned_from_what_was_found(page: AppTest, workspace: Path) -> None:
    store_three(workspace)
    page.run()
    first = next(one for one in page.markdown if "This is a plan" in one.value).value

    page.number_input(key="power.by").set_value(0.15).run()

    fewer = next(one for one in page.markdown if "This is a plan" in one.value).value
    assert not page.exception
    assert int(fewer.split()[0].strip("*").replace(",", "")) < int(
        first.split()[0].strip("*").replace(",", "")
    )
    inputs = {one.label: one.value for one in page.number_input}
    assert inputs["Photographs per patient"] == 2.0
    assert inputs["Healthy per diseased patient"] == 1.0


def test_models_of_one_name_are_told_apart(page: AppTest, workspace: Path) -> None:
    for run_id in ("resnet18-11111111", "resnet18-22222222"):
        scores = evaluated.GOOD if run_id.endswith("1") else evaluated.POOR
        evaluated.store(workspace, run_id, evaluated.predictions("", scores), label="resnet18")

    page.run()

    assert len(set(evaluated.table(page, "Model")["Model"])) == 2
    assert not page.exception


def test_with_one_model_the_page_says_where_to_get_another(page: AppTest, workspace: Path) -> None:
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))

    page.run()

    assert not page.exception
    assert "2 evaluated models" in page.info[0].value
    assert not page.table


def test_one_chosen_model_is_not_enough(page: AppTest, workspace: Path) -> None:
    store_two(workspace)
    evaluated.address(page, run="good")

    page.run()

    assert "at least 2 models" in page.info[0].value
    assert not page.table


def test_models_of_different_photographs_are_refused_until_the_common_ones_are_asked_for(
    page: AppTest, workspace: Path
) -> None:
    fewer = {name: score for name, score in evaluated.POOR.items() if name != "h0"}
    evaluated.store(workspace, "good", evaluated.predictions("good", evaluated.GOOD))
    evaluated.store(workspace, "fewer", evaluated.predictions("fewer", fewer))
    evaluated.address(page, run=["good", "fewer"])
    page.run()
    refused = page.error[0].value

    page.toggle[0].set_value(True).run()

    assert "12" in refused
    assert "11" in refused
    assert not page.exception
    assert not page.error
    assert "11 photographs" in evaluated.texts(page)


def store_diseases(workspace: Path, *names: str) -> None:
    for seed, name in enumerate(names):
        scores = evaluated.diseased(name, 2.0 - seed, seed)
        evaluated.store(workspace, name, scores, target=evaluated.DISEASES)


def test_several_diseases_are_tested_together(page: AppTest, workspace: Path) -> None:
    store_diseases(workspace, "good", "poor")
    evaluated.address(page, run=["good", "poor"])

    page.run()

    assert not page.exception
    tests = evaluated.table(page, "p (Holm)").set_index("Class")
    found = compare_classes(Workspace(workspace), ["good", "poor"]).pairs[0]
    for test in found.classes[:2]:
        shown = tests.loc[test.name]
        assert test.result is not None
        assert shown["Difference (95 % CI)"].startswith(f"{test.result.difference:+.3f} (")
        assert shown["t"] == f"{test.result.z:.2f}"
        assert shown["df"] == f"{test.result.degrees_of_freedom:.1f}"
    over = "average of 2 of 3 classes \\(without rvo\\)"
    assert list(tests.index[3:]) == [f"**Macro {over}**", f"**Micro {over}**"]
    assert list(tests["p (Holm)"][3:]) == ["–", "–"]  # one pair: nothing to correct for
    assert "over 2 tests of single classes" in evaluated.texts(page)
    assert "60 photographs of 30 patients" in evaluated.texts(page)


def test_a_disease_too_rare_to_test_keeps_its_row_and_its_reason(
    page: AppTest, workspace: Path
) -> None:
    store_diseases(workspace, "good", "poor")
    evaluated.address(page, run=["good", "poor"])

    page.run()

    tests = evaluated.table(page, "p (Holm)").set_index("Class")
    assert tests.loc["rvo", "Difference (95 % CI)"] == "no test"
    assert tests.loc["rvo", "p (Holm)"] == "–"
    assert "Not tested:** rvo, too few\\: 0 patients with it" in evaluated.texts(page)


def test_a_disease_too_rare_to_test_among_others_has_no_p_by_itself_either(
    page: AppTest, workspace: Path
) -> None:
    for seed, name in enumerate(("good", "poor")):
        said = evaluated.diseased(name, 2.0 - seed, seed)
        rare = np.column_stack([said.y_true[:, :2], np.arange(60) < 18])  # 9 patients with rvo
        evaluated.store(workspace, name, replace(said, y_true=rare), target=evaluated.DISEASES)
    evaluated.address(page, run=["good", "poor"], **{"class": "rvo"})

    page.run()

    assert not page.exception
    told = evaluated.texts(page)
    why = "too few: 9 patients with it, 21 without; a test needs 10 of each"
    assert f"No test: {text.escaped(why)}." in told
    assert evaluated.table(page, "AUC (95 % CI)").shape[0] == 2
    assert "two-sided" not in told
    assert "Other tests" not in {one.label for one in page.expander}


def test_of_three_models_of_several_diseases_a_pair_is_chosen(
    page: AppTest, workspace: Path
) -> None:
    store_diseases(workspace, "good", "poor", "third")
    evaluated.address(page, run=["good", "poor", "third"])
    page.run()
    menu = next(one for one in page.selectbox if one.label == "Differences of")

    menu.set_value(("poor", "third")).run()

    assert not page.exception
    assert "over 6 tests of single classes, of all 3 pairs" in evaluated.texts(page)
    assert "poor minus third" in page.subheader[1].value
    assert list(evaluated.table(page, "good").columns[-3:]) == ["good", "poor", "third"]


def test_one_disease_of_several_is_compared_alone(page: AppTest, workspace: Path) -> None:
    store_diseases(workspace, "good", "poor")
    evaluated.address(page, run=["good", "poor"], **{"class": "amd"})

    page.run()

    assert not page.exception
    assert len(evaluated.table(page, "Pair")) == 1
    assert page.subheader[0].value == "AUC for amd"


def test_patients_can_be_compared_on_in_place_of_photographs(
    page: AppTest, workspace: Path
) -> None:
    patients = np.array([f"{name[0]}{int(name[1:]) // 2}" for name in evaluated.PATIENTS])
    for name, scores in (("good", evaluated.GOOD), ("poor", evaluated.POOR)):
        said = evaluated.predictions(name, scores)
        evaluated.store(workspace, name, replace(said, patient_ids=patients, fold=None))
    page.run()

    page.segmented_control(key="level").set_value("patient").run()

    assert not page.exception
    found = compare(Workspace(workspace), page.multiselect[0].value, aggregate="max")
    told = evaluated.texts(page)
    assert f"**By patient:** {found.n_images} patients" in told
    pair = evaluated.table(page, "Pair").iloc[0]
    assert pair["Difference (95 % CI)"].startswith(f"{found.pairs[0].result.difference:+.3f} (")


def test_errors_that_differ_are_counted_and_shown(page: AppTest, workspace: Path) -> None:
    store_two(workspace)
    evaluated.address(page, run=["good", "poor"])

    page.run()

    assert not page.exception
    found = errors_that_differ(Workspace(workspace), "good", "poor")
    whole = found.overall
    said = evaluated.texts(page)
    assert f"exactly one of the two is right about **{whole.n_differ}**" in said
    assert text.p_value(whole.p_value) in said
    counts = evaluated.table(page, "Both right")["Only the first right"]
    parts = (found.overall, found.with_class, found.without_class)
    assert list(counts) == [str(one.n_only_first) for one in parts]
    shown = {button.key for button in page.button if (button.key or "").startswith("differ.0.")}
    assert shown == {f"differ.0.{name}" for name in found.only_first_right()}


def test_errors_that_differ_show_names_of_models_as_text(page: AppTest, workspace: Path) -> None:
    names = {"good": "a *b*", "poor": "c_d"}
    for (run_id, name), scores in zip(names.items(), (evaluated.GOOD, evaluated.POOR), strict=True):
        evaluated.store(workspace, run_id, evaluated.predictions(run_id, scores), label=name)
    evaluated.address(page, run=["good", "poor"])

    page.run()

    first, second = page.segmented_control(key="differ.kind").options
    assert "*b*" not in first
    assert text.plain(first).startswith("Only a *b* is right (")
    assert text.plain(second).startswith("Only c_d is right (")


def test_errors_that_differ_ask_for_two_models(page: AppTest, workspace: Path) -> None:
    store_two(workspace)
    evaluated.address(page, run=["good", "poor"])
    page.run()

    page.selectbox(key="differ.1").select("good").run()

    assert not page.exception
    assert any("two different models" in one.value for one in page.info)
