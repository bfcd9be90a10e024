"""Small, readable stand-ins for what the real thing computes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from fundus_core.backbones.base import BackboneSpec
from fundus_core.domain.dataset import FundusDataset, Target
from fundus_core.domain.predictions import Predictions
from fundus_core.domain.recipe import EmbedRecipe, PreprocessRecipe


def tiny_predictions(
    model: str, patients: Sequence[str] | None = None, **score_by_image: float
) -> Predictions:
    """Predictions for images whose name begins with `d` (diseased) or `h` (healthy)."""
    return Predictions(
        model=model,
        task="binary",
        class_names=("1",),
        image_ids=tuple(score_by_image),
        y_true=np.array([[name.startswith("d")] for name in score_by_image]),
        y_score=np.array([[score] for score in score_by_image.values()]),
        patient_ids=None if patients is None else np.array(patients),
    )


class MeanBackbone:
    """A backbone whose embedding is the mean red, green and blue of the picture."""

    def __init__(self, image_size: int = 32, memory: int | None = None) -> None:
        """Runs out of memory above `memory` pictures at once, if given."""
        self.spec = BackboneSpec(
            id="mean", title="Mean", loader="colour", architecture="mean", embed_dim=3
        )
        self.image_size = image_size
        self.module: nn.Module = nn.Identity()
        self.batch_sizes: list[int] = []
        self._memory = memory

    def preprocess(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resizes to the square without keeping proportions."""
        side = (self.image_size, self.image_size)
        return np.asarray(Image.fromarray(image).resize(side)).transpose(2, 0, 1)

    def forward(self, batch: Tensor) -> Tensor:
        """Returns channel means in [0, 1]."""
        return batch.float().mean(dim=(2, 3)) / 255

    def embed(self, batch: Tensor) -> Tensor:
        """Returns channel means, and remembers how many were asked for."""
        if self._memory is not None and len(batch) > self._memory:
            raise torch.OutOfMemoryError
        self.batch_sizes.append(len(batch))
        return self.forward(batch)

    def feature_map(self, batch: Tensor) -> Tensor:
        """Returns the picture itself."""
        return batch.float()

    def blocks(self) -> Sequence[tuple[str, nn.Module]]:
        """Has none."""
        return []


def write_photograph(path: Path, colour: tuple[int, int, int], side: int = 96) -> Path:
    """Writes a disc of one colour on black, as small as a photograph may be, and then some."""
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    inside = rows**2 + columns**2 < (side / 2 - 2) ** 2
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[inside] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=95)
    return path


def write_dataset(folder: Path, n_patients: int = 12, side: int = 96) -> Path:
    """Writes two photographs per patient and `labels.csv`; the diseased ones are redder.

    Columns: image, patient_id, eye, dr (0/1), grade (0/1/2).
    """
    generator = np.random.default_rng(0)
    rows = []
    for patient in range(n_patients):
        diseased = patient % 2
        for eye in ("OD", "OS"):
            red = int(np.clip(120 + 40 * diseased + generator.normal(0, 25), 40, 255))
            name = f"p{patient:02d}_{eye}.jpg"
            colour = (red, int(generator.integers(40, 90)), int(generator.integers(10, 50)))
            write_photograph(folder / "images" / name, colour, side)
            grade = 0 if not diseased else 1 + patient % 3 // 2
            rows.append((f"images/{name}", f"P{patient:02d}", eye, diseased, grade))
    table = pd.DataFrame(rows, columns=["image", "patient_id", "eye", "dr", "grade"])
    table.to_csv(folder / "labels.csv", index=False)
    return folder


def tiny_dataset(n_patients: int = 6) -> FundusDataset:
    """A data set of names only; no file is behind it. Patient k is diseased if k is odd."""
    rows = [
        {
            "image_id": f"{'d' if patient % 2 else 'h'}{patient}{eye}",
            "path": f"/nowhere/{patient}{eye}.jpg",
            "patient_id": f"P{patient}",
            "eye": eye,
            "split": "train" if patient < n_patients // 2 else "test",
            "dr": str(patient % 2),
        }
        for patient in range(n_patients)
        for eye in ("OD", "OS")
    ]
    targets = (Target("dr", "binary", ("0", "1"), ("dr",)),)
    return FundusDataset("tiny", "/nowhere", pd.DataFrame(rows, dtype=object), targets)


def tiny_recipe() -> EmbedRecipe:
    """Returns how a small network with random weights was asked for its embeddings."""
    return EmbedRecipe(
        backbone="resnet18",
        architecture="resnet18",
        architecture_args=(),
        weights="scratch",
        weights_sha256="",
        seed=0,
        image_size=64,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        pooling="default",
        precision="fp32",
        preprocessing=PreprocessRecipe(),
    )
