"""A map of one backbone's embeddings, and what was selected on it."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fundus_core.domain.dataset import FundusDataset
from fundus_core.errors import FundusError
from fundus_core.plots.map import MOST_POINTS, Colouring, map_figure, selected_rows
from fundus_core.projections import PROJECTORS, Projection
from fundus_core.ui import messages, state, text, wiring
from fundus_core.ui.components import downloads
from fundus_core.ui.components.map_colours import ColourChoice, colours_of
from fundus_core.workflows.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.embed import EmbeddingSummary
from fundus_core.workflows.labels import distinct_labels

WHAT_A_MAP_SHOWS = (
    "Photographs that lie together look alike to the backbone. Distances between far groups, sizes "
    "of groups and the axes mean nothing, least of all for t-SNE and UMAP. Trustworthiness is the "
    "rank-weighted share of neighbours on the map that are neighbours in the embedding too (1 is "
    "best)."
)
"""What every reader of a map must know; shown below the maps."""

MOST_MAPS = 2
HEIGHT = {1: 620, 2: 480}
"""Of a chart in pixels, by the number of maps side by side."""


def pick_backbones(stored: Sequence[EmbeddingSummary]) -> tuple[EmbeddingSummary, ...]:
    """Draws the menu of stored embeddings and returns the chosen ones, one or two."""
    by_id = {summary.fingerprint: summary for summary in stored}
    if not set(state.current().backbones) & set(by_id):
        state.choose(backbones=tuple(by_id)[:MOST_MAPS])
    labels = distinct_labels([summary.recipe for summary in stored])
    chosen = st.multiselect(
        "Backbones, one or two side by side",
        list(by_id),
        format_func=labels.__getitem__,
        max_selections=MOST_MAPS,
        **state.bound("backbones", list(by_id)),
    )
    if not chosen:
        st.info("Choose a backbone above.")
        st.stop()
    return tuple(by_id[key] for key in chosen)


def pick_method() -> str:
    """Draws the menu of projections."""
    chosen: str = st.segmented_control(
        "Map",
        list(PROJECTORS),
        format_func=lambda key: PROJECTORS[key].label,
        required=True,
        **state.bound("method", list(PROJECTORS)),
    )
    return chosen


def map_of(
    dataset: DatasetSummary,
    summary: EmbeddingSummary,
    method: str,
    choice: ColourChoice,
    *,
    label: str,
    n_maps: int,
) -> None:
    """Draws one map under its label, or the button that computes it."""
    st.markdown(f"**{text.escaped(label)}**")
    if not summary.complete:
        st.caption(f"{summary.n_stored:,} of {summary.n_images:,} photographs have an embedding.")
    try:
        projection = wiring.projection(dataset.id, summary.fingerprint, method)
    except FundusError as error:
        messages.show_error(error)
        return
    if projection is None:
        _offer(dataset, summary, method)
        return
    colours = colours_of(wiring.dataset(dataset.id), projection.image_ids, choice)
    _chart(projection, colours, summary, height=HEIGHT[n_maps])
    _caption(projection, colours)


def _offer(dataset: DatasetSummary, summary: EmbeddingSummary, method: str) -> None:
    """Draws the button that computes a map as a job."""
    label = PROJECTORS[method].label
    under_way = {job.title for job in wiring.jobs().list() if not job.is_finished}
    if _job_title(summary, method) in under_way:
        st.info(f"{label} is being computed; it appears here by itself.")
        return
    st.info(f"{label} was not computed for these embeddings yet.")
    st.button(
        f"Compute {label}",
        key=f"map.compute.{summary.fingerprint}",
        type="primary",
        icon=":material/play_arrow:",
        on_click=compute,
        args=(dataset, summary, method),
    )


def compute(dataset: DatasetSummary, summary: EmbeddingSummary, method: str) -> None:
    """Queues the job that computes a map."""
    try:
        options = wiring.embedding_arguments(summary.recipe)
    except FundusError as error:
        messages.show_error(error)
        return
    argv = ["project", *source_arguments(dataset.source), *options, "--method", method]
    wiring.submit(argv, _job_title(summary, method))


def _job_title(summary: EmbeddingSummary, method: str) -> str:
    return f"{PROJECTORS[method].label}: {summary.label}"


def _chart(
    projection: Projection, colours: Colouring, summary: EmbeddingSummary, *, height: int
) -> None:
    """Draws the chart; a selection on it becomes that of the page."""
    session = state.current()
    row_of = {image_id: row for row, image_id in enumerate(projection.image_ids)}
    key = f"map.{summary.fingerprint}.{projection.method}.{session.selection_count}"
    drawn = map_figure(
        projection.points,
        colours,
        selected=_mask(row_of, session.selection),
        marked=row_of.get(session.image_id),
        height=height,
    )
    st.plotly_chart(
        drawn,
        key=key,
        on_select=lambda: _take(key, projection),
        selection_mode=("points", "box", "lasso"),
        config={"displaylogo": False, "scrollZoom": True},
        alt=f"Map of {len(row_of)} photographs by {summary.label}",
    )
    downloads.figure(
        drawn,
        name=f"map-{summary.fingerprint[:8]}-{projection.method}",
        caption=f"{len(row_of):,} photographs, coloured by {colours.title}.",
        methods=_methods(projection, summary),
        cautions=downloads.of_dataset(),
    )


def _methods(projection: Projection, summary: EmbeddingSummary) -> str:
    """Says how a map was made, and what it does not show."""
    projector = PROJECTORS[projection.method]
    return (
        f"Embeddings by {summary.label}; {projector.label} ({projector.reference}); "
        f"trustworthiness {projection.trustworthiness:.3f} over {projection.n_neighbors} "
        "neighbours. Distances between clusters, their sizes and the axes have no meaning."
    )


def _mask(row_of: dict[str, int], selection: Sequence[str]) -> NDArray[np.bool_] | None:
    """Returns which rows are selected; None where nothing is."""
    if not selection:
        return None
    mask = np.zeros(len(row_of), bool)
    mask[[row_of[image_id] for image_id in selection if image_id in row_of]] = True
    return mask


def _take(key: str, projection: Projection) -> None:
    """Makes what was selected on a map the page's selection; one point alone is opened."""
    rows = selected_rows(state.selected_points(key), projection.points)
    chosen = tuple(projection.image_ids[row] for row in rows)
    if len(chosen) == 1:
        state.choose(image_id=chosen[0])
    elif chosen:
        state.choose(selection=chosen)


