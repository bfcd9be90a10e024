"""Laying embeddings out on a plane. To add a method, add one entry to `PROJECTORS`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.domain.bounds import SEED
from fundus_core.errors import DataError

FEWEST_POINTS = 4
"""A plane shows nothing of fewer photographs."""

MOST_FITTED = 100_000
"""Photographs that a map is fitted to; of more, a sample of so many is."""

_PLACED_AT_ONCE = 20_000

_THREADS = -1
"""Of t-SNE: all. How many there are changes no bit of a map."""

_FEWEST_INTERVALS = 15
"""Of t-SNE's grid to a side. openTSNE asks for 50: as long as a map is small, they are finer than
its own rule of one to a unit, and a fifth of the time goes there. Divergence and trustworthiness
are the same with these."""

_SEARCHED_BY_UMAP = 4096
"""Photographs from which on umap-learn does not compare all with all by itself."""

_COMPONENTS_BEFORE = 50
"""Neighbour methods work on this many principal components."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A map: where each photograph lies, and how far its neighbourhoods can be trusted."""

    method: str
    """Key of `PROJECTORS`."""

    image_ids: tuple[str, ...]
    """N ids."""

    points: NDArray[np.float32]
    """Shape (N, 2). Axes, scale and sign have no meaning."""

    trustworthiness: float
    """Share of map neighbours that are neighbours in the embedding too, in [0, 1], rank-weighted
    over `n_neighbors`; higher is better (Venna & Kaski 2001)."""

    n_neighbors: int
    """Neighbourhood size that `trustworthiness` looks at."""

    n_fitted: int | None = None
    """Photographs that the map was fitted to, where the others were placed on it; None: all."""

    def frame(self) -> pd.DataFrame:
        """Returns the columns `image_id`, `x`, `y`."""
        return pd.DataFrame(
            {"image_id": self.image_ids, "x": self.points[:, 0], "y": self.points[:, 1]}
        )


Layout = tuple[NDArray[np.float32], list[NDArray[np.float32]]]
"""Points of what was fitted, and of each part that was placed."""


@dataclass(frozen=True, slots=True)
class Projector:
    """One row of the menu of maps."""

    label: str
    fit: Callable[[NDArray[np.float32], int, Sequence[NDArray[np.float32]]], Layout]
    """(vectors (N, D), seed, more vectors in parts) -> points (N, 2), and those of each part as
    the fitted method places them."""

    instant: bool
    """True if fast enough to compute while a page waits."""

    reference: str


