"""Photographs about which one model is right and another one wrong."""

from pathlib import Path

import numpy as np
import pytest

from fundus_core.errors import DifferentImagesError, TargetError
from fundus_core.io.workspace import Workspace
from fundus_core.stats.threshold_rules import RuleChoice
from fundus_core.workflows.evaluation.errors_that_differ import errors_that_differ
from fundus_core.workflows.evaluation.operating import operate
from tests.pages.evaluated import GOOD, POOR, predictions, store


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_errors_that_differ__thresholds_come_from_the_other_folds(place: Workspace) -> None:
    store(place.root, "good", predictions("good", GOOD))
    store(place.root, "poor", predictions("poor", POOR))

    found = errors_that_differ(place, "good", "poor")

    assert found.first.source == found.second.source == "other folds"
    for result, run_id in ((found.first, "good"), (found.second, "poor")):
        alone = operate(place, run_id)
        np.testing.assert_array_equal(result.called, alone.called)
        assert result.thresholds == alone.thresholds


def test_errors_that_differ__names_the_photographs_and_counts_patients(place: Workspace) -> None:
    store(place.root, "good", predictions("good", GOOD))
    store(place.root, "poor", predictions("poor", POOR))

    found = errors_that_differ(place, "good", "poor")

    first, second = found.only_first_right(), found.only_second_right()
    assert len(first) == found.overall.n_only_first > 0
    assert len(second) == found.overall.n_only_second
    assert not set(first) & set(second)
    assert found.overall.by_patient
    assert found.with_class.n_only_first == sum(name.startswith("d") for name in first)
    assert found.without_class.n_only_first == sum(name.startswith("h") for name in first)
    said = found.second.predictions
    off = [
        abs(name.startswith("d") - said.y_score[said.image_ids.index(name), 0]) for name in first
    ]
    assert off == sorted(off, reverse=True)


def test_errors_that_differ__a_model_does_not_differ_from_itself(place: Workspace) -> None:
    store(place.root, "good", predictions("good", GOOD))

    with pytest.raises(TargetError, match="good and good are the same model"):
        errors_that_differ(place, "good", "good")


def test_errors_that_differ__rows_are_joined_by_id(place: Workspace) -> None:
    store(place.root, "good", predictions("good", GOOD))
    turned = dict(reversed(GOOD.items()))
    store(place.root, "turned", predictions("turned", turned), baseline=False)

    found = errors_that_differ(place, "good", "turned", choice=RuleChoice("specificity", 0.5))

    assert found.first.predictions.image_ids == found.second.predictions.image_ids
    np.testing.assert_array_equal(found.first.predictions.y_score, found.second.predictions.y_score)


def test_errors_that_differ__of_different_photographs_are_refused(place: Workspace) -> None:
    store(place.root, "good", predictions("good", GOOD))
    others = {f"{name}-b": score for name, score in GOOD.items()}
    store(place.root, "elsewhere", predictions("elsewhere", others), baseline=False)

    with pytest.raises(DifferentImagesError, match="no photograph in common"):
        errors_that_differ(place, "good", "elsewhere")
