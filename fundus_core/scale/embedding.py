"""The extraction of `fundus_core.embedding` on a Ray cluster: an embedder per GPU or core.

The list of photographs is cut into the same shards as on one machine and each is computed by the
same function; the process that asked receives and commits them, whichever comes first. It alone
writes, so that the store needs no shared disk and keeps its promises. Pixels never leave the node
they were decoded on.
"""

import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fundus_core import __version__
from fundus_core.backbones.base import Backbone
from fundus_core.compute import choose_device, default_batch_size
from fundus_core.domain.dataset import RejectedRow
from fundus_core.domain.progress import Progress, silent
from fundus_core.embedding import SHARD_ROWS, Photograph, Shard, embed_photographs
from fundus_core.errors import ClusterError, FundusError
from fundus_core.io.images import holds
from fundus_core.scale.cluster import (
    Slots,
    connected,
    node_resources,
    ray_module,
    require_version,
    slots_of,
)
from fundus_core.scale.weights import SharedWeights, share

if TYPE_CHECKING:
    import pyarrow as pa

_SHARDS_PER_CALL = 16
"""At most so many at once: enough that a GPU does not wait for its next call."""

_CALLS_PER_SLOT = 8
"""At least so many where there is enough work: all slots end at about the same time, and little is
lost with a node."""


@dataclass(frozen=True, slots=True)
class EmbedTask:
    """What every embedder of a cluster is told."""

    load: Callable[[Path | None], Backbone]
    """Loads the backbone from its weights file; pickled, so a function of a module."""

    weights: Path | None
    """The file, on the machine that asks; None for random weights."""

    weights_sha256: str
    batch_size: int | None
    """Photographs computed at once; None for what suits the device."""

    workers: int
    """Threads that decode, of each embedder."""

    decoder: Literal["fast", "exact"]
    version: str = __version__
    """Of this program, which must be the same on every node."""


def embed_on_ray(
    task: EmbedTask,
    photographs: Sequence[Photograph],
    *,
    on_shard: Callable[[Shard], None],
    address: str | None = None,
    progress: Progress = silent,
) -> None:
    """Embeds photographs on a cluster and hands them over shard by shard, in any order.

    What a lost node had begun is computed again by another one.

    Args:
        task: The backbone and how it is fed.
        photographs: N files; every node finds each under the same path.
        on_shard: Called for each shard; commits it.
        address: See `connected`.
        progress: Told after each shard.

    Raises:
        ClusterError: If there is no cluster, or a node lacks a photograph, weights or this version.
        FundusError: If a node could not load the backbone.
    """
    progress(0, len(photographs), "Starting the cluster" if address is None else "Joining Ray")
    with connected(address):
        nodes = node_resources()
        slots = slots_of(nodes, task.workers)
        shared = share(task.weights, task.weights_sha256, across=len(nodes) > 1)
        message = f"Embedding on {slots.count} {'GPUs' if slots.gpus else 'cores'}"
        progress(0, len(photographs), message)
        done = 0
        for shard in _computed(task, shared, slots, photographs):
            on_shard(shard)
            done += len(shard.image_ids) + len(shard.skipped)
            progress(done, len(photographs), message)


