"""The truth mask: every lesion leaves its bit, and nothing outside the field of view."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from fundus_core.phantom.anatomy import sample_anatomy
from fundus_core.phantom.field import FieldOfView
from fundus_core.phantom.lesion_drawing import (
    CUP_BIT,
    DISC_BIT,
    LESION_BITS,
    draw_mask,
    draw_patch,
)
from fundus_core.phantom.lesions import LESIONS_OF, Disease, Lesion, LesionKind, Site, place_lesions

FIELD = FieldOfView(radius=0.97, half_height=0.97, degrees=45)
ANATOMY = sample_anatomy(np.random.default_rng(5), 60).framed((-0.1, 0.0), FIELD.disc_diameter)
SQUARE = np.array([[-0.25, -0.25], [0.25, -0.25], [0.25, 0.25], [-0.25, 0.25]])


def _lesions(disease: Disease) -> tuple[Lesion, ...]:
    site = Site(ANATOMY, FIELD)
    return tuple(
        lesion
        for severity in (0.1, 0.6, 1.0)
        for lesion in place_lesions(site, {disease: severity}, np.random.default_rng(1))
    )


def test_lesion_bits__are_one_bit_of_sixteen_for_each_kind_beside_disc_and_cup() -> None:
    bits = [*LESION_BITS.values(), DISC_BIT, CUP_BIT]

    assert set(LESION_BITS) == set(get_args(LesionKind))
    assert sorted(bits) == [1 << place for place in range(16)]


@pytest.mark.parametrize("disease", LESIONS_OF)
@pytest.mark.parametrize("size", [96, 256])
def test_draw_mask__every_lesion_leaves_its_bit(disease: Disease, size: int) -> None:
    for lesion in _lesions(disease):
        mask = draw_mask([lesion], ANATOMY, FIELD, size)

        assert (mask & LESION_BITS[lesion.kind]).any()


@pytest.mark.parametrize("disease", LESIONS_OF)
def test_draw_mask__has_bits_of_the_kinds_that_are_there_and_of_no_other(disease: Disease) -> None:
    lesions = _lesions(disease)
    expected = {LESION_BITS[lesion.kind] for lesion in lesions} | {DISC_BIT, CUP_BIT}

    mask = draw_mask(lesions, ANATOMY, FIELD, 256)

    assert mask.dtype == np.uint16
    assert {bit for bit in (1 << place for place in range(16)) if (mask & bit).any()} == expected


def test_draw_mask__a_small_field_cuts_off_what_lies_outside() -> None:
    lesions = _lesions("diabetic_retinopathy")
    small = FieldOfView(radius=0.3, half_height=0.3, degrees=15)
    outside = ~small.mask(96)

    whole = draw_mask(lesions, ANATOMY, FIELD, 96)
    cut = draw_mask(lesions, ANATOMY, small, 96)

    assert (whole[outside] & DISC_BIT).any()
    assert not cut[outside].any()
    assert np.array_equal(cut[~outside], whole[~outside])


def test_draw_mask__overlapping_lesions_of_one_kind_do_not_cancel() -> None:
    lesion = Lesion("haemorrhage", SQUARE - 0.3, 0.5)

    once, twice = (
        draw_mask([lesion] * n, ANATOMY, FIELD, 128) & LESION_BITS["haemorrhage"] for n in (1, 2)
    )

    assert once.any()
    assert np.array_equal(once, twice)


def test_draw_mask__atrophy_around_the_disc_is_not_marked_on_it() -> None:
    mask = draw_mask(_lesions("pathologic_myopia"), ANATOMY, FIELD, 256)

    atrophy = (mask & LESION_BITS["peripapillary_atrophy"]) > 0
    disc = (mask & DISC_BIT) > 0

    assert atrophy.any()
    assert not (atrophy & disc).any()


def test_draw_mask__a_lesion_covers_the_same_share_at_every_size() -> None:
    lesion = Lesion("drusen", SQUARE, 0.5)

    shares = [
        ((draw_mask([lesion], ANATOMY, FIELD, size) & LESION_BITS["drusen"]) > 0).mean()
        for size in (256, 1024)
    ]

    assert shares == pytest.approx([1 / 16, 1 / 16], rel=0.05)


def test_draw_patch__covers_its_shape_with_its_contrast_on_a_tight_window() -> None:
    patch = draw_patch([(SQUARE, 0.6)], 128, softness=0.0)
    rows, columns = patch.window

    assert patch.cover.shape == (rows.stop - rows.start, columns.stop - columns.start)
    assert 32 <= rows.stop - rows.start <= 40
    assert patch.cover.max() == round(0.6 * 255)
    assert patch.cover.sum() / 255 == pytest.approx(0.6 * 32 * 32, rel=0.06)


def test_draw_patch__the_stronger_of_two_shapes_shows() -> None:
    shapes = [(SQUARE, 0.9), (SQUARE, 0.2)]

    either_order = [draw_patch(s, 128, softness=0.0).cover for s in (shapes, shapes[::-1])]

    assert either_order[0].max() == round(0.9 * 255)
    assert np.array_equal(*either_order)


@pytest.mark.parametrize("softness", [0.01, 0.1])
def test_draw_patch__soft_edges_keep_the_amount(softness: float) -> None:
    sharp, soft = (draw_patch([(SQUARE, 1.0)], 256, softness=s).cover for s in (0.0, softness))

    assert soft.astype(float).sum() == pytest.approx(sharp.astype(float).sum(), rel=0.03)
    assert np.unique(soft).size > np.unique(sharp).size


def test_draw_patch__a_shape_outside_the_picture_covers_nothing() -> None:
    patch = draw_patch([(SQUARE + 5, 1.0)], 64, softness=0.01)

    assert patch.cover.size == 0


def test_draw_mask__the_cup_lies_in_the_disc() -> None:
    mask = draw_mask([], replace(ANATOMY, cup_ratio=0.5), FIELD, 256)

    cup, disc = (mask & CUP_BIT) > 0, (mask & DISC_BIT) > 0

    assert cup.any()
    assert disc[cup].all()
    assert cup.sum() == pytest.approx(0.25 * disc.sum(), rel=0.1)
