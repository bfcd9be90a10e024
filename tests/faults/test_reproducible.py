"""The same vectors whatever the threads, the batch and what came before; and figures that end."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_core.backbones.catalogue import backbone_spec
from fundus_core.backbones.loaders import load_backbone
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.embedding import Photograph, Shard, embed_photographs
from fundus_core.errors import FundusError
from fundus_core.stats.delong import auc_interval, compare_paired
from tests.fakes import write_photograph

N_PHOTOGRAPHS = 21
"""No multiple of a batch: the last one is not full."""

FLOORS = {"fp32": 1e-5, "bf16": 2e-2}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Photograph]:
    folder: Path = tmp_path_factory.mktemp("photographs")
    return [
        Photograph(f"id{n}", write_photograph(folder / f"{n}.png", (90 + 5 * n, 60, 30)))
        for n in range(N_PHOTOGRAPHS)
    ]


def vectors(
    photographs: list[Photograph], precision: str, *, batch: int, threads: int, workers: int
) -> np.ndarray:
    backbone = load_backbone(
        backbone_spec("timm:test_resnet"),
        None,
        preprocessing=PreprocessRecipe(),
        device=torch.device("cpu"),
        precision=precision,
        image_size=64,
        seed=0,
    )
    shards: list[Shard] = []
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        embed_photographs(
            backbone, photographs, on_shard=shards.append, batch_size=batch, workers=workers
        )
    finally:
        torch.set_num_threads(before)
    assert [one for shard in shards for one in shard.image_ids] == [p.image_id for p in photographs]
    return np.concatenate([shard.vectors for shard in shards])


@pytest.mark.parametrize("precision", FLOORS)
def test_embed__threads_and_batches_do_not_matter(
    photographs: list[Photograph], precision: str
) -> None:
    first = vectors(photographs, precision, batch=16, threads=1, workers=1)

    assert np.array_equal(first, vectors(photographs, precision, batch=16, threads=1, workers=4))
    for batch, threads in ((1, 1), (16, 2), (5, 2)):
        again = vectors(photographs, precision, batch=batch, threads=threads, workers=2)
        scale = np.linalg.norm(first, axis=1, keepdims=True)
        assert np.abs(again - first).max() <= FLOORS[precision] * scale.max()


SCORES = st.sampled_from([0.0, 0.5, 0.5, 1.0, -1e300, 1e300, float("nan"), float("inf")])


@pytest.mark.timeout(60)
@settings(max_examples=150, deadline=5_000, database=None)
@given(st.lists(st.tuples(st.booleans(), SCORES, SCORES), max_size=9))
def test_auc__of_anything_is_in_its_interval_or_refused_and_always_ends(
    rows: list[tuple[bool, float, float]],
) -> None:
    y_true = [row[0] for row in rows]
    first, second = [row[1] for row in rows], [row[2] for row in rows]
    try:
        found = auc_interval(y_true, first)
        compared = compare_paired(y_true, first, second)
    except FundusError:
        return

    assert 0 <= found.low <= found.auc <= found.high <= 1
    assert found.low < found.high
    assert 0 <= compared.p_value <= 1
