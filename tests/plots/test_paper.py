"""Figures on paper show what the figures of the pages show."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from fundus_core.io.own_modules import own_modules
from fundus_core.plots.paper.figure import COLUMN_MM, PAGE_MM, figure_file, on_paper
from fundus_core.plots.paper.look import colour_of, plain, unmarked


def lines_of(figure: go.Figure) -> list[tuple[list[float], list[float]]]:
    axes = on_paper(figure).axes[0]
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()]


def texts_in(svg: bytes) -> str:
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode()))


def test_on_paper__a_line_goes_through_the_same_points() -> None:
    figure = go.Figure(go.Scatter(x=[0, 0.25, 1], y=[0, 0.5, 1], mode="lines"))

    drawn = lines_of(figure)

    assert drawn == [([0, 0.25, 1], [0, 0.5, 1])]


def test_on_paper__a_gap_in_a_line_stays_a_gap() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1, 2], y=[1, None, 3], mode="lines"))

    ((_, y),) = lines_of(figure)

    assert np.isnan(y[1])
    assert (y[0], y[2]) == (1, 3)


def test_on_paper__names_stand_in_the_order_of_the_page_from_the_top() -> None:
    figure = go.Figure(go.Scatter(x=[0.7, 0.9], y=["second-best", "a best"], mode="markers"))
    figure.update_yaxes(autorange="reversed")

    axes = on_paper(figure).axes[0]

    assert [label.get_text() for label in axes.get_yticklabels()] == ["second-best", "a best"]
    assert axes.yaxis_inverted()


def test_on_paper__intervals_reach_from_their_low_to_their_high_end() -> None:
    bars = {"array": [0.05], "arrayminus": [0.2]}
    figure = go.Figure(go.Scatter(x=[0.8], y=[1], mode="markers", error_x=bars))

    axes = on_paper(figure).axes[0]

    segment = axes.containers[0].lines[2][0].get_segments()[0]
    assert segment[:, 0].tolist() == pytest.approx([0.6, 0.85])


def test_on_paper__an_area_to_the_line_before_is_enclosed_by_both() -> None:
    figure = go.Figure(
        [
            go.Scatter(x=[0, 1], y=[0, 0], mode="lines", line={"width": 0}),
            go.Scatter(x=[0, 1], y=[2, 3], mode="lines", fill="tonexty", line={"width": 0}),
        ]
    )

    (area,) = on_paper(figure).axes[0].patches

    assert area.get_xy()[:4].tolist() == [[0, 2], [1, 3], [1, 0], [0, 0]]


def test_on_paper__stacked_bars_stand_on_each_other() -> None:
    bars = [go.Bar(x=["left", "right"], y=heights) for heights in ([1, 2], [3, 4])]
    figure = go.Figure(bars).update_layout(barmode="stack")

    patches = on_paper(figure).axes[0].patches

    assert [patch.get_y() for patch in patches] == [0, 0, 1, 2]
    assert [patch.get_height() for patch in patches] == [1, 2, 3, 4]


def test_on_paper__grouped_bars_stand_beside_each_other() -> None:
    figure = go.Figure([go.Bar(x=["a"], y=[1]), go.Bar(x=["a"], y=[2])])

    left, right = on_paper(figure).axes[0].patches

    assert left.get_x() + left.get_width() == pytest.approx(right.get_x())


def test_on_paper__a_cell_says_what_the_page_says() -> None:
    figure = go.Figure(
        go.Heatmap(
            x=["1", "2"],
            y=["A &lt; B", "C"],
            z=[[None, 0.1], [-0.1, None]],
            text=[["", "+0.1<br>p = 0.2"], ["-0.1", ""]],
            texttemplate="%{text}",
            colorscale=[[0, "#0072B2"], [1, "#D55E00"]],
            zmin=-0.1,
            zmax=0.1,
        )
    )

    axes = on_paper(figure).axes[0]

    said = {text.get_text(): text.get_position() for text in axes.texts if text.get_text()}
    assert said == {"+0.1\np = 0.2": (1, 0), "-0.1": (0, 1)}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A < B", "C"]


def test_on_paper__panels_stand_where_they_stand_on_the_page() -> None:
    figure = make_subplots(cols=2, column_widths=[0.7, 0.3])
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1]), row=1, col=1)
    figure.add_trace(go.Scatter(x=[0, 1], y=[5, 5]), row=1, col=2)

    paper = on_paper(figure)

    paper.draw_without_rendering()
    left, right = (axes.get_position() for axes in paper.axes)
    assert left.x1 < right.x0
    assert left.width > right.width
    assert paper.get_size_inches()[0] == pytest.approx(PAGE_MM / 25.4)


def test_on_paper__lines_across_the_panel_are_drawn() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines")).add_vline(x=0.5)

    drawn = lines_of(figure)

    assert ([0.5, 0.5], [0.0, 1.0]) in drawn


def test_on_paper__what_cannot_be_drawn_is_refused_by_name() -> None:
    figure = go.Figure(go.Pie(labels=["a"], values=[1]))

    with pytest.raises(TypeError, match="pie"):
        on_paper(figure)


def test_figure_file__names_with_markup_and_dollars_are_text() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], name="<b>50 $</b> &amp; $x_1$"))
    figure.update_layout(showlegend=True)

    svg = figure_file(figure, "svg")

    assert "50 $ &amp; $x_1$" in texts_in(svg)


def test_figure_file__a_hidden_trace_is_not_printed() -> None:
    figure = go.Figure(
        [
            go.Scatter(x=[0, 1], y=[0, 1], name="seen"),
            go.Scatter(x=[0, 1], y=[0, 1], name="also seen"),
            go.Scatter(x=[0, 1], y=[0, 1], name="hidden", visible="legendonly"),
        ]
    )

    said = texts_in(figure_file(figure, "svg"))

    assert "also seen" in said
    assert "hidden" not in said


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_figure_file__is_vector_graphics_with_its_caption_inside(kind: str) -> None:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines"))

    file = figure_file(figure, kind, title="roc", about="FD003: patients unknown")  # type: ignore[arg-type]

    assert b"FD003: patients unknown" in file
    assert b"<image" not in file
    assert b"/Subtype /Image" not in file


def test_figure_file__equal_figures_are_equal_files() -> None:
    def drawn() -> bytes:
        return figure_file(go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines")), "pdf")

    assert drawn() == drawn()


def test_on_paper__one_panel_takes_one_and_a_half_columns() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines"))

    assert on_paper(figure).get_size_inches()[0] == pytest.approx(COLUMN_MM / 25.4)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("rgba(255, 0, 0, 0.5)", (1.0, 0.0, 0.0, 0.5)),
        ("rgb(0,0,255)", (0.0, 0.0, 1.0, 1.0)),
        ("#ffffff", (1.0, 1.0, 1.0, 1.0)),
        (None, (0.0, 0.0, 0.0, 1.0)),
    ],
)
def test_colour_of__reads_every_way_plotly_writes(
    given: str | None, expected: tuple[float, ...]
) -> None:
    assert colour_of(given) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("read", "given", "expected"),
    [
        (plain, "two<br>lines &amp; <i>more</i>", "two\nlines & more"),
        (unmarked, "costs 5 $", r"costs 5 \$"),
    ],
)
def test_text__shows_what_was_written(
    read: Callable[[str], str], given: str, expected: str
) -> None:
    assert read(given) == expected


def test_on_paper__markers_have_the_colour_of_their_line() -> None:
    line = {"color": "#0072B2"}
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines+markers", line=line))

    (markers,) = on_paper(figure).axes[0].collections

    assert markers.get_facecolor()[0].tolist() == pytest.approx(colour_of("#0072B2"))


def test_on_paper__long_names_under_an_axis_lean() -> None:
    names = ["probe, linear head", "probe, appended DeiT", "fine-tuned, linear head"]
    long = go.Figure(go.Bar(x=names, y=[1, 2, 3]))
    short = go.Figure(go.Bar(x=["a", "b"], y=[1, 2]))

    leaning, upright = (on_paper(one).axes[0].get_xticklabels()[0] for one in (long, short))

    assert leaning.get_rotation() == 40
    assert upright.get_rotation() == 0


SPOILT = [b"text.usetex: True\n", b"\xff\xfe"]


@pytest.mark.parametrize("content", SPOILT)
def test_figure_file__settings_of_matplotlib_elsewhere_do_not_count(
    content: bytes, tmp_path: Path
) -> None:
    own = tmp_path / "home" / ".config" / "matplotlib"
    own.mkdir(parents=True)
    for folder in (tmp_path, own):
        (folder / "matplotlibrc").write_bytes(content)
    (tmp_path / "other.rc").write_bytes(content)
    (tmp_path / "draw.py").write_text(
        "import os, plotly.graph_objects as go\n"
        "from fundus_core.plots.paper.figure import figure_file\n"
        "figure_file(go.Figure(go.Scatter(x=[0, 1], y=[0, 1])), 'pdf', title='$x$')\n"
        "print(os.environ['MATPLOTLIBRC'])"
    )

    drawn = subprocess.run(
        [sys.executable, "draw.py"],
        cwd=tmp_path,
        env=os.environ
        | {"HOME": str(tmp_path / "home"), "MATPLOTLIBRC": str(tmp_path / "other.rc")}
        | own_modules(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert drawn.stderr == ""
    assert drawn.stdout == f"{tmp_path / 'other.rc'}\n"


def test_figure_file__settings_of_a_notebook_do_not_count_and_stay() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines"))
    plain_one = figure_file(figure, "pdf")

    with matplotlib.rc_context({"axes.facecolor": "red", "text.usetex": True}):
        other = figure_file(figure, "pdf")
        kept = matplotlib.rcParams["axes.facecolor"]

    assert (other, kept) == (plain_one, "red")