def _caption(projection: Projection, colours: Colouring) -> None:
    """Says how far the map can be trusted, and what it leaves out."""
    st.markdown(
        f"Trustworthiness **{projection.trustworthiness:.3f}** over {projection.n_neighbors} "
        "neighbours"
    )
    n_points = len(projection.image_ids)
    if n_points > MOST_POINTS:
        st.caption(
            f":material/info: A random {MOST_POINTS:,} of {n_points:,} photographs are drawn; a "
            "box or lasso selects all that lie within it."
        )
    if colours.shares_colours:
        st.caption(
            f":material/info: {text.escaped(colours.title)} has {len(colours.names):,} values, "
            "which share eight colours; the same colour need not be the same value."
        )


def selection_bar(n_selected: int) -> None:
    """Says how many photographs are selected and lets go of them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{text.count(n_selected, 'photograph')} selected", width="content")
        st.button(
            "Clear the selection",
            key="map.clear",
            type="tertiary",
            icon=":material/deselect:",
            on_click=state.choose,
            kwargs={"selection": ()},
        )


def known_selection(dataset: FundusDataset) -> tuple[str, ...]:
    """Returns the selected photographs that the data set holds."""
    known = set(dataset.image_ids)
    return tuple(image_id for image_id in state.current().selection if image_id in known)
