"""Losses: each against its formula on numbers worked out by hand, and refusals in words."""

import math

import numpy as np
import pytest
import torch

from fundus_core.domain.dataset import Target
from fundus_core.errors import TargetError
from fundus_core.finetune.losses import AUTO, LOSSES, chosen_loss, label_loss

CPU = torch.device("cpu")
GRADES = Target("dr_grade", "multiclass", ("0", "1", "2"), ("dr_grade",))
KINDS = Target("kind", "multiclass", ("amd", "dr", "normal"), ("kind",))
ANY = Target("any", "binary", ("0", "1"), ("any",))
SEVERAL = Target("amd,dr", "multilabel", ("amd", "dr"), ("amd", "dr"))

ONE_OF_EACH = np.eye(3, dtype=bool)


def value(loss: str, logits: list[list[float]], y_true: np.ndarray) -> float:
    rows = np.arange(len(y_true))
    task = "multiclass" if y_true.shape[1] > 1 else "binary"
    return float(label_loss(loss, task, y_true, rows, CPU)(torch.tensor(logits), rows))


@pytest.mark.parametrize(
    ("target", "loss"), [(ANY, "binary"), (SEVERAL, "binary"), (KINDS, "cross-entropy")]
)
def test_chosen_loss__auto_is_the_usual_one_of_the_task(target: Target, loss: str) -> None:
    assert chosen_loss(AUTO, target) == loss


@pytest.mark.parametrize(
    ("loss", "target", "message"),
    [
        ("ordinal", ANY, "does not serve any, a binary target"),
        ("binary", GRADES, "does not serve dr_grade, a multiclass target"),
        ("huber", GRADES, "'huber' does not serve"),
        ("ordinal", KINDS, "classes of kind are amd, dr, normal"),
    ],
)
def test_chosen_loss__one_that_does_not_fit_is_refused(
    loss: str, target: Target, message: str
) -> None:
    with pytest.raises(TargetError, match=message):
        chosen_loss(loss, target)


def test_chosen_loss__grades_that_are_out_of_order_are_refused() -> None:
    shuffled = Target("dr_grade", "multiclass", ("0", "10", "2"), ("dr_grade",))

    with pytest.raises(TargetError, match="0, 10, 2"):
        chosen_loss("ordinal", shuffled)


def test_ordinal__is_the_mean_log_loss_of_the_thresholds() -> None:
    chances = [0.5, 0.3, 0.2]
    logits = [[math.log(chance) for chance in chances]] * 3

    found = value("ordinal", logits, ONE_OF_EACH)

    of_grade_0 = -(math.log(0.5) + math.log(0.8)) / 2
    of_grade_1 = -(math.log(0.5) + math.log(0.8)) / 2
    of_grade_2 = -(math.log(0.5) + math.log(0.2)) / 2
    assert found == pytest.approx((of_grade_0 + of_grade_1 + of_grade_2) / 3, rel=1e-6)


def test_ordinal__two_grades_off_costs_more_than_one_and_cross_entropy_does_not_see_it() -> None:
    truth = np.array([[True, False, False]] * 2)
    one_off, two_off = [[0.0, 4.0, 0.0]] * 2, [[0.0, 0.0, 4.0]] * 2

    assert value("ordinal", two_off, truth) > 1.2 * value("ordinal", one_off, truth)
    assert value("cross-entropy", two_off, truth) == pytest.approx(
        value("cross-entropy", one_off, truth)
    )


def test_ordinal__stays_finite_where_it_is_sure_and_wrong() -> None:
    found = value("ordinal", [[-200.0, -200.0, 200.0]], np.array([[True, False, False]]))

    assert found == pytest.approx(400, rel=0.02)


def test_binary__rare_cases_weigh_as_much_as_all_controls_together() -> None:
    y_true = np.array([[True], [False], [False], [False]])

    found = value("binary", [[0.0]] * 4, y_true)

    assert found == pytest.approx(math.log(2) * (3 + 3) / 4)


def test_label_loss__no_class_weighs_more_than_ten_times() -> None:
    y_true = np.zeros((101, 1), bool)
    y_true[0] = True

    found = value("binary", [[0.0]] * 101, y_true)

    assert found == pytest.approx(math.log(2) * (10 + 100) / 101)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses__confident_truth_costs_nothing(loss: str) -> None:
    y_true = np.array([[True], [False]]) if loss == "binary" else ONE_OF_EACH
    logits = np.where(y_true, 30.0, -30.0).tolist()

    assert value(loss, logits, y_true) == pytest.approx(0, abs=1e-6)
