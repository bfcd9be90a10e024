"""Extraction on a cluster: the same shards, vectors and failures as in one process.

What needs a cluster is in `test_ray.py`; here an embedder is called as Ray would call it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from fundus_core.backbones.base import Backbone
from fundus_core.domain.dataset import RejectedRow
from fundus_core.embedding import SHARD_ROWS, Photograph, Shard, embed_photographs
from fundus_core.errors import ClusterError, WeightsError
from fundus_core.io.images import scan_image
from fundus_core.scale.embedding import (
    Embedder,
    EmbedTask,
    calls,
    merged,
    require_same_photographs,
    unpacked,
)
from fundus_core.scale.weights import SharedWeights
from tests.fakes import MeanBackbone, write_photograph

NO_WEIGHTS = SharedWeights(None, "")


def _mean_backbone(weights: Path | None) -> Backbone:
    return MeanBackbone()


def _no_backbone(weights: Path | None) -> Backbone:
    raise WeightsError("The weights are torn.", hint="Fetch them again.")


def _task(load: object = _mean_backbone, **changes: str) -> EmbedTask:
    return EmbedTask(load, None, "", batch_size=4, workers=1, decoder="fast", **changes)  # type: ignore[arg-type]


def _photographs(folder: Path, count: int) -> list[Photograph]:
    """Writes three photographs and lists them again and again."""
    paths = [write_photograph(folder / f"{red}.png", (red, 50, 20)) for red in (90, 130, 170)]
    return [Photograph(f"id{number}", paths[number % 3]) for number in range(count)]


def _handed_over(task: EmbedTask, photographs: Sequence[Photograph], n_slots: int) -> list[Shard]:
    embedder = Embedder(task, NO_WEIGHTS)
    return [
        unpacked(row)
        for call in calls(photographs, n_slots)
        for result in embedder(call)
        for row in result.to_pylist()
    ]


def test_embedder__shards_are_those_of_one_process(tmp_path: Path) -> None:
    photographs = _photographs(tmp_path, 2 * SHARD_ROWS + 5)
    photographs[7].path.with_name("broken.png").write_bytes(b"not a picture")
    photographs[7] = Photograph("id7", tmp_path / "broken.png")

    shards = _handed_over(_task(), photographs, n_slots=2)

    alone: list[Shard] = []
    embed_photographs(MeanBackbone(), photographs, on_shard=alone.append, batch_size=4)
    assert [shard.image_ids for shard in shards] == [shard.image_ids for shard in alone]
    assert [shard.skipped for shard in shards] == [shard.skipped for shard in alone]
    assert all((a.vectors == b.vectors).all() for a, b in zip(shards, alone, strict=True))


def test_embedder__a_shard_without_a_readable_photograph(tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"not a picture")

    (shard,) = _handed_over(_task(), [Photograph("a", path)], n_slots=1)

    assert shard.vectors.shape == (0, 3)
    assert shard.skipped["a"].reason == "unreadable"


def test_embedder__what_its_backbone_lacks_is_said_where_it_was_asked_for(tmp_path: Path) -> None:
    photographs = _photographs(tmp_path, 3)

    with pytest.raises(ClusterError, match="torn") as caught:
        _handed_over(_task(_no_backbone), photographs, n_slots=1)

    assert caught.value.hint == "Fetch them again."


def test_embedder__another_version_on_a_node_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"that asks has 0\.0\.1"):
        _handed_over(_task(version="0.0.1"), _photographs(tmp_path, 1), n_slots=1)


def test_embedder__a_large_call_is_one_commit_with_the_same_vectors(tmp_path: Path) -> None:
    photographs = _photographs(tmp_path, 17 * SHARD_ROWS)  # two shards per call

    shards = _handed_over(_task(), photographs, n_slots=1)

    alone: list[Shard] = []
    embed_photographs(MeanBackbone(), photographs, on_shard=alone.append, batch_size=4)
    assert len(shards) == 9
    assert merged(shards).image_ids == merged(alone).image_ids
    assert (merged(shards).vectors == merged(alone).vectors).all()


@pytest.mark.parametrize(("n_shards", "n_slots", "shards_per_call"), [(3, 2, 1), (1600, 4, 16)])
def test_calls__large_work_in_large_pieces_and_small_work_in_shards(
    n_shards: int, n_slots: int, shards_per_call: int
) -> None:
    photographs = [Photograph(f"id{row}", Path("a.png")) for row in range(n_shards * SHARD_ROWS)]

    tables = list(calls(photographs, n_slots))

    ids = [
        image_id for table in tables for cut in table["image_ids"].to_pylist() for image_id in cut
    ]
    assert {table.num_rows for table in tables} == {shards_per_call}
    assert ids == [photograph.image_id for photograph in photographs]


def test_require_same_photographs__a_disk_that_a_node_lacks_is_no_broken_photograph(
    tmp_path: Path,
) -> None:
    there = write_photograph(tmp_path / "there.png", (100, 50, 20))
    image_id = scan_image(there).image_id
    lost = Shard(
        np.zeros((0, 3), np.float32),
        (),
        {image_id: RejectedRow(str(there), "missing", "there.png does not exist.")},
    )
    require_same_photographs(Shard(lost.vectors, (), {"0" * 32: lost.skipped[image_id]}), "node7")

    with pytest.raises(ClusterError, match=r"node7 does not see .*there\.png"):
        require_same_photographs(lost, "node7")
