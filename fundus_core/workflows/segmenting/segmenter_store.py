"""Networks that were trained to mark photographs, as they are stored."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.errors import ParameterError
from fundus_core.finetune.curves import CURVE_FILE, LearningCurves, read_curves, write_curves
from fundus_core.io.files import write_json
from fundus_core.io.store import ArtifactStore
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation.channels import Channel

NETWORKS = "networks.safetensors"
_ABOUT = "segmenter.json"

Knowledge = Literal["new", "held out", "learned"]
"""What a model knew of a photograph: nothing; it was held out of its training; it was in it."""


@dataclass(frozen=True, slots=True)
class TrainedSegmenter:
    """A network of ours that marks photographs."""

    id: str
    label: str
    """Name shown to the user."""

    dataset_id: str
    dataset_name: str
    synthetic: bool
    channels: tuple[Channel, ...]
    network: str
    """Key of `fundus_core.segmentation.kinds.NETWORKS`."""

    backbone: str
    """Id of the encoder; empty for a network without."""

    weights: str
    """What the encoder started from: `scratch`, or the name of its weights."""

    size: int
    """Side of the square shown to the network, in pixels."""

    preprocessing: PreprocessRecipe
    mirrors: bool
    """It answers by the mean over a photograph and its three mirror images."""

    n_networks: int
    """One per fold; one where there is no cross-validation."""

    held_out: dict[str, int]
    """Image id -> number of the network that did not learn from it."""

    learned: tuple[str, ...]
    """Images that every network learned from, or was chosen by."""

    n_patients: int | None
    best_epochs: tuple[int, ...]
    """Of each network."""

    seconds: float
    """What training took."""

    created_at: str
    recipe: dict[str, Any] = field(default_factory=dict)
    """As `Recipe.to_dict` gives it."""

    weights_sha256: str = ""
    """Of what the encoder started from; empty for `scratch` and where an older version did not say.
    """

    def knows(self, image_id: str) -> Knowledge:
        """Returns what the model knew of a photograph when it was trained."""
        if image_id in self.held_out:
            return "held out"
        return "learned" if image_id in self.learned else "new"


def segmenters_store(workspace: Workspace) -> ArtifactStore:
    """Returns where trained segmenters are kept."""
    return ArtifactStore(workspace.root / "segmenters")


def save_segmenter(
    workspace: Workspace,
    trained: TrainedSegmenter,
    curves: LearningCurves,
    write_networks: Callable[[Path], None],
) -> Path:
    """Stores a trained segmenter and returns its folder."""

    def write(folder: Path) -> None:
        write_networks(folder / NETWORKS)
        write_curves(folder / CURVE_FILE, curves)
        write_json(folder / _ABOUT, asdict(trained))

    return segmenters_store(workspace).put(trained.id, asdict(trained), write)


def list_segmenters(workspace: Workspace) -> tuple[TrainedSegmenter, ...]:
    """Returns the trained segmenters, newest first."""
    return tuple(segmenters_store(workspace).understood(_from_json).values())


def segmenter_curves(workspace: Workspace, trained: TrainedSegmenter) -> LearningCurves | None:
    """Returns how a segmenter learned."""
    folder = segmenters_store(workspace).get(trained.id)
    return None if folder is None else read_curves(folder / CURVE_FILE)


def _from_json(about: dict[str, Any]) -> TrainedSegmenter | None:
    """Returns a segmenter, or None when another version of the program wrote it."""
    try:
        return TrainedSegmenter(
            **{
                **about,
                "channels": tuple(Channel(**one) for one in about["channels"]),
                "preprocessing": PreprocessRecipe(**about["preprocessing"]),
                "learned": tuple(about["learned"]),
                "best_epochs": tuple(about["best_epochs"]),
            }
        )
    except (TypeError, KeyError, ParameterError):
        return None
