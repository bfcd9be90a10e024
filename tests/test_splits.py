"""Folds: no patient on two sides, every class on both, or a sentence why not."""

import numpy as np
import pytest

from fundus_core.errors import FoldError
from fundus_core.splits import grouped_folds


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

    assert "--folds 3" in error.value.hint


def test_grouped_folds__one_fold_is_no_validation() -> None:
    y_true, groups = _patients(30)

    with pytest.raises(FoldError, match="1 folds were asked for"):
        grouped_folds(y_true, groups, n_folds=1, seed=0)
