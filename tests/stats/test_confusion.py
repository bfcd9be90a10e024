"""The confusion matrix: counts as scikit-learn has them, intervals as statsmodels has them."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as reference
from statsmodels.stats.proportion import proportion_confint

from fundus_core.errors import TargetError
from fundus_core.stats.confusion import confusion_matrix
from fundus_core.stats.operating import point_of_calls

GRADES = ("0", "1", "2")


def one_hot(codes: np.ndarray) -> np.ndarray:
    return np.eye(3, dtype=bool)[codes]


def graded(n_images: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Returns true and said grades; those said are right more often than not."""
    generator = np.random.default_rng(0)
    truth = generator.integers(3, size=n_images)
    said = np.where(generator.random(n_images) < 0.6, truth, generator.integers(3, size=n_images))
    return truth, said


def test_confusion_matrix__counts_as_scikit_learn_does() -> None:
    truth, said = graded()

    found = confusion_matrix(one_hot(truth), one_hot(said), GRADES)

    assert np.array_equal(found.counts, reference(truth, said))
    assert found.shares == pytest.approx(reference(truth, said, normalize="true"))
    assert found.shares.sum(axis=1) == pytest.approx(1)


def test_confusion_matrix__has_wilsons_interval_in_each_cell() -> None:
    truth, said = graded()

    found = confusion_matrix(one_hot(truth), one_hot(said), GRADES)

    for row in range(3):
        for column in range(3):
            low, high = proportion_confint(
                found.counts[row, column], found.counts[row].sum(), method="wilson"
            )
            assert found.low[row, column] == pytest.approx(low)
            assert found.high[row, column] == pytest.approx(high)


def test_confusion_matrix__of_two_classes_holds_sensitivity_and_specificity() -> None:
    generator = np.random.default_rng(1)
    patients = np.arange(80) // 2
    y_true = generator.random(80) < 0.4
    called = (y_true + generator.normal(size=80)) > 0.6

    found = confusion_matrix(y_true[:, None], called[:, None], ("none", "dr"), patients=patients)

    point = point_of_calls(y_true, called, patients=patients)
    assert found.counts.tolist() == [
        [point.n_true_negative, point.n_false_positive],
        [point.n_false_negative, point.n_true_positive],
    ]
    assert (found.shares[1, 1], found.low[1, 1], found.high[1, 1]) == (
        point.sensitivity,
        point.sensitivity_low,
        point.sensitivity_high,
    )
    assert found.low[0, 0] == point.specificity_low
    assert found.method == point.method == "wilson, clustered"


def test_confusion_matrix__by_patient_is_wider_where_eyes_agree() -> None:
    truth, said = (np.repeat(one, 2) for one in graded(60))
    patients = np.repeat(np.arange(60), 2)

    by_patient = confusion_matrix(one_hot(truth), one_hot(said), GRADES, patients=patients)
    by_image = confusion_matrix(one_hot(truth), one_hot(said), GRADES)

    widths = by_patient.high - by_patient.low, by_image.high - by_image.low
    assert (widths[0] > widths[1]).all()


def test_confusion_matrix__of_a_class_that_no_image_has_has_an_empty_row() -> None:
    truth, said = np.array([0, 0, 1]), np.array([0, 2, 1])

    found = confusion_matrix(one_hot(truth), one_hot(said), GRADES)

    assert found.counts[2].tolist() == [0, 0, 0]
    assert np.isnan(found.shares[2]).all()
    assert found.counts[0].tolist() == [1, 0, 1]
    assert found.frame()["count"].sum() == 3


def test_confusion_matrix__refuses_several_labels_and_other_shapes() -> None:
    with pytest.raises(TargetError, match="1 of 2 images have not exactly one class"):
        confusion_matrix([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1]], GRADES)
    with pytest.raises(TargetError, match="2 columns for 3 classes"):
        confusion_matrix([[1, 0]], [[1, 0]], GRADES)
    with pytest.raises(TargetError, match="2 labels and 1 decisions"):
        confusion_matrix([[1], [0]], [[1]], GRADES[:2])
