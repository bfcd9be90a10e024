"""At which size and on which photographs a study is run."""

from typing import get_args

import streamlit as st

from fundus_core.errors import StudyError
from fundus_core.io.weights import require_allowed
from fundus_core.studies.document import DEMO, StudyDocument
from fundus_core.studies.files import StudySize
from fundus_core.ui import messages, state, study_caches, text, wiring
from fundus_core.ui.components.open_dataset import allowed
from fundus_core.ui.components.target_menus import pick_target
from fundus_core.ui.study_wiring import (
    StudyChoice,
    StudyListing,
    is_synthetic,
    sizes_of,
    source_paths,
)
from fundus_core.workflows.data.datasets import DatasetSummary

SIZES: dict[StudySize, tuple[str, str]] = {
    "full": ("Full", "As the file says: the named backbones, all photographs, every epoch."),
    "small": (
        "Small stand-ins",
        "The whole grid on all photographs, but small networks take the place of the named "
        "backbones, with smaller inputs and fewer epochs. It shows the comparison, not its answer.",
    ),
    "smoke": (
        "Smoke test",
        "Small stand-ins, few photographs, an epoch or so: shows that everything runs, and nothing "
        "else. Its runs are kept apart from all others.",
    ),
}
"""Size -> name and what it is."""

_FILE, _OPEN = "file", "open"


def study_form(listing: StudyListing) -> StudyChoice:
    """Draws the choice of size and photographs.

    Ends the page while the choice is not complete, or names what may not be read.
    """
    if listing.document is None:
        st.stop()
    left, right = st.columns(2, gap="large")
    with left:
        size = _pick_size(listing.document)
    with right:
        choice = _pick_data(listing, size)
    with messages.shown_to_user():
        document = study_caches.study_document(choice)
        _require_allowed(choice, document)
    messages.synthetic_banner(is_synthetic(wiring.workspace(), choice, document))
    _say_stand_ins(document)
    return choice


def _pick_size(document: StudyDocument) -> StudySize:
    sizes = [size for size in get_args(StudySize) if size in sizes_of(document)]
    chosen: StudySize = st.radio(
        "Size",
        sizes,
        index=sizes.index("small") if "small" in sizes else 0,
        format_func=lambda size: SIZES[size][0],
        captions=[SIZES[size][1] for size in sizes],
        key=f"studies.size.{'.'.join(sizes)}",
        persist_state="session",
    )
    return chosen


def _pick_data(listing: StudyListing, size: StudySize) -> StudyChoice:
    known = {summary.id: summary for summary in wiring.datasets()}
    opened = known.get(state.current().dataset_id)
    labels = {_FILE: "Those of the file"}
    labels |= {_OPEN: f"{text.escaped(opened.name)}, the open data set"} if opened else {}
    chosen = st.radio(
        "Photographs",
        list(labels),
        format_func=labels.__getitem__,
        captions=[_named_data(listing.document), _instead(listing.document)][: len(labels)],
        key="studies.data",
    )
    if chosen == _FILE or opened is None:
        return StudyChoice(listing.path, size)
    return StudyChoice(listing.path, size, opened.id, _pick_target(opened))


def _pick_target(opened: DatasetSummary) -> str:
    with messages.shown_to_user():
        dataset = wiring.dataset(opened.id)
    if not dataset.targets:
        st.info("This data set has no target column, so there is nothing to predict.")
        messages.next_step("pages/data/overview.py", "Choose its columns", ":material/dataset:")
        st.stop()
    target = pick_target(dataset, key="studies")
    if not target:
        st.info("Choose at least one column to predict.")
        st.stop()
    return target


def _named_data(document: StudyDocument | None) -> str:
    """Names the data sets of a study file with what is predicted."""
    if document is None:
        return ""
    parts = [
        f"{part.name}: {part.target}"
        + (", synthetic" if part.source == DEMO else "")
        + (", only tested on" if part.role == "external" else "")
        for part in document.data
    ]
    return "; ".join(map(text.escaped, parts))


def _instead(document: StudyDocument | None) -> str:
    """Says what is lost when one data set takes the place of the file's."""
    if document is None or len(document.data) == 1:
        return "In the place of the file's."
    return f"In the place of all {len(document.data)}; nothing is tested on another data set."


def _require_allowed(choice: StudyChoice, document: StudyDocument) -> None:
    """Raises unless the photographs of a study may be opened from here.

    Raises:
        StudyError: If a source names a variable of the environment: whoever adds a study file would
            be told what it holds.
        DataError: If one of its folders, tables or weights files lies outside the allowed folders,
            or a folder or table is missing.
    """
    for part in document.data:
        if "$" in part.source:
            raise StudyError(
                f"The source of {part.name} is {part.source}: variables of the environment are "
                "read by the command line alone.",
                hint="Write the folder into the study file, or run it by `fundus study`.",
            )
        if part.source != DEMO:
            for path in source_paths(wiring.workspace(), choice, part):
                allowed(path)
    for model in document.models:
        if model.weights:
            require_allowed(model.weights, wiring.workspace())


def _say_stand_ins(document: StudyDocument) -> None:
    stood_in = [model for model in document.models if model.stood_in]
    if stood_in:
        st.warning(
            f"**Stand-ins.** Small networks take the place of {len(stood_in)} of "
            f"{text.count(len(document.models), 'backbone')}, some with random weights. Tables and "
            "figures name them in brackets; nothing here says how the named backbones compare.",
            icon=":material/swap_horiz:",
        )
