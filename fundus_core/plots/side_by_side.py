"""Pictures of one photograph side by side, zoomed and moved as one; and their row as one picture.

Pictures go to the browser as JPEG inside the figure, so their bytes are counted.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fundus_core.errors import SaliencyError
from fundus_core.plots.labels import in_lines

MOST_BYTES = 1_500_000
"""Of all pictures of one figure together, as they are sent to the browser."""

_TRIES = ((1024, 90), (1024, 80), (768, 80), (512, 80), (384, 70), (256, 60))
"""Longer side in pixels and JPEG quality, from good to small; the first that fits is taken."""

_GAP = 0.012
"""Between two panels, as a share of the figure's width."""

_ROW_WIDTH, _WIDEST = 820, 460
"""Pixels of the page's column, and of the widest panel."""

_TITLE_LINE, _LETTER = 18, 7
"""Height of a line and width of a letter of a title, in pixels."""

_ROW_GAP = 12


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the pictures."""

    title: str
    pixels: NDArray[np.uint8]
    """Shape (H, W, 3), RGB; all panels of a figure have the same size."""


def side_by_side(panels: Sequence[Panel], *, most_bytes: int = MOST_BYTES) -> go.Figure:
    """Draws pictures in a row whose axes are one: a zoom into one is a zoom into all.

    Args:
        panels: One or more, all of the same size.
        most_bytes: Of all pictures together; they are sent smaller where they would take more.

    Raises:
        SaliencyError: If their sizes differ.
    """
    height, width = _require_alike(panels)
    figure = go.Figure()
    share = (1 - _GAP * (len(panels) - 1)) / len(panels)
    panel_width = min(_WIDEST, share * _ROW_WIDTH)
    titles = [in_lines(panel.title, int(panel_width / _LETTER)) for panel in panels]
    for number, source in enumerate(_sources(panels, most_bytes)):
        left = number * (share + _GAP)
        _add(figure, number, source, (height, width), (left, left + share))
        figure.add_annotation(
            {"text": titles[number], "x": left + share / 2, "xref": "paper", "xanchor": "center"},
            y=0,
            yref="paper",
            yanchor="top",
            showarrow=False,
        )
    lines = max(title.count("<br>") + 1 for title in titles)
    below = _TITLE_LINE * lines + 8
    figure.update_layout(
        height=round(panel_width * height / width) + below,
        margin={"l": 0, "r": 0, "t": 8, "b": below},
        dragmode="pan",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        paper_bgcolor="rgba(0, 0, 0, 0)",
    )
    return figure


def row_png(panels: Sequence[Panel]) -> bytes:
    """Returns the pictures in a row, their titles below, as a PNG file on white.

    Raises:
        SaliencyError: If their sizes differ.
    """
    height, width = _require_alike(panels)
    letter = max(12, width // 40)
    titles = [wrap(panel.title, max(8, 2 * width // letter)) for panel in panels]
    below = round(1.5 * letter * max(map(len, titles))) + letter
    size = (len(panels) * (width + _ROW_GAP) - _ROW_GAP, height + below)
    row = Image.new("RGB", size, "white")
    write, font = ImageDraw.Draw(row), ImageFont.load_default(size=letter)
    for number, (panel, lines) in enumerate(zip(panels, titles, strict=True)):
        left = number * (width + _ROW_GAP)
        row.paste(Image.fromarray(panel.pixels), (left, 0))
        place = (left + width / 2, height + letter / 2)
        write.multiline_text(place, "\n".join(lines), "black", font, anchor="ma", align="center")
    file = BytesIO()
    row.save(file, "PNG")
    return file.getvalue()


def _require_alike(panels: Sequence[Panel]) -> tuple[int, int]:
    sizes = {panel.pixels.shape for panel in panels}
    if len(sizes) != 1:
        raise SaliencyError(
            f"The pictures are of {len(sizes)} sizes: {sorted(sizes)}; they are to be laid side by "
            "side as one.",
            hint="Bring all to the photograph's size first.",
        )
    height, width, _ = next(iter(sizes))
    return height, width


def _add(
    figure: go.Figure,
    number: int,
    source: str,
    size: tuple[int, int],
    domain: tuple[float, float],
) -> None:
    """Adds one picture with axes of its own that follow those of the first."""
    (height, width), name = size, "" if number == 0 else str(number + 1)
    x, y = f"x{name}", f"y{name}"
    place = {"x": 0, "y": 0, "sizex": width, "sizey": height, "sizing": "stretch"}
    figure.add_layout_image(place, source=source, xref=x, yref=y, layer="below")
    # Axes without a trace are not drawn, and their pictures neither.
    corners = {"x": [0, width], "y": [0, height], "mode": "markers", "marker": {"opacity": 0}}
    figure.add_trace(go.Scatter(corners, hoverinfo="skip", showlegend=False, xaxis=x, yaxis=y))
    both = {"visible": False, "constrain": "domain"}
    across = {"domain": domain, "range": [0, width], "matches": "x" if name else None}
    down = {"anchor": x, "scaleanchor": x, "range": [height, 0], "matches": "y" if name else None}
    figure.update_layout({f"xaxis{name}": both | across, f"yaxis{name}": both | down})


def _sources(panels: Sequence[Panel], most_bytes: int) -> list[str]:
    """Returns the pictures as data URIs, as good as fits."""
    sources: list[str] = []
    for side, quality in _TRIES:
        sources = [_jpeg(panel.pixels, side, quality) for panel in panels]
        if sum(map(len, sources)) <= most_bytes:
            break
    return sources


def _jpeg(pixels: NDArray[np.uint8], side: int, quality: int) -> str:
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side))
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"
