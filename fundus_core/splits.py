"""Folds that keep a patient's photographs together and hold both classes, checked one by one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import FoldError

FEWEST_FOLDS = 2
_ATTEMPTS = 20
"""Shuffles tried before folds are refused: grouped stratification can return empty folds."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One split of N rows: every row is in exactly one of the two."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


def grouped_folds(
    y_true: NDArray[np.bool_],
    groups: NDArray[np.str_] | NDArray[np.intp] | None,
    *,
    n_folds: int,
    seed: int,
    class_names: tuple[str, ...] = (),
    other_class: str = "",
) -> tuple[Fold, ...]:
    """Splits rows into folds, stratified by label, no patient on both sides.

    Args:
        y_true: Shape (N, C), membership of each scored class.
        groups: Shape (N,), the patient of each row; None treats rows as independent.
        n_folds: At least 2.
        seed: Of the shuffle.
        class_names: C names for messages.
        other_class: Of a single class, what rows without it are called, for messages too.

    Returns:
        `n_folds` folds; each class and its complement occur on both sides of each.

    Raises:
        FoldError: If there are too few patients of a class for that many folds.
    """
    owners = np.arange(len(y_true)).astype(str) if groups is None else groups
    names = class_names or tuple(str(column) for column in range(y_true.shape[1]))
    unit = "photograph" if groups is None else "patient"
    _require_patients(y_true, owners, names, n_folds, unit=unit, other_class=other_class)
    for attempt in range(_ATTEMPTS):
        folds = _shuffled(y_true, owners, n_folds, seed + 1000 * attempt)
        if all(_holds_every_class(y_true, fold) for fold in folds):
            return folds
    fewer = max(FEWEST_FOLDS, n_folds - 2)
    raise FoldError(
        f"{n_folds} folds that each hold every class were not found in {_ATTEMPTS} shuffles.",
        hint=f"Choose fewer folds, e.g. {fewer} (--folds {fewer}).",
    )


def _shuffled(
    y_true: NDArray[np.bool_],
    owners: NDArray[np.str_] | NDArray[np.intp],
    n_folds: int,
    seed: int,
) -> tuple[Fold, ...]:
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Label sets rarer than the folds are expected in multi-label data; folds are checked below.
        warnings.simplefilter("ignore", UserWarning)
        parts = splitter.split(y_true, _strata(y_true), owners)
        return tuple(Fold(train, test) for train, test in parts)


