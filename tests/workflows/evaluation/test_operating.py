"""Where thresholds come from, what they give, and when the reader is warned."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fundus_core.errors import ScoresError, StoreError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.operating import operating_point
from fundus_core.stats.patient_level import patient_level
from fundus_core.stats.threshold_rules import RuleChoice, choose_threshold, threshold_to_write
from fundus_core.workflows.evaluation.operating import OperatingResult, operate
from tests.workflows.evaluation.test_metrics import (
    DISEASES,
    DR,
    FOLD,
    GRADE,
    PATIENTS,
    held_out,
    stored,
)

AT_LEAST_90 = RuleChoice("specificity", 0.9)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def codes(found: OperatingResult) -> list[str]:
    return [one.code for one in found.cautions]


@pytest.mark.parametrize("choice", [None, AT_LEAST_90], ids=["youden", "specificity"])
def test_operate__after_cross_validation_chooses_on_the_other_folds(
    place: Workspace, choice: RuleChoice | None
) -> None:
    said = held_out(DR)
    stored(place, DR, said)

    found = operate(place, "run", choice=choice)

    y_true, score = said.y_true[:, 0], said.y_score[:, 0]
    right = {True: 0, False: 0}
    for fold in range(4):
        threshold = choose_threshold(y_true[fold != FOLD], score[fold != FOLD], choice)
        assert found.thresholds[fold].value == threshold
        for row in np.flatnonzero(fold == FOLD):
            assert found.called[row] == (score[row] >= threshold)
            right[bool(y_true[row])] += bool(found.called[row] == y_true[row])
    assert found.source == "other folds"
    assert found.point.threshold is None
    assert (found.point.n_true_positive, found.point.n_true_negative) == (right[True], right[False])
    assert found.point.method == "wilson, clustered"
    assert "FD017" not in codes(found)


def test_operate__without_folds_warns_that_the_threshold_was_sought_here(place: Workspace) -> None:
    said = held_out(DR, fold=None)
    stored(place, DR, said)

    found = operate(place, "run")

    assert found.source == "same photographs"
    assert found.point.threshold == threshold_to_write(said.y_true[:, 0], said.y_score[:, 0])
    assert codes(found) == ["FD017"]
    assert "Youden" in found.cautions[0].text
    assert "80 photographs" in found.cautions[0].text


def test_operate__at_a_fixed_threshold_does_not_choose(place: Workspace) -> None:
    said = held_out(DR)
    stored(place, DR, said)

    found = operate(place, "run", threshold=0.4)

    assert found.point == operating_point(
        said.y_true[:, 0], said.y_score[:, 0], 0.4, patients=PATIENTS
    )
    assert (found.source, found.choice, found.cautions) == ("fixed", None, ())


def test_operate__of_a_model_from_another_data_set_chooses_where_it_was_trained(
    place: Workspace,
) -> None:
    inside, outside = held_out(DR), held_out(DR, seed=1, fold=None)
    outside = replace(
        outside,
        image_ids=tuple(f"o{row}" for row in range(80)),
        patient_ids=np.char.add("Q", PATIENTS),
    )
    stored(place, DR, inside, run_id="inside")
    stored(place, DR, outside, run_id="outside", kind="external", trained_as="inside")

    found = operate(place, "outside")

    threshold = choose_threshold(inside.y_true[:, 0], inside.y_score[:, 0])
    assert (found.source, found.chosen_on) == ("inside", "inside")
    assert found.point.threshold == threshold
    assert np.array_equal(found.called, outside.y_score[:, 0] >= threshold)
    assert codes(found) == []


def test_operate__on_another_run_applies_the_threshold_chosen_in_this_one(
    place: Workspace,
) -> None:
    here, there = held_out(DR), held_out(DR, seed=1)
    there = replace(there, image_ids=(*here.image_ids[:3], *(f"o{row}" for row in range(77))))
    stored(place, DR, here, run_id="here")
    stored(place, DR, there, run_id="there")

    found = operate(place, "here", on="there", choice=AT_LEAST_90)

    threshold = choose_threshold(here.y_true[:, 0], here.y_score[:, 0], AT_LEAST_90)
    assert found.point.threshold == threshold
    assert (found.run_id, found.chosen_on) == ("there", "here")
    assert codes(found) == ["FD017", "FD023"]
    assert found.cautions[0].text.startswith("3 of 80 photographs")
    assert found.cautions[1].text.startswith(
        "39 ids of patients are among those that the threshold"
    )


@pytest.mark.parametrize("aggregate", [None, "max"], ids=["image", "patient"])
def test_operate__on_other_photographs_of_the_same_patients_says_so(
    place: Workspace, aggregate: str | None
) -> None:
    here, there = held_out(DR), held_out(DR, seed=1)
    there = replace(there, image_ids=tuple(f"o{row}" for row in range(80)))
    stored(place, DR, here, run_id="here")
    stored(place, DR, there, run_id="there")

    (said,) = operate(place, "here", on="there", aggregate=aggregate).cautions

    assert said.code == ("FD023" if aggregate is None else "FD017")
    assert said.text.startswith("40 ")


def test_operate__on_tables_that_name_no_patient_says_only_that(place: Workspace) -> None:
    for name, seed in (("here", 0), ("there", 1)):
        said = held_out(DR, seed=seed)
        ids = tuple(f"{name}{row}" for row in range(80))
        stored(place, DR, replace(said, image_ids=ids, patient_ids=None), run_id=name)

    assert codes(operate(place, "here", on="there")) == ["FD003"]


@pytest.mark.parametrize("aggregate", ["max", "mean", "any"])
def test_operate__of_patients_is_that_of_their_scores_put_together(
    place: Workspace, aggregate: str
) -> None:
    said = held_out(DR)
    stored(place, DR, said)

    found = operate(place, "run", aggregate=aggregate, threshold=0.5)

    together = patient_level(said, aggregate)
    assert found.point == operating_point(
        together.y_true[:, 0],
        together.y_score[:, 0],
        0.5,
        patients=together.patient_ids,
    )
    assert (len(found.called), found.n_patients, found.unit) == (40, 40, "patient")


def test_operate__of_few_diseased_patients_says_so(place: Workspace) -> None:
    said = held_out(DR)
    rare = replace(said, y_true=(np.arange(80) < 12)[:, None])
    stored(place, DR, rare)

    by_patient = operate(place, "run", aggregate="max", threshold=0.5)
    by_image = operate(place, "run", threshold=0.5)

    assert codes(by_patient) == ["FD002"]
    assert by_patient.cautions[0].text == "6 of 40 patients have it."
    assert codes(by_image) == []


def test_operate__takes_a_table_and_warns_of_unknown_patients(
    place: Workspace, tmp_path: Path
) -> None:
    said = held_out(DR)
    table = said.frame().drop(columns=["patient_id", "fold"])
    table.to_csv(tmp_path / "said.csv", index=False)

    found = operate(place, str(tmp_path / "said.csv"))

    assert found.source == "same photographs"
    assert codes(found) == ["FD003", "FD017"]
    with pytest.raises(ScoresError, match="no patient ids"):
        operate(place, str(tmp_path / "said.csv"), aggregate="max")


def test_operate__of_several_classes_wants_one_of_them(place: Workspace) -> None:
    stored(place, DISEASES, held_out(DISEASES), run_id="diseases")
    stored(place, GRADE, held_out(GRADE), run_id="grades")

    with pytest.raises(TargetError, match="dr, amd, rvo; one must be chosen"):
        operate(place, "diseases")
    with pytest.raises(TargetError, match="does not predict 'glaucoma'; it predicts dr, amd, rvo"):
        operate(place, "diseases", class_name="glaucoma")
    assert operate(place, "diseases", class_name="amd").class_name == "amd"
    assert operate(place, "grades", class_name="2", aggregate="mean").class_name == "2"


def test_operate__where_the_other_folds_lack_a_class_takes_one_half_and_tells(
    place: Workspace,
) -> None:
    stored(place, DISEASES, held_out(DISEASES))

    found = operate(place, "run", class_name="rvo")  # a single patient has it

    assert [one.rule for one in found.thresholds].count("one half") == 1
    assert {one.value for one in found.thresholds if one.rule == "one half"} == {0.5}


def test_operate__refuses_a_rule_beside_a_threshold_and_runs_that_are_not_there(
    place: Workspace,
) -> None:
    stored(place, DR, held_out(DR))

    with pytest.raises(TargetError, match=r"given as 0\.5"):
        operate(place, "run", threshold=0.5, choice=AT_LEAST_90)
    with pytest.raises(StoreError, match="no run 'gone'"):
        operate(place, "run", on="gone")


def test_values_at__are_those_of_the_calls_across_folds(place: Workspace) -> None:
    stored(place, DR, held_out(DR))
    found = operate(place, "run")

    values = found.values_at(0.1)

    point = found.point
    expected = 0.1 * point.sensitivity
    expected /= expected + 0.9 * (1 - point.specificity)
    assert values.positive.value == pytest.approx(expected)
    assert values.method == "score, clustered"
