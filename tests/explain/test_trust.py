"""The light: each check by its rule, and a right map against a wrong one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fundus_core.explain.cam import linear_target, raw_maps
from fundus_core.explain.location import RegionShare
from fundus_core.explain.question import Question
from fundus_core.explain.removal import Removal
from fundus_core.explain.sanity import CascadeStep
from fundus_core.explain.trust import (
    LESIONS,
    OUTSIDE,
    TrustFigures,
    TrustRules,
    judged,
    trust_figures,
)
from tests.explain.networks import FakeBackbone, RednessNetwork


def removal(beaten: float) -> Removal:
    return Removal((0.0, 1.0), (2.0, 0.0), 1.0, (1.5, 1.6), beaten)


GOOD = TrustFigures(
    deletion=removal(1.0),
    insertion=removal(0.9),
    road_gap=1.2,
    cascade=(CascadeStep("head", 0.6), CascadeStep("stem", 0.1)),
    stability=0.95,
    regions={OUTSIDE: RegionShare(0.03, 0.2, None), LESIONS: RegionShare(0.3, 0.02, 0.9)},
)


def test_judged__green_where_every_check_is_passed() -> None:
    light = judged(GOOD)

    assert light.light == "green"
    assert (light.n_passed, len(light.checks)) == (6, 6)


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"deletion": removal(0.7), "insertion": removal(0.7)}, "The score follows the map"),
        ({"road_gap": 0.0}, "Hot places count more than cold ones"),
        ({"cascade": (CascadeStep("stem", 0.51),)}, "It changes when the network forgets"),
        ({"stability": 0.69}, "It stays under noise"),
        ({"regions": {OUTSIDE: RegionShare(0.11, 0.2, None)}}, "It looks at the retina"),
        ({"regions": {LESIONS: RegionShare(0.01, 0.02, 0.59)}}, "It finds the known lesions"),
    ],
)
def test_judged__amber_where_one_is_not(change: dict[str, object], title: str) -> None:
    light = judged(replace(GOOD, **change))

    assert light.light == "amber"
    assert [check.title for check in light.checks if not check.passed] == [title]


def test_judged__grey_where_the_score_does_not_follow_the_map() -> None:
    light = judged(replace(GOOD, deletion=removal(0.7), insertion=removal(0.5)))

    assert light.light == "grey"


def test_judged__regions_that_are_not_known_are_not_asked_for() -> None:
    unknown = replace(GOOD, regions={OUTSIDE: RegionShare(0.0, 0.0, None)})

    light = judged(unknown)

    assert light.light == "green"
    assert len(light.checks) == 4


def test_judged__other_rules_judge_otherwise() -> None:
    strict = TrustRules(least_stability=0.99)

    assert judged(GOOD, strict).light == "amber"


def test_judged__every_check_says_what_was_measured_and_what_is_asked_for() -> None:
    for check in judged(GOOD).checks:
        assert any(character.isdigit() for character in check.figure), check
        assert "asked for" in check.figure, check


def test_trust_figures__a_right_map_is_told_from_a_displaced_one() -> None:
    backbone = FakeBackbone(RednessNetwork(), 96)
    generator = np.random.default_rng(0)
    batch = torch.from_numpy(generator.integers(80, 100, (1, 3, 96, 96)).astype(np.uint8))
    batch[:, 0, 40:56, 72:88] = 250
    field = np.ones((96, 96), bool)
    question = Question(backbone, batch, linear_target(np.array([1.0])))
    raw = raw_maps(backbone, batch, np.array([1.0]))[0]

    right = trust_figures(question, raw, field, method="grad_cam", n_copies=9)
    wrong = trust_figures(question, np.roll(raw, 5, axis=0), field, method="grad_cam", n_copies=9)

    assert right.beaten > 0.9
    assert right.road_gap > 0
    assert wrong.beaten < 0.6
    assert wrong.road_gap < right.road_gap
    assert right.stability > wrong.stability + 0.3


def test_trust_figures__the_same_for_the_same_seed_and_the_network_as_before() -> None:
    backbone = FakeBackbone(RednessNetwork(), 96)
    batch = torch.full((1, 3, 96, 96), 90, dtype=torch.uint8)
    batch[:, 0, 40:56, 72:88] = 250
    question = Question(backbone, batch, linear_target(np.array([1.0])))
    raw = raw_maps(backbone, batch, np.array([1.0]))[0]
    before = backbone.module.detector.weight.clone()

    one, other = (
        trust_figures(question, raw, np.ones((96, 96), bool), method="grad_cam", n_copies=3)
        for _ in range(2)
    )

    assert one == other
    assert torch.equal(backbone.module.detector.weight, before)
