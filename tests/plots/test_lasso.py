"""What lies within an outline: the points the browser names, or all that a polygon encloses."""

import numpy as np
import pytest

from fundus_core.plots.lasso import selected_rows, within, within_box

POINTS = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [5, 5]], np.float32)
MOST = 20

NOTHING: dict[str, list[dict[str, object]]] = {"points": [], "box": [], "lasso": []}


def test_selected_rows__where_all_are_drawn_they_are_those_the_browser_names() -> None:
    points = [{"customdata": 4}, {"customdata": [2]}, {"customdata": 4}, {"x": 0}]
    outline = {"x": [0, 9], "y": [0, 9]}

    rows = selected_rows({**NOTHING, "points": points, "box": [outline]}, POINTS, most=MOST)

    assert rows.tolist() == [2, 4]


@pytest.fixture
def many() -> np.ndarray:
    """More points than are drawn, from (0, 0) to (1, 1) along the diagonal."""
    return np.repeat(np.linspace(0, 1, 1001, dtype=np.float32)[:, None], 2, axis=1)


def test_selected_rows__where_a_sample_is_drawn_a_box_holds_all_within_it(many: np.ndarray) -> None:
    found = {**NOTHING, "points": [{"customdata": 300}], "box": [{"x": [0.5, 0.25], "y": [0, 1]}]}

    rows = selected_rows(found, many, most=MOST)

    assert rows.tolist() == list(range(250, 501))


def test_selected_rows__where_a_sample_is_drawn_a_lasso_holds_all_within_it(
    many: np.ndarray,
) -> None:
    lasso = {"x": [-0.1, 0.3, 0.3, -0.1], "y": [-0.1, -0.1, 0.3, 0.3]}

    rows = selected_rows({**NOTHING, "lasso": [lasso]}, many, most=MOST)

    assert rows.tolist() == np.flatnonzero(many[:, 0] < 0.3).tolist()


def test_selected_rows__where_a_sample_is_drawn_a_click_is_one_photograph(many: np.ndarray) -> None:
    rows = selected_rows({**NOTHING, "points": [{"customdata": 7}]}, many, most=MOST)

    assert rows.tolist() == [7]


def test_within__a_notch_is_outside() -> None:
    arrow = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], float)

    inside = within(np.array([[2, 0.5], [2, 2], [0.5, 2]], np.float32), arrow)

    assert inside.tolist() == [True, False, True]


def test_within__an_outline_without_corners_encloses_nothing() -> None:
    assert not within(POINTS, np.empty((0, 2))).any()


def test_within__agrees_with_counting_edges_point_by_point() -> None:
    generator = np.random.default_rng(3)
    points = generator.normal(size=(400, 2)).astype(np.float32)
    outline = generator.normal(size=(60, 2))  # crosses itself again and again

    inside = within(points, outline)

    assert inside.tolist() == [_enclosed(x, y, outline) for x, y in points.astype(float)]
    assert 0 < inside.sum() < 400


def test_within_box__the_border_belongs_to_it() -> None:
    inside = within_box(POINTS, np.array([1.0, 0.0]), np.array([0.0, 0.5]))

    assert inside.tolist() == [True, True, False, False, False]


def _enclosed(x: float, y: float, outline: np.ndarray) -> bool:
    """Says whether a ray from a point to the right crosses an odd number of edges."""
    crossings = 0
    for (x0, y0), (x1, y1) in zip(outline, [*outline[1:], outline[0]], strict=True):
        if min(y0, y1) <= y < max(y0, y1):
            crossings += x < x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    return crossings % 2 == 1
