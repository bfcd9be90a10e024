"""Calibration and decision curves of stored runs, recalibration, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fundus_core.errors import (
    DifferentImagesError,
    FoldError,
    ScoresError,
    SingleClassError,
    TargetError,
)
from fundus_core.io.workspace import Workspace
from fundus_core.stats.calibration import calibration
from fundus_core.stats.net_benefit import decision_curve
from fundus_core.stats.recalibration import recalibrate_across_folds
from fundus_core.workflows.evaluation.calibration import calibration_of
from fundus_core.workflows.evaluation.decision_curves import decision_curve_of
from fundus_core.workflows.evaluation.recalibrate import recalibrated
from tests.workflows.evaluation.test_metrics import (
    DISEASES,
    DR,
    FOLD,
    PATIENTS,
    STAGE,
    held_out,
    stored,
)

FEW = 100


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_calibration_of__is_by_patient(place: Workspace) -> None:
    said = held_out(DR)
    stored(place, DR, said)

    found = calibration_of(place, "run", n_bins=4, n_resamples=FEW)

    expected = calibration(
        said.y_true[:, 0], said.y_score[:, 0], n_bins=4, patients=PATIENTS, n_resamples=FEW
    )
    (one,) = found.classes
    assert one.before.line.slope == expected.line.slope
    assert one.before.brier == expected.brier
    assert one.before.n_patients == found.n_patients == 40
    assert one.histogram.n_positive.sum() == said.y_true.sum()
    assert (one.after, one.shifted, found.top_label, found.recalibration) == (None,) * 4


def test_calibration_of__shows_recalibration_by_the_folds_of_the_run(place: Workspace) -> None:
    said = held_out(DR)
    stored(place, DR, said)

    found = calibration_of(place, "run", recalibration="platt", n_resamples=FEW)

    by_folds = recalibrate_across_folds("binary", said.y_true, said.y_score, FOLD)
    assert found.recalibration is not None
    assert found.recalibration.folds_from == "cross-validation"
    assert found.recalibration.n_folds == 4
    assert (found.recalibration.predictions.y_score == by_folds.y_score).all()
    (one,) = found.classes
    assert one.after is not None
    assert one.after.mean_predicted == pytest.approx(by_folds.y_score.mean())


def test_recalibrated__divides_patients_anew_where_a_model_has_no_folds() -> None:
    said = held_out(DR, fold=None)

    found = recalibrated(said, "temperature")

    assert found.folds_from == "made here"
    assert found.n_folds == 5
    fold = found.predictions.fold
    assert fold is not None
    assert all(len(np.unique(fold[patient == PATIENTS])) == 1 for patient in np.unique(PATIENTS))
    assert found.predictions.image_ids == said.image_ids


def test_recalibrated__refuses_folds_that_share_a_patient_and_classes_of_one_patient() -> None:
    said = held_out(DR)
    shared = replace(said, fold=np.arange(80) % 4)
    one_patient = replace(said, y_true=(PATIENTS == "P00")[:, None], fold=None)

    with pytest.raises(FoldError, match="40 of 40 patients are in more than one fold"):
        recalibrated(shared, "platt")
    with pytest.raises(FoldError, match="seen in 1 patient only"):
        recalibrated(one_patient, "platt")
    with pytest.raises(TargetError, match="no recalibration 'magic'"):
        recalibrated(said, "magic")  # type: ignore[arg-type]


def test_calibration_of__several_diseases_each_against_the_rest(place: Workspace) -> None:
    said = held_out(DISEASES)  # rvo is had by one patient
    stored(place, DISEASES, said)

    found = calibration_of(place, "run", recalibration="isotonic", n_resamples=FEW)

    assert [one.class_name for one in found.classes] == ["dr", "amd", "rvo"]
    rvo = found.classes[2]
    assert rvo.after is None
    assert "no map can be learned" in rvo.no_after
    assert "only 1 patient with the class" in rvo.before.brier.reason
    assert found.classes[0].after is not None
    assert found.top_label is None


def test_calibration_of__grades_have_a_top_label_and_are_recalibrated_together(
    place: Workspace,
) -> None:
    said = held_out(STAGE)
    said = replace(said, y_score=said.y_score / said.y_score.sum(axis=1, keepdims=True))
    stored(place, STAGE, said)

    found = calibration_of(place, "run", recalibration="temperature", n_resamples=FEW)

    right = said.y_score.argmax(axis=1) == said.y_true.argmax(axis=1)
    assert found.top_label is not None
    assert found.top_label.accuracy == right.mean()
    assert found.top_label.mean_score == pytest.approx(said.y_score.max(axis=1).mean())
    assert found.recalibration is not None
    assert found.recalibration.predictions.y_score.sum(axis=1) == pytest.approx(1)
    assert all(one.after is not None for one in found.classes)


def test_calibration_of__a_class_no_image_has_is_named(place: Workspace) -> None:
    said = held_out(DISEASES)
    said.y_true[:, 2] = False
    stored(place, DISEASES, said)

    assert calibration_of(place, "run", n_resamples=FEW).left_out == ("rvo",)
    with pytest.raises(SingleClassError, match="Of 80 photographs 0 have rvo"):
        calibration_of(place, "run", "rvo")
    with pytest.raises(TargetError, match="does not predict 'erm'; it predicts dr, amd, rvo"):
        calibration_of(place, "run", "erm")


def test_calibration_of__another_prevalence_moves_observed_shares_and_is_cautioned(
    place: Workspace,
) -> None:
    said = held_out(DR)
    stored(place, DR, said)

    found = calibration_of(place, "run", n_bins=3, prevalence=0.1, n_resamples=FEW)

    (one,) = found.classes
    assert one.shifted is not None
    share, prevalence = one.before.curve.observed, said.y_true.mean()
    odds = share / (1 - share) * (0.1 / 0.9) / (prevalence / (1 - prevalence))
    assert one.shifted.observed == pytest.approx(odds / (1 + odds))
    assert [caution.code for caution in found.cautions] == ["FD015"]
    assert "50 %" in found.cautions[0].text
    as_it_is = calibration_of(place, "run", prevalence=float(prevalence), n_resamples=FEW)
    assert not as_it_is.cautions


def test_calibration_of__scores_that_are_no_probabilities_are_refused_by_name(
    place: Workspace,
) -> None:
    table = pd.DataFrame({"y_true": [0, 1, 0, 1], "y_score": [-1.0, 2.0, 0.5, 0.7]})
    table.to_csv(place.root / "cosines.csv", index=False)

    with pytest.raises(ScoresError, match="2 of 4 scores lie outside"):
        calibration_of(place, str(place.root / "cosines.csv"))


def test_calibration_of__unknown_patients_are_cautioned(place: Workspace) -> None:
    stored(place, DR, replace(held_out(DR), patient_ids=None))

    found = calibration_of(place, "run", n_resamples=FEW)

    assert found.n_patients is None
    assert "images" in found.classes[0].before.brier.method
    assert [caution.code for caution in found.cautions] == ["FD003"]


def test_decision_curve_of__says_whose_scores_are_no_probabilities(place: Workspace) -> None:
    stored(place, DR, held_out(DR), run_id="fitted")
    stored(place, DR, held_out(DR, seed=1), run_id="words", kind="zero_shot")

    both = decision_curve_of(place, ["fitted", "words"], n_resamples=FEW)
    mapped = decision_curve_of(place, ["fitted", "words"], recalibration="platt", n_resamples=FEW)

    assert "are no probabilities" in both.no_probabilities
    assert (len(both.by_words), mapped.no_probabilities) == (1, "")


def test_decision_curve_of__compares_the_first_model_with_each_other_one(place: Workspace) -> None:
    said = held_out(DR)
    for seed, name in enumerate(("first", "second", "third")):
        stored(place, DR, held_out(DR, seed=seed), run_id=name)

    found = decision_curve_of(place, ["first", "second", "third"], n_resamples=FEW)

    expected = decision_curve(
        said.y_true[:, 0], said.y_score[:, 0], patients=PATIENTS, n_resamples=FEW
    )
    assert (found.models[0].curve.model.value == expected.model.value).all()
    low = found.models[0].curve.model.low
    assert np.array_equal(low, expected.model.low, equal_nan=True)
    assert [(one.run_a, one.run_b) for one in found.differences] == [
        ("first", "second"),
        ("first", "third"),
    ]
    benefits = [one.curve.model.value for one in found.models]
    assert found.differences[1].result.difference.value == pytest.approx(benefits[0] - benefits[2])
    assert found.paired


def test_decision_curve_of__another_prevalence_is_cautioned(place: Workspace) -> None:
    stored(place, DR, held_out(DR))

    found = decision_curve_of(place, ["run"], prevalence=0.05, n_resamples=FEW)

    assert found.models[0].curve.prevalence == 0.05
    assert [caution.code for caution in found.cautions] == ["FD015"]
    assert "prevalence of 5 %" in found.cautions[0].text


def test_decision_curve_of__can_be_of_recalibrated_scores(place: Workspace) -> None:
    stored(place, DR, held_out(DR))

    before = decision_curve_of(place, ["run"], n_resamples=FEW).models[0].curve
    after = decision_curve_of(place, ["run"], recalibration="platt", n_resamples=FEW)

    assert (after.models[0].curve.model.value != before.model.value).any()
    assert after.recalibration == "platt"


def test_decision_curve_of__partly_different_photographs_are_refused_until_asked_for(
    place: Workspace,
) -> None:
    stored(place, DR, held_out(DR))
    stored(place, DR, held_out(DR).select(np.arange(70)), run_id="fewer")

    with pytest.raises(DifferentImagesError, match="80, 70"):
        decision_curve_of(place, ["run", "fewer"])
    found = decision_curve_of(place, ["run", "fewer"], common=True, n_resamples=FEW)

    assert found.n_images == 70
    with pytest.raises(TargetError, match="No model"):
        decision_curve_of(place, [])
