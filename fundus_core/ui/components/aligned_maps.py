"""Two backbones on the same photographs: their maps laid over one another, and one photograph."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fundus_core.agreement.maps import AlignedMap
from fundus_core.domain.dataset import FundusDataset
from fundus_core.jobs.job import Job
from fundus_core.plots.map import Colouring
from fundus_core.projections import PROJECTORS, Projection
from fundus_core.similarity import Neighbour
from fundus_core.ui import agreement_caches, outside, state, text, wiring
from fundus_core.ui.agreement_caches import AgreementChoice
from fundus_core.ui.components import downloads, image_panel, map_panel, neighbour_groups
from fundus_core.ui.components.gallery import gallery
from fundus_core.ui.components.linked_chart import linked_chart
from fundus_core.ui.components.map_colours import ColourChoice, colours_of
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.data.datasets import DatasetSummary
from fundus_core.workflows.embeddings.agreement import Agreement
from fundus_core.workflows.embeddings.stored import EmbeddingSummary

HOW_TO_READ = (
    "Trustworthiness falls where a map shows photographs together that are not alike to the "
    "backbone; continuity falls where it tears alike ones apart. Both are 1 at best and about 0.5 "
    "for a map at random. The right map was turned, mirrored, scaled and shifted to lie as near as "
    "possible to the left one (Procrustes), which changes nothing about it. Groups and gaps can "
    "still come from the method: what counts is who is near whom, and the matrix above, which "
    "needs no map."
)

PAIR = 2
_HEIGHT = 480

Two = tuple[EmbeddingSummary, EmbeddingSummary]
Near = tuple[tuple[Neighbour, ...], tuple[Neighbour, ...]]


def pick_two(found: Agreement, stored: Sequence[EmbeddingSummary]) -> Two:
    """Draws the menu of the two backbones looked at; ends the page until there are two."""
    labels = {one.fingerprint: one.label for one in found.embeddings}
    held = [key for key in state.current().backbones if key in labels]
    if not held:
        state.choose(backbones=tuple(labels)[:PAIR])
    chosen = st.multiselect(
        "Two backbones to look at",
        list(labels),
        format_func=labels.__getitem__,
        max_selections=PAIR,
        help=help_for("Procrustes alignment"),
        **state.bound("backbones", list(labels), key="agreement.two"),
    )
    if len(chosen) < PAIR:
        st.info("Choose two backbones to see their maps and where they disagree.")
        st.stop()
    by_id = {one.fingerprint: one for one in stored}
    return by_id[chosen[0]], by_id[chosen[1]]


def near(choice: AgreementChoice, two: Two) -> Near | None:
    """Returns the neighbours of the open photograph under both; None where none was compared."""
    image_id = state.current().image_id
    lists = [agreement_caches.neighbours(choice, one.fingerprint, image_id) for one in two]
    return None if lists[0] is None or lists[1] is None else (lists[0], lists[1])


def maps(
    summary: DatasetSummary,
    found: Agreement,
    two: Two,
    method: str,
    choice: ColourChoice,
    opened: Near | None,
) -> None:
    """Draws both maps, the second laid over the first, or the buttons that compute them."""
    projections = [wiring.projection(summary.id, one.fingerprint, method) for one in two]
    places = st.columns(PAIR)
    if projections[0] is None or projections[1] is None:
        for place, one, projection in zip(places, two, projections, strict=True):
            with place:
                _offer(summary, one, method, there=projection is not None)
        return
    keys = [one.fingerprint for one in two]
    aligned, ids = agreement_caches.aligned_onto(summary.id, keys[1], keys[0], method)
    labels = {one.fingerprint: one.label for one in found.embeddings}
    colours = colours_of(summary.id, ids, choice)
    for place, key, points in zip(places, keys, _points(projections[0], aligned, ids), strict=True):
        with place:
            st.markdown(f"**{text.escaped(labels[key])}**")
            _chart(
                *(points, ids, colours, opened, found),
                method=method,
                key=key,
                label=labels[key],
                is_laid=key != keys[0],
            )
            quality = agreement_caches.map_quality(summary.id, key, method)
            st.markdown(
                f"Trustworthiness **{quality.trustworthiness:.3f}**, continuity "
                f"**{quality.continuity:.3f}** over {quality.n_neighbors} neighbours"
            )
    mirrored = "after turning it over, " if aligned.mirrored else ""
    st.markdown(
        f"Laid over the left map, {mirrored}the right one leaves "
        f"**{100 * aligned.residual:.0f} %** "
        "of its spread unexplained (0 %: the same map; unrelated maps: nearly 100 %)."
    )
    st.caption(HOW_TO_READ)


def photographs(dataset: FundusDataset, found: Agreement, two: Two) -> None:
    """Draws the photographs on whose neighbours two backbones agree least."""
    table = found.image_frame(two[0].fingerprint, two[1].fingerprint)
    none = int((table["shared"] == 0).sum())
    st.markdown(
        f"{none:,} of {text.count(len(table), 'photograph')} share none of their {found.k} "
        "neighbours. Choose a photograph by its name to see on the maps, and below, whom each "
        "backbone puts next to it."
    )
    notes = {
        image_id: f"{shared} of {found.k} shared"
        for image_id, shared in zip(table["image_id"], table["shared"], strict=True)
    }
    gallery(dataset, list(notes), key="agreement.least", notes=notes, per_page=16, width=90)
    rows = dataset.table[["image_id", "path", "patient_id", "eye"]]
    labels = {one.fingerprint: one.label for one in found.embeddings}
    pair = f"{labels[two[0].fingerprint]} and {labels[two[1].fingerprint]}"
    downloads.table(
        table.merge(rows, on="image_id", how="left"),
        name="least-agreement",
        caption=f"Neighbours of each photograph that {pair} share, of {found.k}, the fewest first.",
        methods="Nearest neighbours by the cosine of centred embeddings, among the photographs "
        "that all compared backbones have embedded.",
        cautions=found.cautions,
    )


def opened_photograph(
    dataset: FundusDataset, found: Agreement, two: Two, opened: Near | None
) -> None:
    """Draws the open photograph with its neighbours under both backbones; nothing without one."""
    image_id = state.current().image_id
    row = image_panel.row_of(dataset, image_id) if image_id else None
    if row is None:
        return
    image_panel.header(row)
    if opened is None:
        st.caption("This photograph lacks one of the embeddings, so it was not compared.")
        return
    labels = {one.fingerprint: one.label for one in found.embeddings}
    shared = {one.image_id for one in opened[0]} & {one.image_id for one in opened[1]}
    picture, left, right = st.columns([2, 3, 3])
    with picture:
        image_panel.photograph(row, max_side=512)
    for place, one, neighbours in zip((left, right), two, opened, strict=True):
        with place:
            st.markdown(f"**Nearest for {text.escaped(labels[one.fingerprint])}**")
            notes = {
                n.image_id: f"{n.cosine:.2f} · {'both' if n.image_id in shared else 'only here'}"
                for n in neighbours
            }
            gallery(
                dataset, list(notes), key=f"agreement.near.{one.fingerprint}", notes=notes, width=80
            )
    st.caption(
        f"{len(shared)} of {found.k} are shared. The number is the cosine of the centred "
        "embeddings: it compares photographs of one backbone, not backbones."
    )


def _points(
    onto: Projection, aligned: AlignedMap, ids: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns both maps in the rows of the photographs they share."""
    row_of = {image_id: row for row, image_id in enumerate(onto.image_ids)}
    return onto.points[[row_of[image_id] for image_id in ids]], aligned.points


