"""Figures behind a trust light: every copy and every step is drawn."""

import pytest

from fundus_core.explain.removal import Removal
from fundus_core.explain.sanity import CascadeStep
from fundus_core.plots.paper.figure import figure_file
from fundus_core.plots.trust import areas_figure, cascade_figure, lights_figure
from fundus_core.stats.bootstrap import Interval


def test_areas_figure__the_map_stands_beside_its_copies() -> None:
    deletion = Removal((0.0, 1.0), (2.0, 0.0), 0.4, (0.9, 1.1, 1.3), 1.0)
    insertion = Removal((0.0, 1.0), (0.0, 2.0), 1.6, (0.8, 0.9), 1.0)

    figure = areas_figure(deletion, insertion)

    copies, own, other_copies, other_own = figure.data
    assert (list(copies.x), list(own.x)) == ([0.9, 1.1, 1.3], [0.4])
    assert (list(other_copies.x), list(other_own.x)) == ([0.8, 0.9], [1.6])
    assert "left is better" in own.y[0]
    assert "right is better" in other_own.y[0]
    assert own.marker.symbol != copies.marker.symbol
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]


def test_cascade_figure__goes_from_the_head_down_past_the_limit() -> None:
    steps = (CascadeStep("head", 0.6), CascadeStep("layer4", 0.2), CascadeStep("stem", 0.0))

    figure = cascade_figure(steps, 0.5)

    (line,) = figure.data
    assert list(line.x) == ["head", "… to layer4", "… to stem"]
    assert list(line.y) == [0.6, 0.2, 0.0]
    assert figure.layout.shapes[0].y0 == 0.5
    assert tuple(figure.layout.yaxis.range) == (-1.05, 1.05)


def interval(value: float | None, low: float | None = None, high: float | None = None) -> Interval:
    return Interval(value, low, high, 0.95, "percentile bootstrap of patients", 2000)


def test_lights_figure__has_a_marker_per_light_and_model_with_its_interval() -> None:
    one = {"green": interval(0.5, 0.3, 0.7), "grey": interval(0.0)}
    other = {"green": interval(0.25, 0.1, 0.5), "grey": interval(None)}

    figure = lights_figure([("<a>", one), ("b", other)])

    first, second = figure.data
    assert first.name == "&lt;a&gt;"
    assert list(first.x) == [0.5, 0.0]
    assert list(second.x) == [0.25]
    assert first.error_x.array == pytest.approx([0.2, 0.0])
    assert first.error_x.arrayminus == pytest.approx([0.2, 0.0])
    assert first.y[0] < second.y[0] < first.y[1]  # the two in one row, the first above
    assert first.marker.symbol != second.marker.symbol
    assert list(figure.layout.yaxis.ticktext) == ["green", "grey"]
    assert figure_file(figure, "svg")
