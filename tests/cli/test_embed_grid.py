"""`fundus embed-grid`: several backbones at several sizes in one go."""

from pathlib import Path

import pytest

from fundus_core.errors import MemoryLimitError
from fundus_core.workflows.embeddings import embed_grid as grid
from tests.cli.conftest import Fundus

SCRATCH = ("--weights", "scratch")
BOTH = ("--backbone", "timm:test_resnet", "--backbone", "timm:test_vit")
SIZES = ("--image-size", 64, "--image-size", 96)


def test_embed_grid__every_backbone_at_every_size(fundus: Fundus, data: Path) -> None:
    outcome = fundus("embed-grid", data, *BOTH, *SIZES, *SCRATCH, "--json")

    assert outcome.exit_code == 0, outcome.stderr
    cells = outcome.json["cells"]
    assert [(cell["backbone"], cell["image_size"]) for cell in cells] == [
        ("timm:test_resnet", 64),
        ("timm:test_resnet", 96),
        ("timm:test_vit", 64),
        ("timm:test_vit", 96),
    ]
    assert {cell["n_embedded"] for cell in cells} == {24}
    assert len({cell["fingerprint"] for cell in cells}) == 4


def test_embed_grid__makes_what_embed_makes(fundus: Fundus, data: Path) -> None:
    alone = fundus("embed", data, *BOTH[:2], *SIZES[:2], *SCRATCH, "--json").json

    together = fundus("embed-grid", data, *BOTH[:2], *SIZES, *SCRATCH, "--json").json

    assert together["cells"][0]["fingerprint"] == alone["fingerprint"]


def test_embed_grid__a_pooling_is_chosen_behind_the_id(fundus: Fundus, data: Path) -> None:
    names = ("--backbone", "dinov2_small@mean_patch", "--backbone", "dinov2_small")

    outcome = fundus("embed-grid", data, *names, "--image-size", 56, *SCRATCH, "--json")

    assert [cell["pooling"] for cell in outcome.json["cells"]] == ["mean_patch", "class_token"]
    refused = fundus("embed-grid", data, "--backbone", "flair@nothing", *SCRATCH)
    assert refused.exit_code == 2
    assert "no pooling 'nothing'" in refused.stderr


def test_embed_grid__nothing_begins_while_weights_are_missing(fundus: Fundus, data: Path) -> None:
    refused = fundus("embed-grid", data, *BOTH[:2], "--backbone", "flair", "--image-size", 64)

    assert refused.exit_code == 2
    assert "not on this machine" in refused.stderr
    assert not refused.stdout


def test_embed_grid__what_fails_fails_alone_and_is_said(
    fundus: Fundus, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = grid.embed_resolved

    def short_of_memory(*arguments: object, **options: object) -> object:
        if arguments[2].recipe.image_size == 96:  # type: ignore[attr-defined]
            raise MemoryLimitError("Too large.", hint="Take a smaller one.")
        return embed(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(grid, "embed_resolved", short_of_memory)

    outcome = fundus("embed-grid", data, *BOTH, *SIZES, *SCRATCH)

    assert outcome.exit_code == 2
    assert "2 of 4 extractions failed" in outcome.stderr
    assert "Take a smaller one." in outcome.stderr
    assert outcome.stdout.count("24 of 24 photographs") == 2
    assert outcome.stdout.count("failed. Too large.") == 2
