"""Intervals against a margin, by the structure of the figure."""

import pytest

from fundus_core.plots.margin import margin_figure
from fundus_core.stats.delong import AucComparison
from fundus_core.stats.non_inferiority import MarginTest, non_inferiority


def held(difference: float) -> MarginTest:
    """Returns a difference with a standard error of 0.01 held against a margin of 0.05."""
    found = AucComparison(
        *(0.8, 0.8 - difference, difference, 0.01, -1.0, 1.0, 0.0, 90.0, 1.0),
        *("obuchowski", 100, 100, 0.95, 90.0),
    )
    return non_inferiority(found, margin=0.05)


ROWS = [("better", held(0.1)), ("open", held(-0.04)), ("<b>", held(-0.2))]


def test_margin_figure__draws_each_difference_with_its_interval() -> None:
    figure = margin_figure(ROWS, reference="old")

    for trace, (_, test) in zip(figure.data, ROWS, strict=True):
        assert trace.x[0] == test.difference
        assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(test.low)
        assert trace.x[0] + trace.error_x.array[0] == pytest.approx(test.high)
    assert figure.data[2].y[0] == "&lt;b&gt;"
    assert "old" in figure.layout.xaxis.title.text


def test_margin_figure__verdicts_differ_in_shape_not_in_colour_alone() -> None:
    figure = margin_figure(ROWS, reference="old")

    assert [trace.marker.symbol for trace in figure.data] == ["diamond", "diamond-open", "x"]


def test_margin_figure__marks_where_the_interval_must_lie() -> None:
    figure = margin_figure(ROWS, reference="old")

    area = next(shape for shape in figure.layout.shapes if shape.type == "rect")
    lines = {shape.x0 for shape in figure.layout.shapes if shape.type == "line"}
    assert area.x0 == -0.05
    assert lines == {0, -0.05}
    low, high = figure.layout.xaxis.range
    assert low < min(test.low for _, test in ROWS)
    assert high > max(test.high for _, test in ROWS)
