"""Every metric against scikit-learn, and under weights as if images were repeated."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sklearn

from fundus_core.domain.dataset import Task
from fundus_core.errors import ScoresError, SingleClassError, TargetError
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.macro import macro_auc
from fundus_core.stats.scores import METRICS, metric_intervals, metric_values
from fundus_core.stats.tallies import Answers, answers_of, tally

Expected = Callable[[Answers], float]


def table(task: Task, n_classes: int, *, n_images: int = 300, seed: int = 0) -> Answers:
    """Returns random answers, better than chance, with many equal scores."""
    generator = np.random.default_rng(seed)
    classes = np.arange(n_classes)
    if task == "multiclass":
        y_true = generator.integers(n_classes, size=n_images)[:, None] == classes
    else:
        y_true = generator.random((n_images, n_classes)) < np.linspace(0.1, 0.5, n_classes)
    y_score = np.round(0.3 * y_true + 0.7 * generator.random(y_true.shape), 1)
    decided = y_score.argmax(1)[:, None] == classes if task == "multiclass" else y_score >= 0.5
    return answers_of(task, y_true, y_score, decided)


TABLES = {
    "binary": table("binary", 1),
    "multiclass": table("multiclass", 5),
    "two grades": table("multiclass", 2),
    "multilabel": table("multilabel", 4),
}


def grades(answers: Answers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Returns labels and decisions as scikit-learn takes them."""
    if answers.task == "binary":
        return answers.y_true[:, 0].astype(int), answers.decided[:, 0].astype(int)
    return answers.y_true.argmax(1), answers.decided.argmax(1)


def per_class(of: Callable[..., float]) -> Expected:
    """Returns the mean of a binary metric over the classes against the rest."""
    return lambda a: float(np.mean(list(map(of, a.y_true.T, a.decided.T))))


def specificity(true: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    return sklearn.recall_score(~true, ~said)


def macro(of: Callable[..., float], **options: str) -> Expected:
    return lambda a: of(*grades(a), **options)


OF_RANKS: dict[str, Expected] = {
    "auc": lambda a: sklearn.roc_auc_score(a.y_true, a.y_score, average="macro"),
    "average_precision": lambda a: sklearn.average_precision_score(
        a.y_true, a.y_score, average="macro"
    ),
    "sensitivity": per_class(sklearn.recall_score),
    "specificity": per_class(specificity),
}
EXCLUSIVE: dict[str, Expected] = OF_RANKS | {
    "balanced_accuracy": macro(sklearn.balanced_accuracy_score),
    "macro_f1": macro(sklearn.f1_score, average="macro"),
    "macro_recall": macro(sklearn.recall_score, average="macro"),
    "quadratic_kappa": macro(sklearn.cohen_kappa_score, weights="quadratic"),
    "accuracy": macro(sklearn.accuracy_score),
}
EXPECTED: dict[str, dict[str, Expected]] = {
    "binary": EXCLUSIVE
    | {
        "f1": macro(sklearn.f1_score),
        "hrdc_score": lambda a: float(
            np.mean(
                [
                    sklearn.cohen_kappa_score(*grades(a)),
                    sklearn.f1_score(*grades(a)),
                    specificity(a.y_true[:, 0], a.decided[:, 0]),
                ]
            )
        ),
    },
    "multiclass": EXCLUSIVE,
    "two grades": EXCLUSIVE,
    "multilabel": OF_RANKS
    | {
        "balanced_accuracy": per_class(sklearn.balanced_accuracy_score),
        "macro_f1": lambda a: sklearn.f1_score(a.y_true, a.decided, average="macro"),
        "macro_recall": lambda a: sklearn.recall_score(a.y_true, a.decided, average="macro"),
        "quadratic_kappa": per_class(sklearn.cohen_kappa_score),
        "accuracy": per_class(sklearn.accuracy_score),
    },
}


@pytest.mark.parametrize("name", TABLES)
def test_metrics__are_those_of_scikit_learn(name: str) -> None:
    answers, expected = TABLES[name], EXPECTED[name]

    found = dict(zip(expected, metric_values(answers, list(expected)), strict=True))

    served = {key for key, metric in METRICS.items() if answers.task in metric.tasks}
    assert set(expected) == served
    assert found == pytest.approx({key: of(answers) for key, of in expected.items()})


@pytest.mark.parametrize("name", TABLES)
def test_metrics__under_weights_are_those_of_repeated_images(name: str) -> None:
    answers = TABLES[name]
    names = list(EXPECTED[name])
    weights = np.random.default_rng(1).integers(0, 4, (5, 300)).astype(float)

    tallies = tally(answers)(weights)
    found = np.stack([METRICS[one].of(tallies) for one in names], axis=1)

    for row, times in zip(found, weights.astype(int), strict=True):
        repeated = answers.select(np.repeat(np.arange(300), times))
        assert row.tolist() == pytest.approx(metric_values(repeated, names))


def test_metrics__of_a_table_written_by_hand() -> None:
    y_true = [[1], [1], [1], [0], [0]]
    y_score = [[0.9], [0.6], [0.2], [0.6], [0.1]]
    answers = answers_of("binary", y_true, y_score, np.array(y_score) >= 0.5)

    found = dict(zip(METRICS, metric_values(answers, list(METRICS)), strict=True))

    # Pairs: 0.9 beats both, 0.6 beats one and ties one, 0.2 beats one.
    assert found["auc"] == pytest.approx((2 + 1.5 + 1) / 6)
    # Precision at 0.9 is 1, at 0.6 two of three, at 0.2 three of four.
    assert found["average_precision"] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert found["sensitivity"] == pytest.approx(2 / 3)
    assert found["specificity"] == pytest.approx(1 / 2)
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["f1"] == pytest.approx(2 / 3)
    # Three of five agree; by chance 3/5 of 3/5 and 2/5 of 2/5 would.
    assert found["quadratic_kappa"] == pytest.approx((0.6 - 0.52) / (1 - 0.52))


def test_metrics__by_decisions_change_with_the_threshold_and_those_by_scores_do_not() -> None:
    answers = TABLES["binary"]
    stricter = answers_of("binary", answers.y_true, answers.y_score, answers.y_score >= 0.8)

    for name, metric in METRICS.items():
        same = metric_values(answers, [name]) == metric_values(stricter, [name])
        assert same == (metric.needs == "scores"), name


def test_metrics__the_auc_is_the_one_that_delong_tests() -> None:
    binary, several = TABLES["binary"], TABLES["multilabel"]

    of_binary, of_several = metric_values(binary, ["auc"]), metric_values(several, ["auc"])

    alone = auc_interval(binary.y_true[:, 0], binary.y_score[:, 0])
    assert of_binary[0] == pytest.approx(alone.auc)
    assert of_several[0] == pytest.approx(macro_auc(several.y_true, several.y_score).auc)


def test_answers_of__averages_over_the_classes_that_two_patients_have() -> None:
    whole = TABLES["multilabel"]
    patients = np.arange(300) // 2
    rare = np.stack([*whole.y_true.T, patients == 7, patients < 0], axis=1)
    score = np.concatenate([whole.y_score, whole.y_score[:, :2]], axis=1)

    answers = answers_of("multilabel", rare, score, score >= 0.5, patients=patients)

    names = [name for name, metric in METRICS.items() if "multilabel" in metric.tasks]
    assert answers.averaged == (0, 1, 2, 3)
    assert metric_values(answers, names) == pytest.approx(metric_values(whole, names))


def test_metric_values__of_images_that_lack_a_class_are_none_where_they_need_it() -> None:
    answers = TABLES["multiclass"]
    names = list(EXPECTED["multiclass"])

    without = answers.select(~answers.y_true[:, 3])
    found = dict(zip(names, metric_values(without, names), strict=True))

    assert found["auc"] is None
    assert found["balanced_accuracy"] is None
    assert found["macro_f1"] is None
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(*grades(without)))


