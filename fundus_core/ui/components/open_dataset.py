"""Opening a data set: the demo by one click, or a folder or table on this machine."""

from pathlib import Path

import streamlit as st

from fundus_core.errors import DataError
from fundus_core.io.data_roots import require_within_roots
from fundus_core.io.manifest import ColumnMapping, DataSource
from fundus_core.io.tables import TABLE_SUFFIXES
from fundus_core.io.typed_paths import followed, typed_path
from fundus_core.ui import messages, outside, state, wiring
from fundus_core.ui.components import job_progress
from fundus_core.ui.components.column_mapping import column_mapping
from fundus_core.workflows.data.datasets import dataset_id, source_arguments
from fundus_core.workflows.data.demo import N_PATIENTS, N_PHOTOGRAPHS, demo_source, has_demo

COMMANDS = ("demo", "check")
"""Jobs that end in a new data set."""


def demo_card() -> None:
    """Draws the one click that opens the demo photographs, drawing them first if need be."""
    st.subheader("Try it on the demo")
    st.markdown(
        f"{N_PHOTOGRAPHS} **synthetic** photographs of {N_PATIENTS} drawn patients with eight "
        "diseases, made by a program in about a minute. They work without a network, and say "
        "nothing about patients."
    )
    demo_button(key="open.demo")


def demo_button(*, key: str, label: str = "Open the demo photographs (synthetic)") -> None:
    """Draws the button that opens the demo photographs."""
    st.button(
        label,
        key=key,
        type="primary",
        icon=":material/draw:",
        disabled=wiring.read_only(),
        on_click=outside.callback(_open_demo),
    )


def own_card() -> None:
    """Draws the form that opens a folder or table."""
    st.subheader("Open your own photographs")
    st.markdown(
        "A folder with one sub-folder per class, or a table (CSV, Parquet) with a row per "
        "photograph. Nothing is copied or uploaded; the files stay where they are."
    )
    entered = st.text_input(
        "Folder or table on this machine",
        key="open.path",
        placeholder="/data/idrid or /data/idrid/labels.csv",
    )
    if not entered.strip():
        return
    try:
        path = allowed(typed_path(entered.strip()))
        source = _described(path)
    except DataError as error:
        messages.show_error(error)
        return
    st.button(
        "Read the photographs",
        key="open.read",
        type="primary",
        icon=":material/folder_open:",
        disabled=wiring.read_only(),
        on_click=outside.callback(_open),
        args=(source, path.name),
    )


def allowed(path: Path) -> Path:
    """Returns the path with links resolved, if data sets may lie there.

    Raises:
        DataError: If nothing is there or can be, or it lies outside the folders of
            `FUNDUS_DATA_ROOTS`.
    """
    require_within_roots(path)
    resolved = followed(path)
    if not resolved.exists():
        raise DataError(
            f"There is nothing at {path}.", hint="Check the spelling; give the full path."
        )
    return resolved


def _described(path: Path) -> DataSource:
    """Draws what may be said of a folder or table and returns the source it makes."""
    if path.is_file() and path.suffix.lower() not in TABLE_SUFFIXES:
        raise DataError(
            f"{path.name} is not a table.",
            hint=f"Give a folder, or a file ending in {', '.join(sorted(TABLE_SUFFIXES))}.",
        )
    table = None
    if path.is_dir():
        with st.expander("The folder has a table of labels beside it"):
            entered = st.text_input("Table", key="open.table", placeholder="/data/labels.csv")
        table = allowed(typed_path(entered.strip())) if entered.strip() else None
    described = path if path.is_file() else table
    columns = ColumnMapping()
    if described is not None:
        folder = path if path.is_dir() else path.parent
        columns = column_mapping(described, folder, key="open.columns")
    classes = st.text_input(
        "Allowed labels, joined by commas (optional)",
        key="open.classes",
        help="Rows with another label are rejected and listed.",
    )
    names = tuple(part.strip() for part in classes.split(",") if part.strip())
    return DataSource(path, table, columns, names)


def _open_demo() -> None:
    """Queues drawing the photographs, if need be, and reading them."""
    source = demo_source(wiring.workspace())
    if not has_demo(wiring.workspace()):
        wiring.submit(["demo", str(source.path)], "Draw the demo photographs (synthetic)")
        _open(source, "the demo photographs (synthetic)")
        wiring.submit(["story"], "Tell the demo's story (synthetic)")
        return
    _open(source, "the demo photographs (synthetic)")


def _open(source: DataSource, name: str) -> None:
    """Queues reading a source; the page opens it when it is there."""
    wiring.submit(["check", *source_arguments(source)], f"Read {name}")
    state.choose(awaited_dataset=dataset_id(source))


def cards() -> None:
    """Draws both ways to open a data set, or that one is being read."""
    if state.current().awaited_dataset and job_progress.under_way(COMMANDS):
        st.info("The data set opens here by itself when it is ready.", icon=":material/schedule:")
        return
    demo, own = st.columns([2, 3], border=True)
    with demo:
        demo_card()
    with own:
        own_card()
