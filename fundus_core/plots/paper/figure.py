"""Figures of the pages as a journal prints them: vector graphics, small type, white paper.

A figure is drawn once, for the page; here matplotlib draws it again from what plotly was told. So
whatever can be seen can be printed, and the two cannot say different things.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import plotly.graph_objects as go

from fundus_core.plots.palette import colour
from fundus_core.plots.paper.axes import annotate, axes_of, axis_of, draw_shapes, dress, scale_of
from fundus_core.plots.paper.bar import bar
from fundus_core.plots.paper.heatmap import heatmap
from fundus_core.plots.paper.panel import SMALL_TEXT, Panel
from fundus_core.plots.paper.scatter import scatter
from fundus_core.plots.paper.settings import own_settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Format = Literal["svg", "pdf", "png"]

COLUMN_MM, PAGE_MM = 120.0, 180.0
"""Widths of a figure: one and a half columns of a journal, and two."""

_MM_PER_INCH = 25.4

_PIXELS_OF_PAGE = 700.0
"""What a figure's height in pixels is meant beside, on the page."""

_SQUARE = 455.0
"""Pixels of a figure that names no height."""

_LEGEND_LINE_MM = 3.4


def figure_file(
    figure: go.Figure,
    kind: Format,
    *,
    title: str = "",
    about: str = "",
    width_mm: float | None = None,
    dots: int = 300,
) -> bytes:
    """Returns a figure as a file for print.

    Text stays text: it can be searched, and edited in a drawing program.

    Args:
        figure: As the page shows it.
        kind: Format of the file.
        title: Put into the file's metadata.
        about: Likewise: the caption and whatever limits the figure.
        width_mm: Of the figure; by default two columns where it has several panels, else one and
            a half.
        dots: Of a png, per inch.
    """
    buffer = BytesIO()
    with own_settings():
        drawn = on_paper(figure, width_mm=width_mm)
        drawn.savefig(buffer, format=kind, dpi=dots, metadata=_metadata(kind, title, about))
    return buffer.getvalue()


def on_paper(figure: go.Figure, *, width_mm: float | None = None) -> "Figure":
    """Draws a figure by matplotlib, as it is set up by now; see `own_settings`.

    Args:
        figure: Of scatter, bar and heat map traces.
        width_mm: As for `figure_file`.

    Raises:
        TypeError: If it has traces of another type.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    _require_known(figure.data)
    places = _grid(figure)
    columns = 1 + max(column for _, column in places.values())
    wide = width_mm or (PAGE_MM if columns > 1 else COLUMN_MM)
    height = wide * (figure.layout.height or _SQUARE) / _PIXELS_OF_PAGE / max(1.0, wide / PAGE_MM)
    paper = Figure(figsize=(wide / _MM_PER_INCH, height / _MM_PER_INCH), layout="constrained")
    FigureCanvasAgg(paper)
    panels = _panels(figure, paper, places)
    for index, trace in enumerate(figure.data):
        panel = panels[axes_of(trace)]
        panel.own_colour = colour(index)
        if trace.visible in (None, True):
            _DRAWERS[trace.type](panel, trace)
    for key, panel in panels.items():
        draw_shapes(figure, panel, key)
        dress(panel.axes, figure, key)
    annotate(figure, panels, paper)
    _legend(paper, figure, panels)
    return paper


def _grid(figure: go.Figure) -> dict[tuple[str, str], tuple[int, int]]:
    """Returns the row and the column of every pair of axes that has a trace."""
    pairs = list(dict.fromkeys(axes_of(trace) for trace in figure.data)) or [("x", "y")]
    lefts = {x: (axis_of(figure, x).domain or (0, 1))[0] for x, _ in pairs}
    tops = {y: -(axis_of(figure, y).domain or (0, 1))[1] for _, y in pairs}
    columns, rows = sorted(set(lefts.values())), sorted(set(tops.values()))
    return {(x, y): (rows.index(tops[y]), columns.index(lefts[x])) for x, y in pairs}


def _panels(
    figure: go.Figure, paper: "Figure", places: dict[tuple[str, str], tuple[int, int]]
) -> dict[tuple[str, str], Panel]:
    rows, columns = (1 + max(place[i] for place in places.values()) for i in (0, 1))
    widths, heights = [1.0] * columns, [1.0] * rows
    for (x, y), (row, column) in places.items():
        widths[column] = float(np.ptp(axis_of(figure, x).domain or (0, 1)))
        heights[row] = float(np.ptp(axis_of(figure, y).domain or (0, 1)))
    cells = paper.add_gridspec(rows, columns, width_ratios=widths, height_ratios=heights)
    found = {}
    for (x, y), (row, column) in places.items():
        traces = [trace for trace in figure.data if axes_of(trace) == (x, y)]
        found[x, y] = Panel(
            paper.add_subplot(cells[row, column]),
            scale_of(figure, x),
            scale_of(figure, y),
            figure.layout.barmode or "group",
            tuple(trace for trace in traces if trace.type == "bar"),
        )
    return found


def _legend(paper: "Figure", figure: go.Figure, panels: dict[tuple[str, str], Panel]) -> None:
    """Puts one legend for all panels below them, and gives the paper the room it takes."""
    entries: dict[str, Any] = {}
    for panel in panels.values():
        entries |= {name: one for name, one in panel.entries.items() if name not in entries}
    if not entries or figure.layout.showlegend is False:
        return
    if len(entries) == 1 and figure.layout.showlegend is None:
        return  # as plotly: the only trace needs no name, unless it is asked for
    width, height = paper.get_size_inches()
    longest = max(map(len, entries))
    columns = max(1, min(len(entries), int(width * _MM_PER_INCH / (1.5 * longest + 8))))
    lines = -(-len(entries) // columns)
    paper.set_size_inches(width, height + _LEGEND_LINE_MM * lines / _MM_PER_INCH)
    paper.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=columns,
        fontsize=SMALL_TEXT,
        frameon=False,
    )


def _metadata(kind: Format, title: str, about: str) -> dict[str, str]:
    """Returns the words of the file about itself; no date: equal figures, equal files."""
    words: dict[Format, Sequence[str]] = {
        "svg": ("Title", "Description"),
        "pdf": ("Title", "Subject"),
        "png": ("Title", "Description"),
    }
    given = {name: text for name, text in zip(words[kind], (title, about), strict=True) if text}
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    return given | dates[kind]  # type: ignore[return-value]


def _require_known(traces: Sequence[Any]) -> None:
    """Raises unless all traces can be drawn on paper.

    Raises:
        TypeError: With the type that cannot; a mistake of the program.
    """
    unknown = sorted({trace.type for trace in traces} - set(_DRAWERS))
    if unknown:
        raise TypeError(f"traces of type {', '.join(unknown)} cannot be drawn on paper yet")


_DRAWERS: dict[str, Callable[[Panel, Any], None]] = {
    "scatter": scatter,
    "scattergl": scatter,
    "bar": bar,
    "heatmap": heatmap,
}
"""Type of a trace -> what draws it."""
