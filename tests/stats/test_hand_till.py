"""Hand and Till's AUC of several classes."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fundus_core.errors import SingleClassError, TargetError
from fundus_core.stats.hand_till import hand_till_auc

NAMES = ("none", "mild", "severe")


def _draw(seed: int, *, n_patients: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two agreeing eyes per patient, three classes of different size, scores that sum to one."""
    generator = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), 2)
    labels = np.eye(3, dtype=bool)[np.digitize(patients % 10, [6, 9])]
    shared = generator.gamma(1.0, size=(n_patients, 3))[patients]
    score = np.round(shared + 0.3 * generator.random(labels.shape) + 1.2 * labels, 1)
    return labels, score / score.sum(axis=1, keepdims=True), patients


@pytest.mark.parametrize("seed", range(4))
def test_hand_till_auc__is_scikit_learns_one_against_one(seed: int) -> None:
    labels, score, _ = _draw(seed)

    found = hand_till_auc(labels, score, NAMES, n_resamples=20)

    expected = roc_auc_score(labels.argmax(axis=1), score, multi_class="ovo", average="macro")
    assert found.interval.value == pytest.approx(expected, abs=1e-12)


def test_hand_till_auc__is_the_mean_over_pairs_written_out() -> None:
    labels, score, _ = _draw(9, n_patients=20)
    truth = labels.argmax(axis=1)
    halves = []
    for a, b in permutations(range(3), 2):
        wins = [
            np.heaviside(score[i, a] - score[j, a], 0.5)
            for i in np.flatnonzero(truth == a)
            for j in np.flatnonzero(truth == b)
        ]
        halves.append(np.mean(wins))

    found = hand_till_auc(labels, score, NAMES, n_resamples=20)

    assert found.interval.value == pytest.approx(np.mean(halves))
    assert np.mean([pair.auc for pair in found.pairs]) == pytest.approx(np.mean(halves))
    assert [(pair.class_a, pair.class_b) for pair in found.pairs] == [
        ("none", "mild"),
        ("none", "severe"),
        ("mild", "severe"),
    ]


def test_hand_till_auc__does_not_depend_on_how_common_a_class_is() -> None:
    labels, score, _ = _draw(2)
    rows = np.concatenate([np.arange(120), np.repeat(np.flatnonzero(labels[:, 2]), 5)])

    once = hand_till_auc(labels, score, NAMES, n_resamples=20).interval.value
    repeated = hand_till_auc(labels[rows], score[rows], NAMES, n_resamples=20).interval.value

    assert repeated == pytest.approx(once)


def test_hand_till_auc__by_patient_is_wider_when_eyes_agree() -> None:
    labels, score, patients = _draw(0)

    by_image = hand_till_auc(labels, score, NAMES).interval
    by_patient = hand_till_auc(labels, score, NAMES, patients=patients).interval

    assert by_patient.low < by_patient.value < by_patient.high
    assert by_image.high - by_image.low < 0.9 * (by_patient.high - by_patient.low)


def test_hand_till_auc__leaves_a_class_without_images_out_and_says_so() -> None:
    labels, score, _ = _draw(0)
    rows = ~labels[:, 1]

    found = hand_till_auc(labels[rows], score[rows], NAMES, n_resamples=20)

    assert found.left_out == ("mild",)
    assert len(found.pairs) == 1


def test_hand_till_auc__refuses_several_classes_per_image_and_a_single_class() -> None:
    labels, score, _ = _draw(0)
    several = labels.copy()
    several[3] = True

    with pytest.raises(TargetError, match="1 of 120"):
        hand_till_auc(several, score, NAMES)
    with pytest.raises(SingleClassError, match="1 of 3"):
        hand_till_auc(labels[labels[:, 0]], score[labels[:, 0]], NAMES)
