"""Use case: is a photograph unlike those that a model was fitted on, as its backbone sees them?

N is the number of photographs of the data set, D the length of an embedding.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.errors import DataError
from fundus_core.io.workspace import Workspace
from fundus_core.similarity import Neighbour, cosines_with
from fundus_core.stats.inputs import as_patients
from fundus_core.workflows.embeddings.stored import vectors_of

NEIGHBOURS = 5
"""The distance of a photograph is that to its fifth nearest: one odd photograph in the data set
does not make all that resemble it usual."""

LARGEST_SHARE = 0.01
"""A photograph is unlike the others if fewer of them than this lie as far out."""

NOT_SHOWN = (
    "No warning does not mean that the model may be trusted here. Networks that saw drawn "
    "photographs alone missed many pictures that are no fundus photographs, and called few real "
    "ones unlike (docs/photograph.md); another camera, disease or population may well go unnoticed."
)
"""What a reader must know; measured, see docs/photograph.md."""

_MOST_REFERENCES = 2000
"""Photographs whose own distance is measured; of more, some are drawn."""

_CELLS_AT_ONCE = 10_000_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A data set in the space of a backbone, and how far apart its photographs usually lie."""

    directions: NDArray[np.float32]
    """Shape (N, D): the embeddings, each of length 1."""

    usual: NDArray[np.float64]
    """Shape (R,), ascending: the distance of R photographs to their `NEIGHBOURS`-th nearest of
    other patients; 1 - cosine, in [0, 2]."""

    by_patient: bool
    """False where patients are unknown: then another photograph of the patient may be near."""

    @property
    def expected_alarms(self) -> float:
        """Share of photographs of new patients, taken like these, that would be called unlike."""
        return max(LARGEST_SHARE, 1 / (len(self.usual) + 1))


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a photograph lies from those of a data set."""

    distance: float
    """1 - cosine to its `NEIGHBOURS`-th nearest photograph, in [0, 2]; higher is less alike."""

    limit: float
    """Beyond this distance lie fewer than `LARGEST_SHARE` of the data set's photographs."""

    share_as_far: float
    """Share of the data set's photographs that lie as far from theirs, in [0, 1]."""

    n_usual: int
    """Photographs that the share is of."""

    expected_alarms: float
    """See `Surroundings`."""

    by_patient: bool

    @property
    def unlike(self) -> bool:
        """Says whether the photograph is unlike what the model was fitted on."""
        return self.share_as_far < LARGEST_SHARE

    @property
    def percentile(self) -> float:
        """Share of the data set's photographs that lie nearer, in percent."""
        return 100 * (1 - self.share_as_far)


def surroundings_of(
    workspace: Workspace, dataset: FundusDataset, recipe: EmbedRecipe
) -> Surroundings:
    """Returns the surroundings of a stored recipe's embeddings.

    Raises:
        DataError: If too few photographs of the data set have an embedding.
    """
    stored = vectors_of(workspace, dataset, recipe).read(dataset.image_ids)
    if len(stored.image_ids) <= NEIGHBOURS:
        raise DataError(
            f"{len(stored.image_ids)} of {len(dataset)} photographs of {dataset.name} have an "
            f"embedding; more than {NEIGHBOURS} are needed to say what is usual.",
            hint="Extract the embeddings of this data set again.",
        )
    patients = dataset.select(stored.image_ids).patient_ids
    return surroundings(stored.vectors, patients)