def _chart(
    points: NDArray[np.float32],
    ids: tuple[str, ...],
    colours: Colouring,
    opened: Near | None,
    found: Agreement,
    *,
    method: str,
    key: str,
    label: str,
    is_laid: bool,
) -> None:
    """Draws one of the maps; a click on a point opens its photograph."""
    name = PROJECTORS[method].label
    figure = linked_chart(
        points,
        ids,
        colours,
        key=f"agreement.map.{key}.{method}",
        height=_HEIGHT,
        alt=f"{name} map of {len(ids)} photographs by {label}",
        view=map_panel.view_name(key, method, is_laid=is_laid),
        groups=_groups(opened),
    )
    downloads.figure(
        figure,
        name=f"map-{key[:8]}",
        caption=f"{name} map of {text.count(len(ids), 'photograph')} by {label}.",
        methods=f"{name} of the embeddings; the map on the right is laid over that on the left by "
        "Procrustes analysis (Gower 1975).",
        cautions=found.cautions,
    )


def _groups(opened: Near | None) -> dict[str, set[str]]:
    """Returns the neighbours named by both, by the left one and by the right one."""
    if opened is None:
        return {}
    left, right = ({one.image_id for one in near_by} for near_by in opened)
    return neighbour_groups.named(left & right, left - right, right - left)


def _offer(summary: DatasetSummary, one: EmbeddingSummary, method: str, *, there: bool) -> None:
    """Draws the button that computes a map as a job, or says that this one is there."""
    label = PROJECTORS[method].label
    st.markdown(f"**{text.escaped(one.label)}**")
    if there:
        st.caption(f"{label} is there; the other one is missing.")
        return
    if any(label in job.title and one.label in job.title for job in _under_way()):
        st.info(f"{label} is being computed; it appears here by itself.")
        return
    st.info(f"{label} was not computed for these embeddings yet.")
    st.button(
        f"Compute {label}",
        key=f"agreement.compute.{one.fingerprint}",
        type="primary",
        icon=":material/play_arrow:",
        on_click=outside.callback(map_panel.compute),
        args=(summary, one, method),
    )


def _under_way() -> list[Job]:
    return [job for job in wiring.jobs().list() if not job.is_finished]