def test_metric_intervals__are_ordered_inside_their_range_and_hold_the_value() -> None:
    for name, answers in TABLES.items():
        names = list(EXPECTED[name])

        found = metric_intervals(answers, names, list("abcde"), n_resamples=300)

        for one in found:
            assert one.value is not None
            assert one.low is not None
            assert one.high is not None
            assert -1 <= one.low <= one.value <= one.high <= 1


def test_metric_intervals__are_the_same_alone_and_together() -> None:
    answers = TABLES["multiclass"]
    names = list(EXPECTED["multiclass"])

    together = metric_intervals(answers, names, list("abcde"), n_resamples=200, seed=5)
    alone = metric_intervals(answers, names[-1:], list("abcde"), n_resamples=200, seed=5)

    assert together[-1:] == alone


def test_metric_intervals__of_the_auc_are_near_delongs() -> None:
    patients = np.arange(300) // 2
    answers = TABLES["binary"]

    (found,) = metric_intervals(answers, ["auc"], ["dr"], patients=patients)

    expected = auc_interval(answers.y_true[:, 0], answers.y_score[:, 0], patients=patients)
    assert found.low == pytest.approx(expected.low, abs=0.02)
    assert found.high == pytest.approx(expected.high, abs=0.02)


def test_metric_intervals__of_a_rare_class_are_refused_by_name() -> None:
    answers = TABLES["multilabel"]
    patients = np.where(answers.y_true[:, 0], np.cumsum(answers.y_true[:, 0]) % 3, np.arange(300))

    found = metric_intervals(answers, ["auc"], ["rvo", "dr", "amd", "erm"], patients=patients)

    assert found[0].value is not None
    assert found[0].low is None
    assert found[0].reason == "only 3 patients have 'rvo'; a bootstrap needs 5"


def test_metric_intervals__are_refused_where_too_few_lack_a_class() -> None:
    y_true = np.arange(40)[:, None] >= 3
    score = np.random.default_rng(0).random((40, 1))
    answers = answers_of("binary", y_true, score, score >= 0.5)

    found = metric_intervals(answers, ["auc"], ["dr"])

    assert found[0].reason == "only 3 images have 'not dr'; a bootstrap needs 5"


def test_metric_intervals__of_a_perfect_model_claim_no_certainty() -> None:
    y_true = np.arange(40)[:, None] < 15
    answers = answers_of("binary", y_true, y_true * 0.8, y_true)

    found = metric_intervals(answers, list(METRICS), ["dr"], n_resamples=200)

    assert {one.value for one in found} == {1.0}
    assert {one.low for one in found} == {None}
    assert {one.reason for one in found} == {"all resamples give the same value"}


def test_answers_of__refuses_what_it_cannot_count() -> None:
    one_each = np.eye(3, dtype=bool)[[0, 1, 2, 0]]
    score = np.ones((4, 3))

    with pytest.raises(SingleClassError, match="None of 1 classes"):
        answers_of("binary", np.ones((4, 1)), np.ones((4, 1)), np.ones((4, 1)))
    with pytest.raises(TargetError, match="1 of 4 images have no class or several in their labels"):
        answers_of("multiclass", one_each & [True, True, False], score, one_each)
    with pytest.raises(ScoresError, match=r"Decisions have shape \(4, 2\), labels \(4, 3\)"):
        answers_of("multilabel", one_each, score, one_each[:, :2])
    with pytest.raises(ScoresError, match="1 of 4 scores that are NaN"):
        answers_of("multilabel", one_each, np.where(np.eye(4, 3) * [0, 1, 0], np.nan, 1), one_each)
