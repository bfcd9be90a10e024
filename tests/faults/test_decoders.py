"""Decoding JPEGs fast changes embeddings a little: how little is held here, and they never mix."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.backbones.loaders import load_backbone
from fundus_core.domain.recipe import DecoderName, PreprocessRecipe
from fundus_core.embedding import Photograph, Shard, embed_photographs
from fundus_core.io.weights import SHIPPED
from fundus_core.io.workspace import Workspace
from fundus_core.phantom.demo import write_demo
from fundus_core.workflows.embeddings.backbone_choice import BackboneChoice, resolve

FLOOR = 0.99
"""Least cosine of an embedding by `fast` with that by `exact`."""

SIDE = 768
"""Of the photographs: more than twice what the networks are shown, so that `fast` reduces."""

WEIGHTS = sorted(SHIPPED.glob("*.safetensors"))

Embed = Callable[[DecoderName], NDArray[np.float32]]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Photograph]:
    folder = tmp_path_factory.mktemp("drawn")
    write_demo(folder, n_patients=8, image_size=SIDE, plants=False, workers=1)
    return [Photograph(path.stem, path) for path in sorted(folder.glob("images/**/*.jpg"))][:8]


def embedded(
    weights: Path, photographs: list[Photograph], decoder: DecoderName
) -> NDArray[np.float32]:
    spec = next(one for one in BACKBONES.values() if weights.name in one.weights_files)
    backbone = load_backbone(
        spec,
        weights,
        preprocessing=PreprocessRecipe(decoder=decoder),
        device=torch.device("cpu"),
        image_size=224,
    )
    shards: list[Shard] = []
    embed_photographs(
        backbone, photographs, on_shard=shards.append, batch_size=4, workers=1, decoder=decoder
    )
    return np.concatenate([shard.vectors for shard in shards])


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda path: path.stem)
def test_decoders__of_a_jpeg_give_nearly_the_same_embedding(
    photographs: list[Photograph], weights: Path
) -> None:
    exact, fast = (embedded(weights, photographs, decoder) for decoder in ("exact", "fast"))

    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(fast, axis=1)
    cosines = (exact * fast).sum(axis=1) / lengths
    assert cosines.min() >= FLOOR
    assert not np.array_equal(exact, fast)  # or nothing was compared


def test_decoders__of_other_formats_give_the_very_same_embedding(
    photographs: list[Photograph], tmp_path: Path
) -> None:
    for one in photographs[:2]:
        Image.open(one.path).save(tmp_path / f"{one.image_id}.png")
    copies = [Photograph(path.stem, path) for path in sorted(tmp_path.glob("*.png"))]

    exact, fast = (embedded(WEIGHTS[0], copies, decoder) for decoder in ("exact", "fast"))

    assert np.array_equal(exact, fast)


def test_decoders__have_embeddings_of_their_own(tmp_path: Path) -> None:
    keys = {
        resolve(
            Workspace(tmp_path),
            BackboneChoice("mean_colour", preprocessing=PreprocessRecipe(decoder=decoder)),
        ).recipe.fingerprint()
        for decoder in ("exact", "fast")
    }

    assert len(keys) == 2
