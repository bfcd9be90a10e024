"""Calibrated probabilities: those of the Calibration page, refused where they mean nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fundus_core.errors import FoldError, FundusError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.evaluation.calibrated import (
    CalibratedProbability,
    calibrated_fold,
    calibrated_probabilities,
    fold_of,
)
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


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def calibrated_probability(
    place: Workspace, run_id: str, image_id: str, class_name: str
) -> CalibratedProbability:
    (found,) = calibrated_probabilities(place, run_id, [image_id], class_name)
    assert isinstance(found, CalibratedProbability), found
    return found


@pytest.mark.parametrize("target", [DR, DISEASES, STAGE], ids=lambda target: target.task)
def test_calibrated_fold__gives_what_the_calibration_page_gives(
    place: Workspace, target: object
) -> None:
    said = held_out(target)  # type: ignore[arg-type]
    stored(place, target, said)  # type: ignore[arg-type]
    name = said.class_names[0]
    one = said if said.task == "multiclass" else said.binary(name)
    expected = recalibrated(one, "platt").predictions.y_score[:, 0]

    found = {
        image_id: probability
        for fold in np.unique(FOLD)
        for image_id, probability in calibrated_fold(
            place, "run", name, int(fold), n_resamples=20
        ).items()
    }

    values = [found[image_id].probability.value for image_id in said.image_ids]
    assert values == pytest.approx(expected, abs=1e-7)


def test_calibrated_probabilities__is_taught_by_other_patients_only(place: Workspace) -> None:
    said = held_out(DR)
    stored(place, DR, said)
    first = calibrated_probability(place, "run", said.image_ids[0], "1")
    own, turned = FOLD[0] == FOLD, said.y_true.copy()
    turned[own] = ~turned[own]

    stored(place, DR, replace(said, y_true=turned), run_id="other")
    again = calibrated_probability(place, "other", said.image_ids[0], "1")

    assert again.probability == first.probability
    assert first.n_images == int((~own).sum())
    assert first.n_patients == len(np.unique(PATIENTS[~own]))


def test_calibrated_probabilities__of_the_other_class_is_the_rest(place: Workspace) -> None:
    said = held_out(DR)
    stored(place, DR, said)
    image = said.image_ids[0]

    one = calibrated_probability(place, "run", image, "1").probability
    other = calibrated_probability(place, "run", image, "0").probability

    assert one.value + other.value == pytest.approx(1)
    assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low))


@pytest.mark.parametrize(
    ("kind", "image", "reason"),
    [("external", None, "another data set"), ("probe", "elsewhere", "held out by no fold")],
)
def test_fold_of__refuses_scores_that_nothing_teaches(
    place: Workspace, kind: str, image: str | None, reason: str
) -> None:
    said = held_out(DR)
    stored(place, DR, said, kind=kind, trained_as="run")  # type: ignore[arg-type]

    with pytest.raises(FoldError, match=reason) as refusal:
        fold_of(place, "run", image or said.image_ids[0], "1")

    assert refusal.value.hint


def test_calibrated_probabilities__where_a_single_patient_is_diseased_says_so(
    place: Workspace,
) -> None:
    said = held_out(DR)
    alone = (PATIENTS[0] == PATIENTS)[:, np.newaxis]
    stored(place, DR, replace(said, y_true=alone))

    (found,) = calibrated_probabilities(place, "run", said.image_ids[:1], "1")

    assert isinstance(found, FundusError)
    assert "no map can be learned" in found.message


def test_calibrated_probabilities__of_a_model_without_folds_is_by_folds_made_here(
    place: Workspace,
) -> None:
    said = held_out(DR)
    stored(place, DR, replace(said, fold=np.zeros(len(FOLD), np.int64)))

    found = calibrated_probability(place, "run", said.image_ids[0], "1")

    assert found.folds_from == "made here"
    assert found.probability.low is not None


def test_calibrated_probabilities__one_that_is_not_known_does_not_spoil_the_others(
    place: Workspace,
) -> None:
    said = held_out(DR)
    stored(place, DR, said)

    first, none, last = calibrated_probabilities(
        place, "run", [said.image_ids[0], "elsewhere", said.image_ids[-1]], "1"
    )

    assert isinstance(none, FoldError)
    known = [one.image_id for one in (first, last) if isinstance(one, CalibratedProbability)]
    assert known == [said.image_ids[0], said.image_ids[-1]]
