"""The forest plot and the matrix of differences, by their structure."""

import numpy as np
import pytest

from fundus_core.plots.comparison import ComparedPair, difference_matrix, forest_figure
from fundus_core.stats.delong import auc_interval, compare_paired

Y_TRUE = np.tile([0, 1], 20)
NOISE = np.random.default_rng(0).normal(size=(3, 40))
SCORES = dict(zip(("resnet50", "vit", "colour"), NOISE + np.outer([2, 1, 0], Y_TRUE), strict=True))
NAMES = list(SCORES)


def _pair(a: str, b: str, p_holm: float) -> ComparedPair:
    return ComparedPair(a, b, compare_paired(Y_TRUE, SCORES[a], SCORES[b]), p_holm)


def test_forest_figure__puts_the_first_model_on_top_with_its_interval() -> None:
    intervals = [(name, auc_interval(Y_TRUE, score)) for name, score in SCORES.items()]

    figure = forest_figure(intervals)

    assert [trace.y[0] for trace in figure.data] == NAMES
    assert figure.layout.yaxis.autorange == "reversed"
    for trace, (_, interval) in zip(figure.data, intervals, strict=True):
        assert trace.x[0] == interval.auc
        assert trace.x[0] + trace.error_x.array[0] == pytest.approx(interval.high)
        assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(interval.low)


def test_difference_matrix__reads_row_less_column() -> None:
    pair = _pair("resnet50", "colour", 0.0004)

    heatmap = difference_matrix(NAMES, [pair]).data[0]

    difference = pair.comparison.difference
    assert difference > 0
    assert heatmap.z[0][2] == difference
    assert heatmap.z[2][0] == -difference
    assert heatmap.text[0][2] == f"{difference:+.3f}<br>p < 0.001"
    assert heatmap.text[2][0] == f"{-difference:+.3f}<br>p < 0.001"


def test_difference_matrix__numbers_its_columns_like_its_rows() -> None:
    names = ["MobileNet V2, random weights (224 px), fine-tuned", "<b>"]
    pair = ComparedPair(*names, compare_paired(Y_TRUE, NOISE[0], NOISE[1]), 0.2)

    heatmap = difference_matrix(names, [pair]).data[0]

    assert list(heatmap.x) == ["1", "2"]
    assert heatmap.y[0].replace("<br>", " ") == f"1: {names[0]}"
    assert max(map(len, heatmap.y[0].split("<br>"))) <= 38
    assert heatmap.y[1] == "2: &lt;b&gt;"
    assert heatmap.hovertext[0][1] == f"{names[0]} less &lt;b&gt;"


def test_difference_matrix__takes_pairs_in_either_order() -> None:
    one_way = difference_matrix(NAMES, [_pair("resnet50", "vit", 0.03)]).data[0]
    other_way = difference_matrix(NAMES, [_pair("vit", "resnet50", 0.03)]).data[0]

    assert one_way.z == other_way.z
    assert one_way.text == other_way.text


def test_difference_matrix__leaves_uncompared_pairs_and_the_diagonal_empty() -> None:
    heatmap = difference_matrix(NAMES, [_pair("vit", "colour", 0.2)]).data[0]

    filled = {(i, j) for i in range(3) for j in range(3) if heatmap.z[i][j] is not None}
    assert filled == {(1, 2), (2, 1)}
    assert heatmap.text[0][0] == ""


def test_difference_matrix__centres_its_colours_on_zero() -> None:
    heatmap = difference_matrix(NAMES, [_pair("resnet50", "vit", 0.03)]).data[0]

    assert heatmap.zmin == -heatmap.zmax < 0


def test_difference_matrix__of_equal_models_still_has_a_scale() -> None:
    pair = ComparedPair("vit", "colour", compare_paired(Y_TRUE, NOISE[0], NOISE[0]), 1.0)

    heatmap = difference_matrix(NAMES, [pair]).data[0]

    assert (heatmap.zmin, heatmap.zmax) == (-1.0, 1.0)
    assert heatmap.text[1][2] == "+0.000<br>p = 1.000"


def test_figures__leave_text_and_background_to_the_theme() -> None:
    forest = forest_figure([("vit", auc_interval(Y_TRUE, NOISE[0]))])
    matrix = difference_matrix(NAMES, [_pair("vit", "colour", 0.2)])

    for figure in (forest, matrix):
        assert figure.layout.font.color is None
        assert figure.layout.paper_bgcolor == "rgba(0, 0, 0, 0)"
    assert matrix.data[0].textfont.color is None


def test_figures__do_not_take_a_name_for_markup() -> None:
    forest = forest_figure([("<i>x</i>", auc_interval(Y_TRUE, NOISE[0]))])

    assert forest.data[0].y[0] == "&lt;i&gt;x&lt;/i&gt;"
