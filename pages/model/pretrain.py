"""Makes weights by an upstream task, shows how they learn, and lists those there are."""

import streamlit as st

from fundus_core.ui import messages, state, wiring
from fundus_core.ui.components import job_progress, training_progress
from fundus_core.ui.components.dataset_picker import dataset_labels
from fundus_core.ui.components.phantom_form import phantom_form
from fundus_core.ui.components.pretrain_form import pretrain_form
from fundus_core.ui.components.weights_list import weights_card, weights_table
from fundus_core.ui.glossary import help_for

DRAW = ""

st.title("Pre-train")
st.markdown(
    "Makes a backbone's weights: before it meets the question that matters, it learns an "
    "**upstream task** - normal or abnormal, which diseases, which lesions where - on many "
    "photographs."
)
datasets = {summary.id: summary for summary in wiring.datasets()}
labels = dataset_labels(list(datasets.values()))
opened = state.current().dataset_id
state.preset("pretrain.data", opened if opened in datasets else next(iter(datasets), DRAW))
chosen = st.selectbox(
    "Learn from",
    [*datasets, DRAW],
    format_func=lambda name: labels.get(name, "new synthetic photographs (phantoms)…"),
    key="pretrain.data",
)
if chosen == DRAW:
    phantom_form()
elif chosen not in datasets:
    st.warning("The data set chosen here is no longer in this workspace. Choose another one.")
else:
    messages.synthetic_banner(datasets[chosen].synthetic)
    form = pretrain_form(datasets[chosen])
    st.caption(form.work())
    idle = not form.ready or wiring.read_only()
    if st.button("Make the weights", type="primary", icon=":material/play_arrow:", disabled=idle):
        with messages.shown_to_user():
            form.submit()
training_progress.watch(("pretrain",))
job_progress.last_failure(("pretrain",))

st.subheader("Weights made by this program", help=help_for("weights card"))
cards = {str(card.path): card for card in wiring.weights_cards()}
if not cards:
    st.info("None yet. They appear here when a training ends.")
    st.stop()
weights_table(list(cards.values()))
shown = st.selectbox(
    "Card of", list(cards), format_func=lambda path: cards[path].path.name, key="pretrain.card"
)
weights_card(cards[shown])
messages.next_step("pages/embed/extract.py", "Extract with them", ":material/memory:")
