"""Forest plots of groups and shortcuts: what is drawn where, and what is never colour alone."""

import numpy as np
import plotly.graph_objects as go
import pytest

from fundus_core.plots import palette
from fundus_core.plots.shortcuts import shortcut_forest, survival_forest
from fundus_core.plots.subgroups import auc_by_group, shares_by_group
from fundus_core.stats.delong import auc_interval
from fundus_core.stats.stratified import auc_within_strata
from fundus_core.stats.subgroups import Subgroups, subgroups

Y_TRUE = np.arange(80) % 2 == 1
SCORE = np.clip(np.random.default_rng(0).normal(0.4 + 0.2 * Y_TRUE, 0.2), 0, 1)
GROUPS = ["<b>north</b>"] * 40 + ["south"] * 36 + ["east"] * 4


@pytest.fixture
def found() -> Subgroups:
    return subgroups(Y_TRUE, SCORE, GROUPS)


def ticks(figure: go.Figure) -> list[str]:
    return list(figure.layout.yaxis.ticktext)


def test_auc_by_group__draws_a_row_per_group_under_all(found: Subgroups) -> None:
    figure = auc_by_group(found)

    assert ticks(figure) == [
        "all",
        "&lt;b&gt;north&lt;/b&gt;",
        "east (too few)",
        "south",
    ]
    tested, untested = figure.data
    assert found.overall.auc is not None
    assert tested.x[0] == found.overall.auc.auc
    assert list(tested.y) == [0, 1, 3]
    assert list(untested.y) == [2]
    assert figure.layout.shapes[0].x0 == found.overall.auc.auc


def test_auc_by_group__an_untested_group_is_grey_open_and_named_so(found: Subgroups) -> None:
    untested = auc_by_group(found).data[1]

    assert untested.marker.symbol == "square-open"
    assert untested.marker.color == palette.NEUTRAL
    assert "a test needs 10" in untested.customdata[0].replace("<br>", " ")


def test_auc_by_group__leaves_the_row_of_a_group_without_auc_empty() -> None:
    figure = auc_by_group(subgroups(Y_TRUE, SCORE, ["ill" if y else "well" for y in Y_TRUE]))

    assert ticks(figure) == ["all", "ill (too few)", "well (too few)"]
    assert [list(trace.y) for trace in figure.data] == [[0]]


def test_shares_by_group__tells_the_two_apart_by_shape_as_well(found: Subgroups) -> None:
    sensitivity, specificity = shares_by_group(found).data

    assert sensitivity.marker.symbol != specificity.marker.symbol
    assert found.groups[0].sensitivity is not None
    assert sensitivity.x[1] == found.groups[0].sensitivity.value
    assert (np.array(sensitivity.y) < np.array(specificity.y)).all()


def test_shortcut_forest__names_the_shortcuts_that_are_not_beaten() -> None:
    auc = auc_interval(Y_TRUE, SCORE)

    figure = shortcut_forest(("model", auc), [("colour", auc, True), ("camera", auc, False)])

    assert ticks(figure) == ["model", "colour", "camera (not beaten)"]
    assert figure.layout.shapes[0].x0 == 0.5


def test_survival_forest__draws_a_line_through_the_auc_of_all_pairs() -> None:
    within = auc_within_strata(Y_TRUE, SCORE, np.arange(80) // 40)

    figure = survival_forest(within.overall, [("colour", within)])

    assert ticks(figure) == ["all pairs", "within strata of colour"]
    assert figure.layout.shapes[0].x0 == within.overall.auc
    assert list(figure.data[0].x) == [within.overall.auc, within.auc.auc]
