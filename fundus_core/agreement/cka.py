"""Linear centred kernel alignment: do two backbones arrange the photographs alike as a whole?

N is the number of photographs, D1 and D2 the lengths of the two embeddings, G of patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.agreement.jackknife import FISHER_Z, jackknife_interval, unit_codes
from fundus_core.errors import DataError
from fundus_core.stats.bootstrap import Interval

FEWEST_IMAGES = 4
"""Below it the debiased form is not defined."""

_ROWS_AT_ONCE = 2048

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cka:
    """How alike two backbones arrange the same photographs."""

    debiased: Interval
    """In [-1, 1]: 1 for equal up to rotation and scale, about 0 for unrelated ones, whatever their
    lengths. Its interval is by patient where patients are known."""

    biased: float
    """As first published, in [0, 1]. Near 1 for unrelated embeddings as well where these are
    longer than there are photographs: not to be read, only to be compared with papers."""

    n_images: int


def linear_cka(
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Cka:
    """Compares two embeddings of the same photographs.

    CKA is the cosine of the two matrices of similarities between photographs. It ignores rotation
    and scale, weighs directions by their variance, and so can be decided by one strong direction
    or a few outlying photographs (Davari et al. 2022): look at the neighbours as well.

    The debiased form takes each of the three terms by the unbiased estimator of HSIC, in which no
    photograph is compared with itself.

    Args:
        a: Shape (N, D1).
        b: Shape (N, D2); row i is of the same photograph.
        patients: Shape (N,), one id per photograph; without it photographs count as independent.
        confidence: Of the interval, in (0, 1).

    Raises:
        DataError: If the numbers of rows differ, there are fewer than 4, or all rows are equal.
        ScoresError: If a patient is missing, or there is not one per photograph.

    References:
        Kornblith et al. (2019), ICML, arXiv:1905.00414 (linear CKA).
        Song et al. (2012), JMLR 13, 1393-1434 (the unbiased HSIC).
        Nguyen, Raghu & Kornblith (2021), ICLR, arXiv:2010.15327 (CKA by the unbiased HSIC).
        Davari et al. (2022), arXiv:2210.16156 (what CKA is sensitive to).

    Examples:
        >>> generator = np.random.default_rng(0)
        >>> a, b = generator.normal(size=(40, 300)), generator.normal(size=(40, 300))
        >>> found = linear_cka(a, b)
        >>> round(found.biased, 1), abs(found.debiased.value) < 0.1
        (0.9, True)
        >>> round(linear_cka(a, -2 * a).debiased.value, 6)
        1.0
    """
    return pairwise_cka([a, b], patients=patients, confidence=confidence)[0, 1]


def pairwise_cka(
    embeddings: Sequence[NDArray[np.floating]],
    *,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    names: Sequence[str] = (),
) -> dict[tuple[int, int], Cka]:
    """Compares each pair of several embeddings of the same photographs; see `linear_cka`.

    Args:
        embeddings: K arrays of shape (N, D), each with a D of its own.
        patients: As `linear_cka`.
        confidence: As `linear_cka`.
        names: K names for messages; their places, from 1, where it is empty.

    Returns:
        (i, j) with i < j -> the comparison.

    Raises:
        DataError: As `linear_cka`.
        ScoresError: As `linear_cka`.
    """
    n_images = len(embeddings[0])
    _require_comparable(embeddings, names)
    units = unit_codes(patients, n_images)
    own = [_hsic(one, one, units) for one in embeddings]
    found = {}
    for i, j in combinations(range(len(embeddings)), 2):
        both = _hsic(embeddings[i], embeddings[j], units)
        interval = jackknife_interval(
            float(_cosine(both.value, own[i].value, own[j].value)),
            _cosine(both.without, own[i].without, own[j].without),
            scale=FISHER_Z,
            by_patient=patients is not None,
            confidence=confidence,
        )
        biased = _cosine(both.biased, own[i].biased, own[j].biased)
        found[i, j] = Cka(interval, float(biased), n_images)
    return found


def _require_comparable(embeddings: Sequence[NDArray[np.floating]], names: Sequence[str]) -> None:
    lengths = [len(one) for one in embeddings]
    if len(set(lengths)) > 1:
        raise DataError(
            f"The embeddings have {', '.join(map(str, lengths))} rows.",
            hint="Compare embeddings of the same photographs, in the same order.",
        )
    if lengths[0] < FEWEST_IMAGES:
        raise DataError(
            f"{lengths[0]} photographs are too few; CKA needs at least {FEWEST_IMAGES}.",
            hint="Extract embeddings of more photographs first.",
        )
    constant = [place for place, one in enumerate(embeddings) if not np.ptp(one, axis=0).any()]
    if constant:
        name = names[constant[0]] if names else f"embedding {constant[0] + 1}"
        raise DataError(
            f"All {lengths[0]} rows of {name} are the same.",
            hint="Choose another backbone, or extract these embeddings again.",
        )


def _cosine(both: ArrayLike, own_a: ArrayLike, own_b: ArrayLike) -> NDArray[np.float64]:
    """Returns HSIC(a, b) over the root of HSIC(a, a) HSIC(b, b), in [-1, 1]; NaN for 0 / 0."""
    product = np.asarray(own_a, float) * np.asarray(own_b, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.asarray(both, float) / np.sqrt(np.where(product > 0, product, np.nan))
    return np.clip(share, -1.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Hsic:
    """Hilbert-Schmidt independence criterion of two linear kernels."""

    value: float
    """Unbiased."""

    biased: float
    """Times (N - 1)^2, which cancels out of CKA."""

    without: NDArray[np.float64]
    """Shape (G,): unbiased, of all photographs but those of one patient."""


def _hsic(a: NDArray[np.floating], b: NDArray[np.floating], units: NDArray[np.intp]) -> _Hsic:
    """Returns Song's HSIC_1 of the kernels a a' and b b', without any matrix of (N, N).

    With x and y the centred rows, q and p their squared lengths and M the sum of x y', its three
    sums are tr(K~ L~) = |M|^2 - sum of q p, 1'K~1 = |sum of x|^2 - sum of q, and 1'K~L~1 = sum of
    (x . sum of x - q)(y . sum of y - p). Leaving out the photographs S of a patient makes the sums
    of x and y minus those over S, for they were zero, and M less the sum of x y' over S.
    """
    order = np.argsort(units, kind="stable")
    starts = np.flatnonzero(np.diff(units[order], prepend=-1))
    x, y = _centred(a, order), _centred(b, order)
    sizes = np.diff(starts, append=len(x))
    group = np.repeat(np.arange(len(starts)), sizes)

    def per_group(values: Rows) -> Rows:
        return np.asarray(np.add.reduceat(values, starts, axis=0))

    m = x.T @ y  # (D1, D2)
    q, p = _row_dots(x, x), _row_dots(y, y)  # (N,)
    x_s, y_s = per_group(x), per_group(y)  # (G, D1), (G, D2)
    x_own, y_own = _row_dots(x, x_s, group), _row_dots(y, y_s, group)  # (N,)
    squared, qp = float((m * m).sum()), float(q @ p)
    qp_left = qp - per_group(q * p)
    row_sums = _bilinear(x_s, m, y_s) - per_group(x_own * y_own)
    row_sums += x_s @ (p @ x) - per_group(p * x_own)
    row_sums += y_s @ (q @ y) - per_group(q * y_own)
    without = _unbiased(
        squared - 2 * per_group(_bilinear(x, m, y)) + _within_squared(x, y, group) - qp_left,
        _row_dots(x_s, x_s) - q.sum() + per_group(q),
        _row_dots(y_s, y_s) - p.sum() + per_group(p),
        row_sums + qp_left,
        len(x) - sizes,
    )
    value = _unbiased(squared - qp, -q.sum(), -p.sum(), qp, np.array(len(x)))
    return _Hsic(float(value), squared, without)


def _unbiased(
    trace: ArrayLike, sum_k: ArrayLike, sum_l: ArrayLike, row_sums: ArrayLike, n: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Returns HSIC_1 from tr(K~ L~), 1'K~1, 1'L~1 and 1'K~L~1; NaN for fewer than 4 photographs."""
    count = np.where(n >= FEWEST_IMAGES, n, np.nan)
    products = np.multiply(sum_k, sum_l) / ((count - 1) * (count - 2))
    total = trace + products - 2 / (count - 2) * np.asarray(row_sums)
    return np.asarray(total / (count * (count - 3)))


