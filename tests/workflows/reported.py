"""Evaluated models for the tests of reports: real probes on a few photographs."""

from pathlib import Path

from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.data.datasets import dataset_id, open_with_target
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.probe import ProbeChoice, probe_dataset
from fundus_core.workflows.models.run_record import Run
from tests.fakes import write_dataset

COLOUR = BackboneChoice("mean_colour")


def opened(workspace: Workspace, folder: Path, *, n_patients: int = 16) -> DataSource:
    """Writes photographs of some patients and opens them."""
    source = DataSource(write_dataset(folder, n_patients=n_patients))
    open_with_target(workspace, source, "dr")
    return source


def probed(
    workspace: Workspace,
    source: DataSource,
    *,
    target: str = "dr",
    folds: int = 3,
    seed: int = 0,
    probe: str = "logistic",
    fraction: float = 1.0,
) -> Run:
    """Fits and stores a probe on mean colours, which needs no network."""
    dataset = open_with_target(workspace, source, target)
    choice = ProbeChoice(target, probe, folds=folds, seed=seed, fraction=fraction)
    return probe_dataset(workspace, dataset, dataset_id(source), COLOUR, choice)
