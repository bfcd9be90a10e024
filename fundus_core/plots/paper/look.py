"""Plotly's words for colours, lines, markers and text in matplotlib's words."""

import re
from html import unescape
from typing import Any

Colour = tuple[float, float, float, float]
"""Red, green, blue and opacity, each in [0, 1]."""

LINE_STYLES = {
    "solid": "-",
    "dash": "--",
    "dot": ":",
    "dashdot": "-.",
    "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 3, 1, 3)),
}

MARKERS = {
    "circle": "o",
    "circle-open": "o",
    "square": "s",
    "square-open": "s",
    "diamond": "D",
    "diamond-open": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "cross": "P",
    "x": "X",
    "star": "*",
    "line-ns": "|",
    "line-ew": "_",
}

STEPS = {"hv": "steps-post", "vh": "steps-pre", "hvh": "steps-mid"}
"""Plotly's shapes of a line that is drawn in steps."""

POINTS_PER_PIXEL = 0.5
"""A figure of a page is some 700 pixels wide; on paper the same lines are about half as wide."""

_RGB = re.compile(r"rgba?\(([^)]*)\)")

_TAG = re.compile(r"<[^>]*>")


def colour_of(given: str | None, *, opacity: float | None = None) -> Colour:
    """Returns a colour that plotly wrote as a name, as `#RRGGBB` or as `rgba(r, g, b, a)`.

    Args:
        given: The colour; black where there is none.
        opacity: Of the whole trace, in [0, 1]; multiplied with the colour's own.

    Raises:
        ValueError: If it is no colour.

    Examples:
        >>> colour_of("rgba(0, 255, 0, 0.5)", opacity=0.5)
        (0.0, 1.0, 0.0, 0.25)
    """
    from matplotlib.colors import to_rgba

    whole = 1.0 if opacity is None else opacity
    found = _RGB.fullmatch(given or "")
    if found is None:
        red, green, blue, own = to_rgba(given or "black")
        return red, green, blue, own * whole
    numbers = [float(part) for part in found[1].split(",")]
    red, green, blue = (number / 255 for number in numbers[:3])
    return red, green, blue, (numbers[3] if len(numbers) == 4 else 1.0) * whole


def colour_map(stops: Any) -> Any:
    """Returns plotly's list of (position, colour) as a matplotlib colour map."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "of the page", [(float(at), colour_of(colour)) for at, colour in stops]
    )


def plain(markup: str | None) -> str:
    r"""Returns the text of plotly's markup, its line breaks kept.

    Examples:
        >>> plain("A &lt; B<br><b>now</b>")
        'A < B\nnow'
    """
    lines = re.sub(r"<br\s*/?>", "\n", markup or "")
    return unescape(_TAG.sub("", lines))


def on_line(markup: str | None) -> str:
    """Returns the text of plotly's markup on one line, for a legend."""
    return plain(markup).replace("\n", " ")


def unmarked(text: str) -> str:
    """Returns a text in which matplotlib sees no formula: it reads what stands between dollars."""
    return text.replace("$", r"\$")
