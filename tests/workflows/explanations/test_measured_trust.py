"""What was measured of models before: summed up without a network, never more than was drawn."""

import shutil

import pytest

from fundus_core.errors import WeightsError
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_dataset
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.explanations.explained import Asked, ModelShelf
from fundus_core.workflows.explanations.measured_trust import (
    FEWEST_MEASURED,
    compared_trust,
    measured_trust,
)
from fundus_core.workflows.explanations.model_trust import (
    NO_MAP,
    model_trust,
    sample_of,
    separation,
)
from fundus_core.workflows.explanations.trust import trust_of
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from tests.fakes import write_dataset

ASKED = Asked("1")
EIGEN = Asked("1", method="eigen_cam")
"""Of these every photograph has a map."""


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Run, Run]:
    """Two probes, of different random weights, of 24 photographs of 12 patients."""
    folder = tmp_path_factory.mktemp("evaluated")
    place, source = Workspace(folder / "workspace"), DataSource(write_dataset(folder / "data"))
    dataset = open_dataset(place, source)
    one, other = (
        probe_dataset(
            place,
            dataset,
            dataset_id(source),
            BackboneChoice("timm:test_resnet", "scratch", 64, precision="fp32", weights_seed=seed),
            ProbeChoice("dr", folds=2),
        )
        for seed in (0, 1)
    )
    return place, one, other


@pytest.fixture
def place(evaluated: tuple[Workspace, Run, Run]) -> Workspace:
    """A workspace in which nothing is measured yet."""
    for folder in ("heat_maps", "trust"):
        shutil.rmtree(evaluated[0].root / folder, ignore_errors=True)
    return evaluated[0]


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise WeightsError("A network was loaded.", hint="It must not be.")

    monkeypatch.setattr(ModelShelf, "model_for", refuse)


def test_measured_trust__is_what_was_measured(
    place: Workspace, evaluated: tuple[Workspace, Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run, _ = evaluated
    before = measured_trust(place, run.id, ASKED)
    expected = model_trust(place, run.id, n_photographs=8, class_name="1")

    forbid(monkeypatch)
    found = measured_trust(place, run.id, ASKED)

    assert before is None
    assert found is not None
    assert (found.image_ids, found.lights) == (expected.image_ids, expected.lights)
    assert dict(found.shares) == dict(expected.shares)
    assert found.mean_passed == expected.mean_passed
    assert NO_MAP in found.lights  # photographs without a map are known too
    fewer = measured_trust(place, run.id, ASKED, most=6)
    assert fewer is not None
    assert fewer.image_ids == sample_of(place, run.id, 6)[0]


def test_measured_trust__of_another_question_is_not_known(
    place: Workspace, evaluated: tuple[Workspace, Run, Run]
) -> None:
    _, run, other = evaluated
    model_trust(place, run.id, n_photographs=6, class_name="1", method="eigen_cam", n_copies=2)

    assert measured_trust(place, run.id, EIGEN) is None  # of 19 copies
    assert measured_trust(place, run.id, EIGEN, n_copies=2) is not None
    assert measured_trust(place, run.id, Asked("0", method="eigen_cam"), n_copies=2) is None
    assert measured_trust(place, run.id, Asked("1", method="hires_cam"), n_copies=2) is None
    assert measured_trust(place, run.id, EIGEN, n_copies=2, seed=1) is None
    assert measured_trust(place, other.id, EIGEN, n_copies=2) is None


def test_measured_trust__photographs_that_were_not_drawn_next_do_not_count(
    place: Workspace, evaluated: tuple[Workspace, Run, Run]
) -> None:
    _, run, _ = evaluated
    first, later = (set(sample_of(place, run.id, n)[0]) for n in (FEWEST_MEASURED - 1, 20))

    later -= set(sample_of(place, run.id, 12)[0])
    for some in (first, later):
        trust_of(place, run.id, sorted(some), class_name="1", method="eigen_cam", n_copies=2)

    assert measured_trust(place, run.id, EIGEN, n_copies=2) is None


def test_compared_trust__is_by_the_photographs_that_both_were_measured_on(
    place: Workspace, evaluated: tuple[Workspace, Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, one, other = evaluated
    asked = (EIGEN, EIGEN)
    first = model_trust(place, one.id, n_photographs=6, class_name="1", method="eigen_cam")
    nothing = compared_trust(place, (one.id, other.id), asked)
    model_trust(place, other.id, n_photographs=9, class_name="1", method="eigen_cam")

    forbid(monkeypatch)
    found = compared_trust(place, (one.id, other.id), asked)

    second = measured_trust(place, other.id, asked[1], most=6)
    assert nothing is None
    assert found is not None
    assert second is not None
    area, difference = separation(first, second, sample_of(place, one.id, 6)[1])
    assert (found.area, found.difference) == (area, difference)
    assert found.n_photographs == 6
