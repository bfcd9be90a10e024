"""How the store of embeddings bears many rows: commits per second, and reading all of them back.

    python -m benchmarks.scale_store [ROWS] [ROWS_PER_COMMIT ...]

The vectors are random numbers, 384 for each row.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fundus_core.domain.recipe import EmbedRecipe, PreprocessRecipe
from fundus_core.embedding import SHARD_ROWS
from fundus_core.io.embedding_store import EmbeddingStore

ROWS, WIDTH = 100_000, 384


def recipe() -> EmbedRecipe:
    """Returns what the rows are said to be made by."""
    half = (0.5, 0.5, 0.5)
    return EmbedRecipe(
        "made-up", "none", (), "scratch", "", 0, 224, half, half, "none", "fp32", PreprocessRecipe()
    )


def ids(count: int) -> list[str]:
    """Returns ids as random as those of photographs, which do not compress."""
    digits = np.random.default_rng(1).bytes(16 * count).hex()
    return [digits[start : start + 32] for start in range(0, 32 * count, 32)]


def measure(count: int, rows_per_commit: int) -> None:
    """Prints how long it takes to commit `count` rows, and to have them again."""
    names = ids(count)
    vectors = np.random.default_rng(0).normal(size=(rows_per_commit, WIDTH)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddingStore(Path(folder), recipe())
        started = time.perf_counter()
        with store.lock():
            for start in range(0, count, rows_per_commit):
                committed = names[start : start + rows_per_commit]
                store.add(vectors[: len(committed)], committed, {})
        written = time.perf_counter()
        known = store.known()
        looked_up = time.perf_counter()
        found = store.read(names)
        read = time.perf_counter()
        assert len(known) == len(found.image_ids) == count
    rate = count / (written - started)
    print(
        f"  {rows_per_commit:5d} rows per commit: {rate:9,.0f} rows/s stored, "
        f"{looked_up - written:6.2f} s to know which, {read - looked_up:6.2f} s to read them",
        flush=True,
    )


def main() -> None:
    """Prints a line per size of a commit."""
    count, *sizes = [int(word) for word in sys.argv[1:]] or [ROWS]
    print(f"{count:,} rows of {WIDTH} numbers")
    for rows_per_commit in sizes or (SHARD_ROWS, 16 * SHARD_ROWS):
        measure(count, rows_per_commit)


if __name__ == "__main__":
    main()
