"""Figures of agreement: the matrix by its cells, neighbours on a map by their shapes."""

import numpy as np
import pandas as pd
import pytest

from fundus_core.plots import palette
from fundus_core.plots.agreement import agreement_matrix, neighbours_figure
from fundus_core.plots.map import colouring
from fundus_core.plots.paper.figure import figure_file
from fundus_core.stats.bootstrap import Interval

KNOWN = Interval(0.42, 0.38, 0.46, 0.95, "jackknife of patients", 40)
BARE = Interval(0.9, None, None, 0.95, "jackknife of patients", 4, "too few")

POINTS = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [2, 2]], np.float32)
COLOURS = colouring("dr", pd.Series(["0", "1", "0", "1", "0"]))


def test_agreement_matrix__is_symmetric_with_an_empty_diagonal() -> None:
    figure = agreement_matrix(["a", "<b>", "c"], {(0, 1): KNOWN, (1, 2): BARE}, "share")

    heat = figure.data[0]
    assert heat.z[0][1] == heat.z[1][0] == 0.42
    assert [heat.z[i][i] for i in range(3)] == [None] * 3
    assert heat.z[0][2] is None
    assert (heat.zmin, heat.zmax) == (0, 1)
    assert heat.text[1][2] == "0.90"
    assert heat.hovertext[0][1] == "a<br>and &lt;b&gt;<br>0.420 (0.380 to 0.460)"
    assert heat.hovertext[2][1].endswith("0.900")
    assert "&lt;b&gt;" in heat.y[1]


def test_neighbours_figure__groups_differ_by_shape_and_all_others_fade() -> None:
    groups = {"both": np.array([1]), "left only": np.array([2, 3])}

    figure = neighbours_figure(POINTS, COLOURS, marked=0, groups=groups)

    by_name = {trace.name: trace for trace in figure.data}
    assert by_name["both"].marker.symbol != by_name["left only"].marker.symbol
    assert list(by_name["left only"].x) == [0.0, 1.0]
    assert list(by_name["other photographs"].customdata) == [0, 4]
    assert by_name["open photograph"].x[0] == 0.0


def test_neighbours_figure__without_an_open_photograph_is_the_map() -> None:
    figure = neighbours_figure(POINTS, COLOURS)

    assert {trace.name for trace in figure.data} == {"0", "1"}
    assert figure.data[0].marker.color in palette.CATEGORICAL


@pytest.mark.parametrize(
    "figure",
    [
        agreement_matrix(["a", "b"], {(0, 1): KNOWN}, "CKA"),
        neighbours_figure(POINTS, COLOURS, marked=0, groups={"both": np.array([1])}),
    ],
)
def test_figures_can_be_saved_for_print(figure: object) -> None:
    saved = figure_file(figure, "svg", title="figure", about="What it is.")

    assert b"<svg" in saved
