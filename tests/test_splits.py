"""Folds: no patient on two sides, every class on both, or a sentence why not."""

from itertools import pairwise

import numpy as np
import pytest

from fundus_core.errors import FoldError
from fundus_core.splits import grouped_folds, nested_fraction


def _patients(n_patients: int) -> tuple[np.ndarray, np.ndarray]:
    """Two photographs per patient; every third patient is diseased."""
    groups = np.repeat([f"p{number:02d}" for number in range(n_patients)], 2)
    y_true = (np.arange(n_patients).repeat(2) % 3 == 0)[:, None]
    return y_true, groups


def test_grouped_folds__no_patient_is_on_both_sides() -> None:
    y_true, groups = _patients(30)

    folds = grouped_folds(y_true, groups, n_folds=5, seed=0)

    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])


def test_grouped_folds__every_photograph_is_held_out_once() -> None:
    y_true, groups = _patients(30)

    folds = grouped_folds(y_true, groups, n_folds=5, seed=0)

    held_out = np.concatenate([fold.test for fold in folds])
    assert sorted(held_out) == list(range(60))


@pytest.mark.parametrize("seed", range(10))
def test_grouped_folds__both_classes_are_on_both_sides_even_when_rare(seed: int) -> None:
    y_true, groups = _patients(40)
    y_true[:] = False
    y_true[:10] = True  # five patients: exactly one per fold

    for fold in grouped_folds(y_true, groups, n_folds=5, seed=seed):
        assert y_true[fold.test].any()
        assert (~y_true[fold.test]).any()


def test_grouped_folds__the_same_seed_gives_the_same_folds() -> None:
    y_true, groups = _patients(30)

    first, again = (grouped_folds(y_true, groups, n_folds=5, seed=3) for _ in range(2))
    other = grouped_folds(y_true, groups, n_folds=5, seed=4)

    assert all(np.array_equal(a.test, b.test) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a.test, b.test) for a, b in zip(first, other, strict=True))


def test_grouped_folds__too_few_diseased_patients_are_counted() -> None:
    y_true, groups = _patients(30)
    y_true[:] = False
    y_true[:6] = True

    with pytest.raises(FoldError, match="'dr' occurs in 3 patients; 5 folds need 5") as error:
        grouped_folds(y_true, groups, n_folds=5, seed=0, class_names=("dr",))

    assert "at most 3 folds (--folds 3)" in error.value.hint
    assert "another target" in error.value.hint
    assert "add photographs of other patients with it" in error.value.hint


def test_grouped_folds__a_class_without_a_score_is_called_as_in_the_table() -> None:
    y_true, groups = _patients(30)
    y_true[:] = True
    y_true[:2] = False

    with pytest.raises(FoldError) as error:
        grouped_folds(y_true, groups, n_folds=3, seed=0, class_names=("y",), other_class="x")

    assert error.value.message == "Class 'x' occurs in 1 patient; 3 folds need 3."
    assert "--folds" not in error.value.hint
    assert "2 patients at least" in error.value.hint
    assert "another target" in error.value.hint


def test_grouped_folds__of_classes_the_rare_one_is_named_and_not_the_frequent_one() -> None:
    rare = np.arange(60) == 0
    y_true = np.stack([~rare, rare], axis=1)

    with pytest.raises(FoldError, match="Class 'b' occurs in 1 photograph; 3 folds"):
        grouped_folds(y_true, None, n_folds=3, seed=0, class_names=("a", "b"))


def test_grouped_folds__a_disease_that_nearly_all_have_is_said_to_be() -> None:
    y_true, groups = _patients(30)
    y_true[:] = True
    y_true[:4] = False

    with pytest.raises(FoldError, match="Only 2 patients have photographs without 'dr'; 3 folds"):
        grouped_folds(y_true, groups, n_folds=3, seed=0, class_names=("dr",))


def test_grouped_folds__one_fold_is_no_validation() -> None:
    y_true, groups = _patients(30)

    with pytest.raises(FoldError, match="1 folds were asked for"):
        grouped_folds(y_true, groups, n_folds=1, seed=0)


def test_nested_fraction__smaller_shares_are_part_of_larger_ones() -> None:
    y_true, groups = _patients(60)

    shares = [
        nested_fraction(y_true, groups, fraction=share, seed=1) for share in (0.1, 0.25, 0.5, 1.0)
    ]

    for smaller, larger in pairwise(shares):
        assert set(smaller) < set(larger)
    assert [len(share) for share in shares] == [12, 30, 60, 120]


def test_nested_fraction__a_rare_class_can_be_taken_first() -> None:
    grades = np.array([0] * 96 + [1] * 4)
    y_true = np.stack([grades == 0, grades == 1], axis=1)

    rows = nested_fraction(y_true, None, fraction=0.1, seed=0, fewest=3)
    more = nested_fraction(y_true, None, fraction=0.3, seed=0, fewest=3)

    assert len(rows) == 10
    assert y_true[rows, 1].sum() == 3
    assert set(rows) <= set(more)


def test_nested_fraction__both_sides_of_a_single_class_are_taken_first() -> None:
    y_true = (np.arange(100) < 3)[:, np.newaxis]

    rows = nested_fraction(y_true, None, fraction=0.04, seed=0, fewest=2)

    assert y_true[rows, 0].sum() == 2
    assert len(rows) == 4


def test_nested_fraction__patients_are_taken_whole_and_classes_in_their_shares() -> None:
    y_true, groups = _patients(60)

    rows = nested_fraction(y_true, groups, fraction=0.3, seed=0)

    chosen = set(groups[rows])
    assert all((groups != patient).sum() + 2 == len(groups) for patient in chosen)
    assert sorted(rows) == [row for row in range(120) if groups[row] in chosen]
    assert y_true[rows].mean() == pytest.approx(y_true.mean(), abs=0.02)


def test_nested_fraction__draws_differ_and_repeat() -> None:
    y_true, groups = _patients(60)

    first, again = (nested_fraction(y_true, groups, fraction=0.2, seed=5) for _ in range(2))
    other = nested_fraction(y_true, groups, fraction=0.2, seed=6)

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_nested_fraction__class_that_would_be_missing_is_named_with_the_numbers() -> None:
    y_true, groups = _patients(100)
    y_true[:] = False
    y_true[:6] = True  # three patients of a hundred

    with pytest.raises(FoldError, match=r"0.02 of 100 training patients are 4 .* 'dr'"):
        nested_fraction(y_true, groups, fraction=0.02, seed=0, class_names=("dr",))


def test_nested_fraction__a_class_without_a_score_is_called_as_in_the_table() -> None:
    y_true = np.ones((100, 1), dtype=bool)
    y_true[:3] = False

    with pytest.raises(FoldError, match="are 1 photograph, and none of them is 'x'"):
        nested_fraction(y_true, None, fraction=0.01, seed=0, class_names=("y",), other_class="x")
    with pytest.raises(FoldError, match="are 1 photograph, and all of them are 'dr'"):
        nested_fraction(y_true, None, fraction=0.01, seed=0, class_names=("dr",))


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01])
def test_nested_fraction__impossible_shares_are_refused(fraction: float) -> None:
    y_true, groups = _patients(10)

    with pytest.raises(FoldError, match="was asked for"):
        nested_fraction(y_true, groups, fraction=fraction, seed=0)


def test_nested_fraction__without_patients_photographs_are_drawn() -> None:
    y_true, _ = _patients(30)

    assert len(nested_fraction(y_true, None, fraction=0.5, seed=0)) == 30
