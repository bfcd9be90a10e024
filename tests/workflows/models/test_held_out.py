"""What is said of a model beside the mean colour, also where no test can be made."""

import numpy as np
import pytest

from fundus_core.domain.predictions import Predictions
from fundus_core.workflows.evaluation.aucs import p_against_baseline


def said(y_true: list[int], score: list[float], patients: list[str]) -> Predictions:
    return Predictions(
        "a model",
        "binary",
        ("1",),
        tuple(f"i{number}" for number in range(len(score))),
        np.array(y_true, bool)[:, None],
        np.array(score)[:, None],
        np.array(patients),
        np.zeros(len(score), np.intp),
    )


@pytest.mark.parametrize(
    ("y_true", "score", "patients"),
    [
        pytest.param([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], ["a", "b", "c", "d"], id="perfect"),
        pytest.param([0, 1, 1], [0.1, 0.8, 0.2], ["a", "b", "c"], id="one healthy patient"),
    ],
)
def test_p_against_baseline__is_none_where_nothing_can_be_tested(
    y_true: list[int], score: list[float], patients: list[str]
) -> None:
    constant = [0.5] * len(score)

    assert (
        p_against_baseline(said(y_true, score, patients), said(y_true, constant, patients)) is None
    )


def test_p_against_baseline__is_that_of_the_paired_test() -> None:
    y_true, patients = [0, 0, 1, 1, 0, 1], list("abcdef")
    found = p_against_baseline(
        said(y_true, [0.1, 0.6, 0.4, 0.9, 0.3, 0.8], patients),
        said(y_true, [0.5, 0.4, 0.6, 0.1, 0.7, 0.2], patients),
    )

    assert found is not None
    assert 0 < found < 1
