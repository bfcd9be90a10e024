"""What every backbone promises, on its own architecture filled from its published layout."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fundus_core.backbones.base import Backbone, BackboneSpec
from fundus_core.backbones.catalogue import BACKBONES, SHORTCUT
from fundus_core.backbones.checkpoints import KeyReport
from fundus_core.backbones.networks import build_network, fill_network, spec_pooling
from fundus_core.errors import BackboneError, WeightsError
from fundus_core.explain.cam import SaliencyMap, saliency_maps
from tests.contract.families import Tensors
from tests.contract.published import PUBLISHED, Checkpoint
from tests.contract.tiny import (
    EMBEDDINGS,
    NETWORKS,
    Files,
    all_poolings,
    loaded_at,
    name_of,
    pictures,
    written,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("published"))


@dataclass
class Loaded:
    """One backbone, read from its published file."""

    backbone: Backbone
    spec: BackboneSpec
    checkpoint: Checkpoint
    report: KeyReport
    filled: Tensors
    """The tensors of the network at its own input size."""
    n_published: int
    batch: Tensor
    embeddings: Tensor


@pytest.fixture(scope="module", params=EMBEDDINGS, ids=name_of)
def loaded(request: pytest.FixtureRequest, files: Files) -> Loaded:
    spec: BackboneSpec = request.param
    checkpoint = PUBLISHED[spec.id]
    tensors = files.tensors(checkpoint)
    path = files.written(checkpoint, tensors)
    network = build_network(spec)
    report = fill_network(network, spec, path)
    backbone = loaded_at(spec, path)
    batch = pictures(checkpoint.size)
    return Loaded(
        backbone=backbone,
        spec=spec,
        checkpoint=checkpoint,
        report=report,
        filled=network.state_dict(),
        n_published=len(tensors),
        batch=batch,
        embeddings=backbone.embed(batch),
    )


def test_published__has_every_backbone_of_the_catalogue() -> None:
    assert set(PUBLISHED) == set(BACKBONES) - {SHORTCUT}


def test_load__every_tensor_is_accounted_for(loaded: Loaded) -> None:
    report, network = loaded.report, loaded.backbone.module

    n_fresh = len([name for name in network.state_dict() if "fc_norm" in name])
    assert report.missing == report.misshapen == report.unexpected == ()
    assert len(report.matched) == len(network.state_dict()) - (
        n_fresh if spec_pooling(loaded.spec).fresh else 0
    )
    assert (
        len(report.matched) + len(report.left_out) + loaded.checkpoint.merged == loaded.n_published
    )


def test_load__what_was_filled_is_read_back_under_its_own_names(
    loaded: Loaded, tmp_path: Path
) -> None:
    state = {name.removeprefix("trunk."): value for name, value in loaded.filled.items()}
    path = written(tmp_path / "converted.pth", state)

    again = loaded_at(loaded.spec, path)

    assert torch.equal(again.embed(loaded.batch), loaded.embeddings)


def test_embed__has_the_stated_length(loaded: Loaded) -> None:
    assert loaded.embeddings.shape == (4, loaded.spec.embed_dim)
    assert loaded.embeddings.isfinite().all()
    assert (loaded.embeddings[0] - loaded.embeddings[1]).abs().max() > 1e-3


def test_embed__keeps_the_order_of_the_batch(loaded: Loaded) -> None:
    backward = loaded.backbone.embed(loaded.batch.flip(0))

    torch.testing.assert_close(backward.flip(0), loaded.embeddings, atol=1e-4, rtol=1e-4)


def test_embed__one_photograph_does_not_depend_on_those_beside_it(loaded: Loaded) -> None:
    alone = torch.cat([loaded.backbone.embed(loaded.batch[[row]]) for row in range(4)])

    torch.testing.assert_close(alone, loaded.embeddings, atol=1e-4, rtol=1e-4)


def test_feature_map__has_the_grid_of_the_input(loaded: Loaded) -> None:
    features = loaded.backbone.feature_map(loaded.batch)

    grid = loaded.checkpoint.grid
    assert features.shape == (4, loaded.backbone.module.num_features, grid, grid)


def test_saliency_maps__show_places(loaded: Loaded) -> None:
    generator = np.random.default_rng(0)
    weight = generator.standard_normal(loaded.spec.embed_dim).astype(np.float32)

    outcomes = [
        saliency_maps(loaded.backbone, loaded.batch[:2], sign * weight, class_name="dr")
        for sign in (1, -1)
    ]

    for either in zip(*outcomes, strict=True):
        shown = [each for each in either if isinstance(each, SaliencyMap)]
        assert shown, either
        assert all(each.values.min() < 0.99 for each in shown)


def test_blocks__each_parameter_is_in_exactly_one(loaded: Loaded) -> None:
    blocks = loaded.backbone.blocks()

    listed = [name for block in blocks for name in block.parameters]
    assert sorted(listed) == sorted(name for name, _ in loaded.backbone.module.named_parameters())
    assert len({block.name for block in blocks}) == len(blocks) >= 3
    assert all(block.parameters for block in blocks)


def test_blocks__go_from_input_to_embedding(loaded: Loaded) -> None:
    called = order_of_calls(loaded.backbone, loaded.batch[:1])

    firsts = [
        min(called[name] for name in block.parameters if name in called)
        for block in loaded.backbone.blocks()
        if any(name in called for name in block.parameters)
    ]

    assert firsts == sorted(firsts)
    assert len(firsts) >= 3


def order_of_calls(backbone: Backbone, batch: Tensor) -> dict[str, int]:
    """When each parameter's own layer is first called, by the parameter's name."""
    called: dict[str, int] = {}

    def note(names: list[str]) -> None:
        for name in names:
            called.setdefault(name, len(called))

    handles = []
    for name, layer in backbone.module.named_modules():
        own = [f"{name}.{each}" for each, _ in layer.named_parameters(recurse=False)]
        if name and own:
            handles.append(layer.register_forward_pre_hook(lambda *_, own=own: note(own)))
    backbone.embed(batch)
    for handle in handles:
        handle.remove()
    return called


@pytest.fixture(scope="module", params=NETWORKS, ids=name_of)
def spec(request: pytest.FixtureRequest) -> BackboneSpec:
    found: BackboneSpec = request.param
    return found


def embedded(spec: BackboneSpec, path: Path) -> Tensor:
    return loaded_at(spec, path).embed(pictures(PUBLISHED[spec.id].size)[:1])


def test_load__a_changed_weight_changes_the_embedding(spec: BackboneSpec, files: Files) -> None:
    checkpoint = PUBLISHED[spec.id]
    tensors = files.tensors(checkpoint)
    before = embedded(spec, files.written(checkpoint, tensors))

    for name in checkpoint.changed:
        changed = {**tensors, name: tensors[name].flip(0) * 2}
        after = embedded(spec, files.written(checkpoint, changed))

        assert (after - before).abs().max() > 1e-5 * before.abs().max(), name


def test_load__a_missing_block_is_refused(spec: BackboneSpec, files: Files) -> None:
    checkpoint = PUBLISHED[spec.id]
    tensors = files.tensors(checkpoint)
    cut = {name: v for name, v in tensors.items() if not name.startswith(checkpoint.block)}
    network = build_network(spec)
    before = {name: value.clone() for name, value in network.state_dict().items()}

    with pytest.raises(WeightsError, match=r"checkpoint\.pth holds .* is .*: missing ") as refusal:
        fill_network(network, spec, files.written(checkpoint, cut))

    assert len(cut) < len(tensors)
    assert spec.id in refusal.value.message
    assert all(torch.equal(v, before[name]) for name, v in network.state_dict().items())


def test_load_network__takes_the_sizes_that_the_spec_says(spec: BackboneSpec) -> None:
    larger = PUBLISHED[spec.id].size + (spec.size_multiple if spec.size_multiple > 1 else 32)
    between = larger + 1

    backbone = loaded_at(spec, None, larger)

    assert backbone.embed(pictures(larger)).shape == (4, spec.embed_dim)
    if spec.size_multiple > 1:
        with pytest.raises(BackboneError, match=f"{between} px is no multiple"):
            loaded_at(spec, None, between)


@pytest.mark.parametrize(
    "full", [each for name in PUBLISHED for each in all_poolings(BACKBONES[name])], ids=name_of
)
def test_load__the_published_file_fills_the_network_in_full_size(
    full: BackboneSpec, tmp_path: Path
) -> None:
    checkpoint = PUBLISHED[full.id]
    path = tmp_path / "published.pth"

    with torch.device("meta"):
        network = build_network(full)
        tensors = checkpoint.full()
        torch.save(checkpoint.wrap(tensors), path)
        report = fill_network(network, full, path)

    is_fresh = spec_pooling(full).fresh
    needed = {n.removeprefix("trunk.") for n in network.state_dict()}
    left = needed - set(report.matched)
    assert all(is_fresh and name.startswith("fc_norm.") for name in left)
    assert report.unexpected == ()
    assert next(network.parameters()).is_meta