def _centred(vectors: NDArray[np.floating], order: NDArray[np.intp]) -> Rows:
    """Returns float64 rows in the given order, their mean taken away and their scale made 1.

    CKA knows no scale, and squares of squares of small or large numbers leave the range of floats.
    """
    rows = np.asarray(vectors, np.float64)[order]
    rows -= rows.mean(axis=0)
    rows /= np.abs(rows).max()
    return rows


def _row_dots(a: Rows, b: Rows, group: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
    """Returns a_i . b_i for every row, or a_i . b_group(i)."""
    if group is None:
        return np.asarray(np.einsum("ij,ij->i", a, b))
    starts = range(0, len(a), _ROWS_AT_ONCE)
    chunks = [slice(start, start + _ROWS_AT_ONCE) for start in starts]
    return np.concatenate([np.einsum("ij,ij->i", a[c], b[group[c]]) for c in chunks])


def _bilinear(a: Rows, m: Rows, b: Rows) -> NDArray[np.float64]:
    """Returns a_i' M b_i for every row."""
    starts = range(0, len(a), _ROWS_AT_ONCE)
    chunks = [slice(start, start + _ROWS_AT_ONCE) for start in starts]
    return np.concatenate([np.einsum("ij,ij->i", a[c] @ m, b[c]) for c in chunks])


def _within_squared(x: Rows, y: Rows, group: NDArray[np.intp]) -> NDArray[np.float64]:
    """Returns |sum of x y'|^2 over each patient's photographs, which lie side by side.

    It is the sum of (x_s . x_t)(y_s . y_t) over their pairs: first each with itself, then each with
    the next one, the next but one, and so on as long as a patient has so many.
    """
    totals = np.asarray(np.bincount(group, _row_dots(x, x) * _row_dots(y, y)), np.float64)
    for shift in range(1, len(x)):
        first = np.flatnonzero(group[:-shift] == group[shift:])
        if not len(first):
            break
        for start in range(0, len(first), _ROWS_AT_ONCE):
            s = first[start : start + _ROWS_AT_ONCE]
            products = _row_dots(x[s], x[s + shift]) * _row_dots(y[s], y[s + shift])
            totals += 2 * np.bincount(group[s], products, minlength=len(totals))
    return totals
