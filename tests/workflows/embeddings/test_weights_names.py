"""A recipe may come from a stranger: the name of its weights leads to no other folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from fundus_core.domain.recipe import EmbedRecipe
from fundus_core.errors import WeightsError
from fundus_core.io.weights import file_sha256
from fundus_core.io.workspace import Workspace
from fundus_core.workflows.embeddings import backbone_choice
from fundus_core.workflows.embeddings.backbone_choice import (
    BackboneChoice,
    resolve,
    resolve_recipe,
)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace with a secret beside its folder of weights."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.weights.mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    return workspace


@pytest.fixture
def recipe(place: Workspace) -> EmbedRecipe:
    found = resolve(place, BackboneChoice("timm:test_resnet", "scratch", 64, "fp32")).recipe
    return replace(found, weights="mine", weights_sha256="0" * 64)


@pytest.mark.parametrize(
    "name", ["../../../**/*", "../../secret", "/etc/passwd", "..", "", "a/b", "a\\b", "a\0b"]
)
def test_resolve_recipe__reads_nothing_for_a_name_that_is_none(
    place: Workspace, recipe: EmbedRecipe, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    read: list[Path] = []

    def hashed(path: Path) -> str:
        read.append(path)
        return ""

    monkeypatch.setattr(backbone_choice, "file_sha256", hashed)

    with pytest.raises(WeightsError, match="is no name of weights"):
        resolve_recipe(place, replace(recipe, weights=name))

    assert read == []


def test_resolve_recipe__signs_of_patterns_are_letters(
    place: Workspace, recipe: EmbedRecipe
) -> None:
    named = place.weights / "a[1]*.pth"
    named.write_bytes(b"mine")
    (place.weights / "other.pth").write_bytes(b"other")
    mine = replace(recipe, weights="a[1]*", weights_sha256=file_sha256(named))
    other = replace(recipe, weights="*", weights_sha256=file_sha256(place.weights / "other.pth"))

    assert resolve_recipe(place, mine).weights == named
    with pytest.raises(WeightsError, match="not at hand"):
        resolve_recipe(place, other)
