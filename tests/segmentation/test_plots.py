"""Marks and errors as they are painted, and scores as they are drawn."""

import numpy as np
import pandas as pd
import pytest

from fundus_core.errors import ScoresError
from fundus_core.plots.segmentation import (
    ERRORS,
    MARK,
    errors_drawn,
    marks_drawn,
    scores_figure,
    swatch,
)
from fundus_core.segmentation.scoring import SCORES
from fundus_core.segmentation.summaries import summaries

PHOTOGRAPH = np.full((2, 4, 3), 100, np.uint8)
MARKED = np.array([[True, True, False, False]] * 2)
TRUTH = np.array([[True, False, True, False]] * 2)
FIELD = np.array([[True] * 4, [False] * 4])


def colour(hexadecimal: str) -> list[int]:
    return list(bytes.fromhex(hexadecimal[1:]))


def luminance(hexadecimal: str) -> float:
    return float(np.array(colour(hexadecimal)) @ (0.2126, 0.7152, 0.0722))


def test_errors_drawn__each_kind_has_its_colour_inside_the_field_only() -> None:
    drawn = errors_drawn(PHOTOGRAPH, MARKED, TRUTH, FIELD)

    inside = [pixel.tolist() for pixel in drawn[0]]
    assert inside[:3] == [colour(ERRORS[kind][0]) for kind in ("right", "false", "missed")]
    assert inside[3] == [35, 35, 35]
    assert (drawn[1] == 35).all()


def test_errors_drawn__kinds_can_be_looked_at_alone() -> None:
    drawn = errors_drawn(PHOTOGRAPH, MARKED, TRUTH, FIELD, kinds=["missed"])

    assert drawn[0, 2].tolist() == colour(ERRORS["missed"][0])
    assert (drawn[0, [0, 1, 3]] == 35).all()


def test_errors__differ_in_lightness_so_that_colour_is_not_needed() -> None:
    levels = sorted(luminance(one) for one, _ in ERRORS.values())

    assert min(np.diff(levels)) > 50


def test_marks_drawn__paints_marks_and_leaves_the_rest() -> None:
    full, half = (marks_drawn(PHOTOGRAPH, MARKED, opacity) for opacity in (1.0, 0.5))

    assert full[0, 0].tolist() == colour(MARK)
    assert half[0, 0, 1] == round((100 + colour(MARK)[1]) / 2)
    assert (full[~MARKED] == 100).all()
    assert (PHOTOGRAPH == 100).all()


def test_marks_of_another_size_are_refused() -> None:
    with pytest.raises(ScoresError, match="photograph"):
        marks_drawn(PHOTOGRAPH, MARKED[:, :2], 0.5)


def test_scores_figure__a_marker_per_score_and_model_with_its_interval() -> None:
    rows = [
        {"image_id": str(n), "patient_id": f"P{n}", "channel": "vessel"}
        | dict.fromkeys(SCORES, 0.5 + n / 100)
        for n in range(8)
    ]
    table = pd.DataFrame(rows)
    found = summaries(table, n_resamples=200)

    figure = scores_figure([("<one>", found), ("two", found)])

    assert len(figure.data) == 2
    assert list(figure.data[0].y) == list(SCORES.values())
    assert figure.data[0].marker.symbol != figure.data[1].marker.symbol
    assert "<one>" not in figure.data[0].name
    low = figure.data[0].x[0] - figure.data[0].error_x.arrayminus[0]
    assert low == pytest.approx(found[0].mean.low)


def test_swatch__shows_the_colour() -> None:
    assert swatch("#0072B2")[10, 10].tolist() == [0, 114, 178]
