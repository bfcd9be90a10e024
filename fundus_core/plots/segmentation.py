"""Marks drawn over photographs, errors of marks, and scores of models side by side.

Errors are told apart by lightness as well as by colour: right marks are nearly white, false ones
orange, missed pixels dark blue with a light middle tone between them.
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.errors import ScoresError
from fundus_core.plots import palette
from fundus_core.plots.error_bars import error_bars
from fundus_core.plots.labels import in_lines
from fundus_core.segmentation.scoring import SCORES
from fundus_core.segmentation.summaries import ScoreSummary

ERRORS: dict[str, tuple[str, str]] = {
    "right": ("#F2F2F2", "marked, and true"),
    "missed": ("#0072B2", "true, not marked"),
    "false": ("#E69F00", "marked, not true"),
}
"""Kinds of pixels in a map of errors: colour and words. Blue and orange are of Okabe and Ito."""

MARK = "#6CF7F7"
"""Colour of marks: the cyan that no retina has."""

_DIMMED = 0.35
_ROW_HEIGHT = 30
_LINE = 34


def marks_drawn(
    photograph: NDArray[np.uint8], marked: NDArray[np.bool_], opacity: float
) -> NDArray[np.uint8]:
    """Paints marks over a photograph.

    Args:
        photograph: Shape (H, W, 3), RGB.
        marked: Shape (H, W).
        opacity: How much of the photograph marks hide, in [0, 1].

    Returns:
        Shape (H, W, 3), a new array.

    Raises:
        ScoresError: If the sizes differ.
    """
    _require_fit(photograph, marked)
    paint = np.array(list(bytes.fromhex(MARK[1:])), np.float32)
    drawn = photograph.copy()
    mixed = (1 - opacity) * photograph[marked].astype(np.float32) + opacity * paint
    drawn[marked] = np.rint(mixed).astype(np.uint8)
    return drawn


def errors_drawn(
    photograph: NDArray[np.uint8],
    marked: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    field: NDArray[np.bool_],
    *,
    kinds: Sequence[str] = tuple(ERRORS),
) -> NDArray[np.uint8]:
    """Paints right, missed and false pixels over a grey and dimmed photograph.

    Args:
        photograph: Shape (H, W, 3), RGB.
        marked: Shape (H, W).
        truth: Shape (H, W).
        field: Shape (H, W); outside nothing is painted.
        kinds: Keys of `ERRORS` to paint.

    Returns:
        Shape (H, W, 3), a new array.

    Raises:
        ScoresError: If the sizes differ.
    """
    for one in (marked, truth, field):
        _require_fit(photograph, one)
    grey = _DIMMED * photograph[..., 1].astype(np.float32)
    drawn = np.repeat(np.rint(grey).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    where = {"right": marked & truth, "missed": truth & ~marked, "false": marked & ~truth}
    for kind in kinds:
        drawn[where[kind] & field] = list(bytes.fromhex(ERRORS[kind][0][1:]))
    return drawn


def swatch(colour: str, side: int = 20) -> NDArray[np.uint8]:
    """Returns a square of a colour for a legend, shape (side, side, 3), with a grey rim."""
    square = np.full((side, side, 3), list(bytes.fromhex(palette.NEUTRAL[1:])), np.uint8)
    square[2:-2, 2:-2] = list(bytes.fromhex(colour[1:]))
    return square


def scores_figure(models: Sequence[tuple[str, Sequence[ScoreSummary]]]) -> go.Figure:
    """Draws the mean of every score with its interval, a row per score, a marker per model.

    Args:
        models: Names with their summaries, of one channel.
    """
    figure = go.Figure()
    for index, (name, found) in enumerate(models):
        known = [one for one in found if one.mean.value is not None]
        values = [float(one.mean.value or 0.0) for one in known]
        low = [
            v if one.mean.low is None else one.mean.low
            for v, one in zip(values, known, strict=True)
        ]
        high = [
            v if one.mean.high is None else one.mean.high
            for v, one in zip(values, known, strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                x=values,
                y=[SCORES[one.score] for one in known],
                error_x=error_bars(values, low, high),
                mode="markers",
                marker={
                    "color": palette.colour(index),
                    "symbol": palette.symbol(index),
                    "size": 10,
                },
                name=in_lines(name, _LINE),
                hovertemplate="%{y} %{x:.3f}<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_xaxes(title="Mean over photographs", range=[0, 1])
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=list(reversed(SCORES.values()))
    )
    figure.update_layout(
        height=120 + _ROW_HEIGHT * len(SCORES) + 20 * len(models),
        scattermode="group",
        showlegend=True,
        legend={"orientation": "h", "y": -0.25},
    )
    return palette.themed(figure)


def _require_fit(photograph: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    if mask.shape != photograph.shape[:2]:
        raise ScoresError(
            f"The mask is {mask.shape} and the photograph {photograph.shape[:2]} pixels.",
            hint="Bring the mask to the photograph's size first.",
        )