def project(
    vectors: NDArray[np.float32], image_ids: tuple[str, ...], *, method: str, seed: int = 0
) -> Projection:
    """Lays N embeddings out on a plane.

    Of more than `MOST_FITTED` a random sample is fitted, and the fitted method places the others:
    one by one, so that a group none of which is in the sample does not form on the map.

    Args:
        vectors: Shape (N, D).
        image_ids: N ids.
        method: Key of `PROJECTORS`.
        seed: Start of the random numbers; t-SNE and PCA are then bit-identical on one machine,
            UMAP differs between machines even so, which is why maps are stored.

    Raises:
        DataError: If there are too few photographs for a map, or the method is unknown.
        ParameterError: If the seed is out of bounds.
    """
    SEED.require("seed", seed)
    if method not in PROJECTORS:
        raise DataError(
            f"There is no map called {method!r}.", hint=f"Choose one of {', '.join(PROJECTORS)}."
        )
    if len(vectors) < FEWEST_POINTS:
        raise DataError(
            f"A map needs at least {FEWEST_POINTS} photographs; {len(vectors)} have an embedding.",
            hint="Extract embeddings of more photographs first.",
        )
    points = _laid_out(PROJECTORS[method], vectors, seed)
    n_neighbors = min(10, (len(vectors) - 1) // 2)
    trust = _trustworthiness(vectors, points, n_neighbors)
    n_fitted = MOST_FITTED if len(vectors) > MOST_FITTED else None
    return Projection(method, image_ids, points, trust, n_neighbors, n_fitted)


def _laid_out(projector: Projector, vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Returns the points of all vectors, (N, 2); fits at most `MOST_FITTED`."""
    if len(vectors) <= MOST_FITTED:
        return projector.fit(vectors, seed, [])[0].astype(np.float32)
    order = np.random.default_rng(seed).permutation(len(vectors))
    sample = np.sort(order[:MOST_FITTED])
    others = np.sort(order[MOST_FITTED:])
    parts = [others[at : at + _PLACED_AT_ONCE] for at in range(0, len(others), _PLACED_AT_ONCE)]
    fitted, placed = projector.fit(vectors[sample], seed, [vectors[part] for part in parts])
    points = np.empty((len(vectors), 2), np.float32)
    points[sample] = fitted
    points[others] = np.concatenate(placed)
    return points


_TRUST_SAMPLE = 4000
"""Trustworthiness compares all pairs; above this many points a seeded sample is taken."""


def _trustworthiness(
    vectors: NDArray[np.float32], points: NDArray[np.float32], n_neighbors: int
) -> float:
    from sklearn.manifold import trustworthiness

    if len(vectors) > _TRUST_SAMPLE:
        rows = np.random.default_rng(0).choice(len(vectors), _TRUST_SAMPLE, replace=False)
        vectors, points = vectors[rows], points[rows]
    return float(trustworthiness(vectors, points, n_neighbors=max(1, n_neighbors)))


def _pca(
    vectors: NDArray[np.float32],
    seed: int,
    others: Sequence[NDArray[np.float32]],
    components: int = 2,
) -> Layout:
    """Returns the first principal components; missing ones (D = 1) are zero."""
    from sklearn.decomposition import PCA

    count = min(components, *vectors.shape)
    model = PCA(count, random_state=seed, svd_solver="auto")

    def padded(points: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.pad(points, ((0, 0), (0, components - count))).astype(np.float32)

    fitted = padded(model.fit_transform(vectors))
    return fitted, [padded(model.transform(part)) for part in others]


def _reduced(
    vectors: NDArray[np.float32], seed: int, others: Sequence[NDArray[np.float32]]
) -> Layout:
    if vectors.shape[1] == 1:  # the methods start from two principal components
        first, *rest = [np.hstack([part, np.zeros_like(part)]) for part in (vectors, *others)]
        return first, rest
    if vectors.shape[1] <= _COMPONENTS_BEFORE:
        return vectors, list(others)
    components = min(_COMPONENTS_BEFORE, *vectors.shape)
    return _pca(vectors, seed, others, components)


def _neighbours(
    vectors: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Returns the nearest others of each of N vectors, exactly: rows and distances (N, count).

    For the numbers a map is made of this takes less time than to compile a search that is only
    nearly right, and all maps are made of the same neighbours.
    """
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(vectors)
    distances, rows = search.kneighbors()
    return rows, distances.astype(np.float32)


def _tsne(vectors: NDArray[np.float32], seed: int, others: Sequence[NDArray[np.float32]]) -> Layout:
    from openTSNE import TSNE, initialization
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    reduced, more = _reduced(vectors, seed, others)
    model = TSNE(
        perplexity=perplexity,
        random_state=seed,
        n_jobs=_THREADS,
        min_num_intervals=_FEWEST_INTERVALS,
    )
    if more:  # only a search of its own finds neighbours for what is placed afterwards
        fitted = model.fit(reduced.astype(np.float64))
        placed = [fitted.transform(part.astype(np.float64)) for part in more]
        return np.asarray(fitted, np.float32), [np.asarray(one, np.float32) for one in placed]
    rows, distances = _neighbours(reduced, min(len(vectors) - 1, int(3 * perplexity)))
    affinities = PerplexityBasedNN(
        perplexity=perplexity,
        knn_index=PrecomputedNeighbors(rows, distances.astype(np.float64)),
        n_jobs=_THREADS,
    )
    start = initialization.pca(reduced.astype(np.float64), random_state=seed)
    fitted = model.fit(affinities=affinities, initialization=start)
    return np.asarray(fitted, np.float32), []


def _umap(vectors: NDArray[np.float32], seed: int, others: Sequence[NDArray[np.float32]]) -> Layout:
    import warnings

    n_neighbors = min(15, len(vectors) - 1)
    # With few points the spectral start has no solution; a random one serves as well.
    init = "spectral" if len(vectors) > 4 * n_neighbors else "random"
    with warnings.catch_warnings():
        # umap-learn says at import that TensorFlow is absent, and at every fit that scikit-learn
        # renamed an argument.
        warnings.simplefilter("ignore", ImportWarning)
        warnings.simplefilter("ignore", FutureWarning)
        # And that neighbours which are given do not help to place others: none are.
        warnings.filterwarnings("ignore", "precomputed_knn", UserWarning)
        import umap

        reduced, more = _reduced(vectors, seed, others)
        known: tuple[object, object, None] = (None, None, None)
        if len(vectors) >= _SEARCHED_BY_UMAP and not more:
            known = _with_itself(*_neighbours(reduced, n_neighbors - 1))
        reducer = umap.UMAP(
            n_neighbors=n_neighbors,
            random_state=seed,
            init=init,
            n_jobs=1,
            precomputed_knn=known,
        )
        fitted = np.asarray(reducer.fit_transform(reduced), np.float32)
        return fitted, [np.asarray(reducer.transform(part), np.float32) for part in more]


def _with_itself(
    rows: NDArray[np.int64], distances: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32], None]:
    """Returns neighbours as umap-learn knows them: each vector is the first of its own."""
    itself = np.arange(len(rows))[:, None]
    nothing = np.zeros((len(rows), 1), np.float32)
    return np.hstack([itself, rows]), np.hstack([nothing, distances]), None


def _pacmap(
    vectors: NDArray[np.float32], seed: int, others: Sequence[NDArray[np.float32]]
) -> Layout:
    import warnings

    import pacmap

    n_neighbors = min(10, max(2, len(vectors) // 4))
    reducer = pacmap.PaCMAP(n_neighbors=n_neighbors, random_state=seed, apply_pca=False)
    reduced, more = _reduced(vectors, seed, others)
    with warnings.catch_warnings():
        # PaCMAP warns that a seed was set, which is what was asked for.
        warnings.simplefilter("ignore", UserWarning)
        fitted = np.asarray(reducer.fit_transform(reduced), np.float32)
        return fitted, [
            np.asarray(reducer.transform(part, basis=reduced), np.float32) for part in more
        ]


PROJECTORS: dict[str, Projector] = {
    "pca": Projector("PCA", _pca, True, "Pearson (1901), Philosophical Magazine 2(11)"),
    "tsne": Projector(
        "t-SNE", _tsne, False, "van der Maaten & Hinton (2008); openTSNE, Poličar et al. (2024)"
    ),
    "umap": Projector("UMAP", _umap, False, "McInnes, Healy & Melville (2018), arXiv:1802.03426"),
    "pacmap": Projector("PaCMAP", _pacmap, False, "Wang et al. (2021), JMLR 22(201)"),
}
