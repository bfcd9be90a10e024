"""Use case: do the backbones of a data set agree on which photographs are alike?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fundus_core.agreement.cka import FEWEST_IMAGES, Cka, pairwise_cka
from fundus_core.agreement.maps import AlignedMap, MapQuality, align_map, map_quality
from fundus_core.agreement.overlap import Overlap, list_length, neighbour_overlap
from fundus_core.checks import Caution, dataset_cautions
from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.errors import DataError
from fundus_core.io.workspace import Workspace
from fundus_core.projections import PROJECTORS, Projection
from fundus_core.similarity import Neighbour, nearest, nearest_rows
from fundus_core.workflows.embeddings.project import stored_projection
from fundus_core.workflows.embeddings.stored import (
    EmbeddingSummary,
    list_embeddings,
    load_embeddings,
)
from fundus_core.workflows.weights.labels import distinct_labels

FEWEST_EMBEDDINGS = 2

_ABOUT_FIGURES = {"FD003", "FD004", "FD005", "FD007"}
"""Cautions about a data set that bear on agreement."""


@dataclass(frozen=True, slots=True)
class ComparedEmbeddings:
    """One backbone of a comparison."""

    fingerprint: str
    label: str
    n_stored: int
    """Photographs of the data set that it embedded."""


@dataclass(frozen=True, slots=True)
class MeasuredMap:
    """A stored map of one backbone, on all photographs that it embedded."""

    method: str
    """Key of `PROJECTORS`."""

    quality: MapQuality


@dataclass(frozen=True, slots=True)
class AgreementPair:
    """Two backbones on the same photographs."""

    a: str
    """Fingerprint."""

    b: str
    cka: Cka
    overlap: Overlap


@dataclass(frozen=True, slots=True)
class Agreement:
    """Several backbones, and each pair of them on the photographs that all embedded."""

    embeddings: tuple[ComparedEmbeddings, ...]
    pairs: tuple[AgreementPair, ...]
    image_ids: tuple[str, ...]
    """The N photographs that all have embedded, in the order of the data set; rows of
    `Overlap.per_image` belong to them."""

    n_dataset: int
    """Photographs of the data set."""

    n_patients: int | None
    """Of the N photographs; None where patients are unknown: photographs then count as
    independent."""

    k: int
    """Neighbours compared."""

    others_only: bool
    """True if photographs of the same patient do not count as neighbours."""

    cautions: tuple[Caution, ...]

    def pair(self, a: str, b: str) -> AgreementPair:
        """Returns the comparison of two backbones, named in either order.

        Raises:
            KeyError: If they were not compared.
        """
        found = next((pair for pair in self.pairs if {pair.a, pair.b} == {a, b}), None)
        if found is None:
            raise KeyError((a, b))
        return found

    def image_frame(self, a: str, b: str) -> pd.DataFrame:
        """Returns a row per photograph, those that two backbones disagree about first.

        Columns: `image_id`; `shared`, how many of its K neighbours both name; `overlap`, their
        share.
        """
        overlap = self.pair(a, b).overlap
        table = pd.DataFrame(
            {
                "image_id": self.image_ids,
                "shared": np.rint(overlap.per_image * overlap.k).astype(np.int64),
                "overlap": overlap.per_image,
            }
        )
        return table.sort_values("overlap", kind="stable", ignore_index=True)


def agreement(
    workspace: Workspace,
    dataset: FundusDataset,
    fingerprints: Sequence[str] = (),
    *,
    k: int = 10,
    others_only: bool = False,
) -> Agreement:
    """Compares stored embeddings of a data set, on the photographs that all of them have.

    Rows are joined by image id, never by position.

    Args:
        workspace: Where embeddings and maps are.
        dataset: Opened before.
        fingerprints: Of embeddings, or beginnings of them; all that are stored by default.
        k: Neighbours to compare.
        others_only: Leave photographs of the same patient out of the neighbours.

    Raises:
        DataError: If fewer than two embeddings are named or stored, they share too few
            photographs, or patients are to be told apart and are not known.
    """
    chosen = _chosen(list_embeddings(workspace, dataset), fingerprints)
    stored = {
        one.fingerprint: load_embeddings(workspace, dataset, one.fingerprint) for one in chosen
    }
    common = _common(dataset, stored)
    patients = _patients(dataset, common)
    if others_only and patients is None:
        raise DataError(
            "Neighbours of other patients were asked for, and no photograph names its patient.",
            hint="Name the column of patients, or compare with all photographs.",
        )
    vectors = [one.rows(common) for one in stored.values()]
    keys = list(stored)
    labels = distinct_labels([one.recipe for one in chosen])
    ckas = pairwise_cka(vectors, patients=patients, names=[labels[key] for key in keys])
    overlaps = _overlaps(vectors, k, patients, others_only=others_only)
    return Agreement(
        tuple(
            ComparedEmbeddings(one.fingerprint, labels[one.fingerprint], one.n_stored)
            for one in chosen
        ),
        tuple(
            AgreementPair(keys[i], keys[j], ckas[i, j], overlaps[i, j])
            for i, j in combinations(range(len(keys)), 2)
        ),
        common,
        len(dataset),
        None if patients is None else len(np.unique(patients)),
        k,
        others_only,
        tuple(one for one in dataset_cautions(dataset) if one.code in _ABOUT_FIGURES),
    )


def neighbours_of(
    found: Agreement, dataset: FundusDataset, embeddings: Embeddings, image_id: str
) -> tuple[Neighbour, ...]:
    """Returns the neighbours of one photograph that were compared, the nearest first.

    Raises:
        KeyError: If it is not among the photographs compared.
    """
    rows = Embeddings(embeddings.rows(found.image_ids), found.image_ids, embeddings.fingerprint)
    near = nearest(rows, image_id, count=len(found.image_ids) if found.others_only else found.k)
    if found.others_only:
        patient_of = dict(zip(dataset.image_ids, dataset.table["patient_id"], strict=True))
        own = patient_of[image_id]
        near = tuple(one for one in near if own is None or patient_of[one.image_id] != own)
    return near[: found.k]


def measured_maps(
    workspace: Workspace, dataset: FundusDataset, fingerprint: str
) -> tuple[MeasuredMap, ...]:
    """Measures the stored maps of one backbone, in the order of `PROJECTORS`.

    Raises:
        DataError: If there are no embeddings under this fingerprint.
    """
    embeddings = load_embeddings(workspace, dataset, fingerprint)
    found = {name: stored_projection(workspace, embeddings, method=name) for name in PROJECTORS}
    return tuple(
        MeasuredMap(method, quality_of(embeddings, projection))
        for method, projection in found.items()
        if projection is not None
    )


def quality_of(embeddings: Embeddings, projection: Projection) -> MapQuality:
    """Measures a map against the embeddings it shows; rows are joined by image id."""
    vectors = embeddings.rows(projection.image_ids)
    return map_quality(vectors, projection.points, projection.n_neighbors)


def aligned_onto(moved: Projection, onto: Projection) -> tuple[AlignedMap, tuple[str, ...]]:
    """Lays one map over another and returns it with the photographs that both show.

    Returns:
        The aligned map, a row for each of these photographs, in the order of `onto`.

    Raises:
        DataError: If both show fewer than three photographs.
    """
    row_of = {image_id: row for row, image_id in enumerate(moved.image_ids)}
    fixed = [row for row, image_id in enumerate(onto.image_ids) if image_id in row_of]
    common = tuple(onto.image_ids[row] for row in fixed)
    points = moved.points[[row_of[image_id] for image_id in common]]
    return align_map(points, onto.points[fixed]), common


def _chosen(
    stored: Sequence[EmbeddingSummary], wanted: Sequence[str]
) -> tuple[EmbeddingSummary, ...]:
    """Returns the embeddings that fingerprints, or beginnings of them, name."""
    found = dict.fromkeys(_named(stored, one) for one in wanted) if wanted else stored
    chosen = tuple(found)
    if len(chosen) < FEWEST_EMBEDDINGS:
        told = "named" if wanted else "stored"
        raise DataError(
            f"{len(chosen)} set of embeddings is {told}; agreement is between at least "
            f"{FEWEST_EMBEDDINGS}.",
            hint="Embed the photographs with another backbone: fundus embed, or the Extract page.",
        )
    return chosen


def _named(stored: Sequence[EmbeddingSummary], wanted: str) -> EmbeddingSummary:
    found = [one for one in stored if wanted and one.fingerprint.startswith(wanted)]
    if len(found) != 1:
        problem = "Several embeddings begin" if found else "No embeddings of this data set begin"
        known = "; ".join(f"{one.fingerprint[:8]} ({one.label})" for one in found or stored)
        raise DataError(
            f"{problem} with {wanted!r}; there are: {known or 'none'}.",
            hint="Name one of them, or compare all (without --embedding).",
        )
    return found[0]


def _common(dataset: FundusDataset, stored: Mapping[str, Embeddings]) -> tuple[str, ...]:
    shared = set.intersection(*(set(one.image_ids) for one in stored.values()))
    if len(shared) < FEWEST_IMAGES:
        counts = ", ".join(str(len(one.image_ids)) for one in stored.values())
        raise DataError(
            f"The backbones have embedded {counts} photographs, of which {len(shared)} are the "
            f"same; at least {FEWEST_IMAGES} are needed.",
            hint="Embed the same photographs with each of them.",
        )
    return tuple(image_id for image_id in dataset.image_ids if image_id in shared)


def _patients(dataset: FundusDataset, image_ids: Sequence[str]) -> NDArray[np.str_] | None:
    known = dataset.patient_ids
    if known is None:
        return None
    patient_of = dict(zip(dataset.image_ids, known, strict=True))
    return np.array([patient_of[image_id] for image_id in image_ids])


def _overlaps(
    vectors: Sequence[NDArray[np.float32]],
    k: int,
    patients: NDArray[np.str_] | None,
    *,
    others_only: bool,
) -> dict[tuple[int, int], Overlap]:
    """Returns the overlap of each pair, the neighbours of each backbone looked for once."""
    n_images = len(vectors[0])
    own = list_length(0, patients, n_images) if others_only else 1
    length = max(k, min(list_length(k, patients, n_images), n_images - own))
    apart = patients if others_only else None
    lists = [nearest_rows(one, length, patients=apart) for one in vectors]
    return {
        (i, j): neighbour_overlap(lists[i], lists[j], k, patients=patients, others_only=others_only)
        for i, j in combinations(range(len(vectors)), 2)
    }
