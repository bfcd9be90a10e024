"""All classes of a target: rows, averages, and what is left out of them and why."""

import numpy as np
import pytest

from fundus_core.errors import ScoresError, SingleClassError
from fundus_core.stats.class_tests import compare_classes, compare_classes_unpaired
from fundus_core.stats.classes import class_aucs
from fundus_core.stats.delong import auc_interval, compare_paired, compare_unpaired
from fundus_core.stats.macro import compare_macro, macro_auc
from fundus_core.stats.micro import compare_micro, micro_auc

NAMES = ("dr", "amd", "rvo", "erm")


def _four_classes(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """40 patients, two images each: 20 have dr, 10 amd, one rvo, none erm; two models' scores."""
    patients = np.repeat(np.arange(40), 2)
    y_true = np.stack([patients < 20, patients % 4 == 0, patients == 7, patients < 0], axis=1)
    noise = np.random.default_rng(seed).normal(size=(2, 80, 4))
    return y_true, noise + y_true, patients


def test_class_aucs__gives_each_class_its_own_interval() -> None:
    y_true, (score, _), patients = _four_classes()

    found = class_aucs(y_true, score, NAMES, patients=patients)

    assert [row.class_name for row in found.classes] == list(NAMES)
    for column in range(3):
        alone = auc_interval(y_true[:, column], score[:, column], patients=patients)
        assert found.classes[column].interval == alone
    assert [row.n_positive for row in found.classes] == [40, 20, 2, 0]
    assert [row.units.positive for row in found.classes] == [20, 10, 1, 0]


def test_class_aucs__averages_the_classes_that_have_a_variance_and_says_why_not_the_others() -> (
    None
):
    y_true, (score, _), patients = _four_classes()

    found = class_aucs(y_true, score, NAMES, patients=patients)

    assert [row.averaged for row in found.classes] == [True, True, False, False]
    assert found.macro == macro_auc(y_true[:, :2], score[:, :2], patients=patients)
    assert found.micro == micro_auc(y_true[:, :2], score[:, :2], patients=patients)
    assert found.n_averaged == 2
    assert "1 patient with it, 39 without" in found.classes[2].reason
    assert found.classes[3].reason == "0 of 80 images have it"
    assert found.classes[3].interval is None


def test_class_aucs__averages_scarce_classes_where_there_are_no_others() -> None:
    y_true, (score, _), patients = _four_classes()

    found = class_aucs(y_true[:, 2:], score[:, 2:], NAMES[2:], patients=patients)

    assert found.macro.auc == found.classes[0].interval.auc
    assert found.macro.method.endswith("exact")


def test_class_aucs__without_any_class_to_judge_is_refused() -> None:
    y_true, (score, _), _ = _four_classes()

    with pytest.raises(SingleClassError, match="None of 1 classes"):
        class_aucs(y_true[:, 3:], score[:, 3:], NAMES[3:])
    with pytest.raises(ScoresError, match="4 class names for 2 columns"):
        class_aucs(y_true[:, :2], score[:, :2], NAMES)


def test_compare_classes__tests_classes_with_patients_enough_and_says_why_not_the_others() -> None:
    y_true, (a, b), patients = _four_classes()

    found = compare_classes(y_true, a, b, NAMES, patients=patients)

    for column in range(2):
        alone = compare_paired(y_true[:, column], a[:, column], b[:, column], patients=patients)
        assert found.classes[column].result == alone
    assert [row.counted for row in found.classes] == [True, True, False, False]
    assert found.classes[2].result is None
    assert "1 patient with it, 39 without; a test needs 10 of each" in found.classes[2].reason
    assert "0 patients with it" in found.classes[3].reason


def test_compare_classes__tests_the_averages_over_the_same_classes_as_the_aucs() -> None:
    y_true, (a, b), patients = _four_classes()

    found = compare_classes(y_true, a, b, NAMES, patients=patients)

    chosen = y_true[:, :2], a[:, :2], b[:, :2]
    assert found.macro == compare_macro(*chosen, patients=patients)
    assert found.micro == compare_micro(*chosen, patients=patients)
    assert found.n_averaged == 2


def test_compare_classes__a_class_that_the_scores_leave_untestable_still_counts() -> None:
    y_true, (a, b), patients = _four_classes()
    a[:, 0], b[:, 0] = y_true[:, 0], 0.5

    found = compare_classes(y_true, a, b, NAMES, patients=patients)

    assert found.classes[0].result is None
    assert found.classes[0].counted
    assert found.classes[0].p_value == 1.0
    assert "neither varies" in found.classes[0].reason


def test_compare_classes__counts_images_where_patients_are_unknown() -> None:
    y_true, (a, b), _ = _four_classes()

    found = compare_classes(y_true, a, b, NAMES, fewest=30)

    assert [row.counted for row in found.classes] == [True, False, False, False]
    assert "20 images with it, 60 without" in found.classes[1].reason


def test_compare_classes__without_a_class_of_two_patients_has_no_averages() -> None:
    y_true, (a, b), patients = _four_classes()

    found = compare_classes(y_true[:, 2:], a[:, 2:], b[:, 2:], NAMES[2:], patients=patients)

    assert (found.macro, found.micro, found.n_averaged) == (None, None, 1)
    assert found.reason.startswith("rvo, too few: 1 patient with it")


def test_compare_classes_unpaired__needs_the_patients_in_both_sets() -> None:
    y_a, (a, _), patients = _four_classes()
    y_b, (b, _), _ = _four_classes(seed=1)
    few = patients < 24  # of these, 6 have amd

    found = compare_classes_unpaired(
        y_a, a, y_b[few], b[few], NAMES, patients_a=patients, patients_b=patients[few], fewest=4
    )
    strict = compare_classes_unpaired(
        y_a, a, y_b[few], b[few], NAMES, patients_a=patients, patients_b=patients[few], fewest=7
    )

    alone = compare_unpaired(
        y_a[:, 0],
        a[:, 0],
        y_b[few, 0],
        b[few, 0],
        patients_a=patients,
        patients_b=patients[few],
    )
    assert found.classes[0].result == alone
    assert [row.counted for row in found.classes] == [True, True, False, False]
    assert [row.counted for row in strict.classes] == [False] * 4
    assert found.macro is not None
    assert found.macro.method == "macro obuchowski, unpaired"
