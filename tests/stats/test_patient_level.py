"""From photographs to patients: by loops over patients, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_core.domain.predictions import Predictions
from fundus_core.errors import ScoresError, TargetError
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.patient_level import AGGREGATES, patient_level

PATIENTS = np.array(["P2", "P1", "P2", "P3", "P1", "P2"])
SAID = Predictions(
    "model",
    "multilabel",
    ("dr", "amd"),
    tuple("abcdef"),
    np.array([[0, 0], [1, 0], [0, 1], [0, 0], [0, 0], [0, 0]], dtype=bool),
    np.array([[0.2, 0.1], [0.9, 0.3], [0.4, 0.8], [0.5, 1.0], [0.7, 0.0], [0.3, 0.6]]),
    PATIENTS,
    np.array([1, 0, 1, 2, 0, 1]),
)
BY_HAND = {
    "max": [[0.4, 0.8], [0.9, 0.3], [0.5, 1.0]],
    "mean": [[0.3, 0.5], [0.8, 0.15], [0.5, 1.0]],
    "any": [[1 - 0.8 * 0.6 * 0.7, 1 - 0.9 * 0.2 * 0.4], [1 - 0.1 * 0.3, 0.3], [0.5, 1.0]],
}


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_patient_level__has_a_row_per_patient_in_the_order_of_the_table(aggregate: str) -> None:
    found = patient_level(SAID, aggregate)

    assert found.image_ids == ("P2", "P1", "P3")
    assert found.patient_ids is not None
    assert found.patient_ids.tolist() == ["P2", "P1", "P3"]
    assert found.y_true.tolist() == [[False, True], [True, False], [False, False]]
    assert found.y_score == pytest.approx(np.array(BY_HAND[aggregate]))
    assert found.fold is not None
    assert found.fold.tolist() == [1, 0, 2]
    assert (found.model, found.class_names, found.task) == ("model", ("dr", "amd"), "multilabel")


@pytest.mark.parametrize("aggregate", AGGREGATES)
@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 6), st.booleans(), st.floats(0, 1)), min_size=1, max_size=30
    )
)
def test_patient_level__lies_where_the_photographs_do_or_above(
    aggregate: str, rows: list[tuple[int, bool, float]]
) -> None:
    patients = np.array([f"P{patient}" for patient, _, _ in rows])
    y_true = np.array([[label] for _, label, _ in rows])
    score = np.array([[value] for _, _, value in rows])
    ids = tuple(map(str, range(len(rows))))
    said = Predictions("model", "binary", ("dr",), ids, y_true, score, patients)

    found = patient_level(said, aggregate)

    for row, patient in enumerate(found.image_ids):
        own = score[patients == patient, 0]
        assert found.y_true[row, 0] == y_true[patients == patient].any()
        upper = 1 if aggregate == "any" else own.max()
        lower = own.min() if aggregate == "mean" else own.max()
        assert lower - 1e-12 <= found.y_score[row, 0] <= upper + 1e-12


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_patient_level__of_one_photograph_each_changes_nothing(aggregate: str) -> None:
    generator = np.random.default_rng(0)
    y_true = (np.arange(30) < 12)[:, np.newaxis]
    score = generator.random((30, 1))
    ids = tuple(f"i{row}" for row in range(30))
    patients = np.array([f"P{row}" for row in range(30)])
    said = Predictions("model", "binary", ("dr",), ids, y_true, score, patients)

    found = patient_level(said, aggregate)

    assert found.y_score == pytest.approx(score, abs=1e-15)
    by_patient = auc_interval(found.y_true[:, 0], found.y_score[:, 0], patients=found.patient_ids)
    plain = auc_interval(y_true[:, 0], score[:, 0])
    assert (by_patient.auc, by_patient.low) == pytest.approx((plain.auc, plain.low))


def test_patient_level__by_max_calls_who_has_any_photograph_called() -> None:
    found = patient_level(SAID, "max")

    for threshold in (0.25, 0.4, 0.65, 0.95):
        called = {
            patient
            for patient, score in zip(PATIENTS, SAID.y_score[:, 0], strict=True)
            if score >= threshold
        }
        at_once = found.y_score[:, 0] >= threshold
        assert {found.image_ids[row] for row in np.flatnonzero(at_once)} == called


def test_patient_level__refuses_what_it_cannot_put_together() -> None:
    graded = replace(SAID, task="multiclass")
    logits = replace(SAID, y_score=SAID.y_score * 3)
    torn = replace(SAID, fold=np.array([1, 0, 2, 2, 0, 1]))

    with pytest.raises(ScoresError, match="6 photographs and no patient ids"):
        patient_level(replace(SAID, patient_ids=None))
    with pytest.raises(TargetError, match="may be of several"):
        patient_level(graded)
    with pytest.raises(ScoresError, match="from 0 to 3"):
        patient_level(logits, "any")
    with pytest.raises(ScoresError, match="1 of 3 patients"):
        patient_level(torn)
    assert patient_level(logits, "max").y_score.max() == 3
