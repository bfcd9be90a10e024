"""The figures of a study, by their structure: values, orders, gaps, bands and what they say."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fundus_core.plots.study import (
    convergence,
    curve,
    figure,
    forest,
    heat_map,
    nothing_to_draw,
)

MODELS = ("ResNet <50>", "ViT (stand-in: tiny, random weights)")


def row(model: str = MODELS[0], auc: float | None = 0.8, **changes: Any) -> dict[str, Any]:
    """One cell as `study_table` describes it; without an AUC it was not run."""
    value = np.nan if auc is None else auc
    return {
        "data": "demo", "model": model, "strategy": "ft", "head": "linear", "image_size": 224,
        "preprocessing": "usual", "fraction": 1.0, "draw": 0, "seed": 0, "tested_on": "inside",
        "status": "not run" if auc is None else "done", "problem": "", "run_id": "",
        "n_images": 600, "n_patients": 240, "auc": value, "auc_low": value - 0.05,
        "auc_high": value + 0.04, "difference": np.nan, "difference_low": np.nan,
        "difference_high": np.nan, "p_value": np.nan, "p_holm": np.nan, "relative_gain": np.nan,
        **changes,
    }  # fmt: skip


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


COMPARED = {"difference": 0.05, "difference_low": 0.02, "difference_high": 0.08}


def test_heat_map__writes_values_into_the_cells_in_the_order_of_the_study() -> None:
    rows = table(
        row(MODELS[1], 0.9, strategy="lp"),
        row(MODELS[1], 0.7, strategy="ft"),
        row(MODELS[0], 0.6, strategy="lp"),
        row(MODELS[0], 0.8, strategy="ft"),
    )

    drawn = heat_map(rows, "model", "strategy", "auc")

    (trace,) = drawn.data
    assert list(trace.x) == ["lp", "ft"]
    assert [name.replace("<br>", " ") for name in trace.y] == [
        "ViT (stand-in: tiny, random weights)",
        "ResNet &lt;50&gt;",
    ]
    assert [list(line) for line in trace.z] == [[0.9, 0.7], [0.6, 0.8]]
    assert [list(line) for line in trace.text] == [["0.900", "0.700"], ["0.600", "0.800"]]
    assert drawn.layout.yaxis.autorange == "reversed"
    assert (trace.zmin, trace.zmax) == pytest.approx((0.6, 0.9))
    assert drawn.layout.xaxis.title.text == "Strategy"
    assert trace.colorbar.title.text == "AUC"


def test_heat_map__tells_the_interval_and_the_test_at_the_pointer() -> None:
    rows = table(row(auc=0.8, p_holm=0.012, **COMPARED))

    (trace,) = heat_map(rows, "model", "strategy", "auc").data

    assert trace.hovertext[0][0] == (
        "AUC 0.800 (0.750 to 0.840), 95 % interval<br>600 photographs of 240 patients<br>"
        "AUC less the reference's +0.050 (+0.020 to +0.080), p = 0.012 (Holm)"
    )


def test_heat_map__marks_an_auc_that_differs_from_the_reference_and_no_other_metric() -> None:
    rows = table(
        row(auc=0.8, strategy="lp", p_holm=0.049, **COMPARED),
        row(auc=0.7, strategy="ft", p_holm=0.051, **COMPARED),
        row(auc=0.6, strategy="l2-sp"),
    ).assign(macro_f1=0.5, macro_f1_low=0.4, macro_f1_high=0.6)

    (of_auc,) = heat_map(rows, "model", "strategy", "auc").data
    (of_f1,) = heat_map(rows, "model", "strategy", "macro_f1").data

    assert list(of_auc.text[0]) == ["0.800*", "0.700", "0.600"]
    assert list(of_f1.text[0]) == ["0.500"] * 3


def test_heat_map__an_empty_cell_says_why() -> None:
    failed = row(auc=None, strategy="ft", status="failed", problem="no <weights> here")
    rows = table(
        row(auc=None, strategy="lp"),
        failed,
        row(auc=None, strategy="l2-sp", status="done"),
        row(MODELS[1], 0.8, strategy="lp"),
    )

    (trace,) = heat_map(rows, "model", "strategy", "auc").data

    assert [list(line) for line in trace.z] == [[None, None, None], [0.8, None, None]]
    assert [list(line) for line in trace.text] == [["", "", ""], ["0.800", "", ""]]
    assert list(trace.hovertext[0]) == [
        "not run",
        "failed: no &lt;weights&gt; here",
        "has no AUC",
    ]
    assert trace.hovertext[1][1] == "not in the study"


def test_heat_map__of_several_rows_per_cell_shows_their_mean_and_says_so() -> None:
    rows = table(
        row(auc=0.6, data="A", p_holm=0.001, **COMPARED),
        row(auc=0.8, data="B", p_holm=0.001, **COMPARED),
        row(auc=None, data="C"),
    )

    (trace,) = heat_map(rows, "model", "strategy", "auc").data

    assert trace.z[0][0] == pytest.approx(0.7)
    assert trace.text[0][0] == "0.700"
    assert trace.colorbar.title.text == "AUC<br>mean of<br>up to 2"
    assert trace.hovertext[0][0].split("<br>") == [
        "mean of n = 2, not an interval:",
        "A: 0.600 (0.550 to 0.640)",
        "B: 0.800 (0.750 to 0.840)",
        "1 of 3 without result",
    ]


def test_heat_map__a_scenario_is_strategy_and_head_together() -> None:
    rows = table(row(head="linear"), row(head="deit", auc=0.7))

    (trace,) = heat_map(rows, "model", "scenario", "auc").data

    assert list(trace.x) == ["ft, linear head", "ft, deit head"]


def test_heat_map__relative_gains_are_coloured_around_zero() -> None:
    rows = table(row(relative_gain=-2.0), row(MODELS[1], relative_gain=6.04))

    (trace,) = heat_map(rows, "model", "strategy", "relative_gain").data

    assert (trace.zmin, trace.zmax) == pytest.approx((-6.04, 6.04))
    assert [line[0] for line in trace.text] == ["-2.0 %", "+6.0 %"]
    assert trace.hovertext[0][0].startswith("Relative gain, % -2.0 %, no interval<br>600")


def test_heat_map__equal_values_do_not_span_all_colours() -> None:
    (trace,) = heat_map(table(row(), row(MODELS[1])), "model", "strategy", "auc").data

    assert trace.zmax - trace.zmin == pytest.approx(0.05)


def test_curve__of_single_draws_has_the_interval_as_its_band() -> None:
    rows = table(row(image_size=512, auc=0.9), row(image_size=256, auc=0.8))

    drawn = curve(rows, "image_size", "model", "auc")

    band, line = drawn.data
    assert (list(line.x), list(line.y)) == ([256, 512], [0.8, 0.9])
    assert list(band.y) == pytest.approx([0.84, 0.94, 0.85, 0.75])
    assert line.error_y.array is None
    assert drawn.layout.xaxis.title.text == "Side of the input, px"
    assert list(drawn.layout.xaxis.ticktext) == ["256", "512"]
    assert drawn.layout.legend.title.text.startswith("band: 95 % interval")


def test_curve__of_several_draws_goes_through_their_median_and_bands_their_range() -> None:
    draws = [
        row(fraction=share, draw=number, auc=auc)
        for share, aucs in ((0.1, (0.5, 0.9, 0.6)), (0.5, (0.8, 0.7, 0.75)))
        for number, auc in enumerate(aucs)
    ]

    drawn = curve(table(*draws, row(auc=0.85)), "fraction", "model", "auc")

    band, line, bar = drawn.data
    assert list(line.y) == [0.6, 0.75, 0.85]
    assert list(band.x) == [0.1, 0.5, 0.5, 0.1]
    assert list(band.y) == [0.9, 0.8, 0.7, 0.5]
    assert (list(bar.x), list(bar.y)) == ([1.0], [0.85])
    assert list(bar.error_y.array) == pytest.approx([0.04])
    assert list(bar.error_y.arrayminus) == pytest.approx([0.05])
    assert line.customdata[0] == "0.600, median of 3; range 0.500 to 0.900"
    assert line.customdata[2] == "0.850 (0.800 to 0.890)"
    legend = drawn.layout.legend.title.text
    assert "band: their range; bar: 95 % interval of one draw" in legend


def test_curve__shares_are_on_a_logarithmic_axis_in_percent() -> None:
    rows = table(row(fraction=0.01), row(fraction=1.0))

    axis = curve(rows, "fraction", "model", "auc").layout.xaxis

    assert axis.type == "log"
    assert list(axis.tickvals) == [0.01, 1.0]
    assert list(axis.ticktext) == ["1 %", "100 %"]
    assert axis.range[0] < -2 < 0 < axis.range[1]


def test_curve__never_mixes_strategies_in_one_line() -> None:
    rows = table(
        *(
            row(model, 0.7 + size / 1000, strategy=strategy, image_size=size)
            for model in MODELS
            for strategy in ("lp", "ft")
            for size in (64, 128)
        )
    )

    lines = curve(rows, "image_size", "model", "auc").data[1::2]

    assert [line.name for line in lines] == [
        "ResNet &lt;50&gt;, lp",
        "ResNet &lt;50&gt;, ft",
        "ViT (stand-in: tiny, random weights), lp",
        "ViT (stand-in: tiny, random weights), ft",
    ]
    first, second, third, _ = lines
    assert first.line.color == second.line.color != third.line.color
    assert first.line.dash == third.line.dash != second.line.dash
    assert list(first.y) == pytest.approx([0.764, 0.828])


def test_curve__cells_that_were_not_run_are_no_points() -> None:
    rows = table(row(image_size=64), row(image_size=128, auc=None))

    band, line = curve(rows, "image_size", "model", "auc").data

    assert list(line.x) == [64]
    assert list(band.x) == []


def test_forest__has_a_row_per_cell_with_its_interval() -> None:
    rows = table(row(auc=0.8), row(MODELS[1], 0.7), row(MODELS[1], None, strategy="lp"))

    drawn = forest(rows, "auc")

    first, second = drawn.data
    assert (list(first.x), list(first.y)) == ([0.8], [0])
    assert (list(second.x), list(second.y)) == ([0.7], [1])
    assert first.error_x.array[0] == pytest.approx(0.04)
    assert first.error_x.arrayminus[0] == pytest.approx(0.05)
    assert list(drawn.layout.yaxis.ticktext) == [
        "ResNet &lt;50&gt;",
        "ViT (stand-in: tiny, random weights)",
    ]
    assert drawn.layout.yaxis.range == (1.5, -0.5)
    assert drawn.layout.xaxis.title.text == "AUC, 95 % interval"
    assert not drawn.layout.shapes


def test_forest__a_line_goes_through_the_reference_of_each_group() -> None:
    rows = table(
        *(
            row(model, auc, strategy=strategy)
            for model, aucs in zip(MODELS, ((0.8, 0.7), (0.6, 0.9)), strict=True)
            for strategy, auc in zip(("lp", "ft"), aucs, strict=True)
        )
    )

    drawn = forest(rows, "auc", {"model": MODELS[1]})

    assert [(line.x0, line.y0, line.y1) for line in drawn.layout.shapes] == [
        (0.6, -0.5, 1.5),
        (0.9, 1.5, 3.5),
    ]
    assert [name.replace("<br>", " ") for name in drawn.layout.yaxis.ticktext] == [
        "ResNet &lt;50&gt;, lp",
        "ViT (stand-in: tiny, random weights), lp",
        "ResNet &lt;50&gt;, ft",
        "ViT (stand-in: tiny, random weights), ft",
    ]
    compared, reference = drawn.data
    assert list(compared.y) == [0, 2]
    assert list(compared.marker.symbol) == ["square", "square"]
    assert list(reference.marker.symbol) == ["square-open", "square-open"]
    assert "compared with this one" in reference.customdata[0]
    assert "compared with this one" not in compared.customdata[0]


def test_forest__relative_gains_start_at_zero_and_say_that_they_have_no_interval() -> None:
    rows = table(row(relative_gain=0.0), row(MODELS[1], relative_gain=4.2))

    drawn = forest(rows, "relative_gain", {"model": MODELS[0]})

    assert drawn.layout.xaxis.title.text == "Relative gain, % (no interval)"
    assert 0 in [line.x0 for line in drawn.layout.shapes]
    assert list(drawn.data[1].error_x.array) == [0]
    assert "+4.2 %, no interval" in drawn.data[1].customdata[0]


def losses(
    run_id: str, fold: int, *held_out: float | None, **settings: Any
) -> list[dict[str, Any]]:
    """The learning curve of one fold as `studies.results.convergence` describes it."""
    about = {name: row()[name] for name in ("data", "model", "strategy", "head", "draw", "seed")}
    return [
        {**about, "run_id": run_id, "fold": fold, "epoch": number, "validation_loss": loss}
        | settings
        for number, loss in enumerate(held_out, 1)
    ]


def test_convergence__draws_the_mean_of_the_folds_their_range_and_the_lowest_point() -> None:
    curves = pd.DataFrame([*losses("a", 1, 0.9, 0.5, 0.7), *losses("a", 2, 0.7, 0.6, 0.8)])

    drawn = convergence(curves, "model")

    band, line, ring = drawn.data
    assert list(line.y) == pytest.approx([0.8, 0.55, 0.75])
    assert list(band.y) == pytest.approx([0.9, 0.6, 0.8, 0.7, 0.5, 0.7])
    assert (list(ring.x), list(ring.y)) == ([2], [pytest.approx(0.55)])
    assert drawn.layout.yaxis.title.text == "Held-out loss"
    assert "mean of the folds" in drawn.layout.legend.title.text


def test_convergence__ends_where_the_first_fold_stopped() -> None:
    curves = pd.DataFrame([*losses("a", 1, 0.9, 0.5), *losses("a", 2, 0.7, 0.6, 0.1)])

    _, line, ring = convergence(curves, "model").data

    assert list(line.x) == [1, 2]
    assert list(ring.x) == [2]


def test_convergence__data_sets_are_not_averaged() -> None:
    curves = pd.DataFrame([*losses("a", 1, 0.9), *losses("b", 1, 2.0, data="other")])

    lines = [one for one in convergence(curves, "model").data if one.mode == "lines" and one.name]
    lines = [one for one in lines if one.showlegend is None]

    assert [list(one.y) for one in lines] == [[0.9], [2.0]]
    assert [one.name for one in lines] == ["ResNet &lt;50&gt;, demo", "ResNet &lt;50&gt;, other"]


def test_convergence__says_of_how_many_folds_a_line_is_if_some_have_no_held_out_loss() -> None:
    curves = pd.DataFrame([*losses("a", 1, 0.9, 0.5), *losses("a", 2, None, None)])

    _, line, _ = convergence(curves, "strategy").data
    _, empty, _ = convergence(pd.DataFrame(losses("a", 1, None)), "strategy").data

    assert (line.name, list(line.y)) == ("ft (1 of 2 folds)", [0.9, 0.5])
    assert (empty.name, list(empty.y)) == ("ft (0 of 1 folds)", [])


@pytest.mark.parametrize(
    ("kind", "metric", "rows", "curves", "said"),
    [
        ("convergence", "auc", [row(auc=None)], [], "none of its cells has a result"),
        ("convergence", "auc", [row(run_id="a")], [], "but no held-out loss"),
        ("convergence", "auc", [row(run_id="a")], losses("a", 1, None, None), "no held-out loss"),
        ("convergence", "auc", [row(run_id="a")], losses("b", 1, 0.5), "but no held-out loss"),
        ("convergence", "auc", [row(run_id="a")], losses("a", 1, 0.5), ""),
        ("forest", "auc", [row(auc=None, status="done")], [], "has a value of AUC"),
        ("forest", "auc", [row(run_id="a")], [], ""),
    ],
)  # fmt: skip
def test_nothing_to_draw__says_why_a_figure_would_be_empty(
    kind: str, metric: str, rows: list[Any], curves: list[Any], said: str
) -> None:
    asked = SimpleNamespace(kind=kind, series="model", **{**ASKED, "metric": metric})

    why = nothing_to_draw(asked, table(*rows), pd.DataFrame(curves))

    assert said in why
    assert bool(why) == bool(said)
    assert ("leave the figure out" in why) == ("held-out loss" in said)


ASKED = {"metric": "auc", "rows": "model", "columns": "strategy", "x": "image_size"}


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("heat map", lambda drawn: drawn.data[0].type == "heatmap"),
        ("curve", lambda drawn: drawn.layout.xaxis.title.text == "Side of the input, px"),
        ("forest", lambda drawn: len(drawn.layout.shapes) == 1),
        ("convergence", lambda drawn: len(drawn.data) == 3),
    ],
)
def test_figure__draws_what_is_asked_for(kind: str, sign: Any) -> None:
    asked = SimpleNamespace(kind=kind, series="model", **ASKED)
    rows = table(row(run_id="a"), row(MODELS[1], 0.7, run_id="b"))
    curves = pd.DataFrame([*losses("a", 1, 0.5), *losses("elsewhere", 1, 0.9, model="C")])

    drawn = figure(asked, rows, curves, against={"model": MODELS[0]})

    assert sign(drawn)


@pytest.mark.parametrize("kind", ["heat map", "curve", "forest", "convergence"])
def test_figure__before_anything_was_run_is_empty_and_no_error(kind: str) -> None:
    asked = SimpleNamespace(kind=kind, series="model", **ASKED)

    drawn = figure(asked, table(row(auc=None)), pd.DataFrame())

    assert all(value is None for trace in drawn.data for line in trace.z for value in line) or (
        drawn.data == ()
    )
    assert drawn.layout.paper_bgcolor == "rgba(0, 0, 0, 0)"
    assert drawn.layout.font.color is None
