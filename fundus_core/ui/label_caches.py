"""Labels to look at again as the dashboard remembers them between reruns."""

from collections.abc import Sequence

import streamlit as st

from fundus_core.io.workspace import Workspace
from fundus_core.ui import wiring
from fundus_core.workflows.evaluation.label_quality import LabelReview, review_labels


def label_review(run_ids: Sequence[str]) -> LabelReview:
    """Returns the labels of a target in the order in which to look at them again.

    Raises:
        FundusError: If the runs cannot be looked at together.
    """
    place = wiring.workspace()
    token = (wiring.runs_token(), wiring.token_of(place.datasets))
    return _label_review(place, tuple(run_ids), token)


@st.cache_resource(show_spinner="Asking the models about the labels…", max_entries=16)
def _label_review(place: Workspace, run_ids: tuple[str, ...], token: object) -> LabelReview:
    found = review_labels(place, run_ids)
    wiring.spare_the_collector()
    return found