def surroundings(
    vectors: NDArray[np.float32],
    patients: ArrayLike | None = None,
    *,
    seed: int = 0,
) -> Surroundings:
    """Measures how far photographs lie from those of other patients.

    Cosines are not centred here, other than for neighbours: networks put all fundus photographs
    into one narrow cone, and with two of three networks that were tried, centring hid most of what
    points away from it (docs/photograph.md).

    Args:
        vectors: Shape (N, D).
        patients: Shape (N,); photographs of the same patient are left out of each other's
            distances, since a new patient has none in the data set.
        seed: Of the draw of photographs, where there are very many.

    Raises:
        DataError: If a photograph has too few others of other patients.
        ScoresError: If a patient is missing.

    References:
        Sun, Ming, Zhu & Li (2022), ICML, PMLR 162, 20827-20840 (distance to the k-th neighbour
        of normalised features). Ours leaves the photograph's own patient out.

    Examples:
        >>> vectors = np.eye(8, dtype=np.float32)
        >>> surroundings(vectors).usual.tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    codes = as_patients(patients, n_images=len(vectors))
    directions = _directions(vectors)
    rows = np.arange(len(directions))
    if len(rows) > _MOST_REFERENCES:
        rows = np.random.default_rng(seed).choice(rows, _MOST_REFERENCES, replace=False)
    usual = np.sort(_own_distances(directions, rows, codes))
    if not np.isfinite(usual).all():
        raise DataError(
            f"Some photographs have fewer than {NEIGHBOURS} others of other patients.",
            hint="Use a data set of more patients.",
        )
    return Surroundings(directions, usual, codes is not None)


def distance_of(vector: NDArray[np.float32], around: Surroundings) -> Distance:
    """Says how far a new photograph lies from those of a data set.

    Args:
        vector: Shape (D,), its embedding by the same recipe.
        around: The data set.
    """
    cosines = around.directions @ _directions(vector[np.newaxis])[0]  # (N,)
    distance = float(1 + np.partition(-cosines, NEIGHBOURS - 1)[NEIGHBOURS - 1])
    as_far = len(around.usual) - int(np.searchsorted(around.usual, distance, side="left"))
    n_far = int(np.ceil(LARGEST_SHARE * len(around.usual)))
    return Distance(
        distance,
        float(around.usual[-n_far]),
        as_far / len(around.usual),
        len(around.usual),
        around.expected_alarms,
        around.by_patient,
    )


def alike(
    embeddings: Embeddings, vector: NDArray[np.float32], *, count: int
) -> tuple[Neighbour, ...]:
    """Returns the photographs of a data set most like a new one, nearest first.

    Args:
        embeddings: Of the data set.
        vector: Shape (D,), of the new photograph by the same recipe.
        count: How many at most.
    """
    cosines = cosines_with(embeddings.vectors, vector)
    order = np.argsort(-cosines, kind="stable")[:count]
    return tuple(Neighbour(embeddings.image_ids[row], float(cosines[row])) for row in order)


def alarm_rate(
    vectors: NDArray[np.float32],
    patients: ArrayLike,
    *,
    held_out: float = 0.2,
    n_draws: int = 10,
    seed: int = 0,
) -> tuple[float, ...]:
    """Returns how often photographs of held-out patients of the same data set are called unlike.

    Args:
        vectors: Shape (N, D).
        patients: Shape (N,).
        held_out: Share of the patients that play the new ones.
        n_draws: How often they are drawn anew.
        seed: Of the draws.

    Returns:
        One share per draw, in [0, 1].
    """
    names = np.asarray(patients)
    generator = np.random.default_rng(seed)
    rates = []
    for _ in range(n_draws):
        shuffled = generator.permutation(np.unique(names))
        new = np.isin(names, shuffled[: round(held_out * len(shuffled))])
        around = surroundings(vectors[~new], names[~new])
        rates.append(float(np.mean([distance_of(one, around).unlike for one in vectors[new]])))
    return tuple(rates)


def _own_distances(
    directions: NDArray[np.float32], rows: NDArray[np.intp], codes: NDArray[np.intp] | None
) -> NDArray[np.float64]:
    """Returns the distance of some rows to their k-th nearest of other patients, (R,)."""
    found = []
    step = max(1, _CELLS_AT_ONCE // len(directions))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        cosines = directions[part] @ directions.T  # (step, N)
        cosines[np.arange(len(part)), part] = -np.inf
        if codes is not None:
            cosines[codes[part, np.newaxis] == codes] = -np.inf
        kth = -np.partition(-cosines, NEIGHBOURS - 1, axis=1)[:, NEIGHBOURS - 1]
        found.append(1 - kth.astype(np.float64))
    return np.concatenate(found)


def _directions(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns vectors of length 1; one of length 0 stays, and is at distance 1 from all."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), np.float32)
