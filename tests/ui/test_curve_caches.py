"""A figure of ROC curves is made anew exactly when something that is drawn has changed."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fundus_core.plots.roc import RocTrace
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.operating import operating_point
from fundus_core.stats.roc import roc_band, roc_curve
from fundus_core.ui.curve_caches import roc_figure

Y_TRUE = np.tile([0, 1], 20)
SCORE = np.random.default_rng(0).normal(size=40) + Y_TRUE


def trace() -> RocTrace:
    return RocTrace(
        "resnet50",
        roc_curve(Y_TRUE, SCORE),
        auc_interval(Y_TRUE, SCORE),
        roc_band(Y_TRUE, SCORE, n_resamples=50),
        operating_point(Y_TRUE, SCORE, 0.5),
    )


def moved(values: np.ndarray, row: int) -> np.ndarray:
    return np.where(np.arange(len(values)) == row, values + 1e-12, values)


CHANGES: dict[str, Callable[[RocTrace], RocTrace]] = {
    "name": lambda one: replace(one, name="vit"),
    "one threshold": lambda one: replace(
        one, curve=replace(one.curve, thresholds=moved(one.curve.thresholds, 3))
    ),
    "interval": lambda one: replace(one, interval=replace(one.interval, high=0.99)),
    "no band": lambda one: replace(one, band=None),
    "point": lambda one: replace(one, marked=operating_point(Y_TRUE, SCORE, 0.6)),
    "no point": lambda one: replace(one, marked=None),
}


def test_roc_figure__equal_curves_give_the_figure_that_is_there() -> None:
    assert roc_figure((trace(),), None) is roc_figure((trace(),), None)


@pytest.mark.parametrize("change", list(CHANGES.values()), ids=list(CHANGES))
def test_roc_figure__a_changed_curve_is_drawn_anew(change: Callable[[RocTrace], RocTrace]) -> None:
    before, changed = trace(), change(trace())

    assert roc_figure((changed,), None) is not roc_figure((before,), None)
    assert roc_figure((before,), changed) is not roc_figure((before,), before)


def test_roc_figure__one_corner_of_the_band_counts() -> None:
    before = trace()
    assert before.band is not None
    other = replace(before, band=replace(before.band, low=moved(before.band.low, 7)))

    assert roc_figure((other,), None) is not roc_figure((before,), None)
