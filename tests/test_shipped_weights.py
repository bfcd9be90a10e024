"""The weights that come with the program: whole, small, found offline, and what their card says."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.backbones.loaders import load_backbone
from fundus_core.domain.recipe import PreprocessRecipe
from fundus_core.io.weights import SHIPPED, find_weights
from fundus_core.io.workspace import Workspace
from scripts.model_cards import card

MOST_BYTES = 30_000_000
FILES = sorted(SHIPPED.glob("*.safetensors"))


def test_shipped_weights__are_there_and_together_small() -> None:
    assert FILES
    assert sum(path.stat().st_size for path in FILES) <= MOST_BYTES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_weights__record_and_card_belong_to_the_file(path: Path) -> None:
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["synthetic"] is True
    assert path.with_suffix(".md").read_text(encoding="utf-8") == card(record)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_weights__are_found_without_a_network_and_change_what_is_seen(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FUNDUS_WEIGHTS", raising=False)
    specs = [spec for spec in BACKBONES.values() if path.name in spec.weights_files]
    found = find_weights(specs[0], None, Workspace(tmp_path))
    pixels = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)

    def embeddings(weights: Path | None) -> torch.Tensor:
        backbone = load_backbone(
            specs[0],
            weights,
            preprocessing=PreprocessRecipe(),
            device=torch.device("cpu"),
            image_size=64,
        )
        return backbone.embed(pixels)

    assert found.path == path
    trained = embeddings(found.path)
    assert torch.isfinite(trained).all()
    assert trained.shape == (2, specs[0].embed_dim)
    assert not torch.allclose(trained, embeddings(None), atol=0.01)
