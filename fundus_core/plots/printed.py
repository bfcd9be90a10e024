"""Rows of pictures for documents, drawn by matplotlib; `paper` prints the figures of pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_core.plots.palette import CATEGORICAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES = 4.2
_DOTS = 120


@dataclass(frozen=True, slots=True)
class PrintedMap:
    """One panel of a row of maps."""

    title: str
    points: NDArray[np.float32]
    """Shape (N, 2)."""

    labels: Sequence[str]
    """N entries, shown by colour."""


def printed_maps(maps: Sequence[PrintedMap]) -> "Figure":
    """Draws maps side by side; axes have no meaning and are left out.

    Here and below: as matplotlib is set up by now; see `plots.paper.settings`.
    """
    figure, axes = _figure(len(maps))
    for panel, drawn in zip(axes, maps, strict=True):
        labels = np.asarray(drawn.labels)
        for name, colour in zip(sorted(set(drawn.labels)), CATEGORICAL, strict=False):
            chosen = drawn.points[labels == name]
            panel.scatter(chosen[:, 0], chosen[:, 1], s=9, color=colour, label=name, alpha=0.8)
        panel.set(xticks=[], yticks=[])
        panel.set_title(drawn.title, fontsize=9)
    axes[0].legend(fontsize=7, frameon=False)
    return figure


def printed_row(pictures: Sequence[NDArray[np.uint8]], titles: Sequence[str]) -> "Figure":
    """Draws pictures (H, W, 3) side by side, each under its title."""
    figure, axes = _figure(len(pictures))
    for panel, picture, title in zip(axes, pictures, titles, strict=True):
        panel.imshow(picture)
        panel.set_axis_off()
        panel.set_title(title, fontsize=9)
    return figure


def _figure(n_panels: int) -> tuple["Figure", Sequence["Axes"]]:
    """Returns a figure of its own, free of pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_INCHES * n_panels, _INCHES), dpi=_DOTS, layout="constrained")
    FigureCanvasAgg(figure)
    panels: NDArray[np.object_] = figure.subplots(1, n_panels, squeeze=False)
    return figure, list(panels[0])
