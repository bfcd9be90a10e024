"""How lesions look: blood darkens, deposits brighten, and elsewhere nothing changes."""

from typing import get_args

import numpy as np
import pytest

from fundus_core.phantom.lesion_layers import lay_above_vessels, lay_below_vessels
from fundus_core.phantom.lesions import Lesion, LesionKind

GROUND = (0.6, 0.3, 0.15)
SQUARE = np.array([[-0.3, -0.3], [0.3, -0.3], [0.3, 0.3], [-0.3, 0.3]])
STRAND = np.array([[-0.2, -0.02], [0.2, -0.02], [0.2, 0.02], [-0.2, 0.02]])

DARK: set[LesionKind] = {
    "microaneurysm",
    "haemorrhage",
    "subretinal_haemorrhage",
    "pigment_change",
    "neovascularisation",
    "nerve_fibre_defect",
}


def _laid(kind: LesionKind, contrast: float, seed: int = 0) -> np.ndarray:
    """Returns a flat ground after one lesion was laid over it."""
    light = np.tile(np.array(GROUND, dtype=np.float32)[:, None, None], (1, 96, 96))
    lesion = Lesion(kind, SQUARE, contrast, strands=(STRAND,))
    for lay in (lay_below_vessels, lay_above_vessels):
        lay(light, [lesion], np.random.default_rng(seed))
    return light


@pytest.mark.parametrize("kind", get_args(LesionKind))
def test_lay__every_kind_darkens_or_brightens_the_green_where_it_lies(kind: LesionKind) -> None:
    light = _laid(kind, 0.9)
    middle = light[1, 46:50, 38:58].mean()

    assert (middle < 0.95 * GROUND[1]) if kind in DARK else (middle > 1.05 * GROUND[1])


@pytest.mark.parametrize("kind", get_args(LesionKind))
def test_lay__nothing_changes_far_from_the_lesion(kind: LesionKind) -> None:
    light = _laid(kind, 0.9)

    assert np.allclose(light[:, :6, :], np.array(GROUND)[:, None, None], atol=1e-6)
    assert np.isfinite(light).all()


@pytest.mark.parametrize("kind", get_args(LesionKind))
def test_lay__more_contrast_changes_more(kind: LesionKind) -> None:
    ground = np.array(GROUND)[:, None, None]

    faint, marked = (np.abs(_laid(kind, contrast) - ground).sum() for contrast in (0.3, 0.9))

    assert 0 < 1.5 * faint < marked


def test_lay__blood_takes_more_green_than_red() -> None:
    light = _laid("haemorrhage", 1.0)[:, 48, 48] / GROUND

    assert light[1] < light[2] < light[0] < 1


def test_lay__the_same_generator_state_gives_the_same_texture() -> None:
    first, again = (_laid("geographic_atrophy", 0.8, seed=4) for _ in range(2))
    other = _laid("geographic_atrophy", 0.8, seed=5)

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_lay__each_kind_is_laid_either_below_or_above_the_vessels() -> None:
    for kind in get_args(LesionKind):
        changed = []
        for lay in (lay_below_vessels, lay_above_vessels):
            light = np.full((3, 64, 64), 0.4, dtype=np.float32)
            lay(light, [Lesion(kind, SQUARE, 0.9, (STRAND,))], np.random.default_rng(0))
            changed.append(bool((light != 0.4).any() and not np.allclose(light, 0.4)))

        assert sorted(changed) == [False, True]
