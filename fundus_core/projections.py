"""Laying embeddings out on a plane. To add a method, add one entry to `PROJECTORS`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.errors import DataError

FEWEST_POINTS = 4
"""A plane shows nothing of fewer photographs."""

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

    def frame(self) -> pd.DataFrame:
        """Returns the columns `image_id`, `x`, `y`."""
        return pd.DataFrame(
            {"image_id": self.image_ids, "x": self.points[:, 0], "y": self.points[:, 1]}
        )


@dataclass(frozen=True, slots=True)
class Projector:
    """One row of the menu of maps."""

    label: str
    fit: Callable[[NDArray[np.float32], int], NDArray[np.float32]]
    """(vectors (N, D), seed) -> points (N, 2)."""

    instant: bool
    """True if fast enough to compute while a page waits."""

    reference: str


def project(
    vectors: NDArray[np.float32], image_ids: tuple[str, ...], *, method: str, seed: int = 0
) -> Projection:
    """Lays N embeddings out on a plane.

    Args:
        vectors: Shape (N, D).
        image_ids: N ids.
        method: Key of `PROJECTORS`.
        seed: Start of the random numbers; t-SNE and PCA are then bit-identical on one machine,
            UMAP differs between machines even so, which is why maps are stored.

    Raises:
        DataError: If there are too few photographs for a map, or the method is unknown.
    """
    if method not in PROJECTORS:
        raise DataError(
            f"There is no map called {method!r}.", hint=f"Choose one of {', '.join(PROJECTORS)}."
        )
    if len(vectors) < FEWEST_POINTS:
        raise DataError(
            f"A map needs at least {FEWEST_POINTS} photographs; {len(vectors)} have an embedding.",
            hint="Extract embeddings of more photographs first.",
        )
    points = PROJECTORS[method].fit(vectors, seed).astype(np.float32)
    n_neighbors = min(10, (len(vectors) - 1) // 2)
    trust = _trustworthiness(vectors, points, n_neighbors)
    return Projection(method, image_ids, points, trust, n_neighbors)


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


def _pca(vectors: NDArray[np.float32], seed: int, components: int = 2) -> NDArray[np.float32]:
    """Returns the first principal components; missing ones (D = 1) are zero."""
    from sklearn.decomposition import PCA

    count = min(components, *vectors.shape)
    points = PCA(count, random_state=seed, svd_solver="auto").fit_transform(vectors)
    padded = np.zeros((len(vectors), components), np.float32)
    padded[:, :count] = points
    return padded


def _reduced(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    if vectors.shape[1] == 1:  # the methods start from two principal components
        return np.hstack([vectors, np.zeros_like(vectors)])
    if vectors.shape[1] <= _COMPONENTS_BEFORE:
        return vectors
    components = min(_COMPONENTS_BEFORE, *vectors.shape)
    return _pca(vectors, seed, components)


def _tsne(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    from openTSNE import TSNE

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    embedding = TSNE(perplexity=perplexity, random_state=seed, n_jobs=1).fit(
        _reduced(vectors, seed).astype(np.float64)
    )
    return np.asarray(embedding, np.float32)


def _umap(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    import warnings

    n_neighbors = min(15, len(vectors) - 1)
    # With few points the spectral start has no solution; a random one serves as well.
    init = "spectral" if len(vectors) > 4 * n_neighbors else "random"
    with warnings.catch_warnings():
        # umap-learn says at import that TensorFlow is absent, and at every fit that scikit-learn
        # renamed an argument.
        warnings.simplefilter("ignore", ImportWarning)
        warnings.simplefilter("ignore", FutureWarning)
        import umap

        reducer = umap.UMAP(n_neighbors=n_neighbors, random_state=seed, init=init, n_jobs=1)
        return np.asarray(reducer.fit_transform(_reduced(vectors, seed)), np.float32)


def _pacmap(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    import warnings

    import pacmap

    n_neighbors = min(10, max(2, len(vectors) // 4))
    reducer = pacmap.PaCMAP(n_neighbors=n_neighbors, random_state=seed, apply_pca=False)
    with warnings.catch_warnings():
        # PaCMAP warns that a seed was set, which is what was asked for.
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(reducer.fit_transform(_reduced(vectors, seed)), np.float32)


PROJECTORS: dict[str, Projector] = {
    "pca": Projector("PCA", _pca, True, "Pearson (1901), Philosophical Magazine 2(11)"),
    "tsne": Projector(
        "t-SNE", _tsne, False, "van der Maaten & Hinton (2008); openTSNE, Poličar et al. (2024)"
    ),
    "umap": Projector("UMAP", _umap, False, "McInnes, Healy & Melville (2018), arXiv:1802.03426"),
    "pacmap": Projector("PaCMAP", _pacmap, False, "Wang et al. (2021), JMLR 22(201)"),
}