def _strata(y_true: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Returns one number per distinct set of labels, shape (N,)."""
    _, stratum = np.unique(y_true, axis=0, return_inverse=True)
    return stratum.reshape(-1)


def _holds_every_class(y_true: NDArray[np.bool_], fold: Fold) -> bool:
    sides = (y_true[fold.train], y_true[fold.test])
    return all(len(side) and side.any(axis=0).all() and (~side).any(axis=0).all() for side in sides)


def _require_patients(
    y_true: NDArray[np.bool_],
    owners: NDArray[np.str_] | NDArray[np.intp],
    names: tuple[str, ...],
    n_folds: int,
    *,
    unit: str,
    other_class: str,
) -> None:
    if n_folds < FEWEST_FOLDS:
        raise FoldError(
            f"{n_folds} folds were asked for; the least is {FEWEST_FOLDS}.",
            hint="Choose e.g. 5 folds (--folds 5), or the table's own split (--use-split).",
        )
    wanted = f"{n_folds} folds need {n_folds}."
    for column, name in enumerate(names):
        count = len(np.unique(owners[y_true[:, column]]))
        if count < n_folds:
            said = f"Class {name!r} occurs in {_counted(count, unit)}; {wanted}"
            raise FoldError(said, hint=_more_or_fewer(count, unit))
    for column, name in enumerate(names):
        count = len(np.unique(owners[~y_true[:, column]]))
        if count < n_folds:
            raise FoldError(
                f"Class {other_class!r} occurs in {_counted(count, unit)}; {wanted}"
                if other_class
                else _nearly_all(count, unit, name) + wanted,
                hint=_more_or_fewer(count, unit, how="with" if other_class else "without"),
            )


def _nearly_all(count: int, unit: str, name: str) -> str:
    if unit == "photograph":
        return f"Only {_counted(count, unit)} {'is' if count == 1 else 'are'} without {name!r}; "
    have = "has" if count == 1 else "have"
    return f"Only {_counted(count, unit)} {have} photographs without {name!r}; "


def _more_or_fewer(count: int, unit: str, *, how: str = "with") -> str:
    """Says what can be done where a class, or its absence, is of few patients."""
    more = "photographs of other patients" if unit == "patient" else "photographs"
    others = f"another target, or add {more} {how} it."
    if count < FEWEST_FOLDS:
        return f"Any folds need {FEWEST_FOLDS} {unit}s at least: choose {others}"
    return f"Choose at most {count} folds (--folds {count}), {others}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def held_out_groups(
    rows: NDArray[np.intp], groups: NDArray[np.str_] | None, *, share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Sets the rows of some groups aside, chosen at random.

    Args:
        rows: Rows to divide.
        groups: Shape (N,), the patient of every row; None treats rows as independent.
        share: Of the groups to set aside, at least one, in (0, 1).
        seed: Of the choice.

    Returns:
        The rows that stay and those set aside, both in order; no group is in both.
    """
    owners = rows.astype(str) if groups is None else groups[rows]
    distinct = np.unique(owners)
    order = np.random.default_rng(seed).permutation(distinct)
    aside = np.isin(owners, order[: max(1, round(share * len(distinct)))])
    return rows[~aside], rows[aside]


def nested_fraction(
    y_true: NDArray[np.bool_],
    groups: NDArray[np.str_] | None,
    *,
    fraction: float,
    seed: int,
    class_names: tuple[str, ...] = (),
    other_class: str = "",
    fewest: int = 0,
) -> NDArray[np.intp]:
    """Chooses a share of the patients, all of their rows, every set of labels alike.

    Smaller shares of one seed are part of larger ones, so that a curve over shares adds patients
    and exchanges none.

    Args:
        y_true: Shape (N, C), membership of each scored class.
        groups: Shape (N,), the patient of each row; None treats rows as independent.
        fraction: Of the patients, in (0, 1].
        seed: Of the draw.
        class_names: C names for messages.
        other_class: Of a single class, what rows without it are called, for messages too.
        fewest: Patients of each class to choose before any others, so that a rare class is not
            lost; all of them where there are fewer.

    Returns:
        The chosen rows, in order.

    Raises:
        FoldError: If the fraction is impossible, or a class would not be among the chosen.
    """
    if not 0 < fraction <= 1:
        raise FoldError(
            f"A fraction of {fraction:g} of the patients was asked for.",
            hint="Choose a fraction above 0 and up to 1, e.g. 0.1.",
        )
    owners = np.arange(len(y_true)).astype(str) if groups is None else groups
    distinct, of_row = np.unique(owners, return_inverse=True)
    labels = np.stack([np.logical_or.reduce(y_true[of_row == i]) for i in range(len(distinct))])
    order = _evenly_mixed(_strata(labels), seed)
    first = _some_of_each(labels[order], fewest)
    order = np.concatenate([order[first], order[~first]])
    chosen = order[: max(1, int(first.sum()), round(fraction * len(distinct)))]
    rows = np.flatnonzero(np.isin(of_row, chosen))
    names = class_names or tuple(str(column) for column in range(y_true.shape[1]))
    share = f"{fraction:.3g} of {len(distinct)} training patients"
    _require_classes(y_true, rows, names, share, other_class)
    return rows


def _some_of_each(labels: NDArray[np.bool_], fewest: int) -> NDArray[np.bool_]:
    """Marks the first so many rows of each class; of rows (N, C), shape (N,).

    Of a single column those without the class are the other one.
    """
    classes = np.hstack([labels, ~labels]) if labels.shape[1] == 1 else labels
    of_each = classes & (classes.cumsum(axis=0) <= fewest)
    return np.asarray(of_each.any(axis=1))


def _evenly_mixed(strata: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """Returns an order of patients in which every beginning holds the strata in their shares."""
    generator = np.random.default_rng(seed)
    position = np.empty(len(strata))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        position[generator.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((generator.random(len(strata)), position))


def _require_classes(
    y_true: NDArray[np.bool_],
    rows: NDArray[np.intp],
    names: tuple[str, ...],
    what: str,
    other_class: str,
) -> None:
    """Refuses a choice of rows that lacks a class, or has nothing but it."""
    chosen = y_true[rows]
    lacking = [
        f"none of them is {n!r}" for n, one in zip(names, chosen.T, strict=True) if not one.any()
    ]
    lacking += [
        f"none of them is {other_class!r}" if other_class else f"all of them are {name!r}"
        for name, one in zip(names, chosen.T, strict=True)
        if one.all()
    ]
    if lacking:
        raise FoldError(
            f"{what} are {_counted(len(rows), 'photograph')}, and {lacking[0]}.",
            hint="Choose a larger fraction.",
        )