def calls(photographs: Sequence[Photograph], n_slots: int) -> Iterator["pa.Table"]:
    """Yields what an embedder is given at a time: a table with a row per shard.

    Columns: `image_ids` and `paths`, a list each. The cuts are those of `embed_photographs`.
    """
    import pyarrow as pa

    n_shards = -(-len(photographs) // SHARD_ROWS)
    at_once = min(_SHARDS_PER_CALL, max(1, n_shards // (_CALLS_PER_SLOT * n_slots)))
    rows_at_once = at_once * SHARD_ROWS
    for start in range(0, len(photographs), rows_at_once):
        called = photographs[start : start + rows_at_once]
        cuts = [called[cut : cut + SHARD_ROWS] for cut in range(0, len(called), SHARD_ROWS)]
        yield pa.table(
            {
                "image_ids": [[each.image_id for each in cut] for cut in cuts],
                "paths": [[str(each.path) for each in cut] for cut in cuts],
            }
        )


def _computed(
    task: EmbedTask, shared: SharedWeights, slots: Slots, photographs: Sequence[Photograph]
) -> Iterator[Shard]:
    """Yields the shards as they come.

    Raises:
        FundusError: If an embedder met something the user can mend.
    """
    ray = ray_module()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    blocks = ray.data.from_arrow(list(calls(photographs, slots.count)))
    results = blocks.map_batches(
        Embedder,
        fn_constructor_args=(task, shared),
        batch_size=None,  # a call is a block
        batch_format="pyarrow",
        zero_copy_batch=True,
        num_gpus=slots.gpus or None,
        num_cpus=slots.cpus,
        # At least one, so that a lost node does not stop the others.
        compute=ray.data.ActorPoolStrategy(
            min_size=1, max_size=slots.count, initial_size=slots.count
        ),
    )
    for block in results.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        for row in block.to_pylist():
            shard = unpacked(row)
            require_same_photographs(shard, row["node"])
            yield shard


class Embedder:
    """One slot of the cluster: loads the backbone once and embeds what it is given."""

    def __init__(self, task: EmbedTask, shared: SharedWeights) -> None:
        """Loads the backbone; what the user can mend is told with the first result.

        An error here would only make Ray start the embedder again.
        """
        self._task = task
        self._failure: FundusError | None = None
        try:
            require_version(task.version)
            self._backbone = task.load(shared.at_hand())
        except FundusError as error:
            self._failure = error

    def __call__(self, table: "pa.Table") -> Iterator["pa.Table"]:
        """Yields a row with what became of the shards in `table`, or why nothing did."""
        if self._failure is None:
            try:
                yield _packed(merged(self._embedded(table)))
                return
            except FundusError as error:
                self._failure = error
        yield _packed(self._failure)

    def _embedded(self, table: "pa.Table") -> list[Shard]:
        shards: list[Shard] = []
        rows = table.to_pylist()
        size = self._task.batch_size or default_batch_size(
            choose_device(), self._backbone.image_size
        )
        embed_photographs(
            self._backbone,
            [
                Photograph(image_id, Path(path))
                for row in rows
                for image_id, path in zip(row["image_ids"], row["paths"], strict=True)
            ],
            on_shard=shards.append,
            batch_size=size,
            workers=self._task.workers,
            decoder=self._task.decoder,
        )
        return shards


def require_same_photographs(shard: Shard, node: str) -> None:
    """Refuses that a node misses a photograph that is there.

    To store it as one that cannot be read would outlast the missing disk.

    Raises:
        ClusterError: If one of the skipped photographs can be read here.
    """
    for image_id, row in shard.skipped.items():
        if row.reason == "missing" and holds(Path(row.path), image_id):
            raise ClusterError(
                f"The node {node} does not see {row.path}, which is there.",
                hint="Put the photographs on a disk that every node mounts at the same place, "
                "or into an object store, named as s3:// or gs:// in the table.",
            )


def merged(shards: Sequence[Shard]) -> Shard:
    """Returns what a call computed as one shard: ten million photographs make few files then."""
    skipped: dict[str, RejectedRow] = {}
    for shard in shards:
        skipped |= shard.skipped
    image_ids = tuple(image_id for shard in shards for image_id in shard.image_ids)
    return Shard(np.concatenate([shard.vectors for shard in shards]), image_ids, skipped)


def _packed(result: Shard | FundusError) -> "pa.Table":
    """Returns a result as the row of a table, which is how it travels between nodes."""
    import pyarrow as pa

    row = _failed(result) if isinstance(result, FundusError) else _row(result)
    return pa.Table.from_pylist([row], schema=_schema())


def _schema() -> "pa.Schema":
    import pyarrow as pa

    return pa.schema(
        {
            "image_ids": pa.list_(pa.string()),
            "vectors": pa.binary(),  # float32, row after row
            "width": pa.int64(),
            "skipped": pa.string(),  # JSON
            "failure": pa.list_(pa.string()),  # message and hint
            "node": pa.string(),
        }
    )


def _row(shard: Shard) -> dict[str, Any]:
    skipped = {key: [row.path, row.reason, row.detail] for key, row in shard.skipped.items()}
    return {
        "image_ids": list(shard.image_ids),
        "vectors": np.ascontiguousarray(shard.vectors, "<f4").tobytes(),
        "width": shard.vectors.shape[1],
        "skipped": json.dumps(skipped),
        "failure": None,
        "node": platform.node(),
    }


def _failed(error: FundusError) -> dict[str, Any]:
    said = {"failure": [error.message, error.hint], "node": platform.node()}
    return dict.fromkeys(_schema().names) | said


def unpacked(row: dict[str, Any]) -> Shard:
    """Returns the shard of a row.

    Raises:
        ClusterError: If the row says what went wrong in its place.
    """
    if row["failure"] is not None:
        message, hint = row["failure"]
        raise ClusterError(message, hint=hint)
    vectors = np.frombuffer(row["vectors"], "<f4").reshape(-1, row["width"])
    skipped = {key: RejectedRow(*values) for key, values in json.loads(row["skipped"]).items()}
    return Shard(vectors, tuple(row["image_ids"]), skipped)
