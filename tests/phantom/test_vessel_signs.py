"""What diseases do to vessels shows in their widths and courses, and only where it should."""

from dataclasses import replace

import numpy as np
import pytest

from fundus_core.phantom.anatomy import Congestion, Drag, sample_anatomy
from fundus_core.phantom.growth import Branch
from fundus_core.phantom.vessel_signs import with_vessel_signs
from fundus_core.phantom.vessels import grow_vessels

ANATOMY = sample_anatomy(np.random.default_rng(0), age=60)
TREE = grow_vessels(ANATOMY, np.random.default_rng(1))


def _veins(tree: tuple[Branch, ...]) -> list[Branch]:
    return [branch for branch in tree if branch.kind == "vein"]


def _arteries(tree: tuple[Branch, ...]) -> list[Branch]:
    return [branch for branch in tree if branch.kind == "artery"]


def _angle_at_disc(branch: Branch) -> float:
    x, y = branch.points[len(branch.points) // 2] - ANATOMY.disc
    return float(np.arctan2(y, x))


def test_with_vessel_signs__a_usual_eye_keeps_its_vessels() -> None:
    for before, after in zip(TREE, with_vessel_signs(TREE, ANATOMY), strict=True):
        np.testing.assert_array_equal(after.points, before.points)
        np.testing.assert_array_equal(after.widths, before.widths)


def test_with_vessel_signs__calibres_change_their_own_kind_only() -> None:
    narrow = with_vessel_signs(TREE, replace(ANATOMY, artery_calibre=0.6))

    for before, after in zip(_arteries(TREE), _arteries(narrow), strict=True):
        np.testing.assert_allclose(after.widths, 0.6 * before.widths)
    for before, after in zip(_veins(TREE), _veins(narrow), strict=True):
        np.testing.assert_array_equal(after.widths, before.widths)


def test_with_vessel_signs__congestion_widens_and_bends_the_veins_of_its_sector() -> None:
    congestion = Congestion(towards=2.3, half_angle=0.7, dilation=1.5, winding=1.0)
    dammed = with_vessel_signs(TREE, replace(ANATOMY, congestion=congestion))

    wider, bent = [], []
    for before, after in zip(_veins(TREE), _veins(dammed), strict=True):
        gain = float(np.median(after.widths / before.widths))
        off = abs((_angle_at_disc(before) - 2.3 + np.pi) % (2 * np.pi) - np.pi)
        if off > 1.6:
            assert gain == pytest.approx(1, abs=0.02)
        if off < 0.4:
            wider.append(gain)
            bent.append(np.abs(after.points - before.points).max())
    assert np.mean(wider) > 1.3
    assert np.mean(bent) > 0.04
    for before, after in zip(_arteries(TREE), _arteries(dammed), strict=True):
        np.testing.assert_array_equal(after.points, before.points)


def test_with_vessel_signs__a_central_occlusion_dams_up_every_vein() -> None:
    congestion = Congestion(towards=0.0, half_angle=np.pi, dilation=1.4, winding=0.5)
    dammed = with_vessel_signs(TREE, replace(ANATOMY, congestion=congestion))

    for before, after in zip(_veins(TREE), _veins(dammed), strict=True):
        np.testing.assert_allclose(after.widths, 1.4 * before.widths)


def test_with_vessel_signs__daughters_stay_with_their_mothers() -> None:
    changed = with_vessel_signs(
        TREE,
        replace(
            ANATOMY,
            congestion=Congestion(2.3, 0.7, 1.5, 1.0),
            drag=Drag((0.2, 0.1), 2.0, 1.0),
        ),
    )
    moved = {tuple(b.points[0]): a.points[0] for b, a in zip(TREE, changed, strict=True)}

    forks = 0
    for before, after in zip(TREE, changed, strict=True):
        for at, point in enumerate(before.points[1:], start=1):
            if tuple(point) in moved:
                np.testing.assert_allclose(after.points[at], moved[tuple(point)], atol=1e-9)
                forks += 1
    assert forks > 50


def test_with_vessel_signs__a_drag_brings_vessels_nearer_to_its_centre() -> None:
    centre = (ANATOMY.fovea[0] + 0.3, ANATOMY.fovea[1])
    dragged = with_vessel_signs(TREE, replace(ANATOMY, drag=Drag(centre, 1.5, 0.8)))

    for before, after in zip(TREE, dragged, strict=True):
        distance = np.hypot(*(before.points - centre).T)
        gained = distance - np.hypot(*(after.points - centre).T)
        assert (gained >= -1e-12).all()
        assert (gained[distance < 1.5] > 0.1 * distance[distance < 1.5]).all()
        assert (gained[distance > 5.0] < 0.01).all()


def _crossed_tree() -> tuple[Branch, ...]:
    """Returns a vein to the right and an artery that crosses it, far from the disc."""
    along = np.linspace(-1, 1, 41)
    still, wide = np.zeros(41), np.full(41, 0.08)
    return (
        Branch("vein", "outward", np.stack([along, still - 2], axis=1), wide),
        Branch("artery", "outward", np.stack([still, along - 2], axis=1), 0.06 / 0.08 * wide),
    )


def test_with_vessel_signs__an_artery_pinches_the_vein_where_it_crosses() -> None:
    vein, artery = with_vessel_signs(_crossed_tree(), replace(ANATOMY, nicking=0.9))

    assert vein.widths[20] < 0.4 * 0.08
    np.testing.assert_allclose(vein.widths[[0, 10, 30, 40]], 0.08, rtol=1e-3)
    assert vein.pinch is not None
    assert vein.pinch[20] > 0.6
    np.testing.assert_array_equal(artery.widths, _crossed_tree()[1].widths)
