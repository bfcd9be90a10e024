"""A map of photographs as a scatter plot: what its points are coloured by, and what was selected.

Only positions (float32) and one whole number per point go to the browser: 1.0 MB at 50,000 points
against 4.2 MB with text. The number is the row; names are looked up where the page is made. Of
more photographs than `MOST_POINTS` the browser gets how many lie where, and a sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import DataError
from fundus_core.plots import palette
from fundus_core.plots.density import density

MOST_POINTS = 20_000
"""More are not drawn: selecting 53,000 of 100,000 points took a browser seven seconds."""

SAMPLE = 5_000
"""Points drawn on top of the density of more photographs than `MOST_POINTS`."""

_N_COLOURS = len(palette.CATEGORICAL)

MOST_CATEGORIES = 2 * _N_COLOURS
"""More values than this share colour and shape, and have no legend; half as many share nothing."""

NOT_GIVEN = "not given"

_MOST_NUMERIC_CATEGORIES = 6
"""Whole numbers of up to this many values, such as grades, are drawn as categories."""


@dataclass(frozen=True, slots=True)
class Colouring:
    """What N points are coloured by: a category each, or a number each."""

    title: str
    """Shown above the legend."""

    codes: NDArray[np.int32] | None
    """Shape (N,), indices of `names`, -1 where no value is given; None for numbers."""

    names: tuple[str, ...]
    """Values in the order of the legend; empty for numbers."""

    numbers: NDArray[np.float32] | None
    """Shape (N,), NaN where no value is given; None for categories."""

    limits: tuple[float, float] | None = None
    """Ends of the colour scale; None: those of the numbers."""

    @property
    def shares_colours(self) -> bool:
        """True where several values look the same, because there are too many of them."""
        return len(self.names) > MOST_CATEGORIES


def colouring(
    title: str, values: pd.Series, *, order: Sequence[str] = (), numeric: bool | None = None
) -> Colouring:
    """Returns how points are coloured by a column of a table.

    Args:
        title: What the column is called on the page.
        values: N values; missing ones are drawn in grey.
        order: Categories that come first in the legend, in this order.
        numeric: Whether to use a colour scale; by default where the values are numbers, and more
            than a few different ones.
    """
    given = values.dropna()
    as_numbers = pd.to_numeric(given, errors="coerce")
    is_numeric = len(given) > 0 and bool(as_numbers.notna().all())
    if numeric is None:
        numeric = is_numeric and given.nunique() > _MOST_NUMERIC_CATEGORIES
    if numeric:
        return Colouring(title, None, (), pd.to_numeric(values).to_numpy(np.float32))
    named = values.where(values.notna(), None).map(str, na_action="ignore")
    rest = sorted(set(named.dropna()) - set(order))
    names = (*(name for name in order if (named == name).any()), *rest)
    codes = pd.Categorical(named, categories=list(names)).codes
    return Colouring(title, codes.astype(np.int32), names, None)


def colouring_by(dataset: FundusDataset, image_ids: Sequence[str], column: str) -> Colouring:
    """Returns the colours of photographs by a column of their table; targets keep their order.

    Raises:
        DataError: If the table has no such column.
    """
    table = dataset.table.set_index("image_id")
    if column not in table:
        raise DataError(
            f"{dataset.name} has no column {column!r}.",
            hint=f"It has {', '.join(table.columns)}.",
        )
    values = table[column].reindex(list(image_ids))
    order = next((t.classes for t in dataset.targets if t.columns == (column,)), ())
    return colouring(column, values, order=order, numeric=False if order else None)


def drawn_rows(
    n_points: int, *, selected: NDArray[np.bool_] | None = None, seed: int = 0
) -> NDArray[np.int32]:
    """Returns the rows to draw in ascending order: all, or a random sample of very many.

    Args:
        n_points: N.
        selected: Shape (N,). Where given, half of the sample is of the selected rows, so that a
            small selection among many photographs is seen.
        seed: Equal seeds give equal samples.
    """
    if n_points <= MOST_POINTS:
        return np.arange(n_points, dtype=np.int32)
    generator = np.random.default_rng(seed)
    if selected is None or not selected.any():
        return np.sort(generator.choice(n_points, SAMPLE, replace=False)).astype(np.int32)
    chosen, others = np.flatnonzero(selected), np.flatnonzero(~selected)
    n_chosen = min(len(chosen), max(SAMPLE // 2, SAMPLE - len(others)))
    parts = [
        generator.choice(chosen, n_chosen, replace=False),
        generator.choice(others, min(len(others), SAMPLE - n_chosen), replace=False),
    ]
    return np.sort(np.concatenate(parts)).astype(np.int32)


def map_figure(
    points: NDArray[np.float32],
    colours: Colouring,
    *,
    selected: NDArray[np.bool_] | None = None,
    marked: int | None = None,
    height: int = 520,
) -> go.Figure:
    """Draws a map; of more points than `MOST_POINTS` their density, and a sample on top of it.

    Args:
        points: Shape (N, 2).
        colours: Of the N points.
        selected: Shape (N,). Where given, all other points are grey.
        marked: Row of the photograph that is open; it gets a ring.
        height: In pixels.
    """
    figure = go.Figure()
    rows = drawn_rows(len(points), selected=selected)
    if len(rows) < len(points):
        figure.add_trace(density(points))
    if selected is not None:
        _add(figure, points, rows[~selected[rows]], "not selected", faded=True)
        rows = rows[selected[rows]]
    if colours.numbers is not None:
        _add_numbers(figure, points, rows, colours.numbers[rows], colours)
    if colours.codes is not None:
        _add_categories(figure, points, rows, colours.codes[rows], colours)
    if marked is not None:
        _add_ring(figure, points[marked])
    return _laid_out(figure, colours, height)


def _add(
    figure: go.Figure,
    points: NDArray[np.float32],
    rows: NDArray[np.int32],
    name: str,
    *,
    faded: bool = False,
    marker: Mapping[str, object] | None = None,
    legend: bool = True,
) -> None:
    """Adds the given rows as one trace; an empty one leaves the legend as it is."""
    if not len(rows):
        return
    look = {"size": 7, "color": palette.NEUTRAL, "opacity": 0.3 if faded else 0.85}
    figure.add_trace(
        go.Scattergl(
            x=points[rows, 0],
            y=points[rows, 1],
            customdata=rows,
            name=escape(name),
            mode="markers",
            marker={**look, **(marker or {})},
            hovertemplate="%{fullData.name}<extra></extra>",
            showlegend=legend,
        )
    )


def _add_categories(
    figure: go.Figure,
    points: NDArray[np.float32],
    rows: NDArray[np.int32],
    codes: NDArray[np.int32],
    colours: Colouring,
) -> None:
    """Adds a trace per category, the largest first, so that small ones lie on top."""
    _add(figure, points, rows[codes < 0], NOT_GIVEN, marker={"symbol": "circle-open"})
    if colours.shares_colours:
        _add_shared(figure, points, rows, codes)
        return
    sizes = np.bincount(codes[codes >= 0], minlength=len(colours.names))
    for code in np.argsort(-sizes, kind="stable"):
        marker = {"color": palette.colour(code), "symbol": palette.symbol(code)}
        _add(figure, points, rows[codes == code], colours.names[code], marker=marker)
        if len(figure.data):
            figure.data[-1].legendrank = 1000 + int(code)


def _add_shared(
    figure: go.Figure,
    points: NDArray[np.float32],
    rows: NDArray[np.int32],
    codes: NDArray[np.int32],
) -> None:
    """Adds more values than there are colours; a legend would be longer than the map."""
    for shade in range(_N_COLOURS):
        marker = {"color": palette.colour(shade), "symbol": palette.symbol(shade)}
        chosen = rows[(codes >= 0) & (codes % _N_COLOURS == shade)]
        _add(figure, points, chosen, "one of many values", marker=marker, legend=False)


def _add_numbers(
    figure: go.Figure,
    points: NDArray[np.float32],
    rows: NDArray[np.int32],
    numbers: NDArray[np.float32],
    colours: Colouring,
) -> None:
    """Adds the points with a number on a colour scale, and those without one in grey."""
    given = np.isfinite(numbers)
    _add(figure, points, rows[~given], NOT_GIVEN, marker={"symbol": "circle-open"})
    low, high = colours.limits or _limits(colours.numbers)
    marker = {
        "color": numbers[given],
        "colorscale": [list(stop) for stop in palette.SEQUENTIAL],
        "cmin": low,
        "cmax": high,
        "colorbar": {"title": {"text": escape(colours.title)}, "thickness": 12},
    }
    _add(figure, points, rows[given], colours.title, marker=marker, legend=False)
    if given.any():
        figure.data[-1].hovertemplate = "%{marker.color:.4g}<extra></extra>"


def _limits(numbers: NDArray[np.float32] | None) -> tuple[float, float]:
    """Returns the smallest and the largest number; 0 and 1 where none is given."""
    if numbers is None:
        return 0.0, 1.0
    given = numbers[np.isfinite(numbers)]
    return (float(given.min()), float(given.max())) if len(given) else (0.0, 1.0)


def _add_ring(figure: go.Figure, point: NDArray[np.float32]) -> None:
    """Adds a ring around the open photograph that can neither be hovered nor selected."""
    figure.add_trace(
        go.Scattergl(
            x=point[:1],
            y=point[1:],
            mode="markers",
            marker={
                "size": 18,
                "color": "rgba(0, 0, 0, 0)",
                "line": {"width": 3, "color": palette.CATEGORICAL[3]},
            },
            hoverinfo="skip",
            name="open photograph",
            showlegend=False,
        )
    )


def _laid_out(figure: go.Figure, colours: Colouring, height: int) -> go.Figure:
    """Hides the axes, whose numbers mean nothing, and keeps one scale for both."""
    palette.themed(figure)
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        dragmode="lasso",
        legend={
            "title": {"text": escape(colours.title)},
            "orientation": "h",
            "yanchor": "top",
            "y": -0.02,
            "itemsizing": "constant",
        },
    )
    hidden = {"showticklabels": False, "showgrid": False, "zeroline": False, "title": None}
    figure.update_xaxes(**hidden, showline=True, mirror=True)
    figure.update_yaxes(**hidden, showline=True, mirror=True, scaleanchor="x")
    return figure
