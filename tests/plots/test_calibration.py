"""Reliability and decision-curve figures, by their structure."""

from dataclasses import replace

import numpy as np
import pytest

from fundus_core.plots.calibration import ReliabilityTrace, reliability_figure
from fundus_core.plots.decision_curve import DecisionTrace, decision_figure
from fundus_core.plots.paper.figure import on_paper
from fundus_core.stats.calibration_line import calibration_line
from fundus_core.stats.net_benefit import decision_curve
from fundus_core.stats.reliability import reliability_curve, score_histogram, shifted_shares

SCORE = np.random.default_rng(0).random(200)
Y_TRUE = np.random.default_rng(1).random(200) < SCORE


def reliability_trace(name: str, *, band: bool = False) -> ReliabilityTrace:
    return ReliabilityTrace(
        name,
        reliability_curve(Y_TRUE, SCORE, n_bins=5),
        calibration_line(Y_TRUE, SCORE).curve,
        score_histogram(Y_TRUE, SCORE),
        band=band,
    )


def decision_trace(name: str, *, band: bool = False) -> DecisionTrace:
    return DecisionTrace(name, decision_curve(Y_TRUE, SCORE, n_resamples=50), band)


def test_reliability_figure__draws_bins_with_their_intervals() -> None:
    trace = reliability_trace("<b>model</b>")

    figure = reliability_figure([trace], class_label="DR")

    bins = next(one for one in figure.data if one.error_y.array is not None)
    np.testing.assert_allclose(bins.x, trace.curve.predicted)
    np.testing.assert_allclose(bins.y + np.array(bins.error_y.array), trace.curve.high)
    np.testing.assert_allclose(bins.y - np.array(bins.error_y.arrayminus), trace.curve.low)
    assert bins.name == "&lt;b&gt;model&lt;/b&gt;"
    assert f"of {trace.curve.n_images[0]}" not in bins.customdata[0]
    assert f"{trace.curve.n_images[0]} photographs" in bins.customdata[0]


def test_reliability_figure__of_one_model_shows_who_has_the_class_up_and_who_not_down() -> None:
    figure = reliability_figure([reliability_trace("model")], class_label="DR")

    up, down = (one for one in figure.data if one.type == "bar")
    assert (sum(up.y), -sum(down.y)) == (Y_TRUE.sum(), (~Y_TRUE).sum())
    assert (up.name, down.name) == ("with DR", "without DR")
    assert up.yaxis == "y2"
    assert "-" not in "".join(figure.layout.yaxis2.ticktext)  # counts, whichever way they point


def test_reliability_figure__of_several_models_has_a_line_of_scores_each_and_one_legend_entry() -> (
    None
):
    traces = [reliability_trace("a", band=True), reliability_trace("b")]

    figure = reliability_figure(traces, class_label="DR")

    assert not [one for one in figure.data if one.type == "bar"]
    steps = [one for one in figure.data if one.yaxis == "y2"]
    assert [sum(one.y[:-1]) for one in steps] == [200, 200]
    assert steps[0].line.dash != steps[1].line.dash
    legend = [one.name for one in figure.data if one.showlegend is not False]
    assert legend == ["predictions that are right", "a", "b"]
    assert len([one for one in figure.data if one.fill == "toself"]) == 1


def test_reliability_figure__at_another_prevalence_has_hollow_markers() -> None:
    trace = reliability_trace("model")
    moved = shifted_shares(trace.curve, observed=0.5, prevalence=0.05)

    figure = reliability_figure([replace(trace, shifted=moved)], class_label="DR", prevalence=0.05)

    hollow = next(one for one in figure.data if str(one.marker.symbol).endswith("-open"))
    np.testing.assert_allclose(hollow.y, moved.observed)
    assert "prevalence of 5 %" in hollow.name


def test_decision_figure__draws_net_benefit_per_hundred_within_the_range() -> None:
    trace = decision_trace("model", band=True)

    figure = decision_figure([trace], between=(0.1, 0.4), at=0.2)

    by_name = {one.name: one for one in figure.data}
    curve = by_name["model: curve"]
    np.testing.assert_allclose(curve.x, np.arange(10, 41) / 100)
    np.testing.assert_allclose(curve.y, 100 * trace.curve.model.value[9:40])
    np.testing.assert_allclose(by_name["treat all"].y, 100 * trace.curve.treat_all.value[9:40])
    assert set(by_name["treat none"].y) == {0}
    assert list(by_name["model"].x) == [0.1, 0.2, 0.3, 0.4]
    assert figure.layout.shapes[0].x0 == 0.2
    low, high = figure.layout.yaxis.range
    assert low < 0 < max(curve.y) < high


def test_decision_figure__without_intervals_has_no_band() -> None:
    few = decision_curve([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.9])

    figure = decision_figure([DecisionTrace("model", few, band=True)], between=(0.01, 0.99), at=0.5)

    assert not [one for one in figure.data if one.fill == "toself"]
    assert np.isfinite(figure.layout.yaxis.range).all()


@pytest.mark.parametrize("kind", ["reliability", "decision"])
def test_figures__can_be_printed(kind: str) -> None:
    if kind == "reliability":
        figure = reliability_figure(
            [reliability_trace("a", band=True), reliability_trace("b")], class_label="DR"
        )
    else:
        figure = decision_figure(
            [decision_trace("a", band=True), decision_trace("b")], between=(0.01, 0.6), at=0.2
        )

    paper = on_paper(figure)

    assert len(paper.axes) == (2 if kind == "reliability" else 1)
