"""One photograph: the same whoever draws it, mirrored for a left eye, true to its masks."""

import subprocess
import sys
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from numpy.typing import NDArray

from fundus_core.phantom.patients import EYES, plan_patients
from fundus_core.phantom.phantom import build_eye, draw_phantom

PATIENTS = plan_patients(12, seed=3)
TWICE_SEEN = next(p for p in PATIENTS if len(p.visits) == 2)

_DIGEST = """
from hashlib import sha256
from fundus_core.phantom.patients import plan_patients
from fundus_core.phantom.phantom import draw_phantom
patient = plan_patients(12, seed=3)[2]
drawn = draw_phantom(patient, patient.visits[0], "OS", 96)
print(sha256(drawn.picture.tobytes() + drawn.mask.tobytes() + drawn.vessels.tobytes()).hexdigest())
"""


def test_draw_phantom__another_process_draws_the_same_bytes() -> None:
    patient = PATIENTS[2]
    draw_phantom(PATIENTS[0], PATIENTS[0].visits[0], "OD", 64)

    drawn = draw_phantom(patient, patient.visits[0], "OS", 96)
    here = sha256(drawn.picture.tobytes() + drawn.mask.tobytes() + drawn.vessels.tobytes())
    there = subprocess.run(
        [sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True
    )

    assert there.stdout.strip() == here.hexdigest()


def test_draw_phantom__a_right_eye_has_its_disc_on_the_right_and_a_left_eye_on_the_left() -> None:
    patient = PATIENTS[0]

    for eye, side in (("OD", 1), ("OS", -1)):
        phantom = draw_phantom(patient, patient.visits[0], eye, 128)
        x_of_disc = (np.nonzero(phantom.mask & 16)[1].mean() + 0.5) / 64 - 1

        assert x_of_disc == pytest.approx(side * phantom.model.anatomy.disc[0], abs=0.02)
        assert side * (63.5 - phantom.fovea[0]) > -10
        assert side * x_of_disc > 0.2


def test_draw_phantom__the_fovea_is_given_where_the_picture_has_it() -> None:
    patient = PATIENTS[0]

    for eye, side in (("OD", 1), ("OS", -1)):
        phantom = draw_phantom(patient, patient.visits[0], eye, 128)
        x, y = phantom.model.anatomy.fovea

        assert phantom.fovea == pytest.approx((63.5 + side * 64 * x, 63.5 + 64 * y))


def test_draw_phantom__the_disc_is_bright_where_the_mask_has_it() -> None:
    patient = PATIENTS[1]
    for eye in EYES:
        phantom = draw_phantom(patient, patient.visits[0], eye, 128)
        green = phantom.picture[..., 1].astype(float)
        retina = phantom.model.field.plane_depth(128) > 0.1

        assert green[(phantom.mask & 16) > 0].mean() > 1.15 * green[retina].mean()


def test_draw_phantom__is_the_same_eye_at_every_size() -> None:
    patient, size = PATIENTS[2], 128
    exposure = replace(
        draw_phantom(patient, patient.visits[0], "OD", 64).exposure, noise=0.002, dust=0, lashes=0
    )
    small, large = (
        draw_phantom(patient, patient.visits[0], "OD", side, exposure=exposure).picture
        for side in (size, 2 * size)
    )

    reduced = large.astype(float).reshape(size, 2, size, 2, 3).mean(axis=(1, 3))

    assert np.corrcoef(small.astype(float).ravel(), reduced.ravel())[0, 1] > 0.98


def test_draw_phantom__vessels_are_marked_in_the_field_only_and_where_the_picture_is_darker() -> (
    None
):
    patient = PATIENTS[0]
    phantom = draw_phantom(patient, patient.visits[0], "OS", 256)
    inside = phantom.model.field.mask(256)[:, ::-1]

    assert not phantom.vessels[~inside].any()
    assert set(np.unique(phantom.vessels)) <= {0, 1, 2, 3, 5, 6, 7}
    assert _darkening(phantom.picture, phantom.vessels) > 8


def _darkening(picture: NDArray[np.uint8], vessels: NDArray[np.uint8]) -> float:
    """Returns by how many grey levels veins are darker than the retina a little above or below."""
    green = picture[..., 1].astype(float)
    veins = (vessels & 2) > 0
    beside = np.roll(veins, 8, axis=0) & (vessels == 0) & (green > 15)
    return float(np.median(green[beside]) - np.median(green[veins & (green > 5)]))


def test_build_eye__the_tree_is_the_same_at_each_visit_and_framed_anew() -> None:
    healthy = next(
        p
        for p in plan_patients(40, seed=3)
        if len(p.visits) == 2 and not p.visits[0].severity["OD"]
    )

    first, second = (build_eye(healthy, visit, "OD") for visit in healthy.visits)

    assert first.anatomy.fovea != second.anatomy.fovea
    assert len(first.vessels) == len(second.vessels)
    scale = second.field.disc_diameter / first.field.disc_diameter
    for before, after in zip(first.vessels, second.vessels, strict=True):
        moved = (before.points - first.anatomy.fovea) * scale + second.anatomy.fovea
        np.testing.assert_allclose(after.points, moved, atol=1e-9)
        np.testing.assert_allclose(after.widths, before.widths * scale, atol=1e-9)


def test_build_eye__a_sick_eye_keeps_the_number_of_its_vessels() -> None:
    for eye in EYES:
        first, second = (build_eye(TWICE_SEEN, visit, eye) for visit in TWICE_SEEN.visits)

        assert [b.kind for b in first.vessels] == [b.kind for b in second.vessels]
