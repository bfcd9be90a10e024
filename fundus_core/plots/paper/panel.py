"""What the drawers of traces share: a panel with its two scales, colours, error bars."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.plots.paper.look import (
    POINTS_PER_PIXEL,
    colour_map,
    colour_of,
    on_line,
    unmarked,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALL_TEXT = 6.0
"""Points of the text within a figure."""

LINE_PIXELS = 2.0
"""Plotly's own width of a line where a trace says nothing."""


@dataclass(slots=True)
class Scale:
    """One axis of a panel: where a value of the data lies on it."""

    categories: list[str] | None = None
    """Names along the axis, in order; None where it counts."""

    _place: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._place = {name: place for place, name in enumerate(self.categories or ())}

    def places(self, values: Any) -> NDArray[np.float64]:
        """Returns where values lie: the numbers themselves, or the places of names."""
        if self.categories is None:
            return np.array([np.nan if one is None else float(one) for one in values])
        return np.array([self._place.get(str(one), np.nan) for one in values])


@dataclass(slots=True)
class Panel:
    """A pair of axes with what is drawn on it so far."""

    axes: "Axes"
    x: Scale
    y: Scale
    bar_mode: str = "group"
    """Plotly's word for how bars of one place share it."""

    bars: Sequence[go.Bar] = ()
    """All bars of the panel, which share their places."""

    last_line: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    """The line before, to which the next may be filled."""

    own_colour: str = "black"
    """Of the trace being drawn, where it names none."""

    entries: dict[str, Any] = field(default_factory=dict)
    """What the legend shows: name -> what matplotlib drew."""


def values_of(given: Any) -> list[Any]:
    """Returns the values of a trace as a list; none where it has none."""
    return [] if given is None else list(given)


def marker_colours(marker: Any, count: int, opacity: float | None, own: str) -> tuple[Any, Any]:
    """Returns a colour per marker; or numbers with the map that makes colours of them.

    Args:
        marker: Plotly's.
        count: Of the points.
        opacity: In [0, 1].
        own: The colour where it names none.
    """
    given = marker.color
    if given is not None and not isinstance(given, str) and marker.colorscale is not None:
        look = {"cmap": colour_map(marker.colorscale), "vmin": marker.cmin, "vmax": marker.cmax}
        return None, (np.asarray(given, dtype=float), {**look, "linewidths": 0})
    given = own if given is None else given
    one_each = [given] * count if isinstance(given, str) else list(given)
    colours = np.array([colour_of(one, opacity=opacity) for one in one_each]).reshape(-1, 4)
    return colours, None


def draw_error_bars(
    panel: Panel, trace: Any, x: NDArray[np.float64], y: NDArray[np.float64], colour: str | None
) -> None:
    """Draws the intervals of a trace's points in the colour, or in their own."""
    for key, bars in (("xerr", trace.error_x), ("yerr", trace.error_y)):
        if bars.array is None or bars.visible is False:
            continue
        above = np.asarray(bars.array, dtype=float)
        below = above if bars.arrayminus is None else np.asarray(bars.arrayminus, dtype=float)
        ends: dict[str, Any] = {key: np.maximum([below, above], 0)}
        panel.axes.errorbar(
            x,
            y,
            fmt="none",
            ecolor=colour_of(bars.color or colour),
            elinewidth=POINTS_PER_PIXEL * (bars.thickness or LINE_PIXELS),
            capsize=1.5,
            zorder=2,
            **ends,
        )


def draw_colour_bar(panel: Panel, drawn: Any, title: str | None) -> None:
    """Draws the scale of the colours of what was drawn, beside the panel."""
    bar = panel.axes.figure.colorbar(drawn, ax=panel.axes, shrink=0.8, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL_TEXT)
    bar.set_label(unmarked(on_line(title)), fontsize=SMALL_TEXT)
    bar.outline.set_visible(False)


def enter(panel: Panel, trace: Any, drawn: Any) -> None:
    """Notes what stands for the trace in the legend, where it has an entry."""
    if drawn is not None and trace.name and trace.showlegend is not False:
        panel.entries.setdefault(unmarked(on_line(trace.name)), drawn)
