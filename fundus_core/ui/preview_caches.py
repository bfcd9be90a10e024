"""Previews of probes as the dashboard remembers them between reruns."""

import streamlit as st

from fundus_core.io.workspace import Workspace
from fundus_core.ui import wiring
from fundus_core.workflows.data.labelled import Validation
from fundus_core.workflows.models.preview import ProbePreview, preview_probe


def probe_preview(dataset_id: str, fingerprint: str, validation: Validation) -> ProbePreview:
    """Returns about what a probe on stored embeddings will reach.

    Raises:
        FundusError: If the target cannot be learned in such folds.
    """
    place = wiring.workspace()
    token = (
        wiring.token_of(place.embeddings / fingerprint),
        wiring.token_of(place.datasets / dataset_id),
    )
    return _probe_preview(place, dataset_id, fingerprint, validation, token)


@st.cache_data(show_spinner="Looking ahead…", max_entries=64)
def _probe_preview(
    place: Workspace, dataset_id: str, fingerprint: str, validation: Validation, token: object
) -> ProbePreview:
    embeddings = wiring.embeddings(dataset_id, fingerprint)
    return preview_probe(wiring.dataset(dataset_id), embeddings, validation)
