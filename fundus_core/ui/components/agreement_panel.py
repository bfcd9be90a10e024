"""How far backbones agree: what is asked, the two matrices, and the table behind them."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.domain.dataset import FundusDataset
from fundus_core.plots.agreement import agreement_matrix, interval_text
from fundus_core.stats.bootstrap import Interval
from fundus_core.ui import text
from fundus_core.ui.agreement_caches import AgreementChoice
from fundus_core.ui.components import downloads
from fundus_core.ui.glossary import help_for
from fundus_core.workflows.embeddings.agreement import FEWEST_EMBEDDINGS, Agreement, AgreementPair
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.weights.labels import distinct_labels

MOST_BACKBONES = 8
"""More rows of a matrix than that leave no room for its numbers."""

_SIZES = (5, 10, 20, 50)
_USUAL = 10

HOW_TO_READ = (
    "**Shared neighbours** asks photograph by photograph: of its nearest photographs under one "
    "backbone, which share is among the nearest under the other? Chance gives the share below the "
    "matrix. **CKA** asks about all distances at once: 1 if both arrange the photographs alike up "
    "to rotation and scale, about 0 if they have nothing in common. A few outlying photographs or "
    "one strong direction, such as brightness, can make CKA high while neighbours differ. Neither "
    "says which backbone is better: two can agree on the camera and both miss the disease."
)

_METHODS = (
    "Debiased linear CKA (Kornblith et al. 2019; unbiased HSIC of Song et al. 2012) and the share "
    "of common nearest neighbours by the cosine of centred embeddings. Intervals: delete-one "
    "jackknife, leaving out {unit} in turn, on Fisher's z and on the logit scale. Those of "
    "neighbours are conservative: they cover more often than 95 %."
)


def pick(
    dataset_id: str, dataset: FundusDataset, stored: Sequence[EmbeddingSummary]
) -> AgreementChoice:
    """Draws the menus and returns what to compare; ends the page when it is too little."""
    labels = distinct_labels([one.recipe for one in stored])
    chosen = st.multiselect(
        "Backbones to compare",
        list(labels),
        default=list(labels)[:MOST_BACKBONES],
        format_func=labels.__getitem__,
        max_selections=MOST_BACKBONES,
        wrap=True,
        help=help_for("backbone"),
        key=f"agreement.backbones.{dataset_id}",
        persist_state="session",
    )
    if len(chosen) < FEWEST_EMBEDDINGS:
        st.info(f"Choose at least {FEWEST_EMBEDDINGS} backbones above.")
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        fewest = min(one.n_stored for one in stored if one.fingerprint in chosen)
        sizes = [size for size in _SIZES if size < fewest / 2] or [1]
        k = st.segmented_control(
            "Neighbours",
            sizes,
            default=_USUAL if _USUAL in sizes else sizes[-1],
            required=True,
            wrap=True,
            key=f"agreement.k.{len(sizes)}",
            persist_state="session",
            help="How many nearest photographs are compared.",
        )
        others_only = dataset.patient_ids is not None and st.toggle(
            "Neighbours of other patients only",
            key="agreement.others",
            persist_state="session",
            help="The other eye of a patient, and the same eye at another visit, are alike for a "
            "reason of their own, and every backbone finds them.",
        )
    return AgreementChoice(dataset_id, tuple(chosen), k or sizes[-1], others_only)


def matrices(found: Agreement) -> None:
    """Draws both measures for all pairs, side by side, with their table below."""
    st.markdown(_counted(found))
    names = [one.label for one in found.embeddings]
    left, right = st.columns(2)
    with left:
        st.markdown(f"**Shared of {found.k} neighbours**")
        _matrix(found, names, "overlap", "share", f"share of {found.k} common neighbours")
        chance = max(pair.overlap.chance for pair in found.pairs)
        st.caption(f"Chance gives {chance:.3f}.")
    with right:
        st.markdown("**CKA (linear, debiased)**")
        _matrix(found, names, "cka", "CKA", "debiased linear CKA")
        st.caption("0 means nothing in common; a little below it as well, for it is an estimate.")
    table = pair_frame(found)
    st.table(table.map(text.escaped), hide_index=True, alt="Agreement of each pair.")
    downloads.table(
        table,
        name="agreement",
        caption=f"Agreement of each pair of backbones on {_on(found)}.",
        methods=methods(found),
        cautions=found.cautions,
    )
    _without_interval(found)
    with st.expander("How to read these numbers"):
        st.markdown(HOW_TO_READ)
        st.caption(text.escaped(methods(found)))


def pair_frame(found: Agreement) -> pd.DataFrame:
    """Returns a row per pair, those that agree most first."""
    names = {one.fingerprint: one.label for one in found.embeddings}
    pairs = sorted(found.pairs, key=lambda pair: -(pair.overlap.mean.value or 0.0))
    return pd.DataFrame(
        {
            "Backbone A": [names[pair.a] for pair in pairs],
            "Backbone B": [names[pair.b] for pair in pairs],
            f"Shared of {found.k} neighbours (95 % CI)": [
                interval_text(p.overlap.mean) for p in pairs
            ],
            "By chance": [f"{pair.overlap.chance:.3f}" for pair in pairs],
            "CKA, debiased (95 % CI)": [interval_text(pair.cka.debiased) for pair in pairs],
            "CKA, biased": [f"{pair.cka.biased:.3f}" for pair in pairs],
            "Photographs without a shared neighbour": [
                f"{(pair.overlap.per_image == 0).sum():,} of {len(found.image_ids):,}"
                for pair in pairs
            ],
        }
    )


def methods(found: Agreement) -> str:
    """Returns how the numbers were made, in words that can stand in a paper."""
    unit = "photographs" if found.n_patients is None else "patients"
    said = _METHODS.format(unit=unit)
    return f"{said} Neighbours are of other patients only." if found.others_only else said


def _counted(found: Agreement) -> str:
    """Says what is compared on what."""
    left_out = found.n_dataset - len(found.image_ids)
    said = f"On {_on(found)}."
    if left_out:
        said += (
            f" {text.count(left_out, 'photograph')} of the data set lack one of these embeddings "
            "and take no part."
        )
    if found.n_patients is None:
        said += " **Patients are unknown:** photographs count as independent in the intervals."
    return said


def _on(found: Agreement) -> str:
    of_patients = (
        "" if found.n_patients is None else f" of {text.count(found.n_patients, 'patient')}"
    )
    return (
        f"the {text.count(len(found.image_ids), 'photograph')}{of_patients} that all have embedded"
    )


def _matrix(found: Agreement, names: list[str], measure: str, title: str, said: str) -> None:
    row = {one.fingerprint: number for number, one in enumerate(found.embeddings)}
    shown = {(row[pair.a], row[pair.b]): _measure(pair, measure) for pair in found.pairs}
    figure = agreement_matrix(names, shown, title)
    st.plotly_chart(figure, key=f"agreement.{measure}", alt=_alt(found, measure, said))
    downloads.figure(
        figure,
        name=measure,
        caption=f"{said[0].upper()}{said[1:]} of each pair of backbones on {_on(found)}.",
        methods=methods(found),
        cautions=found.cautions,
    )


def _measure(pair: AgreementPair, measure: str) -> Interval:
    return pair.overlap.mean if measure == "overlap" else pair.cka.debiased


def _alt(found: Agreement, measure: str, said: str) -> str:
    names = {one.fingerprint: one.label for one in found.embeddings}
    told = "; ".join(
        f"{names[pair.a]} and {names[pair.b]} {interval_text(_measure(pair, measure))}"
        for pair in found.pairs
    )
    return f"Matrix of the {said}: {told}."


def _without_interval(found: Agreement) -> None:
    """Says why measures have no interval, each reason once."""
    measured = [one for pair in found.pairs for one in (pair.overlap.mean, pair.cka.debiased)]
    for reason in dict.fromkeys(one.reason for one in measured if one.reason):
        count = sum(one.reason == reason for one in measured)
        st.caption(
            f":material/info: {count} of {len(measured)} numbers have no interval: "
            f"{text.escaped(reason)}."
        )
