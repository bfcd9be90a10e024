"""Maps that depend on the weights change with them; maps that do not are found out."""

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from fundus_core.backbones.base import Backbone
from fundus_core.explain.cam import linear_target, maps_of, raw_maps
from fundus_core.explain.sanity import (
    HEAD,
    randomisation_cascade,
    rank_correlation,
    stability,
)
from fundus_core.explain.tail import CamLayer, Target
from tests.explain.networks import pictures, random_probe, timm_backbone

LAYER = CamLayer("layer3", "NCHW")
BATCH = pictures(1, 96)


def grad_cam_by(backbone: Backbone, target: Target) -> NDArray[np.float32]:
    return maps_of(backbone, BATCH, target, layer=LAYER)[0]


def edges_by(backbone: Backbone, target: Target) -> NDArray[np.float32]:
    """A map of the picture alone."""
    grey = BATCH[0].float().mean(dim=0).numpy()
    return np.abs(np.diff(grey, axis=0))[::16, ::16]


def test_randomisation_cascade__goes_from_the_head_to_the_first_block() -> None:
    backbone, probe = timm_backbone("test_resnet", 96), random_probe(96)
    raw = raw_maps(backbone, BATCH, probe, layer=LAYER)[0]
    before = copy.deepcopy(backbone.module.state_dict())

    steps = randomisation_cascade(
        backbone, linear_target(probe), raw, grad_cam_by, np.ones(raw.shape, bool)
    )

    assert steps[0].stage == HEAD
    assert steps[-1].stage == backbone.blocks()[0].name
    assert len(steps) == 5
    assert all(-1 <= step.similarity <= 1 for step in steps)
    assert steps[-1].similarity < 0.7
    state = backbone.module.state_dict()
    assert all(value.equal(before[key]) for key, value in state.items())


def test_randomisation_cascade__finds_a_map_that_does_not_look_at_the_network() -> None:
    backbone, target = timm_backbone("test_resnet", 96), linear_target(random_probe(96))
    raw = edges_by(backbone, target)

    steps = randomisation_cascade(backbone, target, raw, edges_by, np.ones(raw.shape, bool))

    assert [step.similarity for step in steps] == pytest.approx([1.0] * 5)


def test_randomisation_cascade__shuffles_weights_and_keeps_their_size() -> None:
    backbone, target = timm_backbone("test_resnet", 96), linear_target(random_probe(96))
    seen: list[dict[str, torch.Tensor]] = []

    def looking(shown: Backbone, target: Target) -> NDArray[np.float32]:
        seen.append(copy.deepcopy(shown.module.state_dict()))
        return np.zeros((2, 2), np.float32)

    randomisation_cascade(backbone, target, np.eye(2), looking, np.ones((2, 2), bool))

    own, head_only, last = backbone.module.state_dict(), seen[0], seen[4]
    assert all(value.equal(own[key]) for key, value in head_only.items())
    moved = {key for key, value in last.items() if not value.equal(own[key])}
    convolutions = {key for key, value in own.items() if value.ndim == 4}
    assert len(convolutions) > 5
    assert convolutions <= moved
    for key, value in last.items():
        assert value.flatten().sort().values.equal(own[key].flatten().sort().values), key


def test_stability__is_the_median_over_noisy_copies() -> None:
    raw = np.random.default_rng(0).standard_normal((6, 6))
    picture = np.full((3, 12, 12), 100, np.uint8)
    noises: list[float] = []
    maps = iter([raw, -raw, raw, raw**3, np.zeros((6, 6))])

    def made(noisy: NDArray[np.uint8]) -> NDArray[np.float64]:
        noises.append(float((noisy.astype(float) - 100).std()))
        return next(maps)

    found = stability(picture, raw, made, np.ones((6, 6), bool))

    assert found == 1.0
    assert len(noises) == 5
    assert noises == pytest.approx([5.1] * 5, rel=0.2)


def test_rank_correlation__is_spearmans_over_the_field() -> None:
    generator = np.random.default_rng(0)
    one = generator.integers(0, 5, (7, 7)).astype(float)  # with ties
    other = one + generator.normal(0, 2, (7, 7))
    field = generator.random((7, 7)) < 0.7

    found = rank_correlation(one, other, field)

    assert found == pytest.approx(spearmanr(one[field], other[field]).statistic)


@pytest.mark.parametrize("broken", [np.ones((3, 3)), np.full((3, 3), np.nan)])
def test_rank_correlation__with_what_is_no_map_is_zero(broken: NDArray[np.float64]) -> None:
    raw = np.arange(9.0).reshape(3, 3)

    assert rank_correlation(raw, broken, np.ones((3, 3), bool)) == 0.0
