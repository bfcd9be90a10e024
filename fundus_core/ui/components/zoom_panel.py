"""A photograph and the heat maps of several models, zoomed and moved together."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from fundus_core.errors import FundusError, ImageError
from fundus_core.plots.overlay import blend
from fundus_core.plots.side_by_side import Panel, row_png, side_by_side
from fundus_core.tables import About
from fundus_core.ui import explain_caches, messages, picture_caches
from fundus_core.ui.components import downloads
from fundus_core.ui.components.saliency_choice import Drawing, asked_of, image_of
from fundus_core.ui.components.saliency_panel import HOW_TO_READ, NOT_SHOWN
from fundus_core.workflows.models.run_record import Run

_CONFIG = {"scrollZoom": True, "displaylogo": False}


def asked_for() -> bool:
    """Draws the switch between pictures apart and pictures that are zoomed together."""
    return bool(
        st.toggle(
            "Zoom together",
            key="grad_cam.together",
            help="Photograph and maps become one figure: the wheel zooms, dragging moves, a double "
            "click shows all again.",
        )
    )


def together(
    row: "pd.Series[Any]",
    runs: Sequence[Run],
    names: dict[str, str],
    class_name: str,
    drawing: Drawing,
) -> None:
    """Draws the photograph and each model's map as one figure; models without a map are left out.

    Args:
        row: Of the data set's table.
        runs: The models.
        names: Run id -> name.
        class_name: The class explained.
        drawing: How, and from where.
    """
    try:
        pixels = picture_caches.photograph(str(row.name), str(row["path"]))
    except ImageError as error:
        messages.show_error(error)
        return
    panels = [Panel("Photograph", pixels)]
    for run in runs:
        try:
            found = explain_caches.explanation(
                run.id, image_of(run, row), asked_of(run, class_name, drawing)
            )
        except FundusError:
            continue  # said below, where the model's score would stand
        pixels = blend(found.photograph, found.heat, drawing.opacity)
        panels.append(Panel(names[run.id], pixels))
    st.plotly_chart(
        side_by_side(panels),
        key="grad_cam.zoomed",
        config=_CONFIG,
        alt=f"{len(panels)} pictures that zoom together: {', '.join(one.title for one in panels)}.",
    )
    _save(panels, str(row.name))


def _save(panels: Sequence[Panel], image_id: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "PNG of the row",
            lambda: row_png(panels),
            file_name=f"{image_id[:8]}-maps.png",
            mime="image/png",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
            key="save.row",
            help="Whole pictures, not only the part that is zoomed to.",
        )
        st.download_button(
            "Caption",
            "\n".join(About(HOW_TO_READ, NOT_SHOWN, downloads.of_dataset()).lines()) + "\n",
            file_name=f"{image_id[:8]}-maps.txt",
            mime="text/plain",
            type="tertiary",
            on_click="ignore",
            key="save.row.caption",
        )
