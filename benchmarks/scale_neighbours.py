"""Nearest neighbours of all photographs: NumPy beside faiss, both exact.

    python -m benchmarks.scale_neighbours [ROWS ...]

Random vectors of 384 numbers, ten neighbours of each.
"""

import sys
import time

import numpy as np

from fundus_core.scale.neighbours import nearest_by_faiss
from fundus_core.similarity import directions, nearest_rows

ROWS, WIDTH, COUNT = (10_000, 20_000), 384, 10


def main() -> None:
    """Prints the processor seconds of both, and how many neighbours differ."""
    for count in [int(word) for word in sys.argv[1:]] or ROWS:
        vectors = np.random.default_rng(0).normal(size=(count, WIDTH)).astype(np.float32)
        started = time.process_time()
        by_numpy = nearest_rows(vectors, COUNT)
        between = time.process_time()
        by_faiss = nearest_by_faiss(directions(vectors), COUNT, None, COUNT + 1)
        ended = time.process_time()
        numpy, faiss = between - started, ended - between
        print(
            f"  {count:7,d} rows: NumPy {numpy:6.2f} CPU s, faiss {faiss:6.2f}, ratio "
            f"{numpy / faiss:4.1f}; {(by_numpy != by_faiss).sum()} neighbours differ",
            flush=True,
        )


if __name__ == "__main__":
    main()
