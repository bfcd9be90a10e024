"""The vascular tree: widths, forks, and where vessels may not be."""

import numpy as np
import pytest

from fundus_core.phantom.anatomy import Anatomy, sample_anatomy
from fundus_core.phantom.growth import Branch
from fundus_core.phantom.vessels import grow_vessels


def _eye(seed: int) -> tuple[Anatomy, tuple[Branch, ...]]:
    rng = np.random.default_rng(seed)
    anatomy = sample_anatomy(rng, age=50)
    return anatomy, grow_vessels(anatomy, rng)


EYES = [_eye(seed) for seed in range(4)]


def _at_disc(tree: tuple[Branch, ...], kind: str) -> list[float]:
    return [b.widths[0] for b in tree if b.kind == kind and b.course.endswith("arcade")]


def test_grow_vessels__arteries_are_two_thirds_as_wide_as_veins() -> None:
    arteries = [width for _, tree in EYES for width in _at_disc(tree, "artery")]
    veins = [width for _, tree in EYES for width in _at_disc(tree, "vein")]

    assert len(arteries) == len(veins) == 8
    assert np.mean(arteries) / np.mean(veins) == pytest.approx(2 / 3, abs=0.06)


def test_grow_vessels__a_vessel_is_never_wider_than_where_it_began() -> None:
    for _, tree in EYES:
        for branch in tree:
            assert (np.diff(branch.widths) <= 1e-12).all()


def test_grow_vessels__cubed_widths_add_up_at_forks() -> None:
    _, tree = EYES[0]
    checked = 0
    for mother in tree:
        for daughter in tree:
            index = _fork_index(mother, daughter)
            if index is None:
                continue
            before, after = mother.widths[index - 1], mother.widths[index]
            tapering = mother.widths[index + 1] / mother.widths[index]
            lost = (before * tapering) ** 3 - after**3

            assert daughter.widths[0] ** 3 == pytest.approx(lost, abs=0.02 * before**3)
            checked += 1

    assert checked > 20


def _fork_index(mother: Branch, daughter: Branch) -> int | None:
    """Returns where a daughter leaves her mother, if she does and the mother is not at an end."""
    if daughter is mother or daughter.kind != mother.kind:
        return None
    found = np.flatnonzero((mother.points == daughter.points[0]).all(axis=1))
    inner = [int(i) for i in found if 3 <= i < len(mother.widths) - 14]
    return inner[0] if inner else None


def test_grow_vessels__none_enters_the_avascular_zone() -> None:
    for anatomy, tree in EYES:
        distances = [np.hypot(*(branch.points - anatomy.fovea).T).min() for branch in tree]

        assert min(distances) > 0.25 * anatomy.disc_diameter


def test_grow_vessels__large_vessels_arch_above_and_below_the_macula() -> None:
    for anatomy, tree in EYES:
        for course, sign in (("upper arcade", -1), ("lower arcade", 1)):
            for branch in (b for b in tree if b.course == course):
                above_fovea = np.abs(branch.points[:, 0] - anatomy.fovea[0]).argmin()
                height = sign * (branch.points[above_fovea, 1] - anatomy.fovea[1])

                assert 1.3 < height / anatomy.disc_diameter < 3.2
