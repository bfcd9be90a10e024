"""What is computed, from which paper, what it does not show, and under which licences."""

import streamlit as st

from fundus_core.backbones.catalogue import BACKBONES
from fundus_core.explain.methods import METHODS
from fundus_core.finetune.strategies import STRATEGIES
from fundus_core.probes import PROBES
from fundus_core.projections import PROJECTORS
from fundus_core.report.method_notes import STATISTICS, STEPS
from fundus_core.ui import messages, state
from fundus_core.ui.components.saliency_panel import NOT_SHOWN
from fundus_core.ui.method_notes import LICENCES, PAPERS

state.current()
st.title("Methods")
st.markdown(
    "What is computed, from which paper, and what it does not show. "
    "**Research software, not a medical device:** no figure here is fit to decide about a patient."
)
computation, networks, papers, licences = st.tabs(
    ["What is computed", "Backbones", "The four papers", "Licences"]
)

with computation:
    for title, notes in {"From photograph to score": STEPS, "To figures": STATISTICS}.items():
        st.subheader(title)
        st.table(
            {
                "": [f"**{note.name}**" for note in notes],
                "Computed": [note.computed for note in notes],
                "It does not show": [note.not_shown for note in notes],
                "Reference": [note.reference for note in notes],
            },
            hide_index=True,
        )
    menus = {"Probes": PROBES, "Fine-tuning": STRATEGIES, "Maps": PROJECTORS, "Heat maps": METHODS}
    for title, menu in menus.items():
        st.subheader(title)
        st.table(
            {
                "Name": [entry.label for entry in menu.values()],
                "In the command line": [f"`{key}`" for key in menu],
                "Reference": [entry.reference for entry in menu.values()],
            },
            hide_index=True,
        )
    st.caption(NOT_SHOWN)
    st.subheader("Cautions")
    st.markdown(
        "What may limit a figure is found by the program and shown beside it, with its code."
    )
    messages.all_cautions()

with networks:
    st.table(
        {
            "Backbone": [spec.title for spec in BACKBONES.values()],
            "Id": [f"`{spec.id}`" for spec in BACKBONES.values()],
            "Embedding, numbers": [f"{spec.embed_dim:,}" for spec in BACKBONES.values()],
            "Input, px": [f"{spec.image_size}" for spec in BACKBONES.values()],
            "Pre-trained on": [
                ", ".join(spec.seen_in_pretraining) or "nothing" for spec in BACKBONES.values()
            ],
            "Licence of the weights": [
                f"{spec.licence} ({spec.licence_kind})" for spec in BACKBONES.values()
            ],
            "Reference": [spec.reference for spec in BACKBONES.values()],
        },
        hide_index=True,
    )
    st.markdown(
        "Any architecture of the timm library is a backbone too, as `timm:NAME`; its weights bear "
        "the licence named on its page."
    )

with papers:
    st.markdown(
        "The program is built towards the experiments of four papers. This is how far it is; "
        "figures printed in the papers are nowhere used as results of this program."
    )
    for paper in PAPERS:
        with st.container(border=True):
            st.markdown(f"**[{paper.title}]({paper.address})**  \n{paper.authors}")
            st.markdown(f":material/check: **Runs today.** {paper.so_far}")
            st.markdown(f":material/pending: **Not yet, or different.** {paper.missing}")

with licences:
    st.markdown(LICENCES)
