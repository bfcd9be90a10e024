"""Axes, reference lines and notes of a panel, as the page has them."""

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from fundus_core.plots.paper.look import LINE_STYLES, colour_of, plain, unmarked
from fundus_core.plots.paper.panel import SMALL_TEXT, Panel, Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLE_LINE = 44
"""Longest line of an axis title in characters."""

_MOST_LETTERS = 48
"""Beneath an axis, in all: longer labels lean, or they would run into each other."""

TEXT = 7.0
"""Points of axis titles; the least that journals take is 5 to 7."""


def axes_of(trace: Any) -> tuple[str, str]:
    """Returns the names of the pair of axes that a trace is drawn on, e.g. ("x2", "y")."""
    return trace.xaxis or "x", trace.yaxis or "y"


def axis_of(figure: go.Figure, name: str) -> Any:
    """Returns the settings of an axis by the name that traces know it by, e.g. "x2"."""
    return figure.layout[f"{name[0]}axis{name[1:]}"]


def scale_of(figure: go.Figure, name: str) -> Scale:
    """Returns how an axis counts: by names in the order they first appear, or by numbers."""
    axis = axis_of(figure, name)
    side = name[0]
    shared = {name, axis.matches} - {None}
    values = [
        value
        for trace in figure.data
        if axes_of(trace)["xy".index(side)] in shared and trace[side] is not None
        for value in trace[side]
    ]
    if axis.type != "category" and not any(isinstance(value, str) for value in values):
        return Scale()
    return Scale([str(one) for one in axis.categoryarray or dict.fromkeys(map(str, values))])


def dress(axes: "Axes", figure: go.Figure, key: tuple[str, str]) -> None:
    """Gives a panel the axes of the page: titles, ranges, ticks; a faint grid and no box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL_TEXT, length=2, width=0.5)
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
    for side, name in zip("xy", key, strict=True):
        _dress_side(axes, figure, side, name)
    if axis_of(figure, key[1]).scaleanchor or axis_of(figure, key[0]).scaleanchor:
        axes.set_aspect("equal", adjustable="box")
    axes.set_axisbelow(True)


def _dress_side(axes: "Axes", figure: go.Figure, side: str, name: str) -> None:
    axis, of_paper = axis_of(figure, name), getattr(axes, f"{side}axis")
    scale = scale_of(figure, name)
    title = fill(plain(axis.title.text), _TITLE_LINE)
    getattr(axes, f"set_{side}label")(unmarked(title), fontsize=TEXT)
    if axis.type == "log":
        getattr(axes, f"set_{side}scale")("log")
    if axis.side == "top":
        of_paper.tick_top()
        of_paper.set_label_position("top")
    _tick(axes, axis, scale, side)
    if axis.range is not None:
        ends = [10.0**end for end in axis.range] if axis.type == "log" else axis.range
        getattr(axes, f"set_{side}lim")(*ends)
    if axis.autorange == "reversed":
        of_paper.set_inverted(True)
    if axis.tickformat and axis.tickformat.endswith("%"):
        of_paper.set_major_formatter(lambda value, _: f"{value:.0%}")
    if axis.showticklabels is False:
        of_paper.set_ticks([])
    elif axis.showgrid is not False and scale.categories is None:
        of_paper.grid(visible=True, color="0.9", linewidth=0.4)


def _tick(axes: "Axes", axis: Any, scale: Scale, side: str) -> None:
    """Sets the ticks that the page names, or one for every name of the data."""
    ticks, texts = axis.tickvals, axis.ticktext
    if scale.categories is not None:
        ticks = range(len(scale.categories)) if ticks is None else scale.places(ticks)
        texts = scale.categories if texts is None else texts
        getattr(axes, f"set_{side}lim")(-0.5, len(scale.categories) - 0.5)
    if ticks is None:
        return
    labels = [f"{one:g}" for one in ticks] if texts is None else [plain(one) for one in texts]
    getattr(axes, f"set_{side}ticks")(list(ticks), labels=[unmarked(label) for label in labels])
    if side == "x" and sum(map(len, labels)) > _MOST_LETTERS:
        above = axis.side == "top"
        for label in axes.get_xticklabels():
            label.set(rotation=40, rotation_mode="anchor")
            label.set(ha="left" if above else "right", va="bottom" if above else "top")


def draw_shapes(figure: go.Figure, panel: Panel, key: tuple[str, str]) -> None:
    """Draws lines and rectangles, which may be fixed to the data or to the panel."""
    from matplotlib.patches import Rectangle
    from matplotlib.transforms import blended_transform_factory

    axes = panel.axes
    for shape in figure.layout.shapes:
        x_name, y_name = (shape.xref or "x").split()[0], (shape.yref or "y").split()[0]
        if "paper" in (x_name, y_name) or (x_name, y_name) != key:
            continue
        free_x, free_y = "domain" in (shape.xref or ""), "domain" in (shape.yref or "")
        across = axes.transAxes if free_x else axes.transData
        upward = axes.transAxes if free_y else axes.transData
        transform = blended_transform_factory(across, upward)
        x = _ends((shape.x0, shape.x1), None if free_x else panel.x)
        y = _ends((shape.y0, shape.y1), None if free_y else panel.y)
        if shape.type == "rect":
            filled = colour_of(shape.fillcolor or "rgba(0, 0, 0, 0)", opacity=shape.opacity)
            look: dict[str, Any] = {
                "facecolor": filled,
                "linewidth": 0,
                "transform": transform,
                "zorder": 0,
            }
            axes.add_patch(Rectangle((x[0], y[0]), x[1] - x[0], y[1] - y[0], **look))
        else:
            line_colour = colour_of(shape.line.color, opacity=shape.opacity)
            style = LINE_STYLES.get(shape.line.dash or "solid", "-")
            width = 0.5 * (shape.line.width or 2)
            look = {"color": line_colour, "linestyle": style, "linewidth": width, "zorder": 1}
            axes.plot(x, y, transform=transform, **look)


def _ends(values: tuple[Any, Any], scale: Scale | None) -> Any:
    """Returns where a shape begins and ends; places of names may lie between two of them."""
    if scale is None or not any(isinstance(value, str) for value in values):
        return np.array(values, dtype=float)
    return scale.places(values)


def annotate(figure: go.Figure, panels: dict[tuple[str, str], Panel], paper: "Figure") -> None:
    """Writes texts beside their point, or over the panels where they are fixed to the paper."""
    for note in figure.layout.annotations:
        text = unmarked(plain(note.text))
        key = ((note.xref or "x").split()[0], (note.yref or "y").split()[0])
        if key in panels:
            _note(panels[key], note, text)
        elif note.xref == "paper" and note.y is not None and note.y > 0.5:
            paper.suptitle(text, fontsize=TEXT)


def _note(panel: Panel, note: Any, text: str) -> None:
    from matplotlib.transforms import blended_transform_factory

    axes = panel.axes
    free_x, free_y = "domain" in (note.xref or ""), "domain" in (note.yref or "")
    transform = blended_transform_factory(
        axes.transAxes if free_x else axes.transData, axes.transAxes if free_y else axes.transData
    )
    x = float(note.x) if free_x else float(panel.x.places([note.x])[0])
    y = float(note.y) if free_y else float(panel.y.places([note.y])[0])
    sides = {"left": "left", "right": "right"}
    heights = {"top": "top", "bottom": "bottom"}
    axes.text(
        x,
        y,
        text,
        transform=transform,
        ha=sides.get(note.xanchor, "center"),
        va=heights.get(note.yanchor, "center"),
        fontsize=SMALL_TEXT,
    )
