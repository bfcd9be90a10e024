"""What the demo's story compares: two starts, each probed and fine-tuned, on the same patients.

After paper 2 (Jang et al. 2024, arXiv:2408.08790), which starts from random weights and from
weights pre-trained on photographs of the retina.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.io.weights import SCRATCH
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.finetune import FINE_TUNING, FinetuneChoice
from fundus_core.workflows.models.probe import ProbeChoice

TARGET = "abnormal"
BACKBONE = "mobilenetv2_phantom"
MAP = "tsne"

Start = Literal["scratch", "phantom"]
Way = Literal["probe", "finetune"]

STARTS: dict[Start, str | None] = {"scratch": SCRATCH, "phantom": None}
"""Where the network starts -> weights as `BackboneChoice` takes them."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One model of the story."""

    start: Start
    way: Way

    @property
    def key(self) -> str:
        """Returns the name in files and in what commands print."""
        return f"{self.start}.{self.way}"


CELLS = (
    Cell("phantom", "finetune"),
    Cell("phantom", "probe"),
    Cell("scratch", "finetune"),
    Cell("scratch", "probe"),
)
"""All four, the expected best first."""

CONTRASTS = (
    (Cell("phantom", "probe"), Cell("scratch", "probe")),
    (Cell("phantom", "finetune"), Cell("scratch", "finetune")),
    (Cell("phantom", "finetune"), Cell("phantom", "probe")),
)
"""The differences asked about, first minus second; p-values are corrected over those that exist."""


@dataclass(frozen=True, slots=True)
class StoryDesign:
    """How large everything is; another one is for tests."""

    image_size: int = 224
    folds: int = 5
    seed: int = 0
    training: TrainingRecipe = field(
        default_factory=lambda: replace(FINE_TUNING, epochs=6, patience=3)
    )
    """Six epochs: about ten minutes on two cores for both starts together."""

    n_explained: int = 40
    """Diseased photographs whose heat maps are measured, one per patient."""

    def backbone(self, start: Start) -> BackboneChoice:
        """Returns the network at one of its starts."""
        return BackboneChoice(BACKBONE, weights=STARTS[start], image_size=self.image_size)

    @property
    def validation(self) -> Validation:
        """Returns the folds that all four share."""
        return Validation(TARGET, self.folds, self.seed)

    @property
    def probing(self) -> ProbeChoice:
        """Returns what the probes are asked."""
        return ProbeChoice(TARGET, folds=self.folds, seed=self.seed)

    @property
    def fine_tuning(self) -> FinetuneChoice:
        """Returns what the fine-tuned networks are asked."""
        return FinetuneChoice(self.validation, training=self.training)


DESIGN = StoryDesign()
"""What the demo shows."""
