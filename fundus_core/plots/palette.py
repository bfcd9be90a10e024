"""Colours that colour-blind readers can tell apart, on light and on dark pages.

No text colour and no background is set anywhere: both are left to the page's theme.

References:
    Okabe & Ito (2008), Color Universal Design, https://jfly.uni-koeln.de/color/
    Nuñez, Anderton & Renslow (2018), PLoS ONE 13(7), e0199239 (cividis).
"""

import plotly.graph_objects as go

CATEGORICAL = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # bluish green
    "#D55E00",  # vermillion
    "#56B4E9",  # sky blue
    "#CC79A7",  # reddish purple
    "#999999",  # grey, in place of black, which a dark page would swallow
    "#F0E442",  # yellow; last, for it is faint on white
)
"""The eight colours of Okabe and Ito; use them from the left."""

DASHES = ("solid", "dash", "dot", "dashdot")
"""Line styles; the second round of colours takes the second style, and so on."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "triangle-down")
"""Marker shapes, so that colour is never the only difference."""

NEUTRAL = "#888888"
"""Reference lines: visible on white and on near-black."""

GRID = "rgba(136, 136, 136, 0.25)"
"""Grid lines."""

SEQUENTIAL = (
    (0.0, "#00224E"),
    (0.25, "#3F4D6B"),
    (0.5, "#7C7B78"),
    (0.75, "#BBAE6C"),
    (1.0, "#FEE838"),
)
"""Cividis, from low to high: positions in [0, 1] with colours."""

DIVERGING = (
    (0.0, "#0072B2"),
    (0.25, "#7FB2D3"),
    (0.5, "#E6E6E6"),
    (0.75, "#EAAE7F"),
    (1.0, "#D55E00"),
)
"""Blue for negative, light grey for zero, vermillion for positive."""


def colour(index: int) -> str:
    """Returns the colour of the series with this index, starting again after the eighth."""
    return CATEGORICAL[index % len(CATEGORICAL)]


def dash(index: int) -> str:
    """Returns the line style of a series: another one for every round of colours."""
    return DASHES[index // len(CATEGORICAL) % len(DASHES)]


def symbol(index: int) -> str:
    """Returns the marker of a series: in another round of colours, each has another one."""
    return SYMBOLS[(index + index // len(CATEGORICAL)) % len(SYMBOLS)]


def translucent(hex_colour: str, opacity: float) -> str:
    """Returns a colour as `rgba(...)`, for areas.

    Args:
        hex_colour: As `#RRGGBB`.
        opacity: In [0, 1].

    Examples:
        >>> translucent("#0072B2", 0.2)
        'rgba(0, 114, 178, 0.2)'
    """
    red, green, blue = (int(hex_colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def themed(figure: go.Figure) -> go.Figure:
    """Makes a figure sit on any page: transparent, faint grid, text colour left to the theme.

    Changes the figure in place and returns it.
    """
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        colorway=CATEGORICAL,
    )
    figure.update_xaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor=NEUTRAL)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor=NEUTRAL)
    return figure
