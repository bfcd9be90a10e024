"""Curves of stored runs, and the parts of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fundus_core.errors import SingleClassError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.fixed_rates import rate_at
from fundus_core.stats.partial_auc import partial_auc
from fundus_core.workflows.evaluation.curves import PartialRange, curves, hand_till
from fundus_core.workflows.evaluation.metrics import run_metrics
from tests.workflows.evaluation.test_metrics import DISEASES, DR, GRADE, PATIENTS, held_out, stored

FEW = 100


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_curves__are_by_patient_and_of_the_stored_scores(place: Workspace) -> None:
    said = held_out(DR)
    stored(place, DR, said)
    y_true, y_score = said.y_true[:, 0], said.y_score[:, 0]

    found = curves(place, "run", n_resamples=FEW)

    about = {"patients": PATIENTS, "n_resamples": FEW}
    assert (found.n_images, found.n_patients, found.n_positive) == (80, 40, y_true.sum())
    assert found.partial == (
        partial_auc(y_true, y_score, **about),
        partial_auc(y_true, y_score, axis="sensitivity", **about),
    )
    assert found.rates[0] == rate_at(y_true, y_score, **about)
    assert [one.measured for one in found.rates] == ["sensitivity", "specificity"]
    assert [band.kind for band in found.bands] == ["pointwise", "simultaneous"]
    assert {band.method for band in found.bands} == {"stratified bootstrap of patients"}


def test_curves__average_precision_is_that_of_the_metrics(place: Workspace) -> None:
    run = stored(place, DR, held_out(DR))
    metrics = run_metrics(place, run, n_resamples=FEW).results
    expected = next(one.pooled for one in metrics if one.name == "average_precision")

    average = curves(place, "run", n_resamples=FEW).precision_recall.average

    assert (average.value, average.low, average.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )


def test_curves__of_unknown_patients_carry_the_caution(place: Workspace) -> None:
    stored(place, DR, replace(held_out(DR), patient_ids=None))

    found = curves(place, "run", n_resamples=FEW)

    assert found.n_patients is None
    assert "FD003" in [caution.code for caution in found.cautions]
    assert "of images" in found.bands[0].method


def test_curves__of_several_classes_ask_for_one(place: Workspace) -> None:
    stored(place, DISEASES, held_out(DISEASES))

    with pytest.raises(TargetError, match="dr, amd, rvo") as refusal:
        curves(place, "run", n_resamples=FEW)
    found = curves(place, "run", class_name="amd", n_resamples=FEW)

    assert "--class" in refusal.value.hint
    assert found.class_name == "amd"


def test_curves__refuse_a_range_without_width_and_labels_of_one_class(place: Workspace) -> None:
    said = held_out(DR)
    stored(place, DR, said)
    stored(place, DR, replace(said, y_true=np.zeros_like(said.y_true)), run_id="one", labels=False)

    with pytest.raises(TargetError, match=r"from 0\.9 to 0\.9"):
        curves(place, "run", part=PartialRange(0.9, 0.9))
    with pytest.raises(SingleClassError):
        curves(place, "one")


def test_hand_till__is_over_the_pairs_of_grades(place: Workspace) -> None:
    stored(place, GRADE, held_out(GRADE))

    result = hand_till(place, "run", n_resamples=FEW)

    assert len(result.found.pairs) == 3
    mean = np.mean([pair.auc for pair in result.found.pairs])
    assert result.found.interval.value == pytest.approx(mean)
    assert (result.n_images, result.n_patients) == (80, 40)


def test_hand_till__is_refused_where_classes_do_not_exclude_one_another(place: Workspace) -> None:
    stored(place, DISEASES, held_out(DISEASES))

    with pytest.raises(TargetError, match="multilabel"):
        hand_till(place, "run")
