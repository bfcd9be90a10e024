"""Vessels in the picture and in the truth mask: the same ones, at the right places."""

import numpy as np
import pytest

from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.growth import Branch, Kind
from fundus_core.phantom.patients import EYES, plan_patients
from fundus_core.phantom.phantom import build_eye
from fundus_core.phantom.vessel_drawing import draw_vessel_mask, draw_vessels

FIELD = FieldOfView(0.97, 0.97, 45)


def _straight(kind: Kind, *, width: float, upright: bool = False, pinch: float = 0.0) -> Branch:
    """Returns a vessel through the centre of the picture, from edge to edge of the field."""
    along, still = np.linspace(-0.9, 0.9, 60), np.zeros(60)
    points = np.stack([still, along] if upright else [along, still], axis=1)
    pinched = np.where(np.abs(along) < 0.05, pinch, 0.0)
    return Branch(kind, "outward", points, width * (1 - pinched), pinched if pinch else None)


def test_draw_vessel_mask__arteries_veins_and_crossings_have_their_values() -> None:
    vessels = [_straight("artery", width=0.05), _straight("vein", width=0.05, upright=True)]

    mask = draw_vessel_mask(vessels, FIELD, 200)

    assert mask[100, 40] == 1
    assert mask[40, 100] == 2
    assert mask[100, 100] == 3
    assert mask[40, 40] == 0


def test_draw_vessel_mask__is_as_wide_as_the_vessel() -> None:
    mask = draw_vessel_mask([_straight("vein", width=0.1)], FIELD, 200)

    assert np.count_nonzero(mask[:, 60]) in (10, 11)


def test_draw_vessel_mask__holds_thin_vessels_but_none_under_a_third_of_a_pixel() -> None:
    thin, invisible = (_straight("artery", width=width) for width in (0.005, 0.002))

    assert np.count_nonzero(draw_vessel_mask([thin], FIELD, 200)[:, 60]) in (1, 2)
    assert not draw_vessel_mask([invisible], FIELD, 200).any()


def test_draw_vessel_mask__nothing_is_marked_outside_the_field() -> None:
    small = FieldOfView(0.5, 0.5, 45)

    mask = draw_vessel_mask([_straight("vein", width=0.05)], small, 200)

    assert mask[100, 60] == 2
    assert not mask[:, :49].any()


def test_draw_vessel_mask__a_nicked_crossing_says_so_and_an_ordinary_one_does_not() -> None:
    artery = _straight("artery", width=0.05)

    nicked = draw_vessel_mask(
        [artery, _straight("vein", width=0.05, upright=True, pinch=0.6)], FIELD, 200
    )
    usual = draw_vessel_mask([artery, _straight("vein", width=0.05, upright=True)], FIELD, 200)

    assert nicked[100, 100] == 7
    assert nicked[100, 40] == 1
    assert not (usual & 4).any()


def test_draw_vessels__wide_vessels_are_deeper_than_thin_ones() -> None:
    thin, wide = (
        draw_vessels([_straight("vein", width=width)], 400)[:, 120] for width in (0.01, 0.03)
    )

    assert 0 < thin.max() < 0.75 * wide.max()


def test_draw_vessels__an_artery_has_a_light_streak() -> None:
    profile = draw_vessels([_straight("artery", width=0.06)], 400)[:, 120]

    assert profile[199] < 0.75 * profile.max()


def test_draw_vessel_mask__marks_what_is_drawn() -> None:
    patient = plan_patients(3, seed=2)[1]
    model = build_eye(patient, patient.visits[0], "OD")
    veins = [branch for branch in model.vessels if branch.kind == "vein"]
    inside = model.field.plane_depth(512) > 0.02

    drawn = draw_vessels(veins, 512) > 80
    marked = draw_vessel_mask(veins, model.field, 512) > 0

    assert (marked & drawn & inside).sum() > 0.8 * (drawn & inside).sum()
    assert (marked & drawn & inside).sum() > 0.7 * (marked & inside).sum()


def test_draw_vessel_mask__covers_as_much_of_the_field_as_in_real_photographs() -> None:
    shares = []
    for patient in plan_patients(10, seed=1):
        for eye in EYES:
            model = build_eye(patient, patient.visits[0], eye)
            mask = draw_vessel_mask(model.vessels, model.field, 384)
            shares.append(np.count_nonzero(mask) / np.count_nonzero(model.field.mask(384)))

    assert np.mean(shares) == pytest.approx(0.095, abs=0.02)
    assert min(shares) > 0.05
    assert max(shares) < 0.16
