"""The ROC figure, by its structure."""

import numpy as np
import pytest

from fundus_core.plots import palette
from fundus_core.plots.roc import RocTrace, interval_text, roc_figure
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.operating import operating_point
from fundus_core.stats.roc import roc_band, roc_curve

Y_TRUE = np.tile([0, 1], 20)
SCORE = np.random.default_rng(0).normal(size=40) + Y_TRUE


def _trace(name: str, *, band: bool = False, marked: bool = False) -> RocTrace:
    return RocTrace(
        name,
        roc_curve(Y_TRUE, SCORE),
        auc_interval(Y_TRUE, SCORE),
        roc_band(Y_TRUE, SCORE, n_resamples=50) if band else None,
        operating_point(Y_TRUE, SCORE, 0.5) if marked else None,
    )


def test_roc_figure__shows_the_auc_with_its_interval_in_the_legend() -> None:
    interval = auc_interval(Y_TRUE, SCORE)

    figure = roc_figure([_trace("resnet50")])

    shown = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert shown == [f"resnet50: {interval.auc:.3f} ({interval.low:.3f} to {interval.high:.3f})"]


def test_roc_figure__draws_the_curve_the_values_describe() -> None:
    trace = _trace("resnet50")

    chance, curve = roc_figure([trace]).data

    assert (list(chance.x), list(chance.y)) == ([0, 1], [0, 1])
    np.testing.assert_array_equal(curve.x, trace.curve.false_positive_rate)
    np.testing.assert_array_equal(curve.y, trace.curve.true_positive_rate)
    np.testing.assert_array_equal(curve.customdata, trace.curve.thresholds)


def test_roc_figure__thins_a_long_curve_by_less_than_a_pixel() -> None:
    generator = np.random.default_rng(0)
    y_true = generator.random(20_000) < 0.3
    curve = roc_curve(y_true, generator.normal(size=20_000) + y_true)

    _, line = roc_figure([RocTrace("long", curve, auc_interval(Y_TRUE, SCORE))]).data

    assert len(curve.thresholds) > 5_000
    assert len(line.x) < 2_000
    assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0, 0, 1, 1)
    rows = np.searchsorted(-curve.thresholds, -np.asarray(line.customdata))
    assert np.array_equal(curve.true_positive_rate[rows], line.y)
    drawn = np.interp(curve.thresholds[1:], line.customdata[:0:-1], line.y[:0:-1])
    assert np.abs(drawn - curve.true_positive_rate[1:]).max() < 1 / 455


def test_roc_figure__hides_band_and_marker_together_with_their_curve() -> None:
    figure = roc_figure([_trace("a", band=True, marked=True), _trace("b")])

    groups = [trace.legendgroup for trace in figure.data[1:]]
    assert groups == ["0", "0", "0", "1"]
    assert [trace.name for trace in figure.data[1:4]][::2] == ["a: 95% band", "a: threshold"]


def test_roc_figure__closes_the_band_around_low_and_high() -> None:
    trace = _trace("a", band=True)

    area = roc_figure([trace]).data[1]

    assert trace.band is not None
    assert area.fill == "toself"
    assert list(area.y) == [*trace.band.high, *trace.band.low[::-1]]


def test_roc_figure__marks_the_operating_point_with_both_intervals() -> None:
    trace = _trace("a", marked=True)

    marker = roc_figure([trace]).data[-1]

    point = trace.marked
    assert point is not None
    assert (marker.x[0], marker.y[0]) == (1 - point.specificity, point.sensitivity)
    right, left = marker.error_x.array[0], marker.error_x.arrayminus[0]
    assert marker.x[0] + right == pytest.approx(1 - point.specificity_low)
    assert marker.x[0] - left == pytest.approx(1 - point.specificity_high)
    assert marker.y[0] + marker.error_y.array[0] == pytest.approx(point.sensitivity_high)


def test_roc_figure__the_baseline_is_dashed_and_in_the_legend() -> None:
    line = roc_figure([_trace("a", band=True)], _trace("mean colour", band=True, marked=True)).data[
        -1
    ]

    assert (line.line.dash, line.line.color) == ("dash", palette.NEUTRAL)
    assert line.name.startswith("mean colour: ")


def test_roc_figure__has_equal_axes_from_0_to_1() -> None:
    figure = roc_figure([_trace("a")])

    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    assert figure.layout.xaxis.range[0] <= 0 < 1 <= figure.layout.xaxis.range[1]


def test_roc_figure__leaves_text_and_background_to_the_theme() -> None:
    layout = roc_figure([_trace("a")]).layout

    assert layout.font.color is None
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)"


def test_roc_figure__tells_twenty_models_apart() -> None:
    figure = roc_figure([_trace(str(index)) for index in range(20)])

    styles = {(trace.line.color, trace.line.dash) for trace in figure.data[1:]}
    assert len(styles) == 20


def test_roc_figure__does_not_take_a_name_for_markup() -> None:
    figure = roc_figure([_trace("<b>bold</b>")])

    assert figure.data[1].name.startswith("&lt;b&gt;bold")


def test_roc_figure__breaks_a_long_name_in_the_legend_and_grows_with_it() -> None:
    name = "MobileNet V2, random weights (256 px), fine-tuned, own split"

    figure = roc_figure([_trace(name)])

    lines = figure.data[1].name.split("<br>")
    assert len(lines) > 1
    assert max(map(len, lines)) <= 44
    assert " ".join(lines).startswith(name)
    assert lines[-1].endswith(interval_text(auc_interval(Y_TRUE, SCORE)))
    assert figure.layout.height > roc_figure([_trace("short")]).layout.height


def test_roc_figure__without_models_is_the_chance_line() -> None:
    assert len(roc_figure([]).data) == 1


def _luminance(hex_colour: str) -> float:
    """Relative luminance as the web's accessibility guidelines define it."""
    channels = [int(hex_colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("page", ["#FFFFFF", "#0E1117"])
def test_palette__first_colours_are_visible_on_light_and_dark_pages(page: str) -> None:
    def contrast(a: float, b: float) -> float:
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)

    ratios = [contrast(_luminance(colour), _luminance(page)) for colour in palette.CATEGORICAL[:7]]

    assert min(ratios) > 2.0


def test_roc_figure__names_a_band_of_the_whole_curve_so() -> None:
    band = roc_band(Y_TRUE, SCORE, kind="simultaneous", n_resamples=50)
    trace = RocTrace("a", roc_curve(Y_TRUE, SCORE), auc_interval(Y_TRUE, SCORE), band)

    assert roc_figure([trace]).data[1].name == "a: 95% simultaneous band"
