"""Maps: what is sent to the browser, what colours mean, and what a selection holds."""

import json

import numpy as np
import pandas as pd

from fundus_core.plots import palette
from fundus_core.plots.density import density
from fundus_core.plots.map import (
    MOST_POINTS,
    SAMPLE,
    colouring,
    drawn_rows,
    map_figure,
)
from fundus_core.plots.paper.figure import figure_file

POINTS = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [5, 5]], np.float32)
LABELS = pd.Series(["dr", "healthy", "dr", None, "healthy"])

NOTHING: dict[str, list[dict[str, object]]] = {"points": [], "box": [], "lasso": []}


def rows_by_name(figure: object) -> dict[str, list[int]]:
    """Returns the rows of each trace."""
    traces = [trace for trace in figure.data if trace.customdata is not None]  # type: ignore[attr-defined]
    return {trace.name: list(trace.customdata) for trace in traces}


def test_map_figure__tells_sixteen_categories_apart_by_colour_and_shape() -> None:
    values = pd.Series([f"disease {number:02}" for number in range(16)])
    points = np.zeros((16, 2), np.float32)

    figure = map_figure(points, colouring("diagnosis", values))

    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data}
    assert len(looks) == 16
    assert sorted(trace.name for trace in figure.data) == list(values)
    assert all(trace.showlegend for trace in figure.data)


def test_colouring__categories_keep_the_order_of_the_target() -> None:
    result = colouring("disease", LABELS, order=("healthy", "dr"))

    assert result.names == ("healthy", "dr")
    assert result.codes is not None
    assert result.codes.tolist() == [1, 0, 1, -1, 0]


def test_colouring__many_numbers_get_a_scale_few_are_categories() -> None:
    ages = colouring("age", pd.Series([str(age) for age in range(20, 60)]))
    grades = colouring("grade", pd.Series(["0", "1", "2", "0"]))

    assert ages.numbers is not None
    assert grades.names == ("0", "1", "2")


def test_colouring__text_is_never_taken_for_numbers() -> None:
    result = colouring("camera", pd.Series([*map(str, range(30)), "unknown"]))

    assert result.numbers is None
    assert result.shares_colours


def test_map_figure__every_photograph_is_drawn_once_under_its_label() -> None:
    figure = map_figure(POINTS, colouring("disease", LABELS))

    assert rows_by_name(figure) == {"not given": [3], "dr": [0, 2], "healthy": [1, 4]}


def test_map_figure__labels_differ_in_shape_as_well_as_in_colour() -> None:
    figure = map_figure(POINTS, colouring("disease", LABELS))

    looks = [(trace.marker.color, trace.marker.symbol) for trace in figure.data]
    assert len({colour for colour, _ in looks}) == 3
    assert len({symbol for _, symbol in looks}) == 3


def test_map_figure__what_is_not_selected_turns_grey_on_every_map() -> None:
    selected = np.array([True, False, False, False, True])

    figure = map_figure(POINTS, colouring("disease", LABELS), selected=selected)

    assert rows_by_name(figure) == {"not selected": [1, 2, 3], "dr": [0], "healthy": [4]}
    assert figure.data[0].marker.color == palette.NEUTRAL


def test_map_figure__the_open_photograph_has_a_ring_that_cannot_be_selected() -> None:
    figure = map_figure(POINTS, colouring("disease", LABELS), marked=4)

    ring = figure.data[-1]
    assert (list(ring.x), list(ring.y)) == ([5], [5])
    assert ring.customdata is None


def test_map_figure__missing_numbers_are_drawn_apart() -> None:
    ages = pd.Series([str(age) for age in range(20, 29)] + [None])
    points = np.zeros((10, 2), np.float32)

    figure = map_figure(points, colouring("age", ages, numeric=True))

    assert rows_by_name(figure) == {"not given": [9], "age": list(range(9))}


def test_map_figure__twenty_thousand_points_stay_under_half_a_megabyte() -> None:
    n_points = MOST_POINTS
    points = np.random.default_rng(0).normal(size=(n_points, 2)).astype(np.float32)
    labels = pd.Series(np.arange(n_points) % 5).astype(str)

    sent = map_figure(points, colouring("grade", labels)).to_json()

    assert len(sent) < 500_000


def test_map_figure__markup_in_labels_is_shown_as_text() -> None:
    labels = pd.Series(["<b>bold</b>", "plain"])

    figure = map_figure(POINTS[:2], colouring("<i>title</i>", labels))

    sent = json.loads(figure.to_json())
    assert sent["data"][0]["name"] == "&lt;b&gt;bold&lt;/b&gt;"
    assert sent["layout"]["legend"]["title"]["text"] == "&lt;i&gt;title&lt;/i&gt;"


def test_drawn_rows__a_sample_is_the_same_each_time_and_in_order() -> None:
    rows = drawn_rows(50_000)

    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == SAMPLE
    assert (rows == drawn_rows(50_000)).all()


def test_drawn_rows__a_small_selection_among_many_is_drawn_whole() -> None:
    selected = np.zeros(200_000, bool)
    selected[[3, 77_777, 199_999]] = True

    rows = drawn_rows(200_000, selected=selected)

    assert {3, 77_777, 199_999} <= set(rows.tolist())
    assert len(rows) == len(set(rows.tolist())) == SAMPLE


def test_drawn_rows__of_a_large_selection_half_of_the_sample_is_selected() -> None:
    selected = np.arange(200_000) < 150_000

    assert int(selected[drawn_rows(200_000, selected=selected)].sum()) == SAMPLE // 2


def test_drawn_rows__where_all_are_selected_the_sample_is_full() -> None:
    assert len(drawn_rows(30_000, selected=np.ones(30_000, bool))) == SAMPLE


def test_density__counts_every_point_once() -> None:
    points = np.array([[0, 0], [0, 0], [0, 0], [10, 5]], np.float32)

    cells = density(points)

    counts = 10 ** cells.z[np.isfinite(cells.z)]
    assert sorted(np.round(counts).tolist()) == [1, 3]
    assert cells.z.shape == (80, 160)
    assert cells.hoverinfo == "skip"


def test_density__points_in_one_place_are_one_cell() -> None:
    assert np.isfinite(density(np.ones((5, 2), np.float32)).z).sum() == 1


def test_map_figure__two_hundred_thousand_points_are_a_density_and_a_sample() -> None:
    n_points = 200_000
    points = np.random.default_rng(0).normal(size=(n_points, 2)).astype(np.float32)
    numbers = colouring("age", pd.Series(np.arange(n_points) % 90).astype(str))
    selected = np.arange(n_points) % 2 == 0

    figure = map_figure(points, numbers, selected=selected)

    assert figure.data[0].type == "heatmap"
    assert sum(map(len, rows_by_name(figure).values())) == SAMPLE
    assert len(figure.to_json()) < 1_500_000


def test_map_figure__a_density_can_be_printed() -> None:
    points = np.random.default_rng(0).normal(size=(MOST_POINTS + 1, 2)).astype(np.float32)

    figure = map_figure(points, colouring("grade", pd.Series(np.zeros(len(points))).astype(str)))

    assert b"<svg" in figure_file(figure, "svg", title="map")
