"""The confusion matrix of a stored model."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from fundus_core.errors import TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.evaluation.confusion import confusion
from tests.workflows.evaluation.test_metrics import DR, GRADE, STAGE, held_out, stored

FEW = 100


def test_confusion__is_that_of_the_highest_scores_with_kappa_beside_it(tmp_path: Path) -> None:
    said = held_out(GRADE)
    stored(Workspace(tmp_path), GRADE, said)

    found = confusion(Workspace(tmp_path), "run", n_resamples=FEW)

    truth, best = said.y_true.argmax(axis=1), said.y_score.argmax(axis=1)
    assert np.array_equal(found.matrix.counts, confusion_matrix(truth, best))
    assert found.matrix.method == "wilson, clustered"
    kappa = found.metrics[0].pooled
    assert kappa.value == pytest.approx(cohen_kappa_score(truth, best, weights="quadratic"))
    assert kappa.low is not None
    assert kappa.low < kappa.value
    assert found.n_patients == 40


def test_confusion__of_classes_without_order_has_no_kappa(tmp_path: Path) -> None:
    stored(Workspace(tmp_path), STAGE, held_out(STAGE))

    found = confusion(Workspace(tmp_path), "run", n_resamples=FEW)

    assert found.metrics[0].pooled.value is None
    assert "no order" in found.metrics[0].pooled.reason
    assert found.matrix.class_names == ("mild", "none", "severe")


def test_confusion__of_one_class_says_where_to_look(tmp_path: Path) -> None:
    stored(Workspace(tmp_path), DR, held_out(DR))

    with pytest.raises(TargetError, match="not of several classes"):
        confusion(Workspace(tmp_path), "run")
