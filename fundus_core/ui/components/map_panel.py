"""A map of one backbone's embeddings, and what was selected on it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from fundus_core.errors import FundusError
from fundus_core.plots.map import MOST_POINTS, SAMPLE, Colouring
from fundus_core.projections import PROJECTORS, Projection
from fundus_core.ui import (
    agreement_caches,
    messages,
    outside,
    selection_caches,
    state,
    text,
    wiring,
)
from fundus_core.ui.components import downloads
from fundus_core.ui.components.linked_chart import linked_chart
from fundus_core.ui.components.map_colours import ColourChoice, colours_of
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.data.datasets import DatasetSummary, source_arguments
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.weights.labels import distinct_labels

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
        help=help_for("backbone"),
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
        wrap=True,
        help=help_for("map"),
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
    onto: str = "",
    groups: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Draws one map under its label, or the button that computes it.

    Args:
        dataset: The open data set.
        summary: Whose map.
        method: Key of `PROJECTORS`.
        choice: What the points are coloured by.
        label: The name of the embeddings.
        n_maps: Maps side by side.
        onto: Fingerprint of the embeddings whose map this one is laid over; none if empty.
        groups: Name for the legend -> ids of photographs that stand out by shape.
    """
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
    laid = _laid_over(dataset.id, projection, summary.fingerprint, onto) if onto else None
    drawn = projection if laid is None else laid.projection
    colours = colours_of(dataset.id, drawn.image_ids, choice)
    _chart(drawn, colours, summary, height=HEIGHT[n_maps], groups=groups, is_laid=laid is not None)
    _caption(drawn, colours)
    if laid is not None:
        st.caption(laid.words)


@dataclass(frozen=True, slots=True)
class _LaidOver:
    """A map turned onto another one."""

    projection: Projection
    words: str
    """How well it fits, in markdown."""


def _laid_over(dataset_id: str, projection: Projection, moved: str, onto: str) -> _LaidOver | None:
    """Returns a map turned onto another one; None where it cannot be."""
    if wiring.projection(dataset_id, onto, projection.method) is None:
        return None
    try:
        aligned, ids = agreement_caches.aligned_onto(dataset_id, moved, onto, projection.method)
    except FundusError as error:
        messages.show_error(error)
        return None
    left_out = len(projection.image_ids) - len(ids)
    words = (
        f"Laid over the left map{', turned over' if aligned.mirrored else ''}: "
        f"{100 * aligned.residual:.0f} % of its spread is left unexplained (0 %: the same map; "
        "unrelated maps: nearly 100 %)."
    )
    if left_out:
        words += f" {text.count(left_out, 'photograph')} that the left one lacks left out."
    return _LaidOver(replace(projection, image_ids=ids, points=aligned.points), words)


def pick_laid_over(n_maps: int) -> bool:
    """Draws the switch that lays the second map over the first; says whether it is on."""
    return n_maps == MOST_MAPS and bool(
        st.toggle(
            "Lay the right map over the left",
            value=True,
            key="map.laid_over",
            persist_state="session",
            help="A map has no up and no left. Turning, mirroring, scaling and shifting the second "
            "one by least squares (Procrustes; Gower 1975) changes nothing about who is near whom, "
            "and leaves to see what really differs.",
        )
    )


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
        disabled=wiring.read_only(),
        on_click=outside.callback(compute),
        args=(dataset, summary, method),
    )


def compute(dataset: DatasetSummary, summary: EmbeddingSummary, method: str) -> None:
    """Queues the job that computes a map."""
    options = wiring.embedding_arguments(summary.recipe)
    argv = ["project", *source_arguments(dataset.source), *options, "--method", method]
    wiring.submit(argv, _job_title(summary, method))


def _job_title(summary: EmbeddingSummary, method: str) -> str:
    return f"{PROJECTORS[method].label}: {summary.label}"


def _chart(
    projection: Projection,
    colours: Colouring,
    summary: EmbeddingSummary,
    *,
    height: int,
    groups: Mapping[str, Collection[str]] | None,
    is_laid: bool,
) -> None:
    """Draws the chart with what it needs to be printed."""
    n_points = len(projection.image_ids)
    drawn = linked_chart(
        projection.points,
        projection.image_ids,
        colours,
        key=f"map.{summary.fingerprint}.{projection.method}",
        height=height,
        alt=f"Map of {n_points} photographs by {summary.label}, "
        f"{PROJECTORS[projection.method].label}, coloured by {colours.title}; trustworthiness "
        f"{projection.trustworthiness:.3f}.",
        view=view_name(summary.fingerprint, projection.method, is_laid=is_laid),
        groups=groups,
    )
    downloads.figure(
        drawn,
        name=f"map-{summary.fingerprint[:8]}-{projection.method}",
        caption=f"{n_points:,} photographs, coloured by {colours.title}.",
        methods=_methods(projection, summary),
        cautions=downloads.of_dataset(),
    )


def view_name(fingerprint: str, method: str, *, is_laid: bool) -> str:
    """Returns the name under which the part of a map that is zoomed to is kept.

    Args:
        fingerprint: Of the embeddings.
        method: Key of `PROJECTORS`.
        is_laid: Whether the map is laid over another one, whose axes it takes.
    """
    return f"{fingerprint[:8]}-{method}{'-laid' * is_laid}"


def _methods(projection: Projection, summary: EmbeddingSummary) -> str:
    """Says how a map was made, and what it does not show."""
    projector = PROJECTORS[projection.method]
    return (
        f"Embeddings by {summary.label}; {projector.label} ({projector.reference}); "
        f"trustworthiness {projection.trustworthiness:.3f} over {projection.n_neighbors} "
        f"neighbours. {_sampled(projection)}Distances between clusters, their sizes and the axes "
        "have no meaning."
    )


def _sampled(projection: Projection) -> str:
    """Says what a map of very many photographs was fitted to; empty where to all."""
    if projection.n_fitted is None:
        return ""
    return (
        f"Fitted to a random sample of {projection.n_fitted:,} photographs; the others were placed "
        "on it one by one. "
    )


def _halves() -> str:
    """Says how a sample is shared out while something is selected."""
    return ", up to half of them selected ones" if selection_caches.chosen() else ""


def _caption(projection: Projection, colours: Colouring) -> None:
    """Says how far the map can be trusted, and what it leaves out."""
    st.markdown(
        f"Trustworthiness **{projection.trustworthiness:.3f}** over {projection.n_neighbors} "
        "neighbours"
    )
    n_points = len(projection.image_ids)
    if n_points > MOST_POINTS:
        st.caption(
            f":material/info: The grey cells count all {n_points:,} photographs, on a logarithmic "
            f"scale; on top of them {SAMPLE:,} are drawn as points, at random{_halves()}. A box or "
            "lasso selects all photographs that lie within it, drawn or not."
        )
    if colours.shares_colours:
        st.caption(
            f":material/info: {text.escaped(colours.title)} has {len(colours.names):,} values, "
            "which share eight colours; the same colour need not be the same value."
        )


def selected_heading(n_selected: int) -> None:
    """Says how many photographs are selected and lets go of them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{text.count(n_selected, 'photograph')} selected", width="content")
        st.button(
            "Clear the selection",
            key="map.clear",
            type="tertiary",
            icon=":material/deselect:",
            on_click=outside.callback(state.select),
            args=((),),
        )
