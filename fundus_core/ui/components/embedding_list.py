"""The embeddings that are stored for a data set, and how much of it they cover."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fundus_core.ui.glossary import column_help
from fundus_core.workflows.embeddings.stored import EmbeddingSummary
from fundus_core.workflows.weights.labels import distinct_labels


def table(stored: Sequence[EmbeddingSummary]) -> None:
    """Draws one row per set of embeddings."""
    labels = distinct_labels([summary.recipe for summary in stored])
    rows = pd.DataFrame(
        {
            "backbone": [labels[summary.fingerprint] for summary in stored],
            "photographs": [f"{s.n_stored:,} of {s.n_images:,}" for s in stored],
            "coverage": [100 * s.n_stored / max(1, s.n_images) for s in stored],
            "weights": [summary.recipe.weights for summary in stored],
            "precision": [summary.recipe.precision for summary in stored],
            "fingerprint": [summary.fingerprint[:12] for summary in stored],
        }
    )
    coverage = st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)
    st.dataframe(
        rows,
        hide_index=True,
        column_config=column_help(rows) | {"coverage": coverage},
        alt="Stored embeddings and how many photographs they cover",
    )
    if not all(summary.complete for summary in stored):
        st.caption(
            ":material/info: Where photographs are missing, extracting again computes only those. "
            "Photographs that failed for good are listed in the job's log."
        )
