"""Agreement of stored embeddings: joined by photograph, by patient, with the maps measured."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fundus_core.agreement.cka import linear_cka
from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError
from fundus_core.io.embedding_store import EmbeddingStore
from fundus_core.io.workspace import Workspace
from fundus_core.projections import Projection
from fundus_core.workflows.embeddings.agreement import (
    agreement,
    aligned_onto,
    measured_maps,
    neighbours_of,
)
from fundus_core.workflows.embeddings.project import project_embeddings
from fundus_core.workflows.embeddings.stored import load_embeddings
from tests.fakes import tiny_dataset
from tests.pages.evaluated import recipe

DATA = tiny_dataset(n_patients=12)
"""24 photographs of 12 patients."""

IDS = DATA.image_ids


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def vectors(seed: int, n_images: int = 24) -> NDArray[np.float32]:
    """Returns 6 numbers per photograph, of which the first two are the same for every seed."""
    shared = np.random.default_rng(99).normal(size=(n_images, 2))
    own = np.random.default_rng(seed).normal(size=(n_images, 4))
    return np.hstack([shared, own]).astype(np.float32)


def stored(
    place: Workspace, backbone: str, rows: NDArray[np.float32], ids: Sequence[str] = IDS
) -> str:
    """Stores embeddings and returns their fingerprint."""
    made_by = recipe(backbone)
    store = EmbeddingStore(place.embeddings, made_by)
    with store.lock():
        store.add(rows, ids, {})
    return made_by.fingerprint()


def without_patients() -> FundusDataset:
    table = DATA.table.assign(patient_id=None)
    return FundusDataset(DATA.name, DATA.source, table, DATA.targets)


def test_agreement__rows_are_joined_by_photograph_not_by_position(place: Workspace) -> None:
    a, b = vectors(0), vectors(1)
    order = np.random.default_rng(3).permutation(24)
    first = stored(place, "resnet18", a)
    second = stored(place, "resnet50", b[order], [IDS[row] for row in order])

    pair = agreement(place, DATA, k=3).pair(second, first)

    expected = linear_cka(a, b, patients=list(DATA.table["patient_id"])).debiased
    assert pair.cka.debiased.value == pytest.approx(expected.value, abs=1e-6)
    assert pair.cka.debiased.low == pytest.approx(expected.low, abs=1e-6)


def test_agreement__is_on_the_photographs_that_all_have_and_counts_them(place: Workspace) -> None:
    stored(place, "resnet18", vectors(0)[:20], IDS[:20])
    stored(place, "resnet50", vectors(1)[4:], IDS[4:])

    found = agreement(place, DATA, k=3)

    assert found.image_ids == IDS[4:20]
    assert (found.n_dataset, found.n_patients) == (24, 8)
    assert [one.n_stored for one in found.embeddings] == [20, 20]
    assert len(found.pairs[0].overlap.per_image) == 16


def test_agreement__lists_the_photographs_with_least_in_common_first(place: Workspace) -> None:
    a = vectors(0)
    b = a.copy()
    b[5] = -a[5]  # looks like the opposite to the other backbone
    first, second = stored(place, "resnet18", a), stored(place, "resnet50", b)

    found = agreement(place, DATA, k=3)

    table = found.image_frame(first, second)
    assert table["image_id"][0] == IDS[5]
    assert table["overlap"].is_monotonic_increasing
    assert list(table["shared"] / 3) == pytest.approx(list(table["overlap"]))


def test_agreement__neighbours_of_the_same_patient_can_be_left_out(place: Workspace) -> None:
    pairs = np.repeat(np.random.default_rng(0).normal(size=(12, 6)), 2, axis=0)
    for seed, backbone in enumerate(("resnet18", "resnet50")):
        noise = np.random.default_rng(seed + 1).normal(size=(24, 6))
        own = np.random.default_rng(seed + 7).permutation(6)
        stored(place, backbone, (pairs[:, own] + 0.01 * noise).astype(np.float32))

    with_own = agreement(place, DATA, k=1).pairs[0].overlap
    others = agreement(place, DATA, k=1, others_only=True).pairs[0].overlap

    assert with_own.mean.value == 1.0  # the other eye, by both
    assert others.chance == pytest.approx(1 / 22)
    assert agreement(place, DATA, k=1, others_only=True).others_only


def test_agreement__unknown_patients_are_a_caution_and_change_the_unit(place: Workspace) -> None:
    stored(place, "resnet18", vectors(0))
    stored(place, "resnet50", vectors(1))

    found = agreement(place, without_patients(), k=3)

    assert found.n_patients is None
    assert [caution.code for caution in found.cautions] == ["FD003"]
    assert found.pairs[0].cka.debiased.method == "jackknife of photographs"
    with pytest.raises(DataError, match="no photograph names its patient"):
        agreement(place, without_patients(), k=3, others_only=True)


def test_measured_maps__are_those_that_are_stored(place: Workspace) -> None:
    first = stored(place, "resnet18", vectors(0))
    second = stored(place, "resnet50", vectors(1))
    projection = project_embeddings(place, load_embeddings(place, DATA, first), method="pca")

    maps = measured_maps(place, DATA, first)

    assert [one.method for one in maps] == ["pca"]
    assert maps[0].quality.trustworthiness == pytest.approx(projection.trustworthiness, abs=1e-6)
    assert 0 < maps[0].quality.continuity <= 1
    assert measured_maps(place, DATA, second) == ()


@pytest.mark.parametrize("others_only", [False, True])
def test_neighbours_of__are_those_that_were_compared(place: Workspace, others_only: bool) -> None:
    keys = [stored(place, "resnet18", vectors(0)), stored(place, "resnet50", vectors(1))]
    found = agreement(place, DATA, k=3, others_only=others_only)

    a, b = (
        {n.image_id for n in neighbours_of(found, DATA, load_embeddings(place, DATA, key), IDS[4])}
        for key in keys
    )

    assert len(a) == len(b) == 3
    assert len(a & b) == 3 * found.pairs[0].overlap.per_image[4]
    assert IDS[4] not in a | b
    assert (IDS[5] not in a | b) or not others_only


def test_agreement__is_of_the_embeddings_named(place: Workspace) -> None:
    keys = [
        stored(place, name, vectors(seed)) for seed, name in enumerate(["resnet18", "resnet50"])
    ]
    stored(place, "resnet34", vectors(2))

    found = agreement(place, DATA, [key[:12] for key in keys], k=3)

    assert {one.fingerprint for one in found.embeddings} == set(keys)
    assert len(agreement(place, DATA, k=3).pairs) == 3


def test_agreement__refusals_say_what_there_is(place: Workspace) -> None:
    with pytest.raises(DataError, match="0 set of embeddings is stored"):
        agreement(place, DATA)
    key = stored(place, "resnet18", vectors(0))
    with pytest.raises(DataError, match="1 set of embeddings is named"):
        agreement(place, DATA, [key, key])
    with pytest.raises(DataError, match=rf"begin with 'zzz'; there are: {key[:8]} \(ResNet-18"):
        agreement(place, DATA, ["zzz"])
    flat = stored(place, "resnet34", np.ones_like(vectors(1)))
    with pytest.raises(DataError, match="All 24 rows of resnet34"):
        agreement(place, DATA, [key, flat])
    stored(place, "resnet50", vectors(1)[:2], IDS[:2])
    with pytest.raises(DataError, match="24, 2, 24 photographs, of which 2 are the same"):
        agreement(place, DATA)


def test_agreement__more_neighbours_than_photographs_are_refused(place: Workspace) -> None:
    stored(place, "resnet18", vectors(0))
    stored(place, "resnet50", vectors(1))

    with pytest.raises(DataError, match="24 neighbours"):
        agreement(place, DATA, k=24)

    assert agreement(place, DATA, k=23).pairs[0].overlap.mean.value == 1.0


def test_aligned_onto__takes_the_photographs_both_maps_show() -> None:
    points = vectors(0)[:, :2]
    onto = Projection("pca", IDS[:20], points[:20], 1.0, 5)
    moved = Projection("pca", IDS[:3:-1], 7 - 2 * points[:3:-1], 1.0, 5)

    found, common = aligned_onto(moved, onto)

    assert common == IDS[4:20]
    assert found.points == pytest.approx(points[4:20], abs=1e-5)
