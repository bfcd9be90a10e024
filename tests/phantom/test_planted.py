"""The planted problems: as many as promised, in the table as any other row, known in full."""

from collections import Counter

import numpy as np
import pytest

from fundus_core.phantom.patients import plan_patients
from fundus_core.phantom.phantom import draw_phantom
from fundus_core.phantom.planted import Damage, alter, damage_file, moved, plant
from fundus_core.phantom.shots import Alteration, Shot, plan_shots, row_of

SHOTS = plan_shots(plan_patients(240, 0), 64)
PLANTED, PROBLEMS = plant(SHOTS, 0)
BY_PATH = {shot.path: shot for shot in PLANTED}


def _of(problem: str) -> list[Shot]:
    return [BY_PATH[found.path] for found in PROBLEMS if found.problem == problem]


def test_plant__600_photographs_become_612_with_24_problems() -> None:
    assert (len(SHOTS), len(PLANTED)) == (600, 612)
    assert Counter(found.problem for found in PROBLEMS) == {
        "near_duplicate": 8,
        "mislabelled": 12,
        "unreadable": 4,
    }


def test_plant__every_path_is_there_once_and_no_photograph_has_two_problems() -> None:
    assert len(BY_PATH) == len(PLANTED)
    assert list(BY_PATH) == sorted(BY_PATH)
    assert len({found.path for found in PROBLEMS}) == len(PROBLEMS)
    assert not {found.of for found in PROBLEMS} & {shot.path for shot in _of("mislabelled")}


def test_plant__everything_else_is_left_as_it_was() -> None:
    problems = {found.path for found in PROBLEMS}
    untouched = [shot for shot in SHOTS if shot.path not in problems]

    assert len(untouched) == 600 - 12
    assert all(BY_PATH[shot.path] == shot for shot in untouched)


def test_plant__half_of_the_near_duplicates_leak_into_the_other_split() -> None:
    sources = {found.path: BY_PATH[found.of] for found in PROBLEMS if found.of}
    leaks = [copy for copy in _of("near_duplicate") if copy.split != sources[copy.path].split]

    assert len(leaks) == 4
    assert all(copy.patient_id != sources[copy.path].patient_id for copy in leaks)
    split_of = {shot.patient_id: shot.split for shot in SHOTS}
    assert all(split_of[copy.patient_id] == copy.split for copy in _of("near_duplicate"))


def test_plant__wrong_labels_contradict_what_was_drawn() -> None:
    for shot in _of("mislabelled"):
        row = row_of(shot, {})

        assert row["diagnosis"] != shot.true_label
        assert (row["abnormal"] == 1) == (shot.true_label == "normal")
        assert (row["severity"] == 0) == (shot.true_label == "normal")


def test_plant__another_seed_plants_elsewhere_and_the_same_one_alike() -> None:
    assert plant(SHOTS, 0) == (PLANTED, PROBLEMS)
    assert plant(SHOTS, 1)[1] != PROBLEMS


def test_plant__a_handful_of_photographs_gets_none() -> None:
    few = SHOTS[:40]

    assert plant(few, 0) == (tuple(sorted(few, key=lambda shot: shot.path)), ())


def test_alter__crops_picture_and_masks_alike() -> None:
    shot = SHOTS[0]
    phantom = draw_phantom(shot.patient, shot.visit, shot.eye, 128)
    alteration = Alteration(crop=0.1, gain=1.0, jpeg_quality=70)

    altered = alter(phantom, alteration)

    assert altered.picture.shape == phantom.picture.shape
    assert altered.exposure.jpeg_quality == 70
    disc, seen = ((mask & 16) > 0 for mask in (phantom.mask, altered.mask))
    y, x = (float(at.mean()) for at in np.nonzero(disc))
    seen_y, seen_x = (float(at.mean()) for at in np.nonzero(seen))
    assert moved((x, y), alteration, 128) == pytest.approx((seen_x, seen_y), abs=1.5)


@pytest.mark.parametrize("damage", ["cut short", "empty", "text", "wrong header"])
def test_damage_file__leaves_no_photograph(damage: Damage) -> None:
    content = b"\xff\xd8\xff" + bytes(range(200)) * 10

    left = damage_file(content, damage)

    assert left != content
    assert len(left) < 1000 or not left.startswith(b"\xff\xd8")
