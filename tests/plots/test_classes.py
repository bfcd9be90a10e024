"""Curves of several classes and the forest of classes, by their structure."""

import numpy as np
import pytest

from fundus_core.plots.classes import ForestRow, class_forest, class_roc_figure
from fundus_core.plots.roc import RocTrace
from fundus_core.stats.delong import auc_interval, compare_paired
from fundus_core.stats.roc import roc_curve

Y_TRUE = np.tile([0, 1], 20)
NOISE = np.random.default_rng(0).normal(size=(2, 40))
GOOD, POOR = NOISE + np.outer([2, 0.5], Y_TRUE)


def _rows() -> list[ForestRow]:
    intervals = auc_interval(Y_TRUE, GOOD), auc_interval(Y_TRUE, POOR)
    test = compare_paired(Y_TRUE, GOOD, POOR)
    return [
        ForestRow("dr", intervals, test, 0.01),
        ForestRow("amd", intervals, test, 0.2),
        ForestRow("erm", (None, None)),
        ForestRow("Macro average", intervals, test, 0.04, is_average=True),
    ]


def test_class_roc_figure__has_a_curve_and_a_legend_entry_per_class() -> None:
    names = ["dr", "amd", "glaucoma", "<b>", "erm"]
    curve, interval = roc_curve(Y_TRUE, GOOD), auc_interval(Y_TRUE, GOOD)

    figure = class_roc_figure([RocTrace(name, curve, interval) for name in names])

    drawn = figure.data[1:]
    assert [trace.name.partition(":")[0] for trace in drawn] == [
        "dr",
        "amd",
        "glaucoma",
        "&lt;b&gt;",
        "erm",
    ]
    assert len({trace.line.color for trace in drawn}) == 5
    assert [trace.line.dash for trace in drawn] == ["solid"] * 4 + ["dash"]


def test_class_forest__draws_every_interval_where_it_belongs() -> None:
    rows = _rows()

    figure = class_forest(["good", "poor"], rows, difference_of=("good", "poor"))

    good, poor, difference = figure.data
    interval = rows[0].intervals[0]
    assert interval is not None
    assert good.x[0] == interval.auc
    assert good.x[0] + good.error_x.array[0] == pytest.approx(interval.high)
    assert good.x[0] - good.error_x.arrayminus[0] == pytest.approx(interval.low)
    assert len(good.x) == len(poor.x) == len(difference.x) == 3
    assert good.y[0] < 0 < poor.y[0]
    assert difference.x[0] == compare_paired(Y_TRUE, GOOD, POOR).difference


def test_class_forest__fills_what_is_below_five_percent_after_correction() -> None:
    figure = class_forest(["good", "poor"], _rows(), difference_of=("good", "poor"))

    assert figure.data[2].marker.symbol == ("diamond", "diamond-open", "diamond")


def test_class_forest__says_where_there_is_nothing_to_draw() -> None:
    figure = class_forest(["good", "poor"], _rows(), difference_of=("good", "poor"))

    assert [(note.text, note.y) for note in figure.layout.annotations] == [
        ("no AUC", 2),
        ("no test", 2),
    ]
    assert figure.layout.yaxis.ticktext == ("dr", "amd", "erm", "Macro average")
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]


def test_class_forest__leaves_text_colour_to_the_page() -> None:
    figure = class_forest(["<i>a</i>", "b"], _rows(), difference_of=("<i>a</i>", "b"))

    assert figure.layout.font.color is None
    assert figure.data[0].name == "&lt;i&gt;a&lt;/i&gt;"
    assert "<i>" not in figure.layout.xaxis2.title.text
