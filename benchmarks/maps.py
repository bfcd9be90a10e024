"""Maps of 10,000 embeddings: ours beside scikit-learn's t-SNE and a first UMAP, in one run.

    python -m benchmarks.maps

Synthetic embeddings of 768 numbers in twelve groups. Every map is made in a process of its own, as
the first one of a day is: what is imported and compiled then counts. Trustworthiness over ten
neighbours, on 2,000 points, says whether the faster map is a worse one.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray

N_POINTS, N_MANY, D, N_GROUPS, ROUNDS = 10_000, 70_000, 768, 12, 3
N_JUDGED = 2_000
WAYS = {
    "t-SNE, ours": ("ours", "tsne"),
    "t-SNE, scikit-learn": ("scikit-learn", "tsne"),
    "UMAP, ours": ("ours", "umap"),
    "UMAP, umap-learn's defaults": ("umap-learn", "umap"),
    "PaCMAP, ours": ("ours", "pacmap"),
}


def synthetic(n_points: int) -> NDArray[np.float32]:
    """Returns embeddings (N, D) in groups."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(N_GROUPS, D)) * 0.5
    group = generator.integers(0, N_GROUPS, n_points)
    return (centres[group] + generator.normal(size=(n_points, D))).astype(np.float32)


def laid_out(program: str, method: str, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns points (N, 2) by one program."""
    if program == "scikit-learn":
        from sklearn.manifold import TSNE

        return TSNE(random_state=0).fit_transform(vectors)
    if program == "umap-learn":
        from umap import UMAP

        return UMAP(random_state=0).fit_transform(vectors)
    from fundus_core.projections import PROJECTORS

    return PROJECTORS[method].fit(vectors, 0, [])[0]


def measure(program: str, method: str, n_points: int) -> dict[str, float]:
    """Makes one map in this process; returns seconds and trustworthiness."""
    vectors = synthetic(n_points)
    began = time.perf_counter()
    points = laid_out(program, method, vectors)
    seconds = time.perf_counter() - began
    from sklearn.manifold import trustworthiness

    rows = np.random.default_rng(1).choice(n_points, N_JUDGED, replace=False)
    trust = float(trustworthiness(vectors[rows], points[rows], n_neighbors=10))
    return {"seconds": seconds, "trust": trust}


def in_process(program: str, method: str, n_points: int) -> dict[str, float]:
    """Returns what `measure` finds in a new process."""
    command = [sys.executable, "-m", "benchmarks.maps", program, method, str(n_points)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def main() -> None:
    """Measures every way in turn and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("one", nargs="*", help="program, method, points: measure one map")
    one = parser.parse_args().one
    if one:
        print(json.dumps(measure(one[0], one[1], int(one[2]))))
        return
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        for name, (program, method) in WAYS.items():
            found[name].append(in_process(program, method, N_POINTS))
    print(f"{N_POINTS:,} x {D}, medians of {ROUNDS} processes\n")
    print("| map | seconds | trustworthiness |\n| --- | --- | --- |")
    middle = {k: statistics.median(one["seconds"] for one in v) for k, v in found.items()}
    for name, outcomes in found.items():
        print(f"| {name} | {middle[name]:.1f} | {outcomes[0]['trust']:.3f} |")
    for method, peer in (("t-SNE", "scikit-learn"), ("UMAP", "umap-learn's defaults")):
        ratio = middle[f"{method}, {peer}"] / middle[f"{method}, ours"]
        print(f"\n{method}: ours is {ratio:.1f} times as fast")
    many = in_process("ours", "pacmap", N_MANY)
    print(f"\nPaCMAP of {N_MANY:,}: {many['seconds']:.1f} s")


if __name__ == "__main__":
    main()
