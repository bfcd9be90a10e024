"""CKA: against its definition with whole kernels, what it ignores, and what leaving out does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fundus_core.agreement.cka import linear_cka, pairwise_cka
from fundus_core.agreement.jackknife import FISHER_Z, jackknife_interval
from fundus_core.errors import DataError

Rows = NDArray[np.float64]

PATIENTS = np.array([0, 0, 1, 1, 1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 8, 9, 10, 10, 11, 11, 12, 12])


def related(seed: int = 0, n_images: int = 24) -> tuple[Rows, Rows]:
    """Returns embeddings of 7 and of 5 numbers that have something in common."""
    generator = np.random.default_rng(seed)
    a = generator.normal(size=(n_images, 7)) + 3
    b = a[:, :3] @ generator.normal(size=(3, 5)) + generator.normal(size=(n_images, 5))
    return a, b


def hsic_by_definition(a: Rows, b: Rows) -> float:
    """Song's HSIC_1, by its average over all quadruples of different photographs.

    E[k_12 l_12] + E[k_12 l_34] - 2 E[k_12 l_13] over distinct indices.
    """
    k, l, n = a @ a.T, b @ b.T, len(a)  # noqa: E741
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    same = np.mean([k[i, j] * l[i, j] for i, j in pairs])
    chained = np.mean([k[i, j] * l[i, q] for i, j in pairs for q in range(n) if q not in (i, j)])
    apart = np.mean([k[i, j] * l[q, r] for i, j in pairs for q, r in pairs if not {q, r} & {i, j}])
    return float(same + apart - 2 * chained)


def cka_by_definition(a: Rows, b: Rows) -> float:
    both, own_a, own_b = (hsic_by_definition(*pair) for pair in ((a, b), (a, a), (b, b)))
    return both / float(np.sqrt(own_a * own_b))


def test_linear_cka__is_the_definition_over_all_quadruples() -> None:
    a, b = related(n_images=9)

    found = linear_cka(a, b)

    assert found.debiased.value == pytest.approx(cka_by_definition(a, b), abs=1e-12)


def test_linear_cka__biased_form_is_that_of_kornblith() -> None:
    a, b = related()

    found = linear_cka(a, b)

    middle = np.eye(24) - 1 / 24
    k, l = (middle @ one @ one.T @ middle for one in (a, b))  # noqa: E741
    expected = np.sum(k * l) / np.sqrt(np.sum(k * k) * np.sum(l * l))
    assert found.biased == pytest.approx(expected, abs=1e-12)


def test_linear_cka__interval_leaves_out_each_patient_with_all_photographs() -> None:
    a, b = related()

    found = linear_cka(a, b, patients=PATIENTS).debiased

    without = [
        linear_cka(a[one != PATIENTS], b[one != PATIENTS]).debiased.value for one in range(13)
    ]
    expected = jackknife_interval(
        float(found.value or 0), np.array(without, float), scale=FISHER_Z, by_patient=True
    )
    assert found.method == "jackknife of patients"
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-10)


def test_linear_cka__order_of_the_photographs_does_not_matter() -> None:
    a, b = related()
    order = np.random.default_rng(5).permutation(24)

    found = linear_cka(a, b, patients=PATIENTS).debiased
    shuffled = linear_cka(a[order], b[order], patients=PATIENTS[order]).debiased

    assert (shuffled.low, shuffled.high) == pytest.approx((found.low, found.high), abs=1e-10)


def test_linear_cka__unrelated_long_embeddings_are_near_zero_unlike_the_biased_form() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=(2, 40, 500))

    found = linear_cka(a, b)

    assert found.biased > 0.9
    assert found.debiased.value == pytest.approx(0, abs=0.05)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    scale=st.floats(1e-6, 1e6),
    shift=st.floats(-1e3, 1e3),
    n_images=st.integers(4, 30),
)
def test_linear_cka__rotation_scale_and_shift_change_nothing(
    seed: int, scale: float, shift: float, n_images: int
) -> None:
    a, b = related(seed, n_images)
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(7, 7)))

    plain, turned = linear_cka(a, b), linear_cka(scale * a @ rotation + shift, b)

    assert -1 <= float(plain.debiased.value or 0) <= 1
    assert 0 <= plain.biased <= 1
    assert turned.debiased.value == pytest.approx(plain.debiased.value, abs=1e-6)
    assert linear_cka(b, a).debiased.value == pytest.approx(plain.debiased.value, abs=1e-12)


def test_linear_cka__of_an_embedding_with_itself_is_one_without_an_interval() -> None:
    a, _ = related()

    found = linear_cka(a, -3 * a, patients=PATIENTS).debiased

    assert found.value == pytest.approx(1, abs=1e-12)
    assert found.low is None
    assert "does not change" in found.reason


def test_linear_cka__of_few_patients_has_no_interval() -> None:
    a, b = related()

    found = linear_cka(a, b, patients=np.arange(24) // 4).debiased

    assert found.low is None
    assert found.reason == "6 patients are too few; a jackknife needs 10"


def test_pairwise_cka__names_each_pair_once() -> None:
    a, b = related()

    found = pairwise_cka([a, b, b[:, :2]], patients=PATIENTS)

    assert set(found) == {(0, 1), (0, 2), (1, 2)}
    assert found[0, 1] == linear_cka(a, b, patients=PATIENTS)


def test_linear_cka__refuses_what_it_cannot_compare() -> None:
    a, b = related()

    with pytest.raises(DataError, match="24, 23 rows"):
        linear_cka(a, b[1:])
    with pytest.raises(DataError, match="3 photographs are too few"):
        linear_cka(a[:3], b[:3])
    with pytest.raises(DataError, match="All 24 rows of embedding 2"):
        linear_cka(a, np.ones((24, 5)))
    with pytest.raises(DataError, match="All 24 rows of RETFound are the same"):
        pairwise_cka([a, np.ones((24, 5))], names=["resnet50", "RETFound"])
