"""Memory that runs out: smaller batches and equal results, or what would have fitted."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fundus_core.backbones.loaders import load_backbone
from fundus_core.embedding import Photograph, Shard, embed_photographs
from fundus_core.errors import MemoryLimitError
from fundus_core.finetune.loop import TrainingRecipe
from fundus_core.io.manifest import DataSource
from fundus_core.io.workspace import Workspace
from fundus_core.segmentation import loop as segmentation_loop
from fundus_core.workflows.data.datasets import open_dataset
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice
from fundus_core.workflows.models.finetune import FinetuneChoice, finetune_dataset
from tests.conftest import ROOT
from tests.fakes import MeanBackbone, write_dataset, write_photograph
from tests.segmentation.drawn import examples

SIDE = 256
BATCH = 32


class LimitedBySize(MeanBackbone):
    """Runs out of memory above so many pixels at once."""

    def embed(self, batch: Tensor) -> Tensor:
        """Refuses large pictures whatever their number."""
        if batch.shape[2] * batch.shape[3] > 64 * 64:
            raise torch.OutOfMemoryError
        return super().embed(batch)


@pytest.fixture
def photographs(tmp_path: Path) -> list[Photograph]:
    return [
        Photograph(f"id{n}", write_photograph(tmp_path / f"{n}.png", (100 + 3 * n, 50, 20)))
        for n in range(BATCH)
    ]


def vectors(backbone: MeanBackbone, photographs: Sequence[Photograph], size: int) -> np.ndarray:
    shards: list[Shard] = []
    embed_photographs(backbone, photographs, on_shard=shards.append, batch_size=size)
    return np.concatenate([shard.vectors for shard in shards])


def test_embed__out_of_memory_on_an_accelerator_halves_the_batch_and_keeps_order(
    photographs: list[Photograph],
) -> None:
    limited = MeanBackbone(memory=5)

    found = vectors(limited, photographs * 3, 32)

    assert np.array_equal(found, vectors(MeanBackbone(), photographs * 3, 4))
    assert set(limited.batch_sizes) == {4}  # 32, 16 and 8 were tried once and not again


def test_embed__a_photograph_that_does_not_fit_names_the_size_that_would(
    photographs: list[Photograph],
) -> None:
    with pytest.raises(MemoryLimitError, match="one of 64 x 64 does") as refused:
        vectors(LimitedBySize(image_size=256), photographs, 8)

    assert "Choose 64 px (--image-size)" in refused.value.hint


def test_embed__under_a_real_limit_of_memory_gives_the_same_vectors(
    photographs: list[Photograph], tmp_path: Path
) -> None:
    out = tmp_path / "vectors.npy"
    code = f"""
import resource, sys
from pathlib import Path
import numpy as np
import psutil
import torch
from fundus_core.embedding import Photograph, embed_photographs
from tests.faults.test_memory import tiny_resnet

backbone = tiny_resnet()
backbone.embed(torch.zeros((1, 3, {SIDE}, {SIDE}), dtype=torch.uint8))
sizes, embed = [], backbone.embed
def counted(batch):
    rows = embed(batch)
    sizes.append(len(batch))
    return rows
backbone.embed = counted
photographs = [Photograph(f"id{{n}}", Path({str(photographs[0].path.parent)!r}, f"{{n}}.png"))
               for n in range({BATCH})]
limit = psutil.Process().memory_info().vms + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
shards = []
embed_photographs(backbone, photographs, on_shard=shards.append, batch_size={BATCH}, workers=1)
np.save({str(out)!r}, shards[0].vectors)
print(max(sizes))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    shards: list[Shard] = []
    embed_photographs(tiny_resnet(), photographs, on_shard=shards.append, batch_size=1)

    assert ran.returncode == 0, ran.stderr[-2000:]
    assert 1 <= int(ran.stdout) < BATCH
    np.testing.assert_allclose(np.load(out), shards[0].vectors, rtol=1e-5, atol=1e-6)


def tiny_resnet() -> object:
    """Returns a network with random weights, in full precision on the CPU."""
    from fundus_core.backbones.catalogue import backbone_spec
    from fundus_core.domain.recipe import PreprocessRecipe

    return load_backbone(
        backbone_spec("timm:test_resnet"),
        None,
        preprocessing=PreprocessRecipe(),
        device=torch.device("cpu"),
        precision="fp32",
        image_size=SIDE,
        seed=0,
    )


def test_finetune__a_step_that_does_not_fit_names_the_batch_that_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "workspace")
    dataset = open_dataset(place, DataSource(write_dataset(tmp_path / "data", side=72)))
    training = TrainingRecipe(epochs=1, batch_size=10, augmentation="none", precision="fp32")
    original = torch.nn.Conv2d.forward

    def limited(self: torch.nn.Conv2d, batch: Tensor) -> Tensor:
        if self.training and len(batch) > 3:
            raise torch.OutOfMemoryError
        return original(self, batch)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", limited)
    with pytest.raises(MemoryLimitError, match="one of 3 does") as refused:
        finetune_dataset(
            place,
            dataset,
            "tiny",
            BackboneChoice("timm:test_resnet", "scratch", 32, precision="fp32"),
            FinetuneChoice(Validation("dr", 2), training=training),
        )

    assert "Choose batches of 2 (--batch-size)" in refused.value.hint


def test_segmentation__a_step_that_does_not_fit_names_the_batch_that_would() -> None:
    class Hungry(torch.nn.Conv2d):
        def forward(self, batch: Tensor) -> Tensor:
            if self.training and len(batch) > 2:
                raise MemoryError
            return super().forward(batch)

    recipe = segmentation_loop.SegmentationTraining(
        epochs=1, batch_size=4, patch=32, patches=1, precision="fp32"
    )

    with pytest.raises(MemoryLimitError, match=r"one of \d does"):
        segmentation_loop.train(
            Hungry(3, 1, 3, padding=1),
            examples(),
            np.arange(4),
            np.arange(4, 6),
            recipe,
            multiple=8,
            device=torch.device("cpu"),
        )
