"""Every figure as SVG and PDF, every table as CSV and LaTeX, with what they mean beside them."""

from collections.abc import Callable, Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fundus_core.checks import SYNTHETIC, Caution
from fundus_core.plots.paper.figure import figure_file
from fundus_core.tables import About, as_csv, as_latex
from fundus_core.ui import dataset_caches, state, text


def figure(
    drawn: go.Figure, *, name: str, caption: str, methods: str, cautions: Sequence[Caution]
) -> None:
    """Offers a figure for print; the file is made when it is asked for.

    Args:
        drawn: As the page shows it.
        name: Begins the files' names; no other on the page has it.
        caption: What is drawn of what, in one sentence.
        methods: How it was made, for the methods section of a paper.
        cautions: What limits it; they go into the file as well.
    """
    about = About(caption, methods, tuple(cautions))
    words = "\n".join(about.lines())
    _offer(
        name,
        about,
        {
            "svg": ("image/svg+xml", lambda: figure_file(drawn, "svg", title=name, about=words)),
            "pdf": ("application/pdf", lambda: figure_file(drawn, "pdf", title=name, about=words)),
        },
    )


def table(
    shown: pd.DataFrame,
    *,
    name: str,
    caption: str,
    methods: str,
    cautions: Sequence[Caution],
) -> None:
    """Offers a table as CSV, under its caption and methods, and for LaTeX.

    Args:
        shown: Plain values under plain names: nothing escaped for the page.
        name: Begins the files' names; no other on the page has it.
        caption: What is shown of what, in one sentence.
        methods: How it was made, for the methods section of a paper.
        cautions: What limits it; they go into the files as well.
    """
    about = About(caption, methods, tuple(cautions))
    _offer(
        name,
        about,
        {
            "csv": ("text/csv", lambda: as_csv(shown, about).encode()),
            "tex": ("application/x-tex", lambda: as_latex(shown, about, label=name).encode()),
        },
    )


def of_dataset() -> tuple[Caution, ...]:
    """Returns the cautions of the open data set, for figures that rest on no model."""
    return dataset_caches.cautions(state.require_dataset().id)


def of_synthetic(synthetic: bool) -> tuple[Caution, ...]:
    """Returns what is to be known of figures that may rest on photographs drawn by a program."""
    return (SYNTHETIC,) if synthetic else ()


def _offer(name: str, about: About, files: dict[str, tuple[str, Callable[[], bytes]]]) -> None:
    """Draws a button that opens the caption and a button for each file."""
    dataset = state.current().dataset_id
    stem = f"{dataset}-{name}" if dataset else name
    with st.popover("Download", icon=":material/download:", type="tertiary", key=f"save.{name}"):
        st.caption("\n\n".join(map(text.escaped, about.lines())))
        words = "\n\n".join(about.lines()) + "\n"
        texts = {"txt": ("text/plain", words.encode)}
        columns = st.columns(3)
        for column, (ending, (kind, make)) in zip(columns, (files | texts).items(), strict=True):
            column.download_button(
                _LABELS[ending],
                make,
                file_name=f"{stem}.{ending}",
                mime=kind,
                on_click="ignore",
                key=f"save.{name}.{ending}",
            )


_LABELS = {"svg": "SVG", "pdf": "PDF", "csv": "CSV", "tex": "LaTeX", "txt": "Caption"}
