"""Outlines lie around lesions, not on them."""

import numpy as np

from fundus_core.plots.lesions import LINE, outlined


def test_outlined__leaves_the_lesion_and_what_is_far_from_it_as_they_are() -> None:
    picture = np.full((20, 20, 3), 100, np.uint8)
    lesions = np.zeros((20, 20), bool)
    lesions[9:11, 9:11] = True

    drawn = outlined(picture, lesions, width=2)

    assert (drawn[9:11, 9:11] == 100).all()
    assert (drawn[9, 6] == LINE).all()
    assert (drawn[9, 7] == LINE).all()
    assert (drawn[0] == 100).all()
    assert drawn[9, 5].max() < 100
    assert (picture == 100).all()


def test_outlined__without_lesions_nothing_is_drawn() -> None:
    picture = np.full((8, 8, 3), 100, np.uint8)

    assert (outlined(picture, np.zeros((8, 8), bool)) == picture).all()
