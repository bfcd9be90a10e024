"""The precision-recall figure, by its structure."""

import numpy as np

from fundus_core.plots.precision_recall import (
    PrecisionTrace,
    average_text,
    precision_recall_figure,
)
from fundus_core.stats.bootstrap import Interval
from fundus_core.stats.precision_recall import precision_band, precision_recall_curve

Y_TRUE = np.tile([0, 0, 0, 1], 10)
SCORE = np.random.default_rng(0).normal(size=40) + Y_TRUE
AVERAGE = Interval(0.8, 0.7, 0.9, 0.95, "BCa bootstrap of patients, stratified", 2000)


def _trace(name: str, *, band: bool = False) -> PrecisionTrace:
    curve = precision_recall_curve(Y_TRUE, SCORE)
    around = precision_band(Y_TRUE, SCORE, n_resamples=50) if band else None
    return PrecisionTrace(name, curve, AVERAGE, around)


def test_precision_recall_figure__draws_steps_from_a_recall_of_0() -> None:
    trace = _trace("a")

    curve = precision_recall_figure([trace]).data[0]

    assert curve.line.shape == "vh"
    assert (curve.x[0], curve.y[0]) == (0.0, trace.curve.precision[0])
    np.testing.assert_array_equal(curve.x[1:], trace.curve.recall)
    np.testing.assert_array_equal(curve.y[1:], trace.curve.precision)


def test_precision_recall_figure__marks_the_prevalence_and_names_it() -> None:
    line = precision_recall_figure([_trace("a")]).data[-1]

    assert (list(line.x), list(line.y)) == ([0, 1], [0.25, 0.25])
    assert (line.name, line.showlegend) == ("prevalence: 0.250", None)


def test_precision_recall_figure__shows_the_average_in_the_legend_and_hides_the_band_with_it() -> (
    None
):
    band, curve, _ = precision_recall_figure([_trace("a", band=True)]).data

    assert curve.name == "a: 0.800 (0.700 to 0.900)"
    assert band.legendgroup == curve.legendgroup == "0"
    assert band.showlegend is False


def test_precision_recall_figure__escapes_names() -> None:
    figure = precision_recall_figure([_trace("<img src=x>", band=True)])

    assert all("<img" not in trace.name for trace in figure.data)


def test_average_text__says_where_there_is_no_interval() -> None:
    alone = Interval(1.0, None, None, 0.95, "", 2000, "all resamples give the same value")
    none = Interval(None, None, None, 0.95, "", 2000, "it is not defined on these images")

    assert average_text(alone) == "1.000 (no interval)"
    assert average_text(none) == "none, it is not defined on these images"
