"""Previews of probes: near what the probe reaches, on the same photographs."""

from pathlib import Path

import numpy as np
import pytest

from fundus_core.domain.dataset import FundusDataset
from fundus_core.domain.embeddings import Embeddings
from fundus_core.errors import FoldError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.probes import cross_validate
from fundus_core.stats.placements import placements
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.data.labelled import Validation, labelled_photographs
from fundus_core.workflows.models.preview import preview_probe
from tests.fakes import write_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> FundusDataset:
    folder = write_dataset(tmp_path / "data", n_patients=20, side=64)
    return open_dataset(Workspace(tmp_path / "workspace"), DataSource(folder))


def embeddings_of(dataset: FundusDataset, strength: float) -> Embeddings:
    """Returns six numbers per photograph, the first of which knows `dr`."""
    generator = np.random.default_rng(0)
    y_true, _ = dataset.labels(dataset.target("dr"))
    vectors = generator.normal(size=(len(dataset), 6)).astype(np.float32)
    vectors[:, 0] += strength * y_true[:, 0]
    return Embeddings(vectors, dataset.image_ids, "0" * 32)


def test_preview_probe__is_near_the_probe(dataset: FundusDataset) -> None:
    embeddings = embeddings_of(dataset, strength=1.5)
    validation = Validation("dr", folds=4)
    labelled = labelled_photographs(dataset, embeddings.image_ids, validation)

    preview = preview_probe(dataset, embeddings, validation)

    probe = cross_validate(
        "logistic",
        embeddings.rows(labelled.image_ids),
        labelled.y_true,
        task="binary",
        folds=labelled.folds,
        groups=labelled.patients,
        seed=0,
    )
    auc = placements(labelled.y_true[:, 0], probe.y_score.T).auc[0]
    assert preview.auc == pytest.approx(auc, abs=0.05)
    assert preview.n_images == len(labelled.image_ids)


def test_preview_probe__of_noise_promises_nothing(dataset: FundusDataset) -> None:
    preview = preview_probe(dataset, embeddings_of(dataset, strength=0), Validation("dr"))

    assert 0.2 < preview.auc < 0.75


def test_preview_probe__refuses_folds_that_a_probe_would_refuse(dataset: FundusDataset) -> None:
    with pytest.raises(FoldError):
        preview_probe(dataset, embeddings_of(dataset, strength=1), Validation("dr", folds=30))
